"""A lease is relied on from its renewal for its length, counted from before the renewal was asked for."""

from __future__ import annotations

from typing import Any

import pytest
from sync_fakes import ListSource, World, rows

from airflow_provider_bingads.domain.calls import CallResult
from airflow_provider_bingads.exceptions import LeaseLost, RetryLater
from airflow_provider_bingads.sync.patience import insist
from airflow_provider_bingads.sync.ports import Lease
from airflow_provider_bingads.sync.tenure import Tenure

START = 1000.0


def test_nothing_is_held_before_the_first_renewal() -> None:
    tenure = Tenure(30, START)
    assert tenure.is_due(START)
    assert not tenure.holds(START)


def test_a_renewal_counts_from_when_it_was_asked_for() -> None:
    tenure = Tenure(30, START)
    tenure.ask(START + 5)
    assert not tenure.holds(START + 5)
    tenure.extend()
    assert tenure.holds(START + 34.9)
    assert not tenure.holds(START + 35)


def test_the_next_renewal_is_due_after_a_third() -> None:
    tenure = Tenure(30, START)
    tenure.ask(START)
    assert not tenure.is_due(START + 9.9)
    assert tenure.is_due(START + 10)


def test_a_renewal_that_failed_is_due_within_a_second_and_extends_nothing() -> None:
    tenure = Tenure(30, START)
    tenure.ask(START)
    tenure.extend()
    tenure.ask(START + 10)
    tenure.put_off(START + 12)
    assert not tenure.is_due(START + 12.9)
    assert tenure.is_due(START + 13)
    assert tenure.holds(START + 29.9)
    assert not tenure.holds(START + 30)


def test_after_a_freeze_nothing_that_stood_ready_is_sent() -> None:
    """The batches were intended before the freeze; the lease went to somebody else meanwhile."""
    world = World()
    run = world.run(ListSource(rows(*(f"r{n}" for n in range(30)))), max_in_flight=1)
    original = world.service.send

    def freeze(payloads: Any, deadline_seconds: float) -> CallResult:
        result = original(payloads, deadline_seconds)
        if len(world.service.received) == 1:
            world.clock.wait(100)
            world.ledger.acquire(run._stream("1"), "other", 1000)
        return result

    world.service.send = freeze  # type: ignore[method-assign]
    (report,) = run.deliver()
    assert isinstance(report.error, LeaseLost)
    assert len(world.service.received) == 1
    assert report.tally.unaccounted() == 0


def test_after_a_freeze_that_nobody_noticed_the_run_goes_on() -> None:
    world = World()
    original = world.service.send

    def freeze(payloads: Any, deadline_seconds: float) -> CallResult:
        world.clock.wait(100)
        return original(payloads, deadline_seconds)

    world.service.send = freeze  # type: ignore[method-assign]
    (report,) = world.run(ListSource(rows(*(f"r{n}" for n in range(30)))), max_in_flight=1).deliver()
    assert report.error is None
    assert report.tally.counts["applied"] == 30


def test_a_ledger_out_of_reach_beyond_the_lease_ends_the_try() -> None:
    """Nothing may be sent without the lease, and waiting for ever helps nobody: Airflow's next try resumes."""
    world = World()

    def away(_lease: Lease, _seconds: float) -> Lease | None:
        raise RetryLater("the ledger is away")

    world.ledger.renew = away  # type: ignore[method-assign]
    (report,) = world.run(ListSource(rows("a", "b"))).deliver()
    assert isinstance(report.error, RetryLater)
    assert world.service.received == []
    assert report.tally.counts["deferred"] == 2


@pytest.mark.parametrize(("failures", "waited"), [(0, 0.0), (1, 0.5), (3, 10.5)])
def test_work_is_done_again_after_pauses(failures: int, waited: float) -> None:
    world = World()
    left = [RetryLater("away")] * failures

    def work() -> str:
        if left:
            raise left.pop()
        return "done"

    assert insist(world.clock, work) == "done"
    assert world.clock.waited == waited


def test_a_ledger_that_stays_away_is_given_up() -> None:
    def work() -> str:
        raise RetryLater("away")

    with pytest.raises(RetryLater):
        insist(World().clock, work)
