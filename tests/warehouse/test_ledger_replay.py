"""Replay and release: which rows are marked, which are left out and why, and that a mark is one append."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from airflow_provider_bingads.domain.outcomes import RowState
from airflow_provider_bingads.domain.records import RowRecord
from airflow_provider_bingads.exceptions import FixConfiguration
from airflow_provider_bingads.warehouse import SqlLedger
from airflow_provider_bingads.warehouse.ledger.keeper import LedgerKeeper
from airflow_provider_bingads.warehouse.ledger.kept import LEFT_OUT, Replayed, Scope
from tests.warehouse.ledger_records import STREAM, after, entries, error, identity, name, row, run

A, B = "a" * 16, "b" * 16
HEX_KEY = "0123456789abcdef0123456789abcdef"
RECENT = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
OLD = RECENT - timedelta(days=90)


@pytest.fixture
def keeper(ledger: SqlLedger) -> LedgerKeeper:
    ledger.start_run(run())
    return LedgerKeeper(ledger, owner="somebody")


def ask(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(found) for found in connection.execute(text(query))]


def refs(found: Replayed) -> list[str]:
    return [stored.source_ref for stored in found.rows]


def refused(number: int, **given: object) -> RowRecord:
    """Return a rejected row of its own key and name."""
    values = {"call_id": name("c", number), "row_key": name("0", number), "source_ref": str(number), "code": 5603}
    return row(**{**values, "state": "rejected", "event_time": RECENT, **given})


@pytest.mark.parametrize("state", ["rejected", "invalid", "duplicate"])
def test_a_refused_row_is_marked_by_one_more_event(
    engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper, state: str
) -> None:
    ledger.record(entries(refused(7, state=state, amount=12, currency="EUR", group_name="Lead", remote_key="click")))
    found = keeper.replay(code=5603, apply=True)
    assert (found.applied, refs(found), found.left_out) == (True, ["7"], {})
    (known,) = ledger.known(STREAM, [name("0", 7)])[name("0", 7)]
    assert (known.state, known.gen, known.content_hash) == (RowState.DEFERRED, 1, A)
    assert ask(engine, "SELECT state, error_code, source_ref, group_name, remote_key, currency, dag_id, code, message "
               "FROM bingads_row_current") == [
        ("deferred", "Replayed", "7", "Lead", "click", "EUR", "sales", None,
         "marked by somebody: the next run of its source judges and sends it again"),
    ]  # fmt: skip


def test_the_marks_stand_under_a_run_that_names_where_the_rows_came_from(
    engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper
) -> None:
    """Clearing the DAG run that a waiting row names reads the row again; the mark must not hide which one that is."""
    ledger.start_run(run(run_id=name("r", 2), identity=identity(dag_run_id="scheduled__2")))
    ledger.record(entries(refused(1), refused(2), refused(3, run_id=name("r", 2))))
    found = keeper.replay(code=5603, apply=True)
    assert ask(
        engine,
        "SELECT account_id, dag_id, task_id, dag_run_id, try_number, outcome, source_rows, deferred "
        "FROM bingads_run_summary WHERE outcome = 'replay' ORDER BY dag_run_id",
    ) == [
        ("1001", "sales", "upload", "scheduled__1", 0, "replay", 2, 2),
        ("1001", "sales", "upload", "scheduled__2", 0, "replay", 1, 1),
    ]
    assert len(found.run_ids) == 2
    waiting = ledger.waiting_rows(STREAM, "another", OLD)
    assert sorted(it.dag_run_id for it in waiting) == ["scheduled__1", "scheduled__1", "scheduled__2"]


def test_a_trial_run_writes_nothing(engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    ledger.record(entries(refused(1)))
    found = keeper.replay(code=5603)
    assert (found.applied, refs(found), found.run_ids) == (False, ["1"], ())
    assert ask(engine, "SELECT count(*) FROM bingads_row") == [(1,)]
    assert ask(engine, "SELECT count(*) FROM bingads_run") == [(1,)]


def test_a_second_replay_before_the_next_run_marks_nothing_twice(
    engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper
) -> None:
    ledger.record(entries(refused(1)))
    keeper.replay(keys=["1"], apply=True)
    again = keeper.replay(keys=["1"], apply=True)
    assert (again.rows, again.left_out) == ((), {"deferred": 1})
    assert keeper.replay(code=5603, apply=True).rows == ()
    assert ask(engine, "SELECT count(*) FROM bingads_row") == [(2,)]


def test_a_row_rejected_again_after_a_replay_can_be_replayed_again(ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    ledger.record(entries(refused(1)))
    for gen in (1, 2):
        assert refs(keeper.replay(code=5603, apply=True)) == ["1"]
        now = datetime.now(UTC)
        ledger.record(entries(refused(1, call_id=name("c", 10 + gen), gen=gen, at=now)))
        (known,) = ledger.known(STREAM, [name("0", 1)])[name("0", 1)]
        assert (known.state, known.gen) == (RowState.REJECTED, gen)


@pytest.mark.parametrize(
    ("recorded", "reason"),
    [
        ([refused(1, state="applied")], "applied"),
        ([refused(1), refused(1, call_id=name("c", 2), state="applied", at=after(1))], "applied"),
        ([refused(1, state="applied", source_ref="2"), refused(1, call_id=name("c", 2), content_hash=B)], "superseded"),
        ([refused(1, state="superseded")], "superseded"),
        ([refused(1, state="deferred")], "deferred"),
        ([refused(1, state="unknown")], "unknown"),
        ([refused(1, state="held")], "held"),
        ([refused(1, event_time=OLD)], "out_of_window"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_row_that_must_not_be_sent_again_is_left_out_with_its_reason(
    ledger: SqlLedger, keeper: LedgerKeeper, recorded: list[RowRecord], reason: str
) -> None:
    ledger.record(entries(*recorded))
    found = keeper.replay(keys=["1"], apply=True)
    assert (found.rows, found.left_out) == ((), {reason: 1})
    assert reason in LEFT_OUT


def test_every_reason_for_leaving_out_has_a_sentence() -> None:
    assert {state.value for state in RowState} <= set(LEFT_OUT)


def test_a_row_without_a_time_is_judged_again_whatever_its_age(ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    ledger.record(entries(refused(1, state="invalid", event_time=None, at=OLD - timedelta(days=300))))
    assert refs(keeper.replay(code=5603)) == ["1"]


def test_a_version_that_the_source_replaced_is_not_marked(ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    """Nobody would ever send it, and it would wait for ever."""
    ledger.record(entries(refused(1), refused(1, call_id=name("c", 2), content_hash=B, code=5610, at=after(5))))
    assert keeper.replay(code=5603).rows == ()
    assert [stored.content_hash for stored in keeper.replay(keys=["1"]).rows] == [B]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ({"code": 5603}, ["1", "3"]),
        ({"code": 5610}, ["2", "3"]),
        ({"error_code": "NotANumber"}, ["2"]),
        ({"error_code": "Second"}, ["3"]),
        ({"code": 5603, "error_code": "Second"}, ["3"]),
        ({"code": 1}, []),
        ({"keys": ["1", "4", "9"]}, ["1"]),
        ({"keys": [HEX_KEY.upper()]}, ["3"]),
        ({"run_id": name("r", 2)}, ["2"]),
        ({"run_id": name("r", 9)}, []),
        ({"code": 5603, "scope": Scope(account_id="1001")}, ["1", "3"]),
        ({"code": 5603, "scope": Scope(account_id="77")}, []),
        ({"code": 5603, "scope": Scope(stream_id=STREAM, operation="ApplyOfflineConversions")}, ["1", "3"]),
        ({"code": 5610, "scope": Scope(dag_id="sales", task_id="other")}, ["2"]),
        ({"code": 5610, "scope": Scope(dag_id="none")}, []),
    ],
)
def test_rows_are_picked_by_code_key_or_run(
    ledger: SqlLedger, keeper: LedgerKeeper, question: dict[str, Any], expected: Sequence[str]
) -> None:
    ledger.start_run(run(run_id=name("r", 2), identity=identity(task_id="other")))
    ledger.record(
        entries(
            refused(1),
            refused(2, run_id=name("r", 2), state="invalid", code=5610, error_code="NotANumber", at=after(1)),
            refused(3, row_key=HEX_KEY, n_errors=2, at=after(2)),
            error(call_id=name("c", 3), code=5603),
            error(call_id=name("c", 3), code=5610, error_code="Second", error_index=1),
            refused(4, state="applied", code=None),
        )
    )
    assert refs(keeper.replay(**question)) == expected


def test_at_most_the_limit_is_marked_and_the_rest_counted(ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    ledger.record(entries(*(refused(number, at=after(-number)) for number in range(1, 6))))
    found = keeper.replay(code=5603, limit=2, apply=True)
    assert (refs(found), found.over_limit) == (["5", "4"], 3)
    assert refs(keeper.replay(code=5603, apply=True)) == ["3", "2", "1"]


@pytest.mark.parametrize("question", [{}, {"scope": Scope(account_id="1001")}, {"code": 5603, "limit": 0}])
def test_a_question_that_names_nothing_is_refused(keeper: LedgerKeeper, question: dict[str, Any]) -> None:
    with pytest.raises(FixConfiguration):
        keeper.replay(**question)


def test_a_duplicate_of_an_applied_event_stays_one(ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    ledger.record(entries(refused(1, state="applied", code=None), refused(1, call_id=name("c", 2), state="duplicate",
                                                                          source_ref="2")))  # fmt: skip
    assert keeper.replay(code=5603).left_out == {"superseded": 1}


def test_rows_whose_run_is_not_told_are_marked_all_the_same(engine: Engine, ledger: SqlLedger) -> None:
    ledger.record(entries(refused(1, run_id=name("r", 5))))
    assert refs(LedgerKeeper(ledger).replay(code=5603, apply=True)) == ["1"]
    assert ask(engine, "SELECT state, dag_id FROM bingads_row_current") == [("deferred", "")]


def test_a_released_row_is_deferred_to_the_next_run_and_nothing_else_is_touched(
    engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper
) -> None:
    ledger.record(entries(refused(1, state="held"), refused(2), refused(3, state="unknown"), refused(4, state="held")))
    found = keeper.release(["1", "2", "3"], apply=True)
    assert (refs(found), found.left_out) == (["1"], {"rejected": 1, "unknown": 1})
    states = ask(engine, "SELECT source_ref, state, error_code FROM bingads_row_current ORDER BY source_ref")
    assert states == [
        ("1", "deferred", "Released"),
        ("2", "rejected", None),
        ("3", "unknown", None),
        ("4", "held", None),
    ]
    assert ask(engine, "SELECT source_ref FROM bingads_in_doubt ORDER BY source_ref") == [("3",), ("4",)]
    assert ask(engine, "SELECT outcome FROM bingads_run WHERE outcome IS NOT NULL") == [("release",)]


def test_a_release_names_its_rows(keeper: LedgerKeeper) -> None:
    with pytest.raises(FixConfiguration, match="keys"):
        keeper.release([])


def test_a_marked_row_needs_nobody(engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    ledger.record(entries(refused(1), refused(2, state="held")))
    keeper.replay(keys=["1"], apply=True)
    keeper.release(["2"], apply=True)
    assert ask(engine, "SELECT source_ref FROM bingads_attention") == []
