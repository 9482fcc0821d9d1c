"""The points at which the proof stops, kills and freezes a run: each stands, and on both sides of its work."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sync_fakes import ListSource, World, rows

from airflow_provider_bingads.sync.ports import marked

SKIPPING = ("account", "acquire", "cutoff", "skip")


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


def test_the_points_of_an_account_are_met_in_their_order() -> None:
    met: list[str] = []
    run = World().run(ListSource(rows("a")), by_account=True)
    run.ports, run.customer_position = replace(run.ports, at=met.append), 1
    run.deliver()
    works = ["cutoff", "account", "customer", "acquire", "start", "recover", "reference", "close", "finish", "release"]

    assert [name for name in met if "run" in name] == [
        f"run.{work}.{side}" for work in [*works, "account"] for side in ("before", "after")
    ]


def test_each_chunk_that_a_busy_account_leaves_is_passed_between_points() -> None:
    met: list[str] = []
    world = World()
    run = world.run(ListSource(rows(*"abcdefg")), by_account=True)
    run.ports = replace(run.ports, at=met.append)
    world.ledger.acquire(run._stream("1"), "other", 3600)
    run.deliver()

    assert sorted(set(met)) == [f"run.{work}.{side}" for work in SKIPPING for side in ("after", "before")]
    assert met.count("run.skip.before") == met.count("run.skip.after") == 6  # two chunks and the end, in both reads
