"""A restart waits for what is left of a dead run's lease, and no longer."""

from __future__ import annotations

import pytest
from sync_fakes import START, ListSource, World, rows

from airflow_provider_bingads.exceptions import LeaseBusy


@pytest.mark.parametrize("left", [0.4, 2.0, 5.3, 29.99])
def test_a_lease_is_taken_as_soon_as_it_ends(left: float) -> None:
    world = World()
    run = world.run(ListSource(rows("a")))
    world.ledger.acquire(run._stream("1"), "killed", left)
    (report,) = run.deliver()
    assert report.error is None
    assert (world.ledger.runs[0].started_at - START).total_seconds() == pytest.approx(left, abs=0.02)


def test_a_lease_given_up_early_is_noticed_within_two_seconds() -> None:
    """The holder may end long before its lease does."""
    world = World()
    run = world.run(ListSource(rows("a")))
    held = world.ledger.acquire(run._stream("1"), "other", 600)
    original, waits = world.clock.wait, []

    def wait(seconds: float) -> bool:
        if seconds:
            waits.append(seconds)
            world.ledger.release(held)  # type: ignore[arg-type]
        return original(seconds)

    world.clock.wait = wait  # type: ignore[method-assign]
    (report,) = run.deliver()
    assert report.error is None
    assert waits[0] <= 2


def test_waiting_ends_with_the_patience() -> None:
    world = World()
    run = world.run(ListSource(rows("a")), lease_wait_seconds=3)
    world.ledger.acquire(run._stream("1"), "other", 600)
    (report,) = run.deliver()
    assert isinstance(report.error, LeaseBusy)
    assert world.clock.monotonic() <= 5
