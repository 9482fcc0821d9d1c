"""How long to wait before a call is repeated, and when to stop repeating (``delivery.md`` 5.3).

Pure arithmetic: chance, time and the lock are given, so that one loop above decides and tests need no waiting.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["Backoff", "RetryBudget", "retry_after_seconds"]


@dataclass(frozen=True, slots=True)
class Backoff:
    """Full jitter: any time from nothing to a bound that doubles with each attempt.

    :param random: returns a number from 0 to 1, such as ``random.random``.
    :param base_seconds: bound before the first repetition.
    :param cap_seconds: the bound never exceeds this.
    """

    random: Callable[[], float]
    base_seconds: float = 1.0
    cap_seconds: float = 60.0

    def seconds(self, attempt: int) -> float:
        """Return the wait after a failed attempt.

        :param attempt: how many attempts have failed, from 1.
        """
        doublings = min(max(attempt, 1) - 1, 63)
        return self.random() * min(self.cap_seconds, self.base_seconds * 2.0**doublings)


class RetryBudget:
    """A bucket shared by all calls of a run: repetitions empty it, calls that succeed at once refill it slowly.

    It keeps retries from multiplying the load of a service that is already failing: when it is empty, the run ends
    and Airflow tries again later.

    :param lock: held around each change, where threads share the bucket.
    :param capacity: content at the start, and at most.
    :param cost: taken by each repetition.
    :param refund: given back by each call that needed none.
    """

    def __init__(
        self,
        *,
        lock: AbstractContextManager[object] | None = None,
        capacity: float = 100.0,
        cost: float = 5.0,
        refund: float = 0.5,
    ) -> None:
        self._lock = nullcontext() if lock is None else lock
        self._capacity = capacity
        self._cost = cost
        self._refund = refund
        self._left = capacity

    @property
    def left(self) -> float:
        """What the bucket holds now."""
        return self._left

    def take(self) -> bool:
        """Pay for one repetition; False, and nothing is taken, when the bucket cannot pay it."""
        with self._lock:
            if self._left < self._cost:
                return False
            self._left -= self._cost
            return True

    def give_back(self) -> None:
        """Record a call that succeeded at its first attempt."""
        with self._lock:
            self._left = min(self._capacity, self._left + self._refund)


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Read a ``Retry-After`` header, seconds or a date (RFC 9110, section 10.2.3).

    :param now: the present, aware.
    :returns: seconds from now, never negative; None when the header is absent or cannot be read.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        then = parsedate_to_datetime(text)
    except ValueError:
        return None
    # a date without a zone is meant as UTC: RFC 5322 writes that as -0000
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - now).total_seconds())
