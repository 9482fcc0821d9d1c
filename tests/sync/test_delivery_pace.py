"""How far a delivery reads ahead, how many calls it makes at once, what it reports on the way and when it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sync_fakes import SERVICE, START, ListSource, World, rows

from airflow_provider_bingads.domain.calls import CallResult, CallVerdict, Fault, RowError
from airflow_provider_bingads.exceptions import FixRequest, RetryLater, Stopped

UNKNOWN = CallResult(CallVerdict.UNKNOWN, detail="no answer in time")
ORDER = ("count", "read", "prepare", "write", "send", "lease")


def first_of(*lanes: str) -> Callable[[Sequence[str]], int]:
    """Serve lanes in this order, whatever stands in the queue."""
    return lambda queued: min(range(len(queued)), key=lambda place: lanes.index(queued[place]))


@dataclass
class CountedSource(ListSource):
    """Remembers how many rows it handed out."""

    handed_out: int = 0

    def chunks(self, accounts: Sequence[str] | None = None) -> Iterator[list[Sequence[Any]]]:
        for chunk in super().chunks(accounts):
            self.handed_out += len(chunk)
            yield chunk


@pytest.mark.parametrize(("batch_size", "in_flight", "ahead"), [(1, 1, 11), (1, 3, 15), (3, 2, 37)])
def test_reading_runs_ahead_of_sending_by_a_bounded_number_of_rows(batch_size: int, in_flight: int, ahead: int) -> None:
    """Memory does not grow with the table: eight batches on the way, and twice those in flight."""
    world = World()
    world.executor.choose = first_of(*ORDER)
    source = CountedSource(rows(*(f"r{number}" for number in range(200))), chunk=1)
    seen: list[int] = []
    send = world.service.send

    def watch(payloads: Any, deadline_seconds: float) -> CallResult:
        seen.append(source.handed_out)
        return send(payloads, deadline_seconds)

    world.service.send = watch  # type: ignore[method-assign]
    (report,) = world.run(source, batch_size=batch_size, max_in_flight=in_flight).deliver()

    assert seen[0] == ahead
    assert report.tally.counts["applied"] == 200


@pytest.mark.parametrize("in_flight", [1, 2, 4])
def test_no_more_calls_are_made_at_once_than_allowed_and_so_many_are(in_flight: int) -> None:
    world = World()
    most = 0

    def choose(lanes: Sequence[str]) -> int:
        nonlocal most
        most = max(most, lanes.count("send"))
        return first_of(*ORDER)(lanes)

    world.executor.choose = choose
    world.run(ListSource(rows(*(f"r{number}" for number in range(60)))), max_in_flight=in_flight).deliver()

    assert most == in_flight


def test_each_call_is_given_the_deadline_and_the_payloads_of_its_rows() -> None:
    world = World()
    given: list[tuple[list[Any], float]] = []
    send = world.service.send

    def watch(payloads: Any, deadline_seconds: float) -> CallResult:
        given.append((list(payloads), deadline_seconds))
        return send(payloads, deadline_seconds)

    world.service.send = watch  # type: ignore[method-assign]
    world.run(ListSource(rows(*"abcd")), call_deadline_seconds=77.0).deliver()

    assert [(len(payloads), deadline) for payloads, deadline in given] == [(3, 77.0), (1, 77.0)]
    assert [batch.sequence for batch in world.ledger.entries.batches] == [0, 1]
    assert [batch.parent_batch_id for batch in world.ledger.entries.batches] == [None, None]
    intents = [call for call in world.ledger.entries.calls if call.event == "intent"]
    assert [call.deadline_at - call.at for call in intents if call.deadline_at] == [timedelta(seconds=77)] * 2


def test_progress_counts_every_row_once_and_the_failed_among_them() -> None:
    world = World()
    world.run(ListSource(rows("known"))).deliver()
    world.service.refuse_with["refused"] = RowError(0, 5604)
    world.service.refuse_with["later"] = RowError(0, 5606)
    world.progress.read = world.progress.done = world.progress.failed = 0
    source = rows("known", "good", "refused", "later", "good#twice")
    source += rows("bad", kind="invalid") + rows("wait", kind="later") + rows("old", kind="old")
    (report,) = world.run(ListSource(source)).deliver()

    assert (world.progress.read, world.progress.done, world.progress.failed) == (8, 8, 2)
    assert world.progress.expected == 8
    assert report.tally.problem_rows == 4
    assert sorted(problem.source_ref for problem in report.tally.problems) == ["bad", "later", "refused", "wait"]


def test_rounded_rows_are_counted() -> None:
    world = World()
    run = world.run(ListSource(rows("a", "b", "c")))
    judge = run.prepare_for("1")
    run.prepare_for = lambda _account: (
        lambda chunk, now: [replace(candidate, rounded=candidate.source_ref != "b") for candidate in judge(chunk, now)]
    )
    (report,) = run.deliver()

    assert report.tally.rounded_rows == 2


def test_a_refusal_of_the_call_carries_what_a_support_case_needs() -> None:
    world = World()
    fault = Fault(SERVICE, 106, "UserIsNotAuthorized")
    world.service.script.append(
        CallResult(CallVerdict.NOT_APPLIED, fault=fault, http_status=400, tracking_id="t-9", detail="not allowed")
    )
    (report,) = world.run(ListSource(rows("a"))).deliver()
    error = report.error

    assert isinstance(error, FixRequest)
    assert str(error) == "ApplyThings was refused for account 1: not allowed"
    assert (error.service, error.operation, error.code, error.error_code, error.http_status, error.tracking_id) == (
        SERVICE,
        "ApplyThings",
        106,
        "UserIsNotAuthorized",
        400,
        "t-9",
    )


def test_a_stop_for_a_passing_cause_names_operation_and_account() -> None:
    world = World()
    world.service.script.append(CallResult(CallVerdict.NOT_APPLIED, detail="no network"))
    (report,) = world.run(ListSource(rows("a"))).deliver()

    assert type(report.error) is RetryLater
    assert str(report.error) == "ApplyThings for account 1: no network"


def test_rows_of_a_stopped_run_are_recorded_as_waiting_whether_batched_or_not() -> None:
    world = World()
    world.service.script.append(CallResult(CallVerdict.NOT_APPLIED, fault=Fault(SERVICE, 106)))
    world.executor.choose = first_of(*ORDER)
    source = ListSource(rows(*(f"r{number}" for number in range(13))), chunk=13)
    (report,) = world.run(source, max_in_flight=1).deliver()

    assert report.tally.counts["deferred"] == 13
    assert (report.tally.calls, report.tally.retries) == (1, 0)
    waiting = {row.source_ref: (row.state, row.error_code) for row in world.ledger.entries.rows}
    assert set(waiting) == {f"r{number}" for number in range(13)}
    assert {state for state, _ in waiting.values()} == {"deferred"}
    assert [waiting[f"r{number}"][1] for number in range(3, 13)] == ["RunStopped"] * 10
    unsent = [call for call in world.ledger.entries.calls if call.event == "not_applied"][1:]
    assert {(call.attempt, call.detail) for call in unsent} == {(0, "the run stopped before the call")}


def test_after_a_stop_calls_in_flight_have_three_seconds() -> None:
    world = World()
    next_of, asked = world.executor.next, []

    def no_reply(timeout: float | None) -> Any:
        announced = bool(world.ledger.entries.batches)
        if not announced or timeout is None or any(lane != "send" for lane, _, _ in world.executor.jobs):
            return next_of(timeout)
        assert len(asked) < 50, "waits for ever"
        world.clock.stop = True
        asked.append(world.clock.monotonic())
        world.clock.at += timedelta(seconds=timeout)
        return None

    world.executor.choose = first_of(*ORDER[:-2], "lease", "send")
    world.executor.next = no_reply  # type: ignore[assignment, method-assign]
    (report,) = world.run(ListSource(rows("a"))).deliver()

    assert isinstance(report.error, Stopped)
    assert report.tally.counts["unknown"] == 1
    assert asked[:3] == [0.0, 0.25, 0.5]
    assert asked[-1] == 3.0
    (end,) = [call for call in world.ledger.entries.calls if call.event == "unknown"]
    assert (end.attempt, end.detail) == (1, "the task ended before an answer came")


@pytest.mark.parametrize(("answer", "left_seconds"), [(None, 0), (UNKNOWN, 120)])
def test_a_lease_is_kept_until_no_call_of_the_run_can_take_effect(answer: CallResult | None, left_seconds: int) -> None:
    world = World()
    if answer:
        world.service.script.append(answer)
    run = world.run(ListSource(rows("a")))
    run.deliver()

    assert world.ledger.leases[run._stream("1")].expires_at == START + timedelta(seconds=left_seconds)


def test_a_row_that_keeps_failing_for_a_moment_is_sent_three_times_and_then_waits() -> None:
    world = World()
    world.service.refuse_with["a"] = RowError(0, 5612)
    (report,) = world.run(ListSource(rows("a", "b", "c", "d", "e"))).deliver()

    assert sum(call.count("a") for call in world.service.received) == 3
    assert (report.tally.counts["applied"], report.tally.counts["deferred"]) == (4, 1)
    assert world.ledger.states()["a"] == ["deferred"]
