"""What the keeping functions are asked, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from airflow_provider_bingads.domain.outcomes import RowState

__all__ = [
    "ERASED",
    "FORGOTTEN",
    "LEFT_OUT",
    "OUT_OF_WINDOW",
    "RELEASE",
    "RELEASED",
    "REPLAY",
    "REPLAYED",
    "Forgotten",
    "Marking",
    "Pruned",
    "Replayed",
    "Scope",
    "StoredRow",
    "TableShare",
    "is_number",
]

_CODE_DIGITS: Final = 9
"""More digits do not fit the column of codes."""

FORGOTTEN: Final = "forgotten"
OUT_OF_WINDOW: Final = "out_of_window"

LEFT_OUT: Final[Mapping[str, str]] = {
    RowState.APPLIED.value: "applied already: to send it again would be a second send",
    RowState.SUPERSEDED.value: "applied with other values: the service keeps the first and would ignore it",
    RowState.DEFERRED.value: "waiting already: the next run of its source judges it anew",
    RowState.UNKNOWN.value: "in doubt: the next run of its source sends it again by itself",
    RowState.HELD.value: "held for a person: `release` is for it, not `replay`",
    RowState.REJECTED.value: "rejected: `replay` is for it, not `release`",
    RowState.INVALID.value: "invalid: `replay` is for it, not `release`",
    RowState.DUPLICATE.value: "a duplicate: `replay` is for it, not `release`",
    OUT_OF_WINDOW: "its event is older than the service takes",
    FORGOTTEN: "forgotten: it is never sent again",
}
"""Why a row was left out: key of ``Replayed.left_out`` -> the rest of a sentence for people."""


def is_number(code: str) -> bool:
    """Tell whether a reason is given by Microsoft's number; else it is a name."""
    return code.isdecimal() and len(code) <= _CODE_DIGITS


@dataclass(frozen=True, slots=True)
class Marking:
    """A kind of mark that has a row judged and sent again.

    :param states: present states of the rows it is for.
    :param error_code: of the events that are the marks.
    :param outcome: of the runs the marks stand under.
    """

    states: frozenset[RowState]
    error_code: str
    outcome: str


REPLAY: Final = Marking(frozenset({RowState.REJECTED, RowState.INVALID, RowState.DUPLICATE}), "Replayed", "replay")
RELEASE: Final = Marking(frozenset({RowState.HELD}), "Released", "release")
REPLAYED: Final = REPLAY.error_code
RELEASED: Final = RELEASE.error_code
ERASED: Final = "Forgotten"
"""``error_code`` of a tombstone."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which part of a ledger a keeping function looks at; what is None is not asked for.

    :param stream_id: one stream (account, operation, environment and namespace together), 32 hex digits.
    :param account_id: one account, over all operations.
    :param operation: one API operation, such as ``ApplyOfflineConversions``.
    :param dag_id: rows last judged by tasks of this DAG.
    :param task_id: rows last judged by this task; two tasks may read tables whose keys are alike.
    """

    stream_id: str | None = None
    account_id: str | None = None
    operation: str | None = None
    dag_id: str | None = None
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One version of a source row as the ledger holds it now, and the run that judged it.

    :param state: present state (``domain.outcomes.RowState``).
    :param run_id: of the event that gave the state.
    :param event_time: aware UTC time of the event, None where it has none.
    :param at: aware UTC time of that outcome.
    """

    environment: str
    account_id: str
    operation: str
    dag_id: str
    task_id: str
    run_id: str
    stream_id: str
    row_key: str
    content_hash: str
    source_ref: str
    state: str
    code: int | None
    error_code: str | None
    event_time: datetime | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Replayed:
    """What ``replay`` or ``release`` found.

    :param applied: the marks are written; False for a trial run.
    :param rows: the rows marked, or that would be: at most the limit, those judged first come first.
    :param over_limit: further rows that could have been marked.
    :param left_out: rows that met the question and are not marked, by reason (keys of ``LEFT_OUT``).
    :param run_ids: runs of their own that the marks stand under, one for each DAG run the rows came from.
    """

    applied: bool
    rows: tuple[StoredRow, ...]
    over_limit: int
    left_out: Mapping[str, int]
    run_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What ``forget`` found.

    :param applied: texts are blanked and tombstones stand; False for a trial run.
    :param rows: one entry for each key found, as it stood before: stream, row_key, state, account, task.
    :param row_events: recorded outcomes blanked, or that would be.
    :param errors: recorded reasons blanked, or that would be.
    :param tombstones: keys that got a tombstone, or would; a key forgotten before keeps the one it has.
    :param run_ids: runs of their own that the tombstones stand under.
    """

    applied: bool
    rows: tuple[StoredRow, ...]
    row_events: int
    errors: int
    tombstones: int
    run_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableShare:
    """What of one table is due, or was deleted.

    :param table: its name, such as ``bingads_row``.
    :param rows: how many records.
    :param oldest: time of the oldest of them, aware UTC; None where there are none.
    """

    table: str
    rows: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Pruned:
    """What ``prune`` deleted, or would.

    :param applied: it is deleted; False for a trial run.
    :param complete: False where ``stop`` ended it early; the next prune goes on.
    :param tables: ``bingads_error``, ``bingads_row``, ``bingads_call``, ``bingads_batch``, ``bingads_run``.
    """

    applied: bool
    complete: bool
    tables: tuple[TableShare, ...]
