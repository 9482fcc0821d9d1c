"""What a delivery sends, records, counts and gives up where several things happen at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sync_fakes import SERVICE, ListSource, OneThread, SimulatedClock, World, prepare, rows

from airflow_provider_bingads.domain.calls import CallResult, CallVerdict, Fault, RowError
from airflow_provider_bingads.domain.outcomes import FORGOTTEN_REFERENCE, Finality, Violation
from airflow_provider_bingads.domain.rows import Batch
from airflow_provider_bingads.exceptions import FixRequest, LeaseLost, RetryLater
from airflow_provider_bingads.sync.classify import classify, systemic_cause
from airflow_provider_bingads.sync.delivery import AccountDelivery
from airflow_provider_bingads.sync.erasure import recognising
from airflow_provider_bingads.sync.ports import Lease, Work

UNKNOWN = CallResult(CallVerdict.UNKNOWN, detail="no answer in time")
REFUSED = CallResult(CallVerdict.NOT_APPLIED, fault=Fault(SERVICE, 106))
MOMENTARY, FINAL = 5612, 5604
SETTING = Violation("Setting", None, "At", "at", "is not declared", "declare it", finality=Finality.DEFERRED)


def first_of(*lanes: str) -> Callable[[Sequence[str]], int]:
    """Serve lanes in this order, whatever stands in the queue."""
    return lambda queued: min(range(len(queued)), key=lambda place: lanes.index(queued[place]))


@dataclass
class Impatient(OneThread):
    """Fails where a delivery goes round and round with nothing under way."""

    idle: int = 0

    def next(self, timeout_seconds: float | None) -> Work | None:
        self.idle = 0 if self.jobs else self.idle + 1
        assert self.idle < 100, "goes round for ever"
        return super().next(timeout_seconds)


def delivered(world: World, source: ListSource, **changes: Any) -> AccountDelivery:
    """Deliver the account and return its delivery, whose books are to be empty then."""
    run = world.run(source, **changes)
    lease = None if changes.get("validate_only") else run._acquire("1", 0.0)
    return run._deliver("1", run._feed(None), run._new_report("1"), lease)


def batches(world: World) -> list[int]:
    """Return how many rows each call had."""
    return [len(keys) for keys in world.service.received]


# What is sent -------------------------------------------------------------------------------------------------------


def test_batches_are_filled_while_rows_are_still_being_judged() -> None:
    """A short batch is the last one: every call counts against the account's limits."""
    world = World()
    world.executor.choose = first_of("count", "read", "lease", "write", "send", "prepare")
    source = ListSource(rows("a", "b") + rows("bad", kind="invalid") + rows("c", "d", "e"), chunk=3)
    world.run(source).deliver()

    assert batches(world) == [3, 2]


def test_a_full_batch_does_not_wait_for_more_rows() -> None:
    world = World()
    world.executor.choose = first_of("count", "lease", "send", "write", "prepare", "read")
    world.run(ListSource(rows(*"abcdef"), chunk=3)).deliver()

    ran = world.executor.ran
    assert ran.index("send", ran.index("prepare")) < [n for n, lane in enumerate(ran) if lane == "read"][2]


@dataclass
class Freezing(SimulatedClock):
    """Stands still for longer than a lease, once, after the delivery has looked at its lease."""

    when: Callable[[], bool] = bool
    frozen: bool = False

    def wait(self, seconds: float) -> bool:
        if seconds == 0.0 and not self.frozen and self.when():
            self.frozen = True
            self.at += timedelta(seconds=31)
        return super().wait(seconds)


def test_a_freeze_between_the_look_at_the_lease_and_the_send_leaves_no_row_behind() -> None:
    """The batch waits for a renewal; with nothing else under way it is all that keeps the delivery going."""
    clock = Freezing()
    world = World(
        clock=clock, executor=Impatient(choose=first_of("count", "lease", "read", "prepare", "write", "send"))
    )
    clock.when = lambda: bool(world.ledger.entries.batches)
    (report,) = world.run(ListSource(rows("a", "b"))).deliver()

    assert clock.frozen
    assert report.error is None
    assert report.tally.counts["applied"] == 2


def test_parts_of_a_refused_batch_are_numbered_on_and_name_it() -> None:
    world = World()
    world.service.poison = frozenset("a")
    world.run(ListSource(rows("a", "b"))).deliver()
    whole, *parts = world.ledger.entries.batches

    assert [batch.sequence for batch in (whole, *parts)] == [0, 1, 2]
    assert [batch.parent_batch_id for batch in parts] == [whole.batch_id] * 2


def test_a_row_whose_refusal_is_not_yet_recorded_has_its_duplicates() -> None:
    world = World()
    world.executor.choose = first_of("count", "lease", "read", "prepare", "write", "send")
    source = ListSource(rows("a", kind="invalid") + rows("a#later"), chunk=1)
    world.run(source).deliver()

    assert world.service.received == []
    assert world.ledger.states() == {"a": ["invalid"], "a#later": ["duplicate"]}


@pytest.mark.parametrize("chunk", [1, 2])
def test_two_versions_of_a_row_come_to_the_same_in_one_chunk_and_in_two(chunk: int) -> None:
    """The first was refused before and counts; the second, known too, is its duplicate."""
    world = World()
    world.service.refuse_with["a"] = RowError(0, FINAL)
    world.run(ListSource(rows("a"))).deliver()
    world.service.script.append(UNKNOWN)
    world.run(ListSource(rows("a", value=2))).deliver()
    world.clock.wait(200)
    sent = len(world.service.received)
    (report,) = world.run(ListSource(rows("a") + rows("a#2", value=2), chunk=chunk)).deliver()

    assert len(world.service.received) == sent
    assert (report.tally.counts["already_rejected"], report.tally.counts["duplicate"]) == (1, 1)


# What a call comes to -----------------------------------------------------------------------------------------------


def test_a_refused_version_is_refused_though_an_earlier_one_is_in_doubt() -> None:
    world = World()
    world.service.script.append(UNKNOWN)
    world.run(ListSource(rows("a"))).deliver()
    world.clock.wait(200)
    world.service.refuse_with["a"] = RowError(0, FINAL)
    (report,) = world.run(ListSource(rows("a", value=2))).deliver()

    assert (report.tally.counts["applied"], report.tally.counts["rejected"]) == (0, 1)


def test_rows_are_sent_again_and_split_while_others_are_in_doubt() -> None:
    world = World()
    world.service.script.append(UNKNOWN)
    world.run(ListSource(rows("gone"))).deliver()
    world.clock.wait(200)
    world.service.refuse_with["b"] = RowError(0, MOMENTARY)
    world.service.poison = frozenset("c")
    (report,) = world.run(ListSource(rows(*"abcd"))).deliver()

    assert report.error is None
    assert (report.tally.counts["applied"], report.tally.counts["deferred"] + report.tally.counts["rejected"]) == (2, 2)


def test_a_batch_of_which_every_part_is_refused_has_no_guilty_row() -> None:
    """A refused part is no sign that the service takes the others."""
    world = World()
    world.service.poison = frozenset("ab")
    (report,) = world.run(ListSource(rows("a", "b"))).deliver()

    assert (report.tally.counts["rejected"], report.tally.counts["deferred"]) == (0, 2)


def test_a_batch_refused_after_the_account_was_given_up_is_not_split() -> None:
    world = World()
    world.executor.choose = first_of("count", "lease", "read", "prepare", "write", "send")
    world.service.script.append(REFUSED)
    world.service.poison = frozenset("d")
    (report,) = world.run(ListSource(rows(*"abcdef"), chunk=6)).deliver()

    assert isinstance(report.error, FixRequest)
    assert batches(world) == [3, 3]
    assert len(world.ledger.entries.batches) == 2
    assert report.tally.counts["deferred"] == 6


@pytest.mark.parametrize(("result", "state"), [(REFUSED, "deferred"), (UNKNOWN, "unknown"), (None, "unknown")])
def test_rows_whose_outcome_cannot_be_recorded_are_in_doubt_only_if_sent(result: CallResult | None, state: str) -> None:
    world = World()
    world.service.script.append(result)
    record = world.ledger.record

    def lose(entries: Any) -> None:
        if any(call.event != "intent" for call in entries.calls):
            raise RetryLater("no connection")
        record(entries)

    world.ledger.record = lose  # type: ignore[method-assign]
    delivery = delivered(world, ListSource(rows("a", "b")))

    assert isinstance(delivery.error, (FixRequest, RetryLater))
    assert (delivery.tally.counts[state], delivery.tally.unaccounted()) == (2, 0)


# What is counted ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("validate_only", [False, True])
def test_when_a_delivery_ends_none_of_its_rows_is_under_way(*, validate_only: bool) -> None:
    """The number bounds how far is read ahead, and the keys the memory: neither may drift over a long table."""
    world = World(executor=Impatient())
    world.run(ListSource(rows("known1", "known2"))).deliver()
    world.service.refuse_with = {"r": RowError(0, FINAL), "m": RowError(0, MOMENTARY)}
    table = rows("known1", "a", "r", "m", "b") + rows("x", "y", kind="invalid") + rows("w", kind="later")
    table += rows("old", kind="old") + rows("a#2", "known2", "c") + rows("z", kind="invalid") + rows("d")
    delivery = delivered(world, ListSource(table, chunk=4), validate_only=validate_only)

    assert delivery.error is None
    assert delivery._outstanding == 0
    assert delivery._open_keys == set()


def test_rows_known_already_do_not_count_as_read_ahead() -> None:
    world = World(executor=Impatient())
    table = rows(*(f"r{number}" for number in range(60)))
    world.run(ListSource(table)).deliver()
    (report,) = world.run(ListSource(table, chunk=1)).deliver()

    assert report.tally.counts["skipped"] == 60


def test_what_is_counted_of_chunks_is_summed_over_them() -> None:
    world = World()
    world.service.refuse_with = {name: RowError(0, FINAL) for name in "ac"}
    first = world.run(ListSource(rows(*"abc")))
    first.deliver()
    second = world.run(ListSource(rows(*"abc"), chunk=1))
    second.earlier_runs = frozenset({first.settings.run_id})
    second.prepare_for = lambda _account: (
        lambda chunk, now: [replace(row, rounded=row.source_ref != "c") for row in prepare(chunk, now)]
    )
    (report,) = second.deliver()

    assert report.tally.refused_before == 2
    assert report.tally.rounded_rows == 2


def test_the_number_of_rows_is_told_when_it_comes_late() -> None:
    world = World()
    others = first_of("read", "prepare", "write", "lease", "send", "count")
    world.executor.choose = lambda lanes: (
        lanes.index("count") if "count" in lanes and len(world.ledger.entries.batches) else others(lanes)
    )
    told: list[int | None] = []
    send = world.service.send

    def watch(payloads: Any, deadline_seconds: float) -> CallResult:
        told.append(world.progress.expected)
        return send(payloads, deadline_seconds)

    world.service.send = watch  # type: ignore[method-assign]
    (report,) = world.run(ListSource(rows(*"ab"))).deliver()

    assert report.error is None
    assert told == [2]


def test_only_refused_rows_count_as_failed_and_name_the_column_at_fault() -> None:
    world = World()
    world.service.refuse_with = {"a": RowError(0, FINAL), "b": RowError(0, FINAL), "c": RowError(0, 5606)}
    (report,) = world.run(ListSource(rows(*"abc"))).deliver()

    assert world.progress.failed == 2
    assert [problem.column for problem in report.tally.problems] == ["click", "click", None]


# When it stops ------------------------------------------------------------------------------------------------------


def test_a_cause_that_hits_a_later_chunk_only_does_not_stop_the_run() -> None:
    world = World()
    everywhere = replace(SETTING, systemic=True)
    run = world.run(ListSource(rows("a", "b"), chunk=1))
    run.prepare_for = lambda _account: (
        lambda chunk, now: [
            replace(row, payload=None, violations=(everywhere,)) if row.source_ref == "b" else row
            for row in prepare(chunk, now)
        ]
    )
    (report,) = run.deliver()

    assert report.error is None
    assert (report.tally.counts["applied"], report.tally.counts["deferred"]) == (1, 1)


def test_rows_left_over_by_a_stop_say_that_the_run_stopped() -> None:
    world = World()
    source = ListSource(rows(*"abc"), chunk=2, fails_after=1, failure=RetryLater("the warehouse went away"))
    (report,) = world.run(source).deliver()
    (first, _second) = report.tally.problems
    why = "the run stopped before the row was sent; the next run sends it"

    assert (first.error_code, first.code, first.field_path, first.column) == ("RunStopped", None, None, None)
    assert first.message == why
    assert {(row.state, row.error_code) for row in world.ledger.entries.rows} == {("deferred", "RunStopped")}


@pytest.mark.parametrize(("kind", "doubtful", "reconciled"), [("invalid", 0, 1), ("later", 0, 0)])
def test_a_row_in_doubt_that_is_judged_here_is_no_longer_missing(kind: str, doubtful: int, reconciled: int) -> None:
    world = World()
    world.service.script.append(UNKNOWN)
    world.run(ListSource(rows("a"))).deliver()
    world.clock.wait(200)
    (report,) = world.run(ListSource(rows("a", kind=kind))).deliver()

    assert report.waiting is not None
    assert report.waiting.unknown_or_held == doubtful
    assert [call.event for call in world.ledger.entries.calls].count("reconciled") == reconciled


@dataclass
class SlowReply(OneThread):
    """Half a minute passes, a quarter of a second at a time, before a call that was made has its answer.

    :param clock: the world's.
    :param holds: also no renewal comes back in that time.
    """

    clock: SimulatedClock | None = None
    holds: bool = False
    ticks: int = 0
    most_renewals: int = 0

    def next(self, timeout_seconds: float | None) -> Work | None:
        lanes = [lane for lane, _, _ in self.jobs]
        called = any(isinstance(tag, Batch) for _, tag, _ in self.jobs)
        self.most_renewals = max(self.most_renewals, lanes.count("lease"))
        waiting = {"send", "lease"} if self.holds else {"send"}
        if called and set(lanes) <= waiting and self.ticks < 100 and self.clock:
            self.ticks += 1
            self.clock.at += timedelta(seconds=0.25)
            return None
        return super().next(timeout_seconds)


@pytest.mark.parametrize(("holds", "lost"), [(True, False), (False, True)])
def test_one_renewal_is_asked_for_at_a_time_and_none_of_a_lost_lease(*, holds: bool, lost: bool) -> None:
    world = World()
    world.executor = SlowReply(
        first_of("count", "lease", "read", "prepare", "write", "send"), clock=world.clock, holds=holds
    )
    asked: list[float] = []
    renew = world.ledger.renew

    def watch(lease: Lease, seconds: float) -> Lease | None:
        asked.append(world.clock.monotonic())
        return None if lost and len(asked) > 1 else renew(lease, seconds)

    world.ledger.renew = watch  # type: ignore[method-assign]
    (report,) = world.run(ListSource(rows("a"))).deliver()

    assert world.executor.ticks > 80
    assert world.executor.most_renewals == 1
    assert isinstance(report.error, LeaseLost) is lost
    assert len(asked) == 2 or not lost


def test_each_boundary_of_a_delivery_is_told_where_it_is_passed() -> None:
    """The proof kills, fails and freezes a run at these names; one that is not passed would prove nothing."""
    world = World()
    passed: list[str] = []
    run = world.run(ListSource(rows("a") + rows("x", kind="invalid")))
    run.ports = replace(run.ports, at=passed.append)
    run.deliver()

    assert sorted({name for name in passed if name.startswith("delivery.")}) == [
        "delivery.closing",
        "delivery.intent",
        "delivery.judged",
        "delivery.lease.after",
        "delivery.lease.before",
        "delivery.prepare.after",
        "delivery.prepare.before",
        "delivery.read.after",
        "delivery.read.before",
        "delivery.reply",
        "delivery.send.after",
        "delivery.send.before",
        "delivery.write.after",
        "delivery.write.before",
    ]


# What concerns the first chunk and the forgotten --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("marks", "stops"),
    [
        ("u", True),
        ("ui", True),
        ("uii", False),
        ("uee", True),
        ("uie", True),
        ("uoo", True),
    ],
)
def test_a_missing_setting_stops_a_run_if_it_hits_half_of_the_rows_that_count(marks: str, *, stops: bool) -> None:
    """A letter a row: u lacks the setting, i is invalid, e was forgotten, o is out of the window."""
    missing = replace(SETTING, undeclared=True)
    invalid = replace(SETTING, error_code="Bad", finality=Finality.FINAL)
    (plain,) = prepare(rows("a"), None)  # type: ignore[arg-type]
    candidates = [
        replace(
            plain,
            key=str(number),
            violations={"u": (missing,), "i": (invalid,)}.get(mark, ()),
            erased=mark == "e",
            out_of_window=mark == "o",
        )
        for number, mark in enumerate(marks)
    ]
    cause = systemic_cause(candidates, classify(candidates, {}, (), "run"))

    assert (cause is missing) is stops


def test_where_nobody_was_forgotten_rows_are_read_by_the_same_function() -> None:
    identity = World().run(ListSource([])).settings.identity

    assert recognising(prepare, frozenset(), "stream", identity) is prepare
    assert recognising(prepare, frozenset({"k"}), "stream", identity) is not prepare


def test_the_mark_of_a_forgotten_row_is_the_one_that_ledgers_hold() -> None:
    assert FORGOTTEN_REFERENCE == "ForgottenReference"
