"""One gate for all calls to the service: after a throttle nobody calls for a minute, then one asks first.

Microsoft publishes no rate, only that code 117 asks for 60 seconds (``services-protocol.md``, "Handle Throttling").
A shared gate meets far fewer refusals than backoff in each worker (``delivery.md`` 5.3). Its states::

    open --throttled--> closed --time is over--> probing --probe clean--> open, at half the calls at once
                          ^                         |
                          +-------- throttled ------+

Pure: monotonic time, chance and lock are given; the gate never waits, it says how long to.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import Enum

__all__ = ["Admission", "GateState", "ThrottleGate"]


class GateState(str, Enum):
    """What the gate lets through."""

    OPEN = "open"
    CLOSED = "closed"
    PROBING = "probing"


@dataclass(frozen=True, slots=True)
class Admission:
    """The gate's answer to one request to call.

    :param wait_seconds: 0 means: call now, and settle this admission afterwards; else ask again after so long.
    :param epoch: how often the gate had closed when it was given.
    :param probe: this call decides whether the gate opens.
    """

    wait_seconds: float
    epoch: int
    probe: bool = False


class ThrottleGate:
    """Admits calls, closes on a throttle, probes, and opens gradually.

    :param concurrency: most calls at once while nothing is wrong.
    :param random: returns a number from 0 to 1; spreads sibling processes.
    :param lock: held around each change, where threads share the gate.
    :param pause_seconds: shortest time without a call after a throttle.
    :param jitter_seconds: at most this is added to the pause.
    :param recover_seconds: after so long without a throttle one more call at once is allowed.
    :param poll_seconds: when to ask again while the calls at once are used up.
    """

    def __init__(
        self,
        *,
        concurrency: int,
        random: Callable[[], float],
        lock: AbstractContextManager[object] | None = None,
        pause_seconds: float = 60.0,
        jitter_seconds: float = 5.0,
        recover_seconds: float = 30.0,
        poll_seconds: float = 0.1,
    ) -> None:
        self._most = max(1, concurrency)
        self._random = random
        self._lock = nullcontext() if lock is None else lock
        self._pause = pause_seconds
        self._jitter = jitter_seconds
        self._recover = recover_seconds
        self._poll = poll_seconds
        self._state = GateState.OPEN
        self._epoch = 0
        self._limit = self._most
        self._limit_since = 0.0
        self._until = 0.0
        self._calls = 0
        self._probe_out = False

    @property
    def state(self) -> GateState:
        """What the gate lets through; it leaves CLOSED when somebody asks after the pause."""
        return self._state

    def limit(self, now: float) -> int:
        """Return how many calls at once the open gate lets through.

        :param now: monotonic seconds.
        """
        regained = int((now - self._limit_since) / self._recover)
        return min(self._most, self._limit + max(0, regained))

    def admit(self, now: float) -> Admission:
        """Ask to call; an admission of 0 seconds must be settled once, whatever the call comes to.

        :param now: monotonic seconds.
        """
        with self._lock:
            if self._state is GateState.CLOSED:
                if now < self._until:
                    return Admission(self._until - now, self._epoch)
                self._state = GateState.PROBING
            if self._state is GateState.PROBING:
                return self._admit_probe()
            if self._calls >= self.limit(now):
                return Admission(self._poll, self._epoch)
            self._calls += 1
            return Admission(0.0, self._epoch)

    def settle(
        self, admission: Admission, now: float, *, throttled_seconds: float | None = None, clean: bool = True
    ) -> None:
        """Tell what an admitted call came to.

        :param admission: what ``admit`` gave, with 0 seconds.
        :param now: monotonic seconds.
        :param throttled_seconds: set when the service asked to wait; a longer wait than the gate's own is kept.
        :param clean: False when the call proves nothing about throttling, such as a lost connection.
        """
        with self._lock:
            self._calls -= 1
            ours = admission.epoch == self._epoch
            if admission.probe and ours:
                self._probe_out = False
            if throttled_seconds is not None:
                self._close(now, throttled_seconds, halve=ours)
            elif admission.probe and ours and clean:
                self._state = GateState.OPEN
                self._limit_since = now

    def _admit_probe(self) -> Admission:
        if self._probe_out:
            return Admission(self._poll, self._epoch)
        self._probe_out = True
        self._calls += 1
        return Admission(0.0, self._epoch, probe=True)

    def _close(self, now: float, seconds: float, *, halve: bool) -> None:
        """Shut the gate; replies to calls from before the last closing prolong it, but halve nothing again."""
        until = now + max(self._pause, seconds) + self._jitter * self._random()
        self._until = max(self._until, until)
        self._state = GateState.CLOSED
        self._epoch += 1
        self._probe_out = False
        if halve:
            self._limit = max(1, self.limit(now) // 2)
