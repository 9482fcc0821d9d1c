"""The operations this emulator carries out; any other one of the API gets a fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from airflow_provider_bingads.emulator.operations.call import Handler
from airflow_provider_bingads.emulator.operations.conversion_goals import (
    add_conversion_goals,
    get_conversion_goals_by_ids,
)
from airflow_provider_bingads.emulator.operations.customers import get_account, get_accounts_info, get_user
from airflow_provider_bingads.emulator.operations.offline_conversions import apply_offline_conversions

__all__ = ["EMULATED", "Emulated"]


@dataclass(frozen=True, slots=True)
class Emulated:
    """One emulated operation.

    :param needs_account: its headers must name a customer and one of its accounts.
    """

    handler: Handler
    needs_account: bool


EMULATED: Final[Mapping[tuple[str, str], Emulated]] = MappingProxyType(
    {
        ("CampaignManagement", "ApplyOfflineConversions"): Emulated(apply_offline_conversions, needs_account=True),
        ("CampaignManagement", "AddConversionGoals"): Emulated(add_conversion_goals, needs_account=True),
        ("CampaignManagement", "GetConversionGoalsByIds"): Emulated(get_conversion_goals_by_ids, needs_account=True),
        ("CustomerManagement", "GetUser"): Emulated(get_user, needs_account=False),
        ("CustomerManagement", "GetAccount"): Emulated(get_account, needs_account=False),
        ("CustomerManagement", "GetAccountsInfo"): Emulated(get_accounts_info, needs_account=False),
    }
)
"""(service, operation) -> what carries it out."""
