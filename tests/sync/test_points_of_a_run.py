"""The points at which the proof stops, kills and freezes a run: each stands, and on both sides of its work."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sync_fakes import ListSource, World, rows

from airflow_provider_bingads.sync.ports import marked
from airflow_provider_bingads.sync.run import EventRun

LANES = {
    "cutoff": "read",
    "account": "read",
    "customer": "read",
    "skip": "read",
    "acquire": "lease",
    "release": "lease",
    "start": "write",
    "recover": "write",
    "close": "write",
    "finish": "write",
    "reference": "send",
}


def test_a_point_stands_before_its_work_and_one_after_it() -> None:
    met: list[str] = []
    work = marked(met.append, "work", lambda: met.append("done") or 7)

    assert met == []
    assert work() == 7
    assert met == ["work.before", "done", "work.after"]


def test_work_that_fails_has_no_point_after_it() -> None:
    met: list[str] = []

    def fail() -> None:
        raise KeyError("nothing")

    with pytest.raises(KeyError):
        marked(met.append, "work", fail)()
    assert met == ["work.before"]


def met_by(world: World, run: EventRun) -> list[tuple[str, str]]:
    """Deliver, and return the points of the run itself, each with the lane that its work ran in."""
    met: list[tuple[str, str]] = []
    run.ports = replace(run.ports, at=lambda name: met.append((world.executor.ran[-1], name)))
    run.deliver()
    return [(lane, name) for lane, name in met if "run" in name]


def both_sides(*works: str) -> list[tuple[str, str]]:
    return [(LANES[work], f"run.{work}.{side}") for work in works for side in ("before", "after")]


def test_the_points_of_an_account_are_met_in_their_order_and_lanes() -> None:
    """What shares a lane shares a thread: the source's cursor, the ledger's writes and the lease have one each."""
    world = World()
    run = world.run(ListSource(rows("a")), by_account=True)
    run.customer_position = 1
    works = ["cutoff", "account", "customer", "acquire", "start", "recover", "reference", "close", "finish", "release"]

    assert met_by(world, run) == both_sides(*works, "account")


def test_each_chunk_that_a_busy_account_leaves_is_passed_between_points() -> None:
    world = World()
    run = world.run(ListSource(rows(*"abcdefg")), by_account=True, lease_wait_seconds=0)
    world.ledger.acquire(run._stream("1"), "other", 3600)
    skipped = ["skip"] * 3  # two chunks and the end

    assert met_by(world, run) == both_sides("cutoff", "account", "acquire", *skipped, "account", "acquire", *skipped)
