"""Turns the end of a call into verdicts of its rows, and into what the delivery does next; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from airflow_provider_bingads.domain.calls import CallResult, CallVerdict, Fault, RowError
from airflow_provider_bingads.domain.catalogue import Action, advice
from airflow_provider_bingads.domain.outcomes import CallEventKind, RowState
from airflow_provider_bingads.exceptions import BingAdsError, OutcomeUnknown
from airflow_provider_bingads.sync.entries import Verdict

__all__ = ["Next", "Resolution", "ended_in", "resolve"]

_APPLIED = Verdict(RowState.APPLIED)


class Next(Enum):
    """What the delivery does after a call."""

    GO_ON = "go on"
    SPLIT = "split"
    """Send the batch again in two halves: it was refused as a whole, or an error named no row."""
    STOP_RETRY = "stop, retry later"
    STOP_FAIL = "stop, a retry cannot help"


@dataclass(frozen=True, slots=True)
class Resolution:
    """What one call came to.

    :param event: how the ledger closes the call.
    :param verdicts: one a row, in order, None for a row that is sent once more in this run; empty when the rows go
        on in smaller batches.
    :param reason: one sentence where the delivery does not simply go on.
    """

    event: CallEventKind
    next: Next
    verdicts: tuple[Verdict | None, ...] = ()
    reason: str = ""
    fault: Fault | None = None


def ended_in(error: BaseException) -> CallResult:
    """Return what a call came to that ended in an error instead of a result.

    An error of this package is raised before anything is sent. Any other may strike at any moment, after the last byte
    has left too, so nothing is known about such a call.
    """
    if isinstance(error, BingAdsError) and not isinstance(error, OutcomeUnknown):
        return CallResult(CallVerdict.NOT_APPLIED, detail="the call was not made", attempts=0)
    return CallResult(CallVerdict.UNKNOWN, detail=f"the call ended in an error nobody foresaw: {type(error).__name__}")


def resolve(
    service: str, result: CallResult, rows: int, *, may_send_again: Sequence[bool], others_pass: bool = False
) -> Resolution:
    """Decide on the rows of one call.

    :param rows: how many rows it had.
    :param may_send_again: for each row, whether a passing failure of it alone is worth another call in this run.
    :param others_pass: the call's rows were part of a batch that was refused as a whole, and others of it passed.
    """
    if result.verdict is CallVerdict.ANSWERED:
        return _answered(service, result, rows, may_send_again)
    if result.verdict is CallVerdict.UNKNOWN:
        return _unknown(result, rows)
    return _refused(service, result, rows, others_pass=others_pass)


def _unknown(result: CallResult, rows: int) -> Resolution:
    verdict = Verdict(
        RowState.UNKNOWN,
        error_code="NoTrustworthyAnswer",
        message="the call was sent and no complete answer came back; the next run sends the row again",
    )
    return Resolution(CallEventKind.UNKNOWN, Next.GO_ON, (verdict,) * rows, reason=result.detail)


def _answered(service: str, result: CallResult, rows: int, may_send_again: Sequence[bool]) -> Resolution:
    by_row: dict[int, list[RowError]] = {}
    for error in result.errors:
        index = error.index if error.index is not None else (0 if rows == 1 else None)
        if index is None or not 0 <= index < rows:
            if rows == 1:
                return _unknown(result, rows)
            return Resolution(
                CallEventKind.UNKNOWN, Next.SPLIT, reason="the reply holds an error that belongs to no row of the call"
            )
        by_row.setdefault(index, []).append(error)
    verdicts: list[Verdict | None] = [_APPLIED] * rows
    for index, errors in by_row.items():
        again = may_send_again[index] and _passing(service, errors)
        verdicts[index] = None if again else _row_verdict(service, tuple(errors), doubt=result.earlier_doubt)
    # What this answer leaves open, an earlier attempt may have brought; the rows it refuses were refused there too.
    open_rows = any(verdict is None or verdict.state is RowState.UNKNOWN for verdict in verdicts)
    event = CallEventKind.UNKNOWN if result.earlier_doubt and open_rows else CallEventKind.ANSWERED
    return Resolution(event, Next.GO_ON, tuple(verdicts))


def _row_verdict(service: str, errors: tuple[RowError, ...], *, doubt: bool) -> Verdict:
    actions = [advice(service, error.code, error.error_code).action for error in errors]
    if any(action is Action.REJECT for action in actions):
        ranked = sorted(zip(errors, actions, strict=True), key=lambda pair: pair[1] is not Action.REJECT)
        return Verdict(RowState.REJECTED, tuple(error for error, _ in ranked))
    return Verdict(RowState.UNKNOWN if doubt else RowState.DEFERRED, errors)


def _passing(service: str, errors: Sequence[RowError]) -> bool:
    return all(advice(service, error.code, error.error_code).action is Action.RETRY for error in errors)


def _refused(service: str, result: CallResult, rows: int, *, others_pass: bool) -> Resolution:
    fault = result.fault
    if fault is None:
        return _deferred(
            result, rows, Next.STOP_RETRY, "NotSent", "the call could not be sent; the next run sends the row"
        )
    known = advice(service, fault.code, fault.error_code)
    if known.action in {Action.SPLIT, Action.REJECT} or not known.known:
        if rows > 1:
            return Resolution(CallEventKind.NOT_APPLIED, Next.SPLIT, reason=known.meaning, fault=fault)
        if not known.known and not others_pass:
            # Nobody knows whether such a code is about the row, and nothing beside it says so: it may pass by itself.
            if fault.code is None and fault.error_code is None:
                return _deferred(result, rows, Next.GO_ON, "RefusedWithoutCode", known.meaning)
            return _deferred(result, rows, Next.GO_ON, fault.error_code or str(fault.code), known.meaning)
        error = RowError(0, fault.code, fault.error_code, message=fault.message, details=fault.details)
        verdict = Verdict(RowState.REJECTED, (error,))
        return Resolution(CallEventKind.NOT_APPLIED, Next.GO_ON, (verdict,), fault=fault)
    stop = Next.STOP_FAIL if known.action in {Action.FAIL, Action.REAUTHENTICATE} else Next.STOP_RETRY
    next_step = Next.GO_ON if known.action is Action.DEFER else stop
    return _deferred(result, rows, next_step, fault.error_code or str(fault.code), known.meaning)


def _deferred(
    result: CallResult, rows: int, step: Next, error_code: str, message: str, not_before: datetime | None = None
) -> Resolution:
    verdict = Verdict(RowState.DEFERRED, error_code=error_code, message=message, not_before=not_before)
    reason = result.detail or message
    return Resolution(CallEventKind.NOT_APPLIED, step, (verdict,) * rows, reason=reason, fault=result.fault)
