"""Rows that a person had marked for another try, or forgotten, between two runs."""

from __future__ import annotations

from typing import Any

import pytest
from sync_fakes import START, ListSource, World, key_of, rows

from airflow_provider_bingads.domain.calls import CallResult, CallVerdict, RowError
from airflow_provider_bingads.domain.identity import erased_key
from airflow_provider_bingads.domain.outcomes import (
    FORGOTTEN_CONTENT,
    FORGOTTEN_REFERENCE,
    ROW_RANK,
    Finality,
    RowState,
    Violation,
)
from airflow_provider_bingads.domain.records import Entries, Known, RowRecord
from airflow_provider_bingads.domain.rows import Candidate
from airflow_provider_bingads.sync.classify import classify, systemic_cause
from airflow_provider_bingads.sync.run import AccountReport

REFUSAL = RowError(0, 5603, "ClickIdInvalid", message="no such click")
UNKNOWN = CallResult(CallVerdict.UNKNOWN, detail="no answer in time")
KEEPING_RUN = "f" * 32


def refused(*names: str) -> World:
    """Return a world in which a first run had these rows refused, and the cause is gone."""
    world = World()
    world.service.refuse_with = dict.fromkeys(names, REFUSAL)
    run(world, *names)
    world.service.refuse_with = {}
    return world


def run(world: World, *names: str, **given: Any) -> AccountReport:
    world.clock.wait(200)
    (report,) = world.run(ListSource(rows(*names, **given))).deliver()
    return report


def counts(report: AccountReport) -> dict[str, int]:
    return {name: rows for name, rows in report.tally.totals().items() if rows and name != "source_rows"}


def last_of(world: World, name: str) -> RowRecord:
    return [row for row in world.ledger.entries.rows if row.row_key == key_of(name)][-1]


def append(world: World, row: RowRecord) -> None:
    world.ledger.record(Entries([], [], [row], []))


def mark(world: World, name: str) -> None:
    """Append what a replay appends."""
    state = RowState.DEFERRED
    last = last_of(world, name)
    append(
        world,
        last._replace(
            call_id=KEEPING_RUN, run_id=KEEPING_RUN, gen=last.gen + 1, state=state.value, rank=ROW_RANK[state]
        ),
    )


def bury(world: World, name: str) -> None:
    """Blank what leads to a row, and append its tombstone."""
    entries, key, state = world.ledger.entries, key_of(name), RowState.INVALID
    last = last_of(world, name)
    entries.rows = [row._replace(source_ref="") if row.row_key == key else row for row in entries.rows]
    entries.errors = [error._replace(source_ref="") if error.row_key == key else error for error in entries.errors]
    append(
        world,
        last._replace(
            call_id=KEEPING_RUN,
            run_id=KEEPING_RUN,
            source_ref="",
            content_hash=FORGOTTEN_CONTENT,
            state=state.value,
            rank=ROW_RANK[state],
        ),
    )


def state_of(world: World, name: str) -> list[tuple[str, int]]:
    stream = world.ledger.entries.rows[0].stream_id
    return [(known.state.value, known.gen) for known in world.ledger.known(stream, [key_of(name)])[key_of(name)]]


def test_a_refused_row_that_nobody_marked_is_not_sent_again() -> None:
    world = refused("a")
    assert counts(run(world, "a")) == {"already_rejected": 1}
    assert world.service.applied == {}


def test_a_marked_row_is_sent_once_and_then_known() -> None:
    world = refused("a", "b")
    mark(world, "a")
    assert counts(run(world, "a", "b")) == {"applied": 1, "already_rejected": 1}
    assert state_of(world, "a") == [("applied", 1)]
    assert counts(run(world, "a", "b")) == {"skipped": 1, "already_rejected": 1}
    assert world.service.received == [["a", "b"], ["a"]]


def test_a_marked_row_that_is_refused_again_stays_refused_until_the_next_mark() -> None:
    world = refused("a")
    for gen in (1, 2):
        mark(world, "a")
        world.service.refuse_with = {"a": REFUSAL}
        assert counts(run(world, "a")) == {"rejected": 1}
        assert state_of(world, "a") == [("rejected", gen)]
        assert counts(run(world, "a")) == {"already_rejected": 1}


def test_a_marked_row_that_is_invalid_is_judged_anew() -> None:
    world = World()
    run(world, "a", kind="invalid")
    assert counts(run(world, "a", kind="invalid")) == {"already_rejected": 1}
    mark(world, "a")
    assert counts(run(world, "a", kind="invalid")) == {"invalid": 1}
    mark(world, "a")
    assert counts(run(world, "a")) == {"applied": 1}, "the setting it failed for was put right"
    assert state_of(world, "a") == [("applied", 2)]


def test_an_unknown_answer_outweighs_the_mark_and_the_next_run_settles_it() -> None:
    world = refused("a")
    mark(world, "a")
    world.service.script.append(UNKNOWN)
    assert counts(run(world, "a")) == {"unknown": 1}
    assert state_of(world, "a") == [("unknown", 1)]
    assert counts(run(world, "a")) == {"applied": 1}


def test_what_is_deferred_again_keeps_the_generation() -> None:
    world = refused("a")
    mark(world, "a")
    assert counts(run(world, "a", kind="later")) == {"deferred": 1}
    assert state_of(world, "a") == [("deferred", 1)]
    assert counts(run(world, "a")) == {"applied": 1}


def test_a_late_outcome_of_the_first_generation_does_not_undo_the_mark() -> None:
    world = refused("a")
    late = last_of(world, "a")
    mark(world, "a")
    append(world, late)
    assert counts(run(world, "a")) == {"applied": 1}


def test_a_marked_row_that_its_source_no_longer_returns_waits() -> None:
    world = refused("a", "b")
    mark(world, "a")
    report = run(world, "b")
    assert report.waiting is not None
    assert (report.waiting.rows, report.waiting.unknown_or_held) == (1, 0)


def test_a_marked_row_with_new_content_is_another_row() -> None:
    world = refused("a")
    mark(world, "a")
    assert counts(run(world, "a", value=2)) == {"applied": 1}
    assert sorted(state_of(world, "a")) == [("applied", 0), ("deferred", 1)]


def test_a_duplicate_of_a_marked_row_stays_one() -> None:
    world = refused("a")
    mark(world, "a")
    assert counts(run(world, "a", "a#2")) == {"applied": 1, "duplicate": 1}
    assert world.service.received == [["a"], ["a"]]


@pytest.mark.parametrize("value", [1, 2])
def test_a_forgotten_row_is_counted_never_sent_and_never_named_again(value: int) -> None:
    """Whatever content the source shows for it."""
    world = refused("a")
    bury(world, "a")
    before = len(world.ledger.entries.rows)
    assert counts(run(world, "a", "b", value=value)) == {"already_rejected": 1, "applied": 1}
    assert world.service.received == [["a"], ["b"]]
    assert len(world.ledger.entries.rows) == before + 1
    assert "a" not in world.ledger.states()
    assert all(error.source_ref == "" for error in world.ledger.entries.errors)


def test_a_forgotten_row_that_was_applied_counts_as_skipped() -> None:
    world = World()
    run(world, "a")
    bury(world, "a")
    for given in ({}, {"value": 2}, {"kind": "invalid"}, {"kind": "later"}):
        assert counts(run(world, "a", **given)) == {"skipped": 1}
    assert world.service.received == [["a"]]


def test_two_rows_of_a_forgotten_key_are_both_counted() -> None:
    world = refused("a")
    bury(world, "a")
    assert counts(run(world, "a", "a#2")) == {"already_rejected": 2}


def test_an_old_forgotten_row_is_out_of_window_like_any_other() -> None:
    world = refused("a")
    bury(world, "a")
    assert counts(run(world, "a", kind="old")) == {"out_of_window": 1}


def test_a_forgotten_row_fails_no_later_try() -> None:
    """What a person had erased is no failure of the task whose DAG run is cleared."""
    candidate = Candidate("a", key_of("a"), "1" * 16, {})
    tombstone = Known(FORGOTTEN_CONTENT, RowState.INVALID, 50, KEEPING_RUN)
    classified = classify([candidate], {candidate.key: [tombstone]}, (), "r", earlier_runs={KEEPING_RUN})
    assert (classified.counted, classified.refused_before) == ({"already_rejected": 1}, 0)


@pytest.mark.parametrize("state", [state for state in RowState if state is not RowState.INVALID])
def test_no_other_state_makes_a_tombstone(state: RowState) -> None:
    assert not Known(FORGOTTEN_CONTENT, state, ROW_RANK[state], "r").forgotten
    assert not Known("1" * 16, RowState.INVALID, 50, "r").forgotten


def test_a_forgotten_row_settles_the_call_it_was_in() -> None:
    world = World()
    original = world.ledger.record

    def die(entries: Entries) -> None:
        if any(call.event == "answered" for call in entries.calls):
            raise KeyboardInterrupt
        original(entries)

    world.ledger.record = die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        world.run(ListSource(rows("a"))).deliver()
    world.ledger.record = original  # type: ignore[method-assign]
    world.executor.jobs.clear()
    (batch,) = world.ledger.entries.batches
    assert len(world.ledger.open_calls(batch.stream_id)) == 1
    append(world, tombstone_of(batch.stream_id, "a"))
    report = run(world, "b")
    assert report.waiting is not None
    assert report.waiting.rows == 0
    assert world.ledger.open_calls(batch.stream_id) == []
    assert world.service.received == [["a"], ["b"]]


def tombstone_of(stream: str, name: str) -> RowRecord:
    values: dict[str, Any] = dict.fromkeys(RowRecord._fields)
    values |= {
        "call_id": KEEPING_RUN,
        "row_index": 0,
        "stream_id": stream,
        "run_id": KEEPING_RUN,
        "gen": 0,
        "at": START,
    }
    values |= {"row_key": key_of(name), "content_hash": FORGOTTEN_CONTENT, "state": "invalid", "rank": 50}
    return RowRecord(**{**values, "source_ref": "", "n_errors": 0})


def erased(stream: str, reference: str, *, dag: str = "dag", task: str = "task") -> RowRecord:
    """Return the tombstone of a source row."""
    key = erased_key(stream, dag, task, reference)
    return tombstone_of(stream, "")._replace(row_key=key, error_code=FORGOTTEN_REFERENCE)


@pytest.mark.parametrize(
    ("there", "counted"),
    [
        ({}, {"already_rejected": 1}),
        ({"reference": "z"}, {"applied": 1}),
        ({"task": "other"}, {"applied": 1}),
        ({"dag": "other"}, {"applied": 1}),
        ({"stream": "0" * 32}, {"applied": 1}),
    ],
    ids=",".join,
)
def test_a_forgotten_source_row_is_recognised_whatever_event_it_is_of(
    there: dict[str, str], counted: dict[str, int]
) -> None:
    """Nothing is recorded of the event; the same name elsewhere is another row."""
    world = World()
    run(world, "first")
    stream = world.ledger.entries.rows[0].stream_id
    append(world, erased(**{"stream": stream, "reference": "a", **there}))
    before = len(world.ledger.entries.rows)
    assert counts(run(world, "a")) == counted
    assert len(world.ledger.entries.rows) == before + counted.get("applied", 0)
    assert len(world.service.received) == 1 + counted.get("applied", 0)


@pytest.mark.parametrize("kind", ["", "invalid", "later"])
def test_a_forgotten_source_row_is_not_judged(kind: str) -> None:
    world = World()
    run(world, "first")
    append(world, erased(world.ledger.entries.rows[0].stream_id, "a"))
    assert counts(run(world, "a", kind=kind)) == {"already_rejected": 1}
    assert "a" not in world.ledger.states()


def test_a_forgotten_source_row_of_an_event_that_was_applied_counts_as_skipped() -> None:
    world = World()
    run(world, "a")
    append(world, erased(world.ledger.entries.rows[0].stream_id, "a#2"))
    assert counts(run(world, "a#2", value=2)) == {"skipped": 1}


def test_another_row_of_the_same_event_is_sent_though_one_before_it_was_forgotten() -> None:
    world = World()
    run(world, "first")
    append(world, erased(world.ledger.entries.rows[0].stream_id, "a"))
    assert counts(run(world, "a", "a#2")) == {"already_rejected": 1, "applied": 1}


def test_a_tombstone_of_an_event_is_none_of_a_source_row() -> None:
    world = World()
    run(world, "a")
    bury(world, "a")
    assert world.ledger.forgotten(world.ledger.entries.rows[0].stream_id) == frozenset()


@pytest.mark.parametrize("undeclared", [True, False])
def test_a_forgotten_row_has_no_part_in_what_is_wrong_with_all(undeclared: bool) -> None:
    gone = [Candidate(f"g{n}", key_of(f"g{n}"), "1" * 16, None, erased=True) for n in range(3)]
    deferred = Violation("Missing", None, "F", None, "r", "m", finality=Finality.DEFERRED, systemic=True,
                         undeclared=undeclared)  # fmt: skip
    rows = [*gone, Candidate("a", key_of("a"), "1" * 16, None, (deferred,))]
    assert systemic_cause(rows, classify(rows, {}, (), "r")) is deferred
