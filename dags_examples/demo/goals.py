"""Creates the demo's conversion goals through the API, as a team would before its first upload."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from dags_examples.demo.warehouse import GOALS

if TYPE_CHECKING:
    from airflow_provider_bingads.emulator.testing import EmulatorControl

_CONN_ID = "bingads_setup"
SETTLE_SECONDS = 2 * 60 * 60
"""The service takes no conversions for a goal younger than two hours."""


def create(emulator: EmulatorControl) -> list[str]:
    """Create the goals and let the emulator's clock run until they take conversions; return their names."""
    from airflow_provider_bingads.hooks.bingads import BingAdsHook

    connection = emulator.connection
    connection["extra"]["token_store"] = "none"  # no task runs here, and only tasks can write Variables
    os.environ[f"AIRFLOW_CONN_{_CONN_ID.upper()}"] = json.dumps(connection)
    body = {"ConversionGoals": [_goal(name) for name in GOALS]}
    BingAdsHook(_CONN_ID).call("CampaignManagement", "AddConversionGoals", body)
    emulator.advance(SETTLE_SECONDS + 60)
    return [goal["Name"] for goal in emulator.state("conversion_goals")["conversion_goals"]]


def _goal(name: str) -> dict[str, object]:
    return {
        "Type": "OfflineConversion",
        "Name": name,
        "GoalCategory": "Purchase",
        "Scope": "Account",
        "CountType": "All",
        "ConversionWindowInMinutes": 30 * 24 * 60,
        "Revenue": {"Type": "VariableValue", "CurrencyCode": "USD", "Value": 0},
        "Status": "Active",
    }
