"""The gate in simulated time: no thread, no clock, no waiting."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_bingads.domain.throttle import GateState, ThrottleGate


def _gate(concurrency: int = 4, drawn: float = 0.0) -> ThrottleGate:
    return ThrottleGate(concurrency=concurrency, random=lambda: drawn)


def _closed_gate(concurrency: int = 4, at: float = 100.0) -> ThrottleGate:
    gate = _gate(concurrency)
    gate.settle(gate.admit(at), at, throttled_seconds=60.0)
    return gate


def test_an_open_gate_admits_as_many_calls_as_it_may_and_no_more() -> None:
    gate = _gate(concurrency=2)
    first, second, third = gate.admit(0), gate.admit(0), gate.admit(0)
    assert (first.wait_seconds, second.wait_seconds) == (0, 0)
    assert third.wait_seconds > 0
    gate.settle(first, 1.0)
    assert gate.admit(1.0).wait_seconds == 0


@pytest.mark.parametrize(
    ("drawn", "asked", "pause"),
    [(0.0, 60.0, 60.0), (1.0, 60.0, 65.0), (0.5, 0.0, 62.5), (0.0, 900.0, 900.0), (1.0, 900.0, 905.0)],
)
def test_a_throttle_closes_the_gate_for_a_minute_or_what_the_service_asks(
    drawn: float, asked: float, pause: float
) -> None:
    gate = _gate(drawn=drawn)
    gate.settle(gate.admit(100.0), 100.0, throttled_seconds=asked)
    assert gate.state is GateState.CLOSED
    assert gate.admit(100.0).wait_seconds == pytest.approx(pause)
    assert gate.admit(100.0 + pause - 0.01).wait_seconds > 0
    assert gate.admit(100.0 + pause).probe


def test_after_the_pause_one_call_asks_and_the_others_wait_for_its_answer() -> None:
    gate = _closed_gate()
    probe = gate.admit(160.0)
    assert (probe.wait_seconds, probe.probe) == (0.0, True)
    assert gate.admit(160.0).wait_seconds > 0
    gate.settle(probe, 161.0)
    assert gate.state is GateState.OPEN
    assert gate.admit(161.0).wait_seconds == 0


def test_a_throttled_probe_closes_the_gate_again() -> None:
    gate = _closed_gate()
    gate.settle(gate.admit(160.0), 161.0, throttled_seconds=60.0)
    assert gate.admit(161.0).wait_seconds == 60.0


def test_a_probe_lost_on_the_wire_leaves_the_question_open() -> None:
    gate = _closed_gate()
    gate.settle(gate.admit(160.0), 170.0, clean=False)
    assert gate.state is GateState.PROBING
    assert gate.admit(170.0).probe


@pytest.mark.parametrize(
    ("concurrency", "after", "limit"),
    [
        (4, 0, 2),
        (4, 29.9, 2),
        (4, 30, 3),
        (4, 60, 4),
        (4, 3600, 4),
        (1, 0, 1),
        (1, 300, 1),
        (2, 0, 1),
        (3, 0, 1),
        (5, 0, 2),
        (10, 0, 5),
        (10, 60, 7),
    ],
)
def test_the_gate_opens_at_half_and_regains_one_call_every_thirty_seconds(
    concurrency: int, after: float, limit: int
) -> None:
    gate = _closed_gate(concurrency)
    gate.settle(gate.admit(160.0), 160.0)
    now = 160.0 + after
    asked = [gate.admit(now) for _ in range(20)]
    assert gate.limit(now) == sum(admission.wait_seconds == 0 for admission in asked) == limit


def test_a_burst_of_throttles_halves_once_and_the_last_one_counts_the_pause() -> None:
    gate = _gate(concurrency=8)
    calls = [gate.admit(0) for _ in range(8)]
    for second, call in enumerate(calls):
        gate.settle(call, float(second), throttled_seconds=60.0)
    assert gate.admit(66.9).wait_seconds == pytest.approx(0.1)
    gate.settle(gate.admit(67.0), 67.0)
    assert gate.limit(67.0) == 4


def test_a_clean_reply_from_before_the_throttle_does_not_open_the_gate() -> None:
    gate = _gate()
    early, throttled = gate.admit(0), gate.admit(0)
    gate.settle(throttled, 1.0, throttled_seconds=60.0)
    gate.settle(early, 2.0)
    assert gate.state is GateState.CLOSED


def test_a_probe_that_a_late_throttle_overtook_does_not_open_the_gate() -> None:
    gate = _gate()
    slow, throttled = gate.admit(0), gate.admit(0)
    gate.settle(throttled, 0.0, throttled_seconds=60.0)
    probe = gate.admit(60.0)
    gate.settle(slow, 61.0, throttled_seconds=60.0)
    gate.settle(probe, 62.0)
    assert gate.admit(62.0).wait_seconds == pytest.approx(59.0)


def test_an_open_gate_says_so_asks_no_probe_and_lets_the_next_ask_soon() -> None:
    gate = _gate(concurrency=1)
    first, second = gate.admit(0), gate.admit(0)
    assert gate.state is GateState.OPEN
    assert {state.value for state in GateState} == {"open", "closed", "probing"}
    assert (first.probe, second.probe, second.wait_seconds) == (False, False, 0.1)


def test_a_gate_without_a_pause_probes_at_once() -> None:
    gate = ThrottleGate(concurrency=2, random=lambda: 0.0, pause_seconds=0.0, jitter_seconds=0.0)
    gate.settle(gate.admit(0.0), 0.0, throttled_seconds=0.0)
    assert gate.admit(0.0).probe


def test_a_throttled_probe_halves_what_was_regained() -> None:
    gate = _closed_gate(concurrency=8, at=0.0)
    gate.settle(gate.admit(60.0), 60.0, throttled_seconds=60.0)
    gate.settle(gate.admit(120.0), 120.0)
    assert gate.limit(120.0) == 3


def test_an_overtaken_probe_leaves_the_next_one_alone() -> None:
    """Two probes at once would be two calls within the minute."""
    gate = _gate()
    slow, throttled = gate.admit(0), gate.admit(0)
    gate.settle(throttled, 0.0, throttled_seconds=60.0)
    overtaken = gate.admit(60.0)
    gate.settle(slow, 61.0, throttled_seconds=60.0)
    assert gate.admit(121.0).probe
    gate.settle(overtaken, 122.0)
    assert gate.admit(122.0).wait_seconds == 0.1


def test_clean_calls_do_not_put_off_what_the_gate_regains() -> None:
    gate = _closed_gate(concurrency=4)
    gate.settle(gate.admit(160.0), 160.0)
    gate.settle(gate.admit(189.0), 189.0)
    assert (gate.limit(189.0), gate.limit(190.0)) == (2, 3)


def test_calls_from_before_the_throttle_still_count_beside_the_probe() -> None:
    gate = _gate(concurrency=4)
    calls = [gate.admit(0.0) for _ in range(4)]
    gate.settle(calls[0], 0.0, throttled_seconds=60.0)
    gate.settle(gate.admit(60.0), 60.0)
    assert gate.limit(60.0) == 2
    assert gate.admit(60.0).wait_seconds == 0.1
    gate.settle(calls[1], 60.0)
    gate.settle(calls[2], 60.0)
    assert gate.admit(60.0).wait_seconds == 0


class _CountingLock:
    def __init__(self) -> None:
        self.entered = 0

    def __enter__(self) -> None:
        self.entered += 1

    def __exit__(self, *_: object) -> None: ...


def test_the_gates_lock_is_held_around_each_change() -> None:
    lock = _CountingLock()
    gate = ThrottleGate(concurrency=1, random=lambda: 0.0, lock=lock)
    gate.settle(gate.admit(0.0), 0.0)
    assert lock.entered == 2


@dataclass
class _Service:
    """Answers 117 above so many calls in any 60 seconds; refused calls count toward the window."""

    per_minute: int
    window: deque[float] = field(default_factory=deque)

    def throttles(self, now: float) -> bool:
        while self.window and self.window[0] <= now - 60:
            self.window.popleft()
        self.window.append(now)
        return len(self.window) > self.per_minute


@dataclass
class _Run:
    admitted: list[float] = field(default_factory=list)
    throttled: list[float] = field(default_factory=list)
    done: int = 0
    ended: float = 0.0


def _simulate(*, calls: int, workers: int, per_minute: int, seconds_a_call: float, seed: int) -> _Run:
    """Run workers that take calls from a common queue, event by event."""
    chance = random.Random(seed)
    gate = ThrottleGate(concurrency=workers, random=chance.random, poll_seconds=0.5)
    service, run, order = _Service(per_minute), _Run(), itertools.count()
    events: list[tuple[float, int, object]] = [(0.0, next(order), None) for _ in range(workers)]
    while run.done < calls:
        now, _, reply = heapq.heappop(events)
        if reply is not None:
            admission, throttled = reply  # type: ignore[misc]
            gate.settle(admission, now, throttled_seconds=60.0 if throttled else None)
            run.throttled.extend([now] if throttled else [])
            run.done += not throttled
            run.ended = now
        asked = gate.admit(now)
        if asked.wait_seconds > 0:
            heapq.heappush(events, (now + asked.wait_seconds, next(order), None))
            continue
        run.admitted.append(now)
        reply_at = now + seconds_a_call * (0.5 + chance.random())
        heapq.heappush(events, (reply_at, next(order), (asked, service.throttles(now))))
    return run


@settings(max_examples=50, deadline=None)
@given(
    workers=st.integers(1, 10),
    per_minute=st.integers(1, 60),
    seconds_a_call=st.floats(0.05, 30.0),
    seed=st.integers(0, 2**32),
)
def test_no_call_starts_within_a_minute_of_a_throttle(
    workers: int, per_minute: int, seconds_a_call: float, seed: int
) -> None:
    run = _simulate(calls=40, workers=workers, per_minute=per_minute, seconds_a_call=seconds_a_call, seed=seed)
    admitted = sorted(run.admitted)
    for throttled_at in run.throttled:
        too_early = [at for at in admitted if throttled_at < at < throttled_at + 60.0]
        assert too_early == []


@pytest.mark.parametrize("seed", range(5))
def test_a_shared_gate_meets_few_throttles_where_the_service_takes_thirty_a_minute(seed: int) -> None:
    """300 calls of 4 workers: 540 s at best; backoff in each worker takes 2,606 s and 1,314 throttles."""
    run = _simulate(calls=300, workers=4, per_minute=30, seconds_a_call=0.3, seed=seed)
    assert len(run.throttled) <= 20
    assert run.ended <= 700
