"""Time, ids, progress and memory of a real run: what tests replace by simulated ones."""

from __future__ import annotations

import contextlib
import gc
import itertools
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Protocol

__all__ = ["LogProgress", "RunClock", "ids", "rare_collections"]

_SAY_EVERY_SECONDS = 10.0
_OBJECTS_A_COLLECTION = 100_000


class RunClock:
    """The service's time, the machine's time, and waiting that a stop ends; implements ``sync.ports.Clock``.

    :param now: returns the present as aware UTC; the emulator's time under ``environment=emulator``.
    :param stop: set when the task is asked to end.
    """

    def __init__(self, now: Callable[[], datetime], stop: threading.Event) -> None:
        self._now = now
        self._stop = stop
        # CLOCK_MONOTONIC stands still while a virtual machine is suspended, and a lease does not.
        self._source = getattr(time, "CLOCK_BOOTTIME", None)

    def now(self) -> datetime:
        """Return the present as an aware UTC datetime."""
        return self._now()

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic() if self._source is None else time.clock_gettime(self._source)

    def wait(self, seconds: float) -> bool:
        """Wait; True at once when the task was asked to end."""
        return self._stop.wait(seconds) if seconds > 0 else self._stop.is_set()


def ids() -> Callable[[], str]:
    """Return a function of new ids: 32 hex digits, milliseconds first, so that later ones sort after earlier ones.

    Rows are stored by the id of their call; growing ids keep inserts at the end of that index.
    """
    numbers = itertools.count()
    own = secrets.token_hex(7)

    def new() -> str:
        return f"{time.time_ns() // 1_000_000:012x}{next(numbers) & 0xFFFFFF:06x}{own}"

    return new


@contextlib.contextmanager
def rare_collections() -> Iterator[None]:
    """Let Python look for unreachable cycles after 100,000 new objects, not after 700.

    Rows come and go by the thousand and form no cycles; looking through them took a fifth of a run's processor time.
    """
    usual = gc.get_threshold()
    gc.set_threshold(max(usual[0], _OBJECTS_A_COLLECTION) if usual[0] else 0, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


class SaysInfo(Protocol):
    """Any logger."""

    def info(self, event: str, *args: object) -> object:
        """Log a sentence."""
        ...


class LogProgress:
    """Says in the task's log how far a run is, at most every ten seconds; implements ``sync.ports.Progress``."""

    def __init__(self, log: SaysInfo, monotonic: Callable[[], float]) -> None:
        self._log = log
        self._monotonic = monotonic
        self._total: int | None = None
        self._started = self._said = monotonic()
        self._read = self._done = self._failed = 0

    def advance(self, *, read: int = 0, done: int = 0, failed: int = 0) -> None:
        """Add to the totals, and say them when it is time."""
        self._read += read
        self._done += done
        self._failed += failed
        now = self._monotonic()
        if now - self._said >= _SAY_EVERY_SECONDS:
            self._said = now
            self.say(self.sentence(now))

    def expect(self, rows: int | None) -> None:
        """Learn how many rows are to come."""
        self._total = rows

    def say(self, sentence: str) -> None:
        """Log one sentence, at once.

        A task outlives the worker that reads its log, when only that worker was killed; what it sends is then to be
        recorded all the same.
        """
        with contextlib.suppress(OSError, ValueError):
            self._log.info("%s", sentence)

    def sentence(self, now: float) -> str:
        """Return the state of the run in one line."""
        rate = self._done / max(now - self._started, 1e-6)
        left = ""
        if self._total is not None and rate > 0:
            seconds = max(0, self._total - self._done) / rate
            left = f", about {seconds / 60:.0f} min left" if seconds > 90 else f", about {seconds:.0f} s left"  # noqa: PLR2004
        return f"{self._done:,} rows done ({rate:,.0f} rows/s), {self._failed:,} rejected or invalid{left}"
