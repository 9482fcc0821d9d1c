"""Creates the demo's conversion goals through the API, as a team would before its first upload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dags_examples.demo.warehouse import GOALS

if TYPE_CHECKING:
    from dags_examples.demo.service import Service

SETTLE_SECONDS = 2 * 60 * 60
"""The service takes no conversions for a goal younger than two hours."""


def create(conn_id: str, service: Service) -> list[str]:
    """Create the goals and let the emulator's clock run until they take conversions; return their names.

    :param conn_id: Airflow connection of the service; its variable must be in this process's environment.
    """
    from airflow_provider_bingads.hooks.bingads import BingAdsHook

    body = {"ConversionGoals": [_goal(name) for name in GOALS]}
    BingAdsHook(conn_id).call("CampaignManagement", "AddConversionGoals", body)
    service.control("clock", {"advance": SETTLE_SECONDS + 60})
    return [goal["Name"] for goal in service.control("state?only=conversion_goals")["conversion_goals"]]


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
