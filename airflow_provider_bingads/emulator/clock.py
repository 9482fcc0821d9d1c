"""The emulator's time: everything it judges by age asks here, and tests move it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

__all__ = ["Clock", "iso"]


class Clock:
    """Seconds since 1970 in UTC, from a base that tests replace, plus what ``advance`` added.

    :param base: returns seconds since 1970; the machine's clock by default, a constant for a frozen clock.
    """

    def __init__(self, base: Callable[[], float] = time.time) -> None:
        self._base = base
        self._ahead = 0.0

    def now(self) -> float:
        """Return seconds since 1970."""
        return self._base() + self._ahead

    def advance(self, seconds: float) -> float:
        """Move the clock and return the new time; negative seconds move it back.

        :raises ValueError: no calendar has that time.
        """
        try:
            datetime.fromtimestamp(self.now() + seconds, UTC)
        except (OverflowError, OSError, ValueError):
            raise ValueError("The clock cannot be moved so far.") from None
        self._ahead += seconds
        return self.now()

    def reset(self) -> None:
        """Forget every advance."""
        self._ahead = 0.0


def iso(seconds: float | None) -> str | None:
    """Write a time as ISO 8601 in UTC with microseconds and ``Z``; None stays None."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
