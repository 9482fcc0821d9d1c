"""How long a run may rely on its lease, by its own clock.

A process that was frozen does not know it: when it goes on, its lease may be another run's, and the first thing it
would do is to send what stood ready. So nothing is sent on a lease whose last renewal is a whole lease ago, counted
from before the renewal was asked for, which is never later than the database counts (``delivery.md`` 3.3, [C] and [E]).
"""

from __future__ import annotations

__all__ = ["Tenure"]

_AGAIN_SECONDS = 1.0


class Tenure:
    """When to renew the lease, and whether it still holds.

    :param seconds: length of the lease.
    :param now: seconds of a clock that never goes back. The lease counts as held from its first renewal on: when
        exactly it was acquired is not known here.
    """

    __slots__ = ("_asked_at", "_renew_at", "_seconds", "_until")

    def __init__(self, seconds: float, now: float) -> None:
        self._seconds = seconds
        self._renew_at = self._until = self._asked_at = now

    def is_due(self, now: float) -> bool:
        """Tell whether to ask for a renewal."""
        return now >= self._renew_at

    def holds(self, now: float) -> bool:
        """Tell whether nobody else can have the lease."""
        return now < self._until

    def ask(self, now: float) -> None:
        """Note that a renewal is asked for."""
        self._asked_at = now
        self._renew_at = now + self._seconds / 3

    def extend(self) -> None:
        """Note that the renewal was granted."""
        self._until = self._asked_at + self._seconds

    def put_off(self, now: float) -> None:
        """Note that the renewal could not be asked for; it is due again soon."""
        self._renew_at = now + _AGAIN_SECONDS
