"""Turns the end of a call that was not answered into the error that says what the reader must do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from airflow_provider_bingads.api.attempts import Ended
from airflow_provider_bingads.api.rights import is_read
from airflow_provider_bingads.contract import Operation
from airflow_provider_bingads.domain.calls import CallVerdict, Fault
from airflow_provider_bingads.domain.catalogue import Action, advice
from airflow_provider_bingads.exceptions import (
    BingAdsError,
    FixConfiguration,
    FixCredentials,
    FixRequest,
    OutcomeUnknown,
    RetryLater,
    Stopped,
)

__all__ = ["check_indexes", "error_of"]

_WHO_CALLS: Final = frozenset({105, 106, 108, 109, 116, 120, 122, 123, 124, 125, 126, 1001})
_WHO_CALLS_HTTP: Final = frozenset({"HTTP401", "HTTP403"})
_LATER: Final = frozenset({Action.WAIT, Action.RETRY, Action.DEFER})


def error_of(operation: Operation, ended: Ended) -> BingAdsError:
    """Return the error to raise for a call without an answer."""
    name = f"{operation.service}.{operation.name}"
    # what only reads has no outcome that could be unknown
    if ended.verdict is CallVerdict.UNKNOWN and not is_read(operation.name):
        return OutcomeUnknown(
            f"{name} was sent and it is not known whether it took effect: {ended.detail}.{_case(ended)}",
            http_status=ended.http_status,
            tracking_id=ended.tracking_id,
        )
    if ended.stopped:
        return Stopped(f"{name} was not carried out: the run was asked to stop.")
    if ended.permanent:
        return FixConfiguration(f"{name} did not get through: {ended.detail}")
    if ended.fault is None:
        return RetryLater(f"{name} did not get through: {ended.detail}.")
    return _refusal(operation, ended.fault, ended)


def check_indexes(operation: Operation, body: Mapping[str, Any], ended: Ended) -> None:
    """Check that the errors of an answer belong to what was sent, where the request holds one list.

    :raises OutcomeUnknown: one does not, so that nobody can say what was accepted.
    """
    lists = [value for value in body.values() if isinstance(value, list | tuple)]
    if len(lists) != 1 or ended.answer is None:
        return
    if any(error.index is not None and not 0 <= error.index < len(lists[0]) for error in ended.answer.errors):
        raise OutcomeUnknown(
            f"{operation.service}.{operation.name} was answered with an error for something that was not sent."
            f"{_case(ended)}",
            http_status=ended.http_status,
            tracking_id=ended.tracking_id,
        )


def _refusal(operation: Operation, fault: Fault, ended: Ended) -> BingAdsError:
    name = f"{operation.service}.{operation.name}"
    known = advice(fault.service, fault.code, fault.error_code)
    said = f" The service said: {fault.message}" if fault.message else ""
    code = " ".join(str(it) for it in (fault.code, fault.error_code) if it is not None) or "no code"
    message = f"{name} was refused ({code}). {known.meaning} {known.remedy}{said}{_case(ended)}"
    if fault.code in _WHO_CALLS or fault.error_code in _WHO_CALLS_HTTP:
        return FixCredentials(message)
    if known.action in _LATER:
        return RetryLater(message)
    return FixRequest(
        message,
        service=operation.service,
        operation=operation.name,
        code=fault.code,
        error_code=fault.error_code,
        http_status=ended.http_status,
        tracking_id=ended.tracking_id,
    )


def _case(ended: Ended) -> str:
    return f" (TrackingId {ended.tracking_id})" if ended.tracking_id else ""
