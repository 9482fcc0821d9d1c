"""What the ledger's run table is told of each account, and what a run asks of its surroundings."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest
from sync_fakes import START, ListSource, World, rows

from airflow_provider_bingads.domain.calls import CallResult, CallVerdict, RowError
from airflow_provider_bingads.domain.records import RunIdentity
from airflow_provider_bingads.exceptions import LeaseBusy, RetryLater, Stopped
from airflow_provider_bingads.sync.recovery import Waiting
from airflow_provider_bingads.sync.run import AccountReport
from airflow_provider_bingads.sync.settings import stream_id_of
from airflow_provider_bingads.sync.tally import COUNTERS

STREAM = stream_id_of(environment="emulator", account_id="1", operation="ApplyThings", namespace="default")


def test_start_and_end_of_a_run_are_recorded_with_all_their_facts() -> None:
    world = World()
    world.service.refuse_with["b"] = RowError(0, 5604, "Bad")
    world.service.customer_of = lambda account_id: f"customer of {account_id}"  # type: ignore[method-assign]
    send = world.service.send

    def slowly(payloads: Any, deadline_seconds: float) -> CallResult:
        world.clock.wait(7)
        return send(payloads, deadline_seconds)

    world.service.send = slowly  # type: ignore[method-assign]
    (report,) = world.run(ListSource(rows("a", "b") + rows("c", kind="old"))).deliver()

    begun, ended = world.ledger.runs
    shared = {
        "run_id": report.run_id,
        "stream_id": STREAM,
        "environment": "emulator",
        "account_id": "1",
        "customer_id": "customer of 1",
        "operation": "ApplyThings",
        "namespace": "default",
        "identity": asdict(RunIdentity("dag", "task", "manual", -1, 1)),
        "epoch": 1,
        "started_at": START,
        "provider_version": "0",
        "config_sha": "0",
    }
    assert asdict(begun) == {
        **shared,
        "ended_at": None,
        "counts": dict.fromkeys(COUNTERS, 0),
        "codes": (),
        "calls": 0,
        "retries": 0,
        "throttle_wait_seconds": 0.0,
        "outcome": None,
        "error_class": None,
    }
    assert asdict(ended) == {
        **shared,
        "ended_at": START + timedelta(seconds=7),
        "counts": {**dict.fromkeys(COUNTERS, 0), "source_rows": 3, "applied": 1, "rejected": 1, "out_of_window": 1},
        "codes": ((5604, "Bad", 1),),
        "calls": 1,
        "retries": 0,
        "throttle_wait_seconds": 0.0,
        "outcome": "success",
        "error_class": None,
    }


def test_the_first_account_bears_the_trys_own_id_and_the_others_new_ones() -> None:
    world = World()
    run = world.run(ListSource(rows("a", account="1") + rows("b", account="2")), by_account=True)
    first, second = run.deliver()

    assert first.run_id == run.settings.run_id
    assert second.run_id != first.run_id
    assert {record.run_id for record in world.ledger.runs} == {first.run_id, second.run_id}


def test_fifty_reasons_stand_on_a_run() -> None:
    world = World()
    names = [f"r{number}" for number in range(51)]
    for number, name in enumerate(names):
        world.service.refuse_with[name] = RowError(0, 5604, f"Reason{number}")
    world.run(ListSource(rows(*names))).deliver()

    assert len(world.ledger.runs[-1].codes) == 50


@pytest.mark.parametrize(
    ("unknown", "held", "waiting", "open_rows", "gone"),
    [
        (0, 0, None, 0, 0),
        (2, 0, None, 2, 0),
        (0, 3, Waiting(9, 0, None, None), 3, 0),
        (2, 3, Waiting(9, 4, None, None), 5, 4),
    ],
)
def test_rows_in_doubt_of_this_run_and_of_earlier_ones_are_told_apart(
    unknown: int, held: int, waiting: Waiting | None, open_rows: int, gone: int
) -> None:
    report = AccountReport("1", "r", waiting=waiting)
    report.tally.counts.update(unknown=unknown, held=held)

    assert (report.open_rows, report.open_rows_gone) == (open_rows, gone)


def test_the_busy_account_is_told_of_once_and_how_to_end_the_wait() -> None:
    world = World()
    run = world.run(ListSource(rows("a")), lease_wait_seconds=7)
    world.ledger.acquire(STREAM, "other_dag/other_task run r try 1", 3600)
    (report,) = run.deliver()
    sentence = (
        "Account 1 is held by other_dag/other_task run r try 1 since 2026-11-01 12:00:00 UTC. "
        "Let that run end, give both DAGs one Airflow pool of one slot, or raise lease_wait"
    )

    assert isinstance(report.error, LeaseBusy)
    assert str(report.error) == sentence
    assert world.progress.said == [sentence]
    assert 7 <= world.clock.waited <= 8


def test_an_account_with_patience_for_nothing_is_given_up_at_once() -> None:
    world = World()
    run = world.run(ListSource(rows("a")), lease_wait_seconds=0)
    world.ledger.acquire(STREAM, "other", 3600)
    (report,) = run.deliver()

    assert isinstance(report.error, LeaseBusy)
    assert world.progress.said == []
    assert world.clock.waited == 0


def test_cells_that_spell_one_account_are_counted_together_before_the_cutoff() -> None:
    world = World()
    source = ListSource(rows("a", account="7"), before_cutoff={"7": 2, "07": 3, None: 4, "x": 5})
    reports = world.run(source, by_account=True).deliver()

    assert {report.account_id: report.tally.counts["out_of_window"] for report in reports} == {"7": 5, "": 9}
    assert {report.account_id: report.tally.counts["source_rows"] for report in reports} == {"7": 6, "": 9}


def test_old_rows_of_a_busy_account_are_counted_once() -> None:
    world = World()
    source = ListSource(rows("a", account="1") + rows("b", account="2"), before_cutoff={"1": 6})
    run = world.run(source, by_account=True)
    world.ledger.acquire(run._stream("1"), "other", 10)
    reports = run.deliver()

    assert [(report.account_id, report.tally.counts["out_of_window"]) for report in reports] == [("2", 0), ("1", 6)]


def test_a_stopped_account_is_recorded_as_stopped() -> None:
    world = World()
    send = world.service.send

    def stop(payloads: Any, deadline_seconds: float) -> CallResult:
        world.clock.stop = True
        return send(payloads, deadline_seconds)

    world.service.send = stop  # type: ignore[method-assign]
    (report,) = world.run(ListSource(rows(*"abcdefghij"))).deliver()

    assert isinstance(report.error, Stopped)
    assert (world.ledger.runs[-1].outcome, world.ledger.runs[-1].error_class) == ("stopped", "Stopped")


def test_a_run_with_rows_in_doubt_is_no_success_in_the_ledger() -> None:
    world = World()
    world.service.script.append(CallResult(CallVerdict.UNKNOWN, detail="no answer in time"))
    (report,) = world.run(ListSource(rows("a"))).deliver()
    first = world.ledger.runs[-1]
    world.clock.wait(200)
    world.run(ListSource(rows("b"))).deliver()

    assert report.error is None
    assert (first.outcome, first.error_class) == ("failed", "RetryLater")
    assert (world.ledger.runs[-1].outcome, world.ledger.runs[-1].error_class) == ("failed", "RetryLater")


def test_the_lease_is_given_back_where_the_run_could_not_even_be_recorded() -> None:
    world = World()

    def away(_run: Any) -> None:
        raise RetryLater("the ledger is away")

    world.ledger.start_run = away  # type: ignore[method-assign]
    run = world.run(ListSource(rows("a")))
    (report,) = run.deliver()

    assert isinstance(report.error, RetryLater)
    assert world.ledger.leases[STREAM].expires_at == START
    assert world.ledger.runs[-1].outcome == "failed"
    assert world.service.received == []


def test_the_first_error_of_an_account_is_the_one_reported() -> None:
    world = World()

    def fail(_run: Any) -> None:
        raise RetryLater("no end could be written")

    world.ledger.finish_run = fail  # type: ignore[method-assign]
    world.service.script.append(CallResult(CallVerdict.NOT_APPLIED, detail="no network"))
    (first,) = world.run(ListSource(rows("a"))).deliver()
    (second,) = world.run(ListSource([])).deliver()

    assert "no network" in str(first.error)
    assert "no end could be written" in str(second.error)
    assert world.ledger.leases[STREAM].expires_at == world.clock.now()


def test_columns_are_known_by_the_codes_of_the_fields_that_are_mapped() -> None:
    run = World().run(ListSource([]))
    assert run._columns_of_codes() == {5604: "click"}
    run.columns_of_fields = {"Other": "click"}
    assert run._columns_of_codes() == {}


def test_rows_that_name_no_account_are_looked_up_nowhere() -> None:
    world = World()
    asked: list[str] = []
    world.service.reference = asked.append  # type: ignore[method-assign, return-value]
    world.run(ListSource(rows("a", account="x", kind="invalid") + rows("b", account="2")), by_account=True).deliver()

    assert asked == ["2"]
    assert [record.customer_id for record in world.ledger.runs] == [None] * 4
