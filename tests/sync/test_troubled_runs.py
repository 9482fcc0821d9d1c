"""Runs whose surroundings fail: every row read is still counted, and every account still reported."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from sync_fakes import SERVICE, ListSource, World, rows

from airflow_provider_bingads.domain.calls import CallResult, CallVerdict, Fault, RowError
from airflow_provider_bingads.domain.rows import Candidate
from airflow_provider_bingads.exceptions import FixCredentials, FixRequest, LeaseLost, RetryLater, Stopped
from airflow_provider_bingads.sync.report import RunSummary
from airflow_provider_bingads.sync.run import AccountReport


def test_a_long_validation_holds_no_lease_and_loses_none() -> None:
    world = World()
    run = world.run(ListSource(rows(*"abcdefghijklmno")), validate_only=True)
    judge = run.prepare_for("1")

    def slowly(rows: Sequence[Sequence[Any]], now: datetime) -> list[Candidate]:
        world.clock.wait(20)
        return judge(rows, now)

    run.prepare_for = lambda _account: slowly
    (report,) = run.deliver()
    assert report.error is None
    assert report.tally.counts["to_send"] == 15


FAILING_WRITES = [
    pytest.param(lambda entries: bool(entries.batches), {"deferred"}, id="the intent"),
    pytest.param(
        lambda entries: any(c.event == "answered" for c in entries.calls), {"unknown", "deferred"}, id="the outcome"
    ),
    pytest.param(lambda entries: bool(entries.rows), {"unknown", "deferred"}, id="every row"),
]


@pytest.mark.parametrize(("fails", "states"), FAILING_WRITES)
def test_rows_whose_record_could_not_be_written_are_counted_as_waiting(fails: Any, states: set[str]) -> None:
    """Without the record the next run judges them again, so that is what they wait for."""
    world = World()
    original = world.ledger.record

    def record(entries: Any) -> None:
        if fails(entries):
            raise RetryLater("the ledger is away")
        original(entries)

    world.ledger.record = record  # type: ignore[method-assign]
    (report,) = world.run(ListSource(rows(*"abcdefgh") + rows("i", kind="invalid"))).deliver()
    assert isinstance(report.error, RetryLater)
    assert report.tally.unaccounted() == 0
    waiting = {name for name, number in report.tally.totals().items() if number and name != "source_rows"}
    assert waiting & {"deferred", "unknown"} == states


def test_a_reply_about_a_row_nobody_sent_ends_the_search_at_one_row() -> None:
    """A batch of one cannot be halved; an empty batch is never sent."""
    world = World()
    odd = CallResult(CallVerdict.ANSWERED, errors=(RowError(7, 5604),), http_status=200)
    world.service.script.extend([odd] * 8)
    (report,) = world.run(ListSource(rows("a", "b"))).deliver()
    assert all(world.service.received)
    assert len(world.service.received) == 3
    assert report.tally.counts["unknown"] == 2


def test_a_source_that_breaks_before_its_first_account_is_reported_under_no_account() -> None:
    source = ListSource(rows("a"), fails_after=0, failure=RetryLater("connection broke"))
    (report,) = World().run(source, by_account=True).deliver()
    assert report.account_id == ""
    assert isinstance(report.error, RetryLater)


def test_a_source_that_breaks_while_a_failed_account_is_skipped_keeps_its_report() -> None:
    world = World()
    world.service.script.append(CallResult(CallVerdict.NOT_APPLIED, fault=Fault(SERVICE, 106)))
    source = ListSource(rows(*"abcdefghijklmnopqrstuvwxyz"), fails_after=4, failure=RetryLater("connection broke"))
    reports = world.run(source, by_account=True).deliver()
    assert isinstance(reports[0].error, FixRequest)


def test_an_unexpected_error_of_one_account_stops_no_other_and_is_recorded_as_failure() -> None:
    world = World()
    original = world.service.reference

    def reference(account_id: str) -> Any:
        if account_id == "1":
            raise KeyError("ConversionGoals")
        return original(account_id)

    world.service.reference = reference  # type: ignore[method-assign]
    reports = world.run(ListSource(rows("a", account="1") + rows("b", account="2")), by_account=True).deliver()
    assert [type(report.error).__name__ for report in reports] == ["KeyError", "NoneType"]
    assert set(world.service.applied) == {"b"}
    ends = {run.account_id: run.outcome for run in world.ledger.runs if run.ended_at is not None}
    assert ends == {"1": "failed", "2": "success"}


def test_a_run_that_leaves_rows_in_doubt_does_not_read_as_a_success_in_the_ledger() -> None:
    """Its task fails for them, whether they are its own or an earlier run's that the source no longer returns."""
    world = World()
    world.service.script.append(CallResult(CallVerdict.UNKNOWN, detail="no answer"))
    for source in ("a", "b", "ab"):
        world.run(ListSource(rows(*source))).deliver()
        world.clock.wait(200)
    ends = [(run.outcome, run.error_class) for run in world.ledger.runs if run.ended_at is not None]
    assert ends == [("failed", "RetryLater"), ("failed", "RetryLater"), ("success", None)]


UNSENT = [
    pytest.param(FixCredentials("sign in again"), "deferred", "not_applied", id="of ours, before a byte leaves"),
    pytest.param(KeyError("TrackingId"), "unknown", "unknown", id="of anybody, at any moment"),
    pytest.param(BrokenPipeError(), "unknown", "unknown", id="of a log that nobody reads any more"),
]


@pytest.mark.parametrize(("error", "state", "event"), UNSENT)
def test_call_that_ended_in_an_error_is_only_unsent_where_that_is_known(
    error: Exception, state: str, event: str
) -> None:
    world = World()
    world.service.script.append(error)
    (report,) = world.run(ListSource(rows("a", "b"))).deliver()
    assert report.error is error
    assert report.tally.counts[state] == 2
    assert [call.event.value for call in world.ledger.entries.calls] == ["intent", event]


def test_the_text_of_an_unexpected_error_reaches_no_summary() -> None:
    """Only this package's own sentences are free of values."""
    reports = [AccountReport("1", "r", error=ValueError("could not convert 'jane@example.com'"))]
    summary = RunSummary("r", "ApplyThings", "emulator", reports, {}, False, 1.0)
    assert "jane" not in str(summary.as_xcom())
    assert "ValueError" in str(summary.as_xcom())


def test_a_stop_ends_the_remaining_accounts_without_touching_them() -> None:
    world = World()
    original = world.service.send

    def stop(payloads: Any, deadline_seconds: float) -> CallResult:
        world.clock.stop = True
        return original(payloads, deadline_seconds)

    world.service.send = stop  # type: ignore[method-assign]
    source = ListSource(rows("a", account="1") + rows("b", account="2") + rows("c", account="3"))
    reports = world.run(source, by_account=True).deliver()
    assert isinstance(reports[-1].error, Stopped)
    assert {run.account_id for run in world.ledger.runs} == {"1"}


def test_a_stop_after_another_failure_gives_up_on_calls_in_flight() -> None:
    """Airflow kills the task five seconds after it asked; what is in flight must be on record by then."""
    world = World()
    run = world.run(ListSource(rows(*"abcdef")), max_in_flight=2)
    original = world.executor.next

    def second_call_never_returns(timeout: float | None) -> Any:
        sends = [job for job in world.executor.jobs if job[0] == "send"]
        if len(sends) == 1 and len(world.executor.jobs) == 1 and world.service.received:
            world.clock.stop = True
            world.clock.at = world.clock.at.replace(second=(world.clock.at.second + 1) % 60)
            return None
        return original(timeout)

    world.executor.choose = lambda lanes: next((i for i, lane in enumerate(lanes) if lane != "send"), 0)
    world.service.script.append(CallResult(CallVerdict.NOT_APPLIED, fault=Fault(SERVICE, 106)))
    world.executor.next = second_call_never_returns  # type: ignore[assignment, method-assign]
    (report,) = run.deliver()
    assert isinstance(report.error, FixRequest)
    assert report.tally.counts["unknown"] == 3


def test_rows_left_out_by_the_pushed_down_filter_stand_on_the_run_too() -> None:
    world = World()
    world.run(ListSource(rows("a"), before_cutoff={None: 40})).deliver()
    (end,) = [run for run in world.ledger.runs if run.ended_at is not None]
    assert (end.counts["source_rows"], end.counts["out_of_window"]) == (41, 40)


def test_an_account_with_nothing_but_old_rows_is_reported() -> None:
    world = World()
    source = ListSource(rows("a", account="1"), before_cutoff={"1": 2, "9": 40})
    reports = world.run(source, by_account=True).deliver()
    assert {report.account_id: report.tally.counts["out_of_window"] for report in reports} == {"1": 2, "9": 40}


def test_rows_without_an_account_wait_for_their_lease_instead_of_a_second_read() -> None:
    """A second read by account cannot find cells that name none."""
    world = World()
    run = world.run(ListSource(rows("a", account="1") + rows("b", account="x", kind="invalid")), by_account=True)
    world.ledger.acquire(run._stream(""), "other", 10)
    reports = run.deliver()
    assert sum(report.tally.counts["invalid"] for report in reports) == 1


def test_a_lease_lost_in_a_freeze_stops_sending_at_once() -> None:
    """After a freeze longer than the lease nothing may leave before the lease was looked at."""
    world = World()
    run = world.run(ListSource(rows(*(f"r{n}" for n in range(30)))), max_in_flight=1)
    original = world.service.send

    def freeze(payloads: Any, deadline_seconds: float) -> CallResult:
        result = original(payloads, deadline_seconds)
        if len(world.service.received) == 2:
            world.clock.wait(100)
            world.ledger.acquire(run._stream("1"), "other", 1000)
        return result

    world.service.send = freeze  # type: ignore[method-assign]
    (report,) = run.deliver()
    assert isinstance(report.error, LeaseLost)
    assert len(world.service.received) <= 3
