"""Processes that are killed, frozen and asked to end, at random moments, and what the next one makes of it."""

from __future__ import annotations

import random
import signal

import pytest

from tests.proof.process.process_figures import judge
from tests.proof.process.process_stage import Stage, Timing, Try
from tests.proof.process.process_tiers import long_only

ROWS = 3_000
SHORT = Timing(lease_seconds=1.0, call_deadline_seconds=4.0)
LATENCY_MS = 60.0
SLOWED = {"batch_size": 100, "max_in_flight": 2}
"""With the latency, an upload of some two seconds in thirty calls: something to strike at."""
HOLDING = 0.75
AIRFLOW_WAITS_SECONDS = 5.0
"""What Airflow's supervisor leaves a task between SIGTERM and SIGKILL."""


def upload(stage: Stage, timing: Timing = SHORT) -> Stage:
    stage.timing = timing
    stage.arguments = dict(SLOWED)
    stage.prepare(ROWS)
    stage.service.control.configure(latency_ms=LATENCY_MS)
    return stage


def at_work(stage: Stage, one: Try) -> None:
    """Wait until the process delivers."""
    applied = stage.applied()
    assert stage.until(one, lambda: stage.applied() > applied), one.tail()


def assert_clean(stage: Stage, seen: dict[str, float] | None = None) -> None:
    judge(stage, ROWS, seen)


@pytest.mark.parametrize("seed", long_only([1], range(2, 12)))
def test_killed_at_random_moments(stage: Stage, seed: int) -> None:
    """Two kills for an upload, most of them while the process holds the lease."""
    chance = random.Random(seed)
    upload(stage)
    for _ in range(2):
        one = stage.start()
        if chance.random() < HOLDING:
            stage.until(one, lambda one=one: stage.waited(one) is not None)  # type: ignore[misc]
        one.ended(chance.random())
        one.strike(signal.SIGKILL)
        assert one.ended(10)
    stage.finish()
    assert_clean(stage)


@pytest.mark.parametrize("wakes", long_only(["while the other delivers"], ["after the other has ended"]))
def test_frozen_longer_than_the_lease_while_another_takes_over(stage: Stage, wakes: str) -> None:
    """The woken one sends nothing that the other has sent and recorded, and spoils nothing the other wrote."""
    upload(stage)
    seen: dict[str, float] = {}
    frozen = stage.start(run_id="frozen")
    at_work(stage, frozen)
    stage.freeze(frozen)
    stage.look(seen)
    other = stage.start(run_id="other")
    assert stage.until(other, lambda: stage.waited(other) is not None)
    if wakes == "while the other delivers":
        at_work(stage, other)
    else:
        assert other.finish()["error"] is None
    stage.look(seen)
    frozen.strike(signal.SIGCONT)
    while not (frozen.ended(0.02) and other.ended()):
        stage.look(seen)
    assert frozen.finish()["error"] == "LeaseLost", frozen.tail()
    stage.finish()
    assert_clean(stage, seen)


@pytest.mark.parametrize("hanging", long_only([True], [False]))
def test_asked_to_end_as_airflow_asks(stage: Stage, *, hanging: bool) -> None:
    """SIGTERM, and five seconds later SIGKILL: the process ends in time by itself, even if the service hangs."""
    upload(stage, Timing(1.0, 20.0))
    one = stage.start()
    at_work(stage, one)
    if hanging:
        stage.service.control.set_faults([{"do": "slow(15)", "match": {"op": "ApplyOfflineConversions"}}])
        one.ended(0.5)
    one.strike(signal.SIGTERM)
    assert one.ended(AIRFLOW_WAITS_SECONDS), one.tail()
    assert one.finish()["error"] == "Stopped"
    stage.service.control.set_faults([])
    stage.finish()
    assert_clean(stage)
