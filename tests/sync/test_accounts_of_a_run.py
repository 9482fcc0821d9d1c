"""The accounts of one run: none waits for another, and what is only validated leaves no trace."""

from __future__ import annotations

from copy import deepcopy

import pytest
from sync_fakes import SERVICE, START, ListSource, World, rows

from airflow_provider_bingads.domain.calls import CallResult, CallVerdict, Fault
from airflow_provider_bingads.exceptions import LeaseBusy


def test_no_account_waits_for_one_that_is_busy() -> None:
    world = World()
    run = world.run(ListSource(rows("a", account="1") + rows("b", account="2")), by_account=True)
    world.ledger.acquire(run._stream("1"), "other", 10)
    reports = run.deliver()

    started = {record.account_id: record.started_at for record in world.ledger.runs if record.ended_at is None}
    assert [(report.account_id, report.error) for report in reports] == [("2", None), ("1", None)]
    assert started["2"] == START < started["1"]


def test_rows_of_accounts_that_stay_busy_are_counted_as_waiting_each_once() -> None:
    """Seven rows are two chunks; three more lie before the time that the source leaves out."""
    world = World()
    source = ListSource(rows(*"abcdefg", account="1") + rows(*"hi", account="2"), before_cutoff={"1": 3})
    run = world.run(source, by_account=True)
    for account in ("1", "2"):
        world.ledger.acquire(run._stream(account), "other", 3600)
    reports = run.deliver()

    assert [type(report.error) for report in reports] == [LeaseBusy, LeaseBusy]
    assert [{name: rows for name, rows in report.tally.counts.items() if rows} for report in reports] == [
        {"source_rows": 10, "out_of_window": 3, "deferred": 7},
        {"source_rows": 2, "deferred": 2},
    ]
    assert [report.tally.unaccounted() for report in reports] == [0, 0]
    assert world.service.received == []


@pytest.mark.parametrize("by_account", [False, True])
def test_a_validation_leaves_no_trace_in_the_ledger(*, by_account: bool) -> None:
    """Not even of a call that an earlier run left open, and it takes the account from nobody."""
    world = World()
    world.service.script.append(KeyError("died"))
    world.run(ListSource(rows("a"))).deliver()
    world.clock.wait(200)
    before, commits = deepcopy((world.ledger.entries, world.ledger.leases, world.ledger.runs)), world.ledger.commits
    (report,) = world.run(ListSource(rows("a", "b")), by_account=by_account, validate_only=True).deliver()

    assert report.error is None
    assert report.tally.counts["to_send"] == 2
    assert (world.ledger.entries, world.ledger.leases, world.ledger.runs) == before
    assert world.ledger.commits == commits
    assert len(world.service.received) == 1


def test_a_run_that_stopped_early_says_nothing_of_what_its_source_no_longer_returns() -> None:
    """It did not read to the end, so that it cannot know."""
    world = World()
    world.service.script.append(CallResult(CallVerdict.UNKNOWN, detail="no answer"))
    world.run(ListSource(rows("gone"))).deliver()
    world.clock.wait(200)
    world.service.script.append(CallResult(CallVerdict.NOT_APPLIED, fault=Fault(SERVICE, 106)))
    (stopped,) = world.run(ListSource(rows("b"))).deliver()
    (whole,) = world.run(ListSource(rows("c"))).deliver()

    assert (stopped.waiting, stopped.open_rows_gone) == (None, 0)
    assert stopped.error is not None
    assert whole.open_rows_gone == 1
    assert whole.waiting is not None


@pytest.mark.parametrize(("days", "gone"), [(89, 1), (91, 0)])
def test_a_row_sent_before_the_window_is_waited_for_no_more(days: int, gone: int) -> None:
    """Its event is older than its call, so that nobody could send it again."""
    world = World()
    world.service.script.append(KeyError("died"))
    world.run(ListSource(rows("a"))).deliver()
    world.ledger.entries.rows.clear()  # it died before it could say of the row that it is in doubt
    world.clock.wait(days * 86_400)
    (report,) = world.run(ListSource(rows("b"))).deliver()

    assert report.open_rows_gone == gone
    assert [call.event.value for call in world.ledger.entries.calls].count("reconciled") == 1 - gone
