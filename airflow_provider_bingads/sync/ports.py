"""What the delivery needs from outside; adapters implement these, tests plug in small classes.

Nothing in ``sync`` reads a clock, draws a number, sleeps or starts a thread of its own: it asks one of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from airflow_provider_bingads.domain.calls import CallResult
from airflow_provider_bingads.domain.records import Entries, Known, OpenCall, OpenRow, RunIdentity, RunRecord

__all__ = [
    "Clock",
    "Executor",
    "Ids",
    "Lease",
    "LeaseHolder",
    "Ledger",
    "Point",
    "Progress",
    "Sender",
    "Source",
    "Work",
    "marked",
    "passing",
]

T = TypeVar("T")

Ids = Callable[[], str]
"""Returns a new id of 32 hex digits; later ids sort after earlier ones."""

Point = Callable[[str], None]
"""Told, by name, of each boundary that the delivery passes: the proof stops, kills or freezes a run there."""


def passing(name: str) -> None:
    """Do nothing: what every run but one under proof does at a point."""


def marked(at: Point, name: str, work: Callable[[], T]) -> Callable[[], T]:
    """Return the work with a point before and a point after it.

    :param name: of the work; the points are ``<name>.before`` and ``<name>.after``.
    """

    def run() -> T:
        at(f"{name}.before")
        value = work()
        at(f"{name}.after")
        return value

    return run


class Clock(Protocol):
    """Time, and waiting for it."""

    def now(self) -> datetime:
        """Return the present as an aware UTC datetime."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back and go on while the machine is suspended."""
        ...

    def wait(self, seconds: float) -> bool:
        """Wait, or return True at once when the run was asked to stop."""
        ...


class Source(Protocol):
    """The rows of one run, streamed once."""

    columns: tuple[str, ...]
    """Names, in the order of each row's values."""

    def chunks(self, accounts: Sequence[str] | None = None) -> Iterator[list[Sequence[Any]]]:
        """Yield lists of rows, each at most the configured chunk size; with an account column ordered by it.

        :param accounts: read only the rows of these accounts (a second pass over those that were busy).
        :raises FixSource: table, column or query do not exist or are not readable.
        :raises RetryLater: the connection broke in the middle.
        """
        ...

    def expected_rows(self) -> int | None:
        """Count the rows to come where that is cheap, for the time left; None where it is not."""
        ...

    def count_before_cutoff(self) -> dict[str | None, int]:
        """Count the rows that the pushed-down ``lookback`` filter left out, by account (None without a column).

        Empty where nothing was pushed down.
        """
        ...

    def close(self) -> None:
        """Release the connection; safe to call twice and from another thread."""
        ...


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to send for one stream, until ``expires_at`` (by the database's clock)."""

    stream_id: str
    owner: str
    epoch: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LeaseHolder:
    """Who holds a stream now.

    :param seconds_left: until ``expires_at``, by the database's clock, which need not be the caller's.
    """

    owner: str
    acquired_at: datetime
    expires_at: datetime
    seconds_left: float


class Ledger(Protocol):
    """The delivery's memory. Each method is its own transaction; all but reads are durable when they return."""

    def acquire(self, stream_id: str, owner: str, seconds: float) -> Lease | LeaseHolder:
        """Take the lease by compare-and-swap on the database's clock, or tell who has it."""
        ...

    def renew(self, lease: Lease, seconds: float) -> Lease | None:
        """Extend the lease; None when it is no longer ours."""
        ...

    def release(self, lease: Lease, not_before: datetime | None = None) -> None:
        """Give the lease up now, or let it run until ``not_before`` while a call may still take effect."""
        ...

    def start_run(self, run: RunRecord) -> None:
        """Append the start of a run."""
        ...

    def finish_run(self, run: RunRecord) -> None:
        """Append the end of a run with its counts by outcome and by code."""
        ...

    def runs_of_earlier_tries(self, identity: RunIdentity, operation: str) -> frozenset[str]:
        """Return the ids of the runs that earlier tries of this task instance began, ended or not."""
        ...

    def known(self, stream_id: str, keys: Sequence[str]) -> Mapping[str, Sequence[Known]]:
        """Look up what is recorded of these keys; keys never seen are absent."""
        ...

    def open_calls(self, stream_id: str) -> Sequence[OpenCall]:
        """Return the calls of this stream that have no ``answered``, ``not_applied`` or ``reconciled`` event."""
        ...

    def forgotten(self, stream_id: str) -> frozenset[str]:
        """Return the ``identity.erased_key`` of every source row of this stream that was forgotten on request."""
        ...

    def waiting_rows(self, stream_id: str, before_run_id: str, event_after: datetime) -> Sequence[OpenRow]:
        """Return the keys whose newest state is deferred, unknown or held and stems from an earlier run.

        :param event_after: rows whose event is older are past sending and left out; rows without a time stay.
        """
        ...

    def record(self, entries: Entries) -> None:
        """Append everything in one transaction; repeating it after a doubtful commit is harmless."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class Sender(Protocol):
    """Sends one batch of one operation; never raises for what the service or the wire did."""

    def send(self, payloads: Sequence[Mapping[str, object]], deadline_seconds: float) -> CallResult:
        """Send the payloads in one request, with the client's own retries, and return what it came to.

        :raises FixCredentials: the credentials do not admit any call.
        """
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """A finished piece of work.

    :param lane: the lane it ran in.
    :param tag: what the caller named it by.
    :param value: what it returned.
    :param error: what it raised instead.
    """

    lane: str
    tag: Any
    value: Any = None
    error: BaseException | None = None


class Executor(Protocol):
    """Runs work in lanes; one lane runs its work in order, one at a time (``send`` lanes are several)."""

    def start(self, lane: str, tag: object, work: Callable[[], Any]) -> None:
        """Queue work on a lane."""
        ...

    def next(self, timeout_seconds: float | None) -> Work | None:
        """Return the next finished work of any lane, None when the time is over first."""
        ...

    def shutdown(self, wait_seconds: float) -> None:
        """Stop taking work and wait at most this long for what runs."""
        ...


class Progress(Protocol):
    """Told how far a run is; shows it to people."""

    def advance(self, *, read: int = 0, done: int = 0, failed: int = 0) -> None:
        """Add rows read, rows with an outcome, rows rejected or invalid."""
        ...

    def expect(self, rows: int | None) -> None:
        """Learn how many rows are to come; None where nobody knows."""
        ...

    def say(self, sentence: str) -> None:
        """Tell one sentence, at once."""
        ...
