"""What earlier runs left open on a stream, and what of it this run resolved (``delivery.md`` 3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from airflow_provider_bingads.domain.outcomes import ROW_RANK, TERMINAL_RANK, CallEventKind, RowState
from airflow_provider_bingads.domain.records import Entries, Known, OpenCall, OpenRow
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
    unresolved: dict[str, tuple[str, OpenCall]] = field(default_factory=dict)
    """By key: the content last sent, and the call it was in. A later version of a row settles what came of earlier."""
    forgotten: frozenset[str] = frozenset()
    """Keys of the stream's forgotten source rows (``identity.erased_key``)."""
    _sent: dict[str, set[str]] = field(default_factory=dict)
    """By key: every content that a call without a known end held, which the service may have taken first."""
    _met: set[str] = field(default_factory=set)
    """Keys that this run's source returned and that are as much in doubt as before."""

    @classmethod
    def read(cls, ledger: Ledger, stream_id: str) -> OpenWork:
        """Read the open calls, oldest first, drop the members that got an outcome since, and read who was forgotten."""
        work = cls(ledger.open_calls(stream_id))
        work.forgotten = ledger.forgotten(stream_id)
        for call in work.calls:
            for key, content in call.members:
                work.unresolved[key] = (content, call)
                work._sent.setdefault(key, set()).add(content)
        keys = sorted(work.unresolved)
        for start in range(0, len(keys), _LOOKUP):
            for key, entries in ledger.known(stream_id, keys[start : start + _LOOKUP]).items():
                content, _ = work.unresolved[key]
                if any(_settles(entry, content) for entry in entries):
                    work.resolve(key)
        return work

    def opening(self, scribe: Scribe, at: datetime) -> Entries:
        """Say of each open call that its end is unknown, once."""
        return merged(
            scribe.open_call_event(
                CallEventKind.UNKNOWN, call.call_id, call.batch_id, at, "the run ended before an answer was recorded"
            )
            for call in self.calls
            if not call.has_unknown
        )

    def resolve(self, key: str) -> None:
        """Note that the row has its outcome now, whatever its content was before."""
        self.unresolved.pop(key, None)

    def note(self, key: str, state: RowState) -> None:
        """Note what this run recorded of a row: only a final outcome ends the doubt about an earlier call."""
        if ROW_RANK[state] < TERMINAL_RANK:
            self._met.add(key)
        elif state is not RowState.DUPLICATE:  # that is about another row, and says nothing of the one it repeats
            self.resolve(key)

    def resolve_older(self, moment: datetime) -> None:
        """Give up what was sent before a time: an event is older than its call, and past the window by then."""
        for key in [key for key, (_, call) in self.unresolved.items() if call.created_at <= moment]:
            self.resolve(key)

    def other_content_sent(self, key: str, content: str) -> bool:
        """Tell whether a call without a known end held the row with other values, until the row has its outcome."""
        return key in self.unresolved and self._sent[key] != {content}

    def closing(self, scribe: Scribe, at: datetime) -> Entries:
        """Close the calls whose rows all have an outcome."""
        return merged(
            scribe.open_call_event(
                CallEventKind.RECONCILED, call.call_id, call.batch_id, at, "each of its rows has an outcome"
            )
            for call in self.calls
            if not any(key in self.unresolved for key, _ in call.members)
        )

    def waiting(self, rows: Sequence[OpenRow]) -> Waiting:
        """Sum up what is still open and was not in the source.

        :param rows: the ledger's waiting rows that this run did not touch.
        """
        stamps = [(row.since, row.dag_run_id) for row in rows]
        keys = {row.row_key for row in rows} | self._met
        calls = {key: call for key, (_, call) in self.unresolved.items() if key not in keys}
        stamps += [(call.created_at, call.dag_run_id) for call in calls.values()]
        stamps.sort()
        oldest, dag_run_id = stamps[0] if stamps else (None, None)
        hard = sum(row.state is not RowState.DEFERRED for row in rows) + len(calls)
        return Waiting(len(rows) + len(calls), hard, oldest, dag_run_id)


def _settles(entry: Known, content: str) -> bool:
    # An applied key is at the service whatever its content; any other verdict is about one content only, and that of
    # a duplicate about another row.
    # A tombstone settles its key for good: nobody is to send it, and nobody can be asked about it.
    return (
        entry.state is RowState.APPLIED
        or entry.forgotten
        or (entry.rank >= TERMINAL_RANK and entry.content_hash == content and entry.state is not RowState.DUPLICATE)
    )
