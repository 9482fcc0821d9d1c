"""What hardly ever happens to a run, and must still end with every row counted and the cause told."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sync_fakes import START, ListSource, World, missing_goal, prepare, rows

from airflow_provider_bingads.domain.outcomes import Finality, Violation
from airflow_provider_bingads.domain.rows import Candidate
from airflow_provider_bingads.exceptions import FixConfiguration, RetryLater, Stopped
from airflow_provider_bingads.sync.ports import Lease, Work
from airflow_provider_bingads.sync.recovery import Waiting
from airflow_provider_bingads.sync.report import RunSummary, summarise
from airflow_provider_bingads.sync.run import AccountReport
from airflow_provider_bingads.sync.tally import RowProblem, Tally
from airflow_provider_bingads.sync.verdict import ending

SETTING = Violation("Setting", None, "At", "at", "nothing is declared", "declare it", finality=Finality.DEFERRED)


def judge_with(*violations: Violation | None) -> Any:
    """Return a row function that gives the rows of a chunk these violations, one each, None for a valid row."""

    def judge(chunk: Sequence[Sequence[Any]], now: datetime) -> list[Candidate]:
        return [
            candidate if one is None else replace(candidate, payload=None, violations=(one,))
            for candidate, one in zip(prepare(chunk, now), violations, strict=True)
        ]

    return judge


@pytest.mark.parametrize(
    ("violations", "stops"),
    [
        ((replace(SETTING, systemic=True),) * 3, True),
        ((replace(SETTING, systemic=True), missing_goal("Lead"), replace(SETTING, systemic=True)), False),
        ((replace(SETTING, systemic=True), SETTING, replace(SETTING, systemic=True)), False),
    ],
)
def test_only_one_cause_that_hits_every_row_stops_a_run(violations: tuple[Violation, ...], *, stops: bool) -> None:
    """Several causes are several things to mend, and the audit tables show them side by side."""
    world = World()
    run = world.run(ListSource(rows("a", "b", "c") + rows("old", kind="old")))
    run.prepare_for = lambda _account: judge_with(*violations, None)

    (report,) = run.deliver()

    assert isinstance(report.error, FixConfiguration) is stops
    assert (world.ledger.entries.rows == []) is stops
    assert report.tally.unaccounted() == 0


def test_a_row_function_that_fails_ends_the_account_and_nothing_is_sent() -> None:
    world = World()
    run = world.run(ListSource(rows("a")))

    def fail(chunk: Sequence[Sequence[Any]], now: datetime) -> list[Candidate]:
        raise ZeroDivisionError

    run.prepare_for = lambda _account: fail
    (report,) = run.deliver()

    assert isinstance(report.error, ZeroDivisionError)
    assert world.service.received == []


def test_a_call_that_could_not_even_be_made_defers_its_rows() -> None:
    world = World()
    world.service.script.append(RetryLater("no access token"))
    (report,) = world.run(ListSource(rows("a", "b"))).deliver()

    assert isinstance(report.error, RetryLater)
    assert report.tally.counts["deferred"] == 2
    assert {call.event.value for call in world.ledger.entries.calls} == {"intent", "not_applied"}

    (again,) = world.run(ListSource(rows("a", "b"))).deliver()
    assert again.tally.counts["applied"] == 2


def test_a_lease_that_cannot_be_renewed_at_once_is_renewed_at_the_next_try() -> None:
    world = World()
    original, failures = world.ledger.renew, [RetryLater("the ledger is away")]

    def renew(lease: Lease, seconds: float) -> Lease | None:
        if failures:
            raise failures.pop()
        return original(lease, seconds)

    send = world.service.send

    def slowly(payloads: Any, deadline_seconds: float) -> Any:
        world.clock.wait(11)
        return send(payloads, deadline_seconds)

    world.ledger.renew, world.service.send = renew, slowly  # type: ignore[method-assign]
    (report,) = world.run(ListSource(rows(*"abcdefghijkl"))).deliver()

    assert failures == []
    assert report.error is None
    assert report.tally.counts["applied"] == 12


def test_a_stop_ends_the_wait_for_a_busy_account() -> None:
    world = World()
    world.ledger.acquire(world.run(ListSource([]))._stream("1"), "somebody", 300)
    world.clock.stop = False
    wait = world.clock.wait

    def stop_at_first_wait(seconds: float) -> bool:
        world.clock.stop = seconds > 0
        return wait(seconds)

    world.clock.wait = stop_at_first_wait  # type: ignore[method-assign]
    (report,) = world.run(ListSource(rows("a"))).deliver()

    assert isinstance(report.error, Stopped)
    assert world.service.received == []


def test_the_customer_of_an_account_is_taken_from_its_first_row() -> None:
    world, used = World(), []
    world.service.use_customer = lambda account_id, customer_id: used.append((account_id, customer_id))  # type: ignore[method-assign]
    source = ListSource([("a", 1, "", "1", "70"), ("b", 1, "", "2", None), ("c", 1, "", "3", "90")])
    source.columns = (*source.columns, "customer")
    run = world.run(source, by_account=True)
    run.customer_position = 4

    reports = run.deliver()

    assert [report.error for report in reports] == [None] * 3
    assert used == [("1", "70"), ("3", "90")]


def test_a_reply_that_comes_after_its_call_was_given_up_changes_nothing() -> None:
    """The call stands as unknown on record; a later fold of the ledger, not this run, may learn better."""
    world = World()
    run = world.run(ListSource(rows(*"abc")))
    late: list[Work] = []
    original = world.executor.next

    def one_reply_is_late(timeout: float | None) -> Work | None:
        if late and any(lane == "write" for lane, _, _ in world.executor.jobs):
            return late.pop()  # while its end as unknown is being written
        done = original(timeout)
        if done is not None and done.lane == "send" and len(world.service.received) == 1:
            late.append(done)
            world.clock.stop = True
            return None
        if done is None:
            world.clock.at += timedelta(seconds=2)
        return done

    world.executor.next = one_reply_is_late  # type: ignore[assignment, method-assign]
    (report,) = run.deliver()

    assert isinstance(report.error, Stopped)
    assert report.tally.unaccounted() == 0
    assert report.tally.counts["unknown"] == 3
    assert late == []
    assert [call.event.value for call in world.ledger.entries.calls] == ["intent", "unknown"]


def test_members_of_an_open_call_that_got_an_outcome_since_are_not_open() -> None:
    """As when two runs raced for the same rows and the slower one's process died before its record."""
    world = World()
    run = world.run(ListSource(rows("a", "b")))
    assert run.deliver()[0].error is None
    world.ledger.entries.calls = [call for call in world.ledger.entries.calls if call.event == "intent"]

    (again,) = world.run(ListSource([])).deliver()

    assert again.error is None
    assert again.waiting is None or again.waiting.rows == 0
    assert world.ledger.open_calls(run._stream("1")) == []


def test_what_an_earlier_try_of_the_task_refused_counts_for_its_threshold_again() -> None:
    world = World()
    first = world.run(ListSource(rows("a", kind="invalid") + rows("b")))
    (before,) = first.deliver()
    again = world.run(ListSource(rows("a", kind="invalid") + rows("b")))
    again.earlier_runs = frozenset({before.run_id})
    other = world.run(ListSource(rows("a", kind="invalid") + rows("b")))

    assert [report.tally.refused_before for report in (*again.deliver(), *other.deliver())] == [1, 0]


def test_a_row_that_loses_its_way_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of this package must not end as a green task."""
    real = Tally.outcome
    monkeypatch.setattr(Tally, "outcome", lambda self, state, rows=1: real(self, state, rows - 1))
    (report,) = World().run(ListSource(rows("a", kind="invalid") + rows("b", kind="invalid"))).deliver()

    assert isinstance(report.error, AssertionError)
    assert "rows of account 1 have no outcome" in str(report.error)


@pytest.mark.parametrize("others", [0, 1])
def test_an_error_nobody_foresaw_tells_kind_and_place_but_no_value(others: int) -> None:
    """Its text may quote a row; Airflow writes the raised one into the task's log."""
    cell = "jane" + "@example.com"
    with pytest.raises(ValueError, match="invalid literal") as caught:
        int(cell)
    broken = caught.value
    reports = [AccountReport("1", "r", error=broken), *[AccountReport("2", "s")] * others]
    error, review = ending(
        RunSummary("r", "ApplyThings", "emulator", reports, {}, False, 1.0),
        max_rejected=0,
        max_rejected_ratio=None,
        where="the ledger",
    )

    assert "ValueError: invalid literal for int() with base 10: [email]" in str(error)
    assert cell not in "".join(traceback.format_exception(error))
    assert error is not None
    assert error.__traceback__ is broken.__traceback__
    assert review is None


@pytest.mark.parametrize("others", [0, 1])
def test_what_ends_the_process_stays_what_it_is(others: int) -> None:
    end = KeyboardInterrupt()
    reports = [AccountReport("1", "r", error=end), *[AccountReport("2", "s")] * others]
    error, _ = ending(
        RunSummary("r", "ApplyThings", "emulator", reports, {}, False, 1.0),
        max_rejected=0,
        max_rejected_ratio=None,
        where="the ledger",
    )

    assert error is end


def problem(code: int | None, name: str, remedy: str | None) -> RowProblem:
    return RowProblem(None, 0, "ref", "rejected", code, name, None, None, "m", remedy, None)


@pytest.mark.parametrize(("deferred", "said"), [(0, None), (1234, "1,234 rows are deferred")])
def test_deferred_rows_are_told_of_even_when_the_task_is_green(deferred: int, said: str | None) -> None:
    tally = Tally()
    tally.counts["deferred"] = deferred
    sentence = RunSummary("r", "A", "emulator", [AccountReport("1", "r", tally)], {}, False, 1.0).waiting_sentence()

    assert (sentence or "None").startswith(str(said))


def test_the_closing_lines_name_reasons_errors_open_rows_and_rounded_amounts() -> None:
    tally = Tally(rounded_rows=1234)
    tally.problem(problem(5606, "OfflineConversionNameInvalid", "create the goal"))
    tally.problem(problem(None, "UnreadableValue", None))
    waiting = Waiting(rows=3, unknown_or_held=0, oldest=START, dag_run_id="manual__9")
    reports = [
        AccountReport("1", "r" * 32, tally, None, waiting),
        AccountReport("", "s" * 32, error=RetryLater("later")),
    ]

    lines = summarise(reports, RunSummary("r", "ApplyThings", "emulator", reports, {}, True, 1.0))

    text = "\n".join(lines)
    assert "would send: 0" in lines[0]
    assert "1 row: OfflineConversionNameInvalid (5606). create the goal" in lines
    assert "1 row: UnreadableValue." in lines
    assert "account (none): later" in text
    assert "3 rows of earlier runs are still open" in text
    assert "clear the run manual__9" in text
    assert "1,234 amounts were rounded" in text
