"""The edges of one account of a run: asked to stop before it, nothing in it, an end that fails too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sync_fakes import SERVICE, ListSource, OneThread, World, rows

from airflow_provider_bingads.domain.calls import CallResult, CallVerdict, Fault
from airflow_provider_bingads.exceptions import FixRequest, RetryLater, Stopped
from airflow_provider_bingads.sync.ports import Work

REFUSED = CallResult(CallVerdict.NOT_APPLIED, fault=Fault(SERVICE, 106))


@pytest.mark.parametrize("by_account", [False, True])
def test_an_account_that_did_not_begin_before_a_stop_is_not_touched(*, by_account: bool) -> None:
    world = World()
    world.clock.stop = True
    (report,) = world.run(ListSource(rows("a")), by_account=by_account).deliver()

    assert isinstance(report.error, Stopped)
    assert (world.ledger.leases, world.ledger.runs, world.ledger.commits) == ({}, [], 0)


def test_a_source_without_rows_names_no_customer() -> None:
    world = World()
    run = world.run(ListSource([]))
    run.customer_position = 3
    (report,) = run.deliver()

    assert report.error is None


def test_what_stopped_an_account_is_reported_though_its_end_fails_too() -> None:
    world = World()
    world.service.script.append(REFUSED)

    def away(*_: Any) -> Sequence[Any]:
        raise RetryLater("the ledger is away")

    world.ledger.waiting_rows = away  # type: ignore[method-assign]
    (report,) = world.run(ListSource(rows("a"))).deliver()

    assert isinstance(report.error, FixRequest)
    assert world.ledger.runs[-1].error_class == "FixRequest"


def test_the_rest_of_the_only_account_is_not_read_after_it_failed() -> None:
    """With an account column the next account stands behind it; without one there is nothing to find."""
    world, met = World(), []
    world.service.script.append(REFUSED)
    run = world.run(ListSource(rows(*"abcdefghijklmnopqrstuvwxyz")))
    run.ports = replace(run.ports, at=met.append)
    (report,) = run.deliver()

    assert isinstance(report.error, FixRequest)
    assert [name for name in met if name.startswith("run.skip")] == []


def test_calls_bear_the_epoch_of_the_lease_they_were_made_under() -> None:
    world = World()
    for name in "ab":
        world.run(ListSource(rows(name))).deliver()

    assert [call.epoch for call in world.ledger.entries.calls if call.event == "intent"] == [1, 2]


def test_a_call_whose_run_died_is_called_unknown_by_the_next_run_before_it_sends() -> None:
    world = World()
    world.service.script.append(KeyError("died"))
    world.run(ListSource(rows("a"))).deliver()
    calls = world.ledger.entries.calls
    calls[:] = [call for call in calls if call.event == "intent"]
    world.ledger.entries.rows.clear()
    world.clock.wait(200)
    world.run(ListSource(rows("a"))).deliver()
    (died, *_) = calls

    assert [(call.call_id == died.call_id, call.event.value) for call in calls] == [
        (True, "intent"),
        (True, "unknown"),
        (False, "intent"),
        (False, "answered"),
        (True, "reconciled"),
    ]


def test_rows_that_name_no_account_have_no_customer() -> None:
    world = World()
    world.service.customer_of = lambda account_id: f"customer of {account_id}"  # type: ignore[method-assign]
    source = ListSource(rows("a", account="x", kind="invalid") + rows("b", account="2"))
    world.run(source, by_account=True).deliver()

    assert {run.account_id: run.customer_id for run in world.ledger.runs} == {"": None, "2": "customer of 2"}


@dataclass
class Patient(OneThread):
    """Remembers how long it was asked to wait at most."""

    patience: list[float | None] = field(default_factory=list)

    def next(self, timeout_seconds: float | None) -> Work | None:
        self.patience.append(timeout_seconds)
        return super().next(timeout_seconds)


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize(("lane", "patience"), [("read", None), ("write", None), ("lease", None), ("send", 0.25)])
def test_only_the_service_is_not_waited_for_to_the_end_and_what_is_done_counts_after_a_stop(
    lane: str, patience: float | None, *, stopped: bool
) -> None:
    """A stop must not leave a write of the ledger behind without knowing what became of it."""
    world = World()
    world.executor = patient = Patient()
    world.clock.stop = stopped
    run = world.run(ListSource([]))

    assert run._do(lane, "work", lambda: 7) == 7
    assert patient.patience == [patience]
