"""Replies in the API's own terms, before a transport writes them: the one place where errors get their shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from airflow_provider_bingads.contract import Service, service
from airflow_provider_bingads.emulator.refusals import Family, ItemError, RefusalError

__all__ = ["batch_errors", "contract_of", "fault_value"]

_WITH_TYPES: Final = "CampaignManagement"


def contract_of(service_name: str) -> Service:
    """Return the contract whose types describe the faults of a service; not every service has types of its own."""
    found = service(service_name)
    return found if found.types else service(_WITH_TYPES)


def batch_errors(errors: Sequence[ItemError]) -> list[dict[str, Any]]:
    """Return item errors as ``BatchError`` values. What stands in ``FieldPath`` is assumed (api-facts, Appendix 2)."""
    return [
        {
            "Code": error.code,
            "Details": None,
            "ErrorCode": error.symbol,
            "FieldPath": error.field,
            "ForwardCompatibilityMap": None,
            "Index": error.index,
            "Message": error.message,
            "Type": "BatchError",
        }
        for error in errors
    ]


def fault_value(contract: Service, refusal: RefusalError, tracking_id: str) -> tuple[str, dict[str, Any]]:
    """Return the declared fault type that carries a refusal, with its value (api-facts F.7)."""
    if refusal.family is not Family.OPERATION:
        errors = [
            {"Code": error.code, "Detail": error.details, "ErrorCode": error.symbol, "Message": error.message}
            for error in refusal.errors
        ]
        return "AdApiFaultDetail", {"TrackingId": tracking_id, "Errors": errors}
    operation_errors = [
        {"Code": error.code, "Details": error.details, "ErrorCode": error.symbol, "Message": error.message}
        for error in refusal.errors
    ]
    if "ApiFaultDetail" in contract.types:
        return "ApiFaultDetail", {"TrackingId": tracking_id, "BatchErrors": [], "OperationErrors": operation_errors}
    return "ApiFault", {"TrackingId": tracking_id, "OperationErrors": operation_errors}
