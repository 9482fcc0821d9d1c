"""Sees what leaves a process, and holds it against the ledger at that very moment."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx

from tests.proof.moments import MAX_IN_FLIGHT
from tests.proof.packed import keys_of

if TYPE_CHECKING:
    from collections.abc import Hashable
    from datetime import datetime

    from tests.proof.attempt import Attempt
    from tests.proof.world import World

__all__ = ["Witness"]


_OPEN_MEMBERS = """
    SELECT b.members FROM bingads_in_doubt d JOIN bingads_batch b ON b.batch_id = d.call_id WHERE d.source_ref IS NULL
"""
_EPOCHS = """
    SELECT r.epoch, l.epoch FROM bingads_run r JOIN bingads_lease l ON l.stream_id = r.stream_id
    WHERE r.event = 'start' AND r.dag_run_id = ? AND r.task_id = ? AND r.try_number = ?
"""


class Witness:
    """Notes what was sent, and by whom.

    ``problems`` holds what must never be, as sentences; ``caller`` tells which try made a call, by the call's number
    at the service.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._sent: set[tuple[int, bytes]] = set()
        self._marker = world.case.marker.encode()
        self._reader: sqlite3.Connection | None = None
        self.problems: list[str] = []
        self.caller: dict[int, int] = {}
        self._leases: dict[str, tuple[int, str]] = {}
        self._stale: Counter[int] = Counter()
        self.taken: dict[tuple[str, Hashable], tuple[int, datetime]] = {}
        """Account and key of each object -> the try whose request brought it, and when the service took it."""
        self._at_lease: dict[int, frozenset[str]] = {}
        self.known: dict[int, tuple[frozenset[str], frozenset[str]]] = {}
        """Number of a call -> TrackingIds of the answers in the ledger when its try got its lease, and when it left."""

    def learn(self, other: Witness) -> None:
        """Take over what another witness saw before this one's world split off."""
        self._sent = set(other._sent)
        self._leases = dict(other._leases)
        self._stale = Counter(other._stale)
        self.problems = list(other.problems)
        self.caller = dict(other.caller)
        self.taken = dict(other.taken)
        self._at_lease = dict(other._at_lease)
        self.known = dict(other.known)

    def sees(self, attempt: Attempt, request: httpx.Request) -> None:
        """Judge one request before the service sees it."""
        body = request.read()
        if self._marker in body:
            self.problems.append("a row that is invalid here left the process")
        if self._world.entity.list_element.encode() not in body:
            return
        self._sent.add((attempt.number, body))
        number = len(self._world.emulator.journal.calls) + 1
        self.known[number] = (self._at_lease.get(attempt.number, frozenset()), self._answers())
        if self._world.transport == "rest" and self._intents() < len(self._sent):
            self.problems.append(f"try {attempt.number} sent a batch before its intent was durable")
        self._judge_lease(attempt)

    def _judge_lease(self, attempt: Attempt) -> None:
        """Let a try that lost its lease send no more than what stood ready when it did."""
        name = attempt.identity
        self._stale[attempt.number] += any(
            own < newest for own, newest in self._ask(_EPOCHS, (name.dag_run_id, name.task_id, name.try_number))
        )
        if self._stale[attempt.number] > MAX_IN_FLIGHT:
            self.problems.append(f"try {attempt.number} went on sending after another run had taken its lease")

    def saw(self, attempt: Attempt) -> None:
        """Note who made the calls that the service has seen by now, and what it took."""
        calls = self._world.emulator.journal.calls
        fresh = range(len(self.caller) + 1, len(calls) + 1)
        for number in fresh:
            self.caller[number] = attempt.number
        if any(calls[number - 1].applied for number in fresh):
            case = self._world.case
            for held in self._world.get("state", f"only={case.state}")[case.state]:
                place = (held["AccountId"], case.key_of_object(held))
                self.taken.setdefault(place, (attempt.number, self._world.time.now()))

    def passes(self, attempt: Attempt, name: str) -> None:
        """Look at the leases around each time one may be taken: epochs grow, and only when the last one has ended."""
        if name not in {"ledger.acquire.before", "ledger.acquire.after", "ledger.clock", "ledger.release.after"}:
            return
        if name == "ledger.acquire.after":
            self._at_lease[attempt.number] = self._answers()
        now = f"{self._world.time.now():%Y-%m-%d %H:%M:%S.%f}"
        for stream, epoch, expires_at in self._ask("SELECT stream_id, epoch, expires_at FROM bingads_lease"):
            before, until = self._leases.get(stream, (0, ""))
            if epoch < before:
                self.problems.append(f"a lease went back from epoch {before} to {epoch}")
            if epoch > before and now < until:
                self.problems.append(f"the lease of epoch {before} was taken while it ran")
            self._leases[stream] = (epoch, expires_at)

    def in_doubt(self) -> int:
        """Return of how many rows nobody knows what became of them: unknown, or sent and never heard of again."""
        recorded = {key for (key,) in self._ask("SELECT row_key FROM bingads_row")}
        unheard = {key for (members,) in self._ask(_OPEN_MEMBERS) for key in keys_of(members)}
        unknown = self._ask("SELECT count(*) FROM bingads_in_doubt WHERE source_ref IS NOT NULL")
        return int(unknown[0][0]) + len(unheard - recorded)

    def _answers(self) -> frozenset[str]:
        return frozenset(told for (told,) in self._ask("SELECT tracking_id FROM bingads_call WHERE event = 'answered'"))

    def _intents(self) -> int:
        return int(self._ask("SELECT count(*) FROM bingads_call WHERE event = 'intent'")[0][0])

    def _ask(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        if self._reader is None:
            self._reader = sqlite3.connect(self._world.ledger_file, check_same_thread=False, timeout=0)
        return self._reader.execute(query, values).fetchall()

    def close(self) -> None:
        """Close the look into the ledger."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
