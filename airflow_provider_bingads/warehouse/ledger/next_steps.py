"""What happens next to a row in a given state, and who has to do something first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from airflow_provider_bingads.domain.outcomes import RowState

__all__ = ["next_of_call", "next_of_row"]

_NEXT: Final[Mapping[RowState, str]] = {
    RowState.APPLIED: "Nothing: Microsoft Advertising has it. Later runs count it as skipped.",
    RowState.REJECTED: (
        "Not sent again as it is. Correct the row and the next run sends it; if the cause lay elsewhere and is gone, "
        "`bingads ledger replay` has it sent again."
    ),
    RowState.INVALID: (
        "Never sent as it is. Correct the row and the next run sends it; if the cause lay elsewhere and is gone, "
        "`bingads ledger replay` has it judged again."
    ),
    RowState.DUPLICATE: "Nothing: another row of the source stands for the same event.",
    RowState.SUPERSEDED: "Nothing: the service keeps the values it was sent first.",
    RowState.DEFERRED: "Judged again by each run that reads it.",
    RowState.UNKNOWN: (
        "Sent again by the next run that reads it; the service ignores what it took the first time. Where the source no "
        "longer returns it, clear the DAG run."
    ),
    RowState.HELD: "Waits for a person: find out whether the service has it, then `bingads ledger release`.",
}


def next_of_row(state: str, not_before: datetime | None = None) -> str:
    """Return one or two sentences.

    :param state: of the row.
    :param not_before: time before which another try is pointless.
    """
    sentence = _NEXT[RowState(state)]
    if state == RowState.DEFERRED.value and not_before is not None:
        return f"{sentence} Pointless before {not_before:%Y-%m-%d %H:%M} UTC."
    return sentence


def next_of_call() -> str:
    """Return the sentence on a call without a recorded answer."""
    return "The next run on this account settles it first, then sends its rows again where the source has them."
