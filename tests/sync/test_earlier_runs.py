"""What an earlier run left open ends, whatever happened to the rows in the meantime."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sync_fakes import ListSource, World, rows

from airflow_provider_bingads.domain.calls import CallResult, CallVerdict
from airflow_provider_bingads.sync.run import AccountReport

UNKNOWN = CallResult(CallVerdict.UNKNOWN, detail="no answer in time")


def kill_before_the_outcome(world: World, source: ListSource) -> None:
    """Run until the first outcome is to be recorded, and die there as SIGKILL has it."""
    original = world.ledger.record

    def die(entries: Any) -> None:
        if any(call.event == "answered" for call in entries.calls):
            raise KeyboardInterrupt
        original(entries)

    world.ledger.record = die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        world.run(source).deliver()
    world.ledger.record = original  # type: ignore[method-assign]
    world.executor.jobs.clear()
    world.clock.wait(60)


def open_calls(world: World) -> int:
    return len(world.ledger.open_calls(world.ledger.entries.batches[0].stream_id))


def left(report: AccountReport) -> tuple[int, int]:
    assert report.waiting is not None
    return report.waiting.rows, report.waiting.unknown_or_held


def test_a_row_edited_after_a_kill_is_sent_and_closes_the_call() -> None:
    world = World()
    kill_before_the_outcome(world, ListSource(rows("a", "b")))
    (report,) = world.run(ListSource(rows("a") + rows("b", value=2))).deliver()
    assert left(report) == (0, 0)
    assert open_calls(world) == 0


def test_a_row_edited_after_an_unknown_outcome_closes_the_call() -> None:
    world = World()
    world.service.script.append(UNKNOWN)
    world.run(ListSource(rows("a", "b"))).deliver()
    world.clock.wait(200)
    (report,) = world.run(ListSource(rows("a") + rows("b", value=2))).deliver()
    assert left(report) == (0, 0)
    assert open_calls(world) == 0


def test_the_record_of_an_edited_row_says_which_values_the_service_may_hold() -> None:
    """The service keeps the first values it took; whether it had taken the earlier ones nobody can tell."""
    world = World()
    kill_before_the_outcome(world, ListSource(rows("a", "b")))
    world.run(ListSource(rows("a") + rows("b", value=2))).deliver()
    notes = {row.source_ref: row.message for row in world.ledger.entries.rows if row.state == "applied"}
    assert notes["a"] is None
    assert "earlier values" in (notes["b"] or "")


def test_a_row_too_old_by_now_no_longer_waits() -> None:
    world = World()
    kill_before_the_outcome(world, ListSource(rows("a", "b")))
    (report,) = world.run(ListSource(rows("a") + rows("b", kind="old"))).deliver()
    assert left(report) == (0, 0)
    assert open_calls(world) == 0


def test_a_call_older_than_the_window_no_longer_waits() -> None:
    """Its events are older than the call, so none of them can be sent any more."""
    world = World()
    kill_before_the_outcome(world, ListSource(rows("a", "b")))
    (report,) = world.run(ListSource(rows("c"))).deliver()
    assert left(report) == (2, 2)
    world.clock.at += timedelta(days=91)
    (report,) = world.run(ListSource(rows("d"))).deliver()
    assert left(report) == (0, 0)


def test_a_run_that_stopped_early_claims_nothing_about_rows_it_did_not_read() -> None:
    world = World()
    world.service.script.append(UNKNOWN)
    world.run(ListSource(rows("a", "b"))).deliver()
    world.clock.stop = True
    (report,) = world.run(ListSource(rows("a", "b"))).deliver()
    assert report.error is not None
    assert report.waiting is None


REFUSED_FIRST = [
    pytest.param(rows("a#1", kind="invalid") + rows("a#2", value=2), id="the first is invalid"),
    pytest.param(rows("a#1", kind="later") + rows("a#2", value=2), id="the first is deferred"),
]


@pytest.mark.parametrize("source", REFUSED_FIRST)
def test_a_duplicate_of_a_row_that_was_never_sent_is_sent_once_it_stands_alone(source: list[tuple[Any, ...]]) -> None:
    """That another row comes first is no fault of the row's content: without that row it is judged anew."""
    world = World()
    world.run(ListSource(rows("z") + source)).deliver()
    assert "a" not in world.service.applied
    world.run(ListSource(rows("z") + source[1:])).deliver()
    assert world.service.applied["a"] == 2


def test_a_duplicate_of_an_applied_row_is_counted_in_later_runs_and_not_recorded_again() -> None:
    world = World()
    source = ListSource(rows("a#1") + rows("a#2", value=2))
    world.run(source).deliver()
    recorded = len(world.ledger.entries.rows)
    (report,) = world.run(source).deliver()
    assert (report.tally.counts["skipped"], report.tally.counts["duplicate"]) == (1, 1)
    assert len(world.ledger.entries.rows) == recorded


def test_a_duplicate_of_a_refused_row_is_counted_in_later_runs_and_not_recorded_again() -> None:
    world = World()
    source = ListSource(rows("a#1", kind="invalid") + rows("a#2", value=2))
    world.run(source).deliver()
    recorded = len(world.ledger.entries.rows)
    (report,) = world.run(source).deliver()
    assert (report.tally.counts["already_rejected"], report.tally.counts["duplicate"]) == (1, 1)
    assert len(world.ledger.entries.rows) == recorded


def test_a_duplicate_of_a_row_in_doubt_does_not_settle_it() -> None:
    """Its twin's verdict is about the twin: the row itself was sent, and nobody knows what came of it."""
    world = World()
    kill_before_the_outcome(world, ListSource(rows("a#1", "a#2")))
    (report,) = world.run(ListSource(rows("z"))).deliver()
    assert left(report)[1] == 1
    assert open_calls(world) == 1


def test_an_edit_of_a_row_in_doubt_is_told_also_where_the_row_has_a_duplicate() -> None:
    world = World()
    kill_before_the_outcome(world, ListSource(rows("a#1", "b", "a#2")))
    world.run(ListSource(rows("a#1", value=2) + rows("b", "c", "d", "e", "a#2", value=2))).deliver()
    assert world.service.applied["a"] == 1
    applied = [row for row in world.ledger.entries.rows if row.source_ref == "a#1" and row.state == "applied"]
    assert "an earlier version" in (applied[0].message or "")


def test_an_edit_is_told_also_where_its_newest_version_was_in_doubt_before() -> None:
    """The service may have taken the oldest of several versions, whatever was sent last."""
    world = World()
    for value in (1, 2):
        kill_before_the_outcome(world, ListSource(rows("a", value=value)))
    world.run(ListSource(rows("a", value=2))).deliver()
    assert world.service.applied["a"] == 1
    applied = [row for row in world.ledger.entries.rows if row.state == "applied"]
    assert "an earlier version" in (applied[0].message or "")


def test_a_run_that_stops_before_it_sends_a_row_in_doubt_leaves_the_doubt() -> None:
    world = World()
    kill_before_the_outcome(world, ListSource(rows("a")))
    world.service.script.append(CallResult(CallVerdict.NOT_APPLIED, detail="connection refused"))
    world.run(ListSource(rows("a"))).deliver()
    assert world.ledger.states()["a"] == ["deferred"]
    assert open_calls(world) == 1


def test_an_edit_after_such_a_run_is_told() -> None:
    world = World()
    kill_before_the_outcome(world, ListSource(rows("a")))
    world.service.script.append(CallResult(CallVerdict.NOT_APPLIED, detail="connection refused"))
    world.run(ListSource(rows("a"))).deliver()
    (report,) = world.run(ListSource(rows("a", value=2))).deliver()
    assert world.service.applied["a"] == 1
    assert "an earlier version" in (world.ledger.entries.rows[-1].message or "")
    assert left(report) == (0, 0)
    assert open_calls(world) == 0
