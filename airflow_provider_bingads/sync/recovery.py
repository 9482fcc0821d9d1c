"""What earlier runs left open on a stream, and what of it this run resolved (``delivery.md`` 3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from airflow_provider_bingads.domain.outcomes import TERMINAL_RANK, CallEventKind, RowState
from airflow_provider_bingads.domain.records import Entries, OpenCall, OpenRow
from airflow_provider_bingads.sync.entries import Scribe, merged
from airflow_provider_bingads.sync.ports import Ledger

__all__ = ["OpenWork", "Waiting"]

_LOOKUP = 1000


@dataclass(frozen=True, slots=True)
class Waiting:
    """Rows of earlier runs that are still open and that this run's source did not return.

    :param dag_run_id: the run of the oldest of them: clearing it reads them again.
    """

    rows: int
    unknown_or_held: int
    oldest: datetime | None
    dag_run_id: str | None


@dataclass(slots=True)
class OpenWork:
    """The calls of earlier runs without an answer, and the rows in them still without an outcome."""

    calls: Sequence[OpenCall]
    unresolved: dict[tuple[str, str], OpenCall] = field(default_factory=dict)

    @classmethod
    def read(cls, ledger: Ledger, stream_id: str) -> OpenWork:
        """Read the open calls and drop the members that got an outcome since."""
        work = cls(ledger.open_calls(stream_id))
        for call in work.calls:
            work.unresolved.update((member, call) for member in call.members)
        keys = sorted({key for key, _ in work.unresolved})
        for start in range(0, len(keys), _LOOKUP):
            for key, entries in ledger.known(stream_id, keys[start : start + _LOOKUP]).items():
                for entry in entries:
                    if entry.rank >= TERMINAL_RANK:
                        work.unresolved.pop((key, entry.content_hash), None)
        return work

    @property
    def keys(self) -> frozenset[str]:
        """Keys whose earlier send has no known end."""
        return frozenset(key for key, _ in self.unresolved)

    def opening(self, scribe: Scribe, at: datetime) -> Entries:
        """Say of each open call that its end is unknown, once."""
        return merged(
            scribe.open_call_event(
                CallEventKind.UNKNOWN, call.call_id, call.batch_id, at, "the run ended before an answer was recorded"
            )
            for call in self.calls
            if not call.has_unknown
        )

    def resolve(self, key: str, content: str) -> None:
        """Note that a row of an open call has its outcome now."""
        self.unresolved.pop((key, content), None)

    def closing(self, scribe: Scribe, at: datetime) -> Entries:
        """Close the calls whose rows all have an outcome."""
        still_open = {call.call_id for call in self.unresolved.values()}
        return merged(
            scribe.open_call_event(
                CallEventKind.RECONCILED, call.call_id, call.batch_id, at, "each of its rows has an outcome"
            )
            for call in self.calls
            if call.call_id not in still_open
        )

    def waiting(self, rows: Sequence[OpenRow]) -> Waiting:
        """Sum up what is still open and was not in the source.

        :param rows: the ledger's waiting rows that this run did not touch.
        """
        stamps = [(row.since, row.dag_run_id) for row in rows]
        keys = {row.row_key for row in rows}
        calls = {key: call for (key, _), call in self.unresolved.items() if key not in keys}
        stamps += [(call.created_at, call.dag_run_id) for call in calls.values()]
        stamps.sort()
        oldest, dag_run_id = stamps[0] if stamps else (None, None)
        hard = sum(row.state is not RowState.DEFERRED for row in rows) + len(calls)
        return Waiting(len(rows) + len(calls), hard, oldest, dag_run_id)
