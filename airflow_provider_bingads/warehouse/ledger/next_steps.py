"""What happens next to a row in a given state, and who has to do something first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from airflow_provider_bingads.domain.outcomes import RowState
from airflow_provider_bingads.warehouse.ledger.kept import ERASED, RELEASED, REPLAYED

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
        "Sent again by the next run that reads it; the service ignores what it took the first time. Where the source "
        "no longer returns it, clear the DAG run."
    ),
    RowState.HELD: "Waits for a person: find out whether the service has it, then `bingads ledger release`.",
}
_ASKED: Final = {
    REPLAYED: "Judged and sent again by the next run that reads it; where that is not soon, clear the DAG run.",
    RELEASED: "Judged and sent again by the next run that reads it; where that is not soon, clear the DAG run.",
    ERASED: "Nothing: it was forgotten on request. Whatever the source holds under this key is not sent.",
}


def next_of_row(state: str, not_before: datetime | None = None, error_code: str | None = None) -> str:
    """Return one or two sentences.

    :param state: of the row.
    :param not_before: time before which another try is pointless.
    :param error_code: of the outcome; it tells what a person asked for.
    """
    if error_code in _ASKED:
        return _ASKED[error_code]
    sentence = _NEXT[RowState(state)]
    if state == RowState.DEFERRED.value and not_before is not None:
        return f"{sentence} Pointless before {not_before:%Y-%m-%d %H:%M} UTC."
    return sentence


def next_of_call() -> str:
    """Return the sentence on a call without a recorded answer."""
    return "The next run on this account settles it first, then sends its rows again where the source has them."
