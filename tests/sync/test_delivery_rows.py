"""Each row of a run ends with exactly one outcome, whatever the service and the wire do."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from sync_fakes import ListSource, World, key_of, prepare, rows

from airflow_provider_bingads.domain.calls import CallResult, CallVerdict, Fault, RowError
from airflow_provider_bingads.domain.outcomes import Finality, Violation
from airflow_provider_bingads.exceptions import FixConfiguration, FixRequest, LeaseBusy, RetryLater, Stopped
from airflow_provider_bingads.sync.run import AccountReport

UNKNOWN = CallResult(CallVerdict.UNKNOWN, detail="no answer in time")


def counts(reports: list[AccountReport]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for report in reports:
        assert report.tally.unaccounted() == 0
        total.update({name: number for name, number in report.tally.totals().items() if number})
    return dict(total)


def refused(code: int) -> CallResult:
    return CallResult(CallVerdict.NOT_APPLIED, fault=Fault("CampaignManagement", code))


def test_every_row_is_applied_once_and_recorded_once() -> None:
    world = World()
    names = [f"r{number}" for number in range(11)]
    reports = world.run(ListSource(rows(*names))).deliver()
    assert counts(reports) == {"source_rows": 11, "applied": 11}
    assert set(world.service.applied) == set(names)
    assert world.ledger.states() == {name: ["applied"] for name in names}


def test_a_second_run_sends_nothing_and_records_nothing() -> None:
    world = World()
    source = ListSource(rows("a", "b", "c", "d"))
    world.run(source).deliver()
    calls, recorded = len(world.service.received), len(world.ledger.entries.rows)
    assert counts(world.run(source).deliver()) == {"source_rows": 4, "skipped": 4}
    assert (len(world.service.received), len(world.ledger.entries.rows)) == (calls, recorded)


MIXED: list[tuple[list[tuple[Any, ...]], dict[str, int], dict[str, list[str]]]] = [
    (
        rows("a") + rows("b", kind="invalid") + rows("c"),
        {"source_rows": 3, "applied": 2, "invalid": 1},
        {"a": ["applied"], "b": ["invalid"], "c": ["applied"]},
    ),
    (
        rows("a") + rows("b", kind="later"),
        {"source_rows": 2, "applied": 1, "deferred": 1},
        {"a": ["applied"], "b": ["deferred"]},
    ),
    (rows("a") + rows("b", kind="old"), {"source_rows": 2, "applied": 1, "out_of_window": 1}, {"a": ["applied"]}),
    (
        rows("a", "a#again"),
        {"source_rows": 2, "applied": 1, "duplicate": 1},
        {"a": ["applied"], "a#again": ["duplicate"]},
    ),
    (
        rows("a", "b", "c", "d", "e", "f", "a#in a later chunk"),
        {"source_rows": 7, "applied": 6, "duplicate": 1},
        {**{name: ["applied"] for name in "abcdef"}, "a#in a later chunk": ["duplicate"]},
    ),
    (
        rows("a") + rows("a#other value", value=2),
        {"source_rows": 2, "applied": 1, "duplicate": 1},
        {"a": ["applied"], "a#other value": ["duplicate"]},
    ),
]


@pytest.mark.parametrize(("source", "expected", "states"), MIXED)
def test_rows_are_counted_and_recorded_by_what_became_of_them(
    source: list[tuple[Any, ...]], expected: dict[str, int], states: dict[str, list[str]]
) -> None:
    world = World()
    assert counts(world.run(ListSource(source)).deliver()) == expected
    assert world.ledger.states() == states


@pytest.mark.parametrize("lane", ["read", "prepare", "write", "send", "lease"])
@pytest.mark.parametrize("first", [True, False])
def test_no_order_of_work_sends_a_key_twice(lane: str, first: bool) -> None:
    """Whichever lane is always served first, or always last, a duplicate in a later chunk is seen."""
    world = World()

    def choose(lanes: Any) -> int:
        wanted = [index for index, name in enumerate(lanes) if (name == lane) is first]
        return wanted[0] if wanted else 0

    world.executor.choose = choose
    names = [f"r{number}" for number in range(40)]
    source = rows(*names) + rows(*(f"{name}#x" for name in names))
    reports = world.run(ListSource(source), batch_size=7).deliver()
    sent = Counter(key for call in world.service.received for key in call)
    assert set(sent.values()) == {1}
    assert counts(reports) == {"source_rows": 80, "applied": 40, "duplicate": 40}


def test_a_changed_value_of_an_applied_event_is_superseded_once() -> None:
    world = World()
    world.run(ListSource(rows("a", value=1))).deliver()
    changed = ListSource(rows("a", value=2))
    assert counts(world.run(changed).deliver()) == {"source_rows": 1, "superseded": 1}
    assert counts(world.run(changed).deliver()) == {"source_rows": 1, "superseded": 1}
    assert world.ledger.states() == {"a": ["applied", "superseded"]}
    assert world.service.applied == {"a": 1}


def test_a_refused_row_is_not_judged_again_until_it_changes() -> None:
    world = World()
    world.service.refuse_with["a"] = RowError(0, 5604, "OfflineConversionMicrosoftClickIdInvalid")
    source = ListSource(rows("a", "b"))
    assert counts(world.run(source).deliver()) == {"source_rows": 2, "applied": 1, "rejected": 1}
    assert counts(world.run(source).deliver()) == {"source_rows": 2, "skipped": 1, "already_rejected": 1}
    world.service.refuse_with.clear()
    fixed = ListSource(rows("a", value=7) + rows("b"))
    assert counts(world.run(fixed).deliver()) == {"source_rows": 2, "applied": 1, "skipped": 1}


def test_a_cause_outside_the_row_defers_it_and_the_next_run_sends_it() -> None:
    world = World()
    world.service.refuse_with["a"] = RowError(0, 5615, "OfflineConversionNotAcceptedForGoal")
    source = ListSource(rows("a"))
    assert counts(world.run(source).deliver()) == {"source_rows": 1, "deferred": 1}
    world.service.refuse_with.clear()
    assert counts(world.run(source).deliver()) == {"source_rows": 1, "applied": 1}


def test_a_passing_failure_of_one_row_is_sent_again_in_the_same_run() -> None:
    world = World()
    world.service.refuse_with["a"] = RowError(0, 5612, "OfflineConversionsApplyFailed")
    reports = world.run(ListSource(rows("a", "b"))).deliver()
    assert counts(reports) == {"source_rows": 2, "applied": 1, "deferred": 1}
    assert sum(call.count("a") for call in world.service.received) == 3


def test_a_call_without_an_answer_leaves_its_rows_unknown_and_the_next_run_resolves_them() -> None:
    world = World()
    world.service.script.append(UNKNOWN)
    source = ListSource(rows("a", "b", "c", "d"))
    reports = world.run(source).deliver()
    assert counts(reports) == {"source_rows": 4, "applied": 1, "unknown": 3}
    assert len(world.ledger.open_calls(world.ledger.entries.calls[0].stream_id)) == 1
    world.clock.wait(200)
    again = world.run(source).deliver()
    assert counts(again) == {"source_rows": 4, "applied": 3, "skipped": 1}
    assert world.ledger.open_calls(world.ledger.entries.calls[0].stream_id) == []


def test_open_rows_that_the_source_no_longer_returns_are_named() -> None:
    world = World()
    world.service.script.append(UNKNOWN)
    world.run(ListSource(rows("a", "b"))).deliver()
    world.clock.wait(200)
    (report,) = world.run(ListSource(rows("b"))).deliver()
    assert report.waiting is not None
    assert (report.waiting.rows, report.waiting.unknown_or_held, report.waiting.dag_run_id) == (1, 1, "manual")


def test_a_batch_refused_as_a_whole_is_split_until_the_guilty_row_is_known() -> None:
    world = World()
    names = [f"r{number}" for number in range(16)]
    world.service.poison = frozenset({"r5"})
    reports = world.run(ListSource(rows(*names)), batch_size=16).deliver()
    assert counts(reports) == {"source_rows": 16, "applied": 15, "rejected": 1}
    assert world.ledger.states()["r5"] == ["rejected"]
    assert len(world.service.received) == 9


def test_too_many_guilty_rows_end_the_search_and_defer_the_rest() -> None:
    world = World()
    names = [f"r{number:02}" for number in range(64)]
    world.service.poison = frozenset(names[::2])
    reports = world.run(ListSource(rows(*names)), batch_size=64).deliver()
    total = counts(reports)
    assert total["deferred"] > 0
    assert len(world.service.received) <= 66


def test_an_error_that_names_no_row_is_attributed_by_splitting() -> None:
    world = World()
    nameless = CallResult(CallVerdict.ANSWERED, errors=(RowError(None, 5604),))
    world.service.script.append(nameless)
    reports = world.run(ListSource(rows("a", "b"))).deliver()
    assert counts(reports) == {"source_rows": 2, "applied": 2}


STOPS = [
    (refused(106), FixRequest),
    (refused(117), RetryLater),
    (CallResult(CallVerdict.NOT_APPLIED, detail="connection refused"), RetryLater),
]


@pytest.mark.parametrize(("answer", "error"), STOPS)
def test_a_refused_account_stops_and_defers_what_was_read(answer: CallResult, error: type[Exception]) -> None:
    world = World()
    world.service.script.extend([answer] * 50)
    (report,) = world.run(ListSource(rows(*(f"r{number}" for number in range(20))))).deliver()
    assert isinstance(report.error, error)
    totals = counts([report])
    assert totals["deferred"] == totals["source_rows"]
    assert world.service.applied == {}
    assert all(states == ["deferred"] for states in world.ledger.states().values())


def test_calls_that_apply_nothing_for_a_cause_outside_the_rows_end_the_account() -> None:
    world = World()
    world.service.script.extend([UNKNOWN] * 50)
    (report,) = world.run(ListSource(rows(*(f"r{number:02}" for number in range(60))))).deliver()
    assert isinstance(report.error, RetryLater)
    assert len(world.service.received) <= 3 + 2
    counts([report])


def test_calls_that_apply_something_in_between_do_not_end_the_account() -> None:
    world = World()
    world.service.script.extend([UNKNOWN, UNKNOWN, None] * 5)
    (report,) = world.run(ListSource(rows(*(f"r{number:02}" for number in range(30)))), max_in_flight=1).deliver()
    assert report.error is None


def test_a_cause_that_hits_the_whole_first_chunk_stops_before_anything_is_recorded() -> None:
    world = World()
    world.service.known_goals = frozenset()
    (report,) = world.run(ListSource(rows("a", "b", "c"))).deliver()
    assert isinstance(report.error, FixConfiguration)
    assert "no goal 'Lead'" in str(report.error)
    assert world.ledger.entries.rows == []


UNDECLARED = Violation(
    "PhoneRegionNotDeclared", None, "Phone", "phone", "has no country", "declare it", undeclared=True
)


@pytest.mark.parametrize(("hit", "stops"), [(1, False), (2, False), (3, True), (5, True)])
def test_a_missing_setting_that_half_of_the_first_chunk_needs_stops_the_run(*, hit: int, stops: bool) -> None:
    world = World()
    run = world.run(ListSource(rows(*"abcde")))

    def some_without(chunk: Any, now: Any) -> Any:
        made = prepare(chunk, now)
        for candidate in made[:hit]:
            candidate.violations = (replace(UNDECLARED, finality=Finality.DEFERRED),)
        return made

    run.prepare_for = lambda _account: some_without
    (report,) = run.deliver()
    assert isinstance(report.error, FixConfiguration) is stops
    assert (world.ledger.entries.rows == []) is stops


def test_one_unknown_goal_among_others_defers_only_its_rows() -> None:
    world = World()
    world.service.known_goals = frozenset({"Lead"})
    reports = world.run(ListSource(rows("a", "b") + rows("c", kind="other goal"))).deliver()
    assert counts(reports) == {"source_rows": 3, "applied": 2, "deferred": 1}


def test_validate_only_sends_and_records_nothing() -> None:
    world = World()
    source = rows("a", "b") + rows("c", kind="invalid")
    (report,) = world.run(ListSource(source), validate_only=True).deliver()
    assert counts([report]) == {"source_rows": 3, "invalid": 1, "to_send": 2}
    assert (world.service.received, world.ledger.entries.rows, world.ledger.runs) == ([], [], [])


def test_a_stop_defers_what_was_not_sent_and_a_retry_finishes() -> None:
    world = World()
    source = ListSource(rows(*(f"r{number}" for number in range(30))))
    run = world.run(source)
    original = world.service.send

    def stop_at_the_third_call(payloads: Any, deadline_seconds: float) -> CallResult:
        if len(world.service.received) == 2:
            world.clock.stop = True
        return original(payloads, deadline_seconds)

    world.service.send = stop_at_the_third_call  # type: ignore[method-assign]
    (report,) = run.deliver()
    assert isinstance(report.error, Stopped)
    counts([report])
    world.clock.stop = False
    assert counts(world.run(source).deliver())["source_rows"] == 30
    assert len(world.service.applied) == 30
    assert max(Counter(key for call in world.service.received for key in call).values()) == 1


def test_a_ledger_that_comes_back_loses_nothing() -> None:
    world = World()
    world.run(ListSource(rows("z"))).deliver()
    world.ledger.broken.extend([RetryLater("connection lost"), RetryLater("connection lost")])
    run = world.run(ListSource(rows("a", "b")))
    run_recover = world.ledger.open_calls
    assert run_recover(world.ledger.entries.calls[0].stream_id) == []
    world.ledger.broken.clear()
    failing = world.ledger.record
    misses = iter([False, True, True, False])

    def record(entries: Any) -> None:
        if entries.calls and next(misses, False):
            raise RetryLater("connection lost")
        failing(entries)

    world.ledger.record = record  # type: ignore[method-assign]
    assert counts(run.deliver()) == {"source_rows": 2, "applied": 2}
    assert world.clock.waited > 0


def test_a_ledger_that_stays_away_stops_the_run_before_the_next_send() -> None:
    world = World()
    failing = world.ledger.record

    def record(entries: Any) -> None:
        if entries.batches:
            raise RetryLater("connection lost")
        failing(entries)

    world.ledger.record = record  # type: ignore[method-assign]
    (report,) = world.run(ListSource(rows("a", "b"))).deliver()
    assert isinstance(report.error, RetryLater)
    assert world.service.received == []


def test_a_source_that_breaks_keeps_what_was_done_and_fails_the_account() -> None:
    world = World()
    source = ListSource(rows(*"abcdefghij"), fails_after=1, failure=RetryLater("the source's connection broke"))
    (report,) = world.run(source).deliver()
    assert isinstance(report.error, RetryLater)
    recorded = world.ledger.states()
    assert set(recorded) == set("abcde")
    source.failure = None
    world.run(source).deliver()
    assert set(world.service.applied) == set("abcdefghij")


def test_a_busy_account_names_who_holds_it() -> None:
    world = World()
    first = world.run(ListSource(rows("a")))
    stream = first._stream("1")
    world.ledger.acquire(stream, "other_dag/other_task run r try 1", 3600)
    (report,) = first.deliver()
    assert isinstance(report.error, LeaseBusy)
    assert "other_dag/other_task" in str(report.error)
    assert world.clock.waited >= 60


def test_a_lease_taken_by_another_stops_sending() -> None:
    world = World()
    original = world.service.send

    def lose_the_lease(payloads: Any, deadline_seconds: float) -> CallResult:
        result = original(payloads, deadline_seconds)
        world.clock.wait(100)
        for stream in list(world.ledger.leases):
            world.ledger.acquire(stream, "other", 1000)
        return result

    world.service.send = lose_the_lease  # type: ignore[method-assign]
    (report,) = world.run(ListSource(rows(*(f"r{number}" for number in range(40))))).deliver()
    assert type(report.error).__name__ == "LeaseLost"
    counts([report])
    assert len(world.service.received) < 40 / 3


def test_accounts_are_delivered_one_after_the_other_and_one_failure_stops_no_other() -> None:
    world = World()
    source = rows("a", "b", account="1") + rows("c", account="2") + rows("d", "e", account="3")
    world.service.script.append(refused(106))
    reports = world.run(ListSource(source), by_account=True).deliver()
    assert [report.account_id for report in reports] == ["1", "2", "3"]
    assert [type(report.error).__name__ for report in reports] == ["FixRequest", "NoneType", "NoneType"]
    assert set(world.service.applied) == {"c", "d", "e"}
    assert counts(reports) == {"source_rows": 5, "applied": 3, "deferred": 2}


def test_a_busy_account_comes_last_and_is_sent_when_it_is_free() -> None:
    world = World()
    run = world.run(ListSource(rows("a", account="1") + rows("b", account="2")), by_account=True)
    world.ledger.acquire(run._stream("1"), "other", 10)
    reports = run.deliver()
    assert [report.account_id for report in reports] == ["2", "1"]
    assert set(world.service.applied) == {"a", "b"}


def test_a_busy_account_that_stays_busy_is_deferred() -> None:
    world = World()
    run = world.run(ListSource(rows("a", "c", account="1") + rows("b", account="2")), by_account=True)
    world.ledger.acquire(run._stream("1"), "other", 10_000)
    reports = run.deliver()
    assert counts(reports) == {"source_rows": 3, "applied": 1, "deferred": 2}
    assert isinstance(reports[-1].error, LeaseBusy)


def test_rows_older_than_the_pushed_down_filter_are_counted() -> None:
    world = World()
    source = ListSource(rows("a"), before_cutoff={None: 40})
    assert counts(world.run(source).deliver()) == {"source_rows": 41, "applied": 1, "out_of_window": 40}


def test_an_intent_left_by_a_killed_run_is_resolved_by_the_next() -> None:
    """A process that died between send and outcome: its keys are sent again, nothing else, and the call is closed."""
    world = World()
    run = world.run(ListSource(rows("a", "b", "c", "d", "e", "f")))
    original = world.ledger.record

    def die_before_the_first_outcome(entries: Any) -> None:
        if any(call.event == "answered" for call in entries.calls):
            raise KeyboardInterrupt
        original(entries)

    world.ledger.record = die_before_the_first_outcome  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        run.deliver()
    world.ledger.record = original  # type: ignore[method-assign]
    world.executor.jobs.clear()
    world.clock.wait(60)
    in_doubt = {key for call in world.ledger.open_calls(run._stream("1")) for key, _ in call.members}
    sent_before = len(world.service.received)
    reports = world.run(ListSource(rows("a", "b", "c", "d", "e", "f"))).deliver()
    assert counts(reports) == {"source_rows": 6, "applied": 6}
    again = {key_of(key) for call in world.service.received[sent_before:] for key in call}
    assert in_doubt <= again
    assert world.ledger.open_calls(run._stream("1")) == []
    assert set(world.service.applied) == set("abcdef")
