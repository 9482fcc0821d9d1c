"""What of the API the contract describes in full: the one list a new entity extends."""

from __future__ import annotations

from typing import Final

__all__ = ["IN_SCOPE", "SERVICES"]

SERVICES: Final = {
    "CampaignManagement": "campaign",
    "CustomerManagement": "customer",
    "CustomerBilling": "billing",
    "Bulk": "bulk",
    "Reporting": "reporting",
    "AdInsight": "adinsight",
}
"""Service -> folder of its REST models in ``msads``."""

IN_SCOPE: Final[dict[str, tuple[str, ...]]] = {
    "CampaignManagement": (
        "AddConversionGoals",
        "ApplyOfflineConversions",
        "GetConversionGoalsByIds",
    ),
    "CustomerManagement": (
        "GetAccount",
        "GetAccountsInfo",
        "GetUser",
    ),
}
"""Operations whose types are written out; of all others only verb and path are."""
