"""Retention: what is past its term goes, what anything still depends on stays, wherever the pruning is broken off."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Table, create_engine, event, text

from airflow_provider_bingads.domain.outcomes import FORGOTTEN_CONTENT, FORGOTTEN_REFERENCE, CallEventKind
from airflow_provider_bingads.domain.records import RowRecord
from airflow_provider_bingads.exceptions import FixConfiguration
from airflow_provider_bingads.warehouse import SqlLedger
from airflow_provider_bingads.warehouse.ledger import prune as pruning
from airflow_provider_bingads.warehouse.ledger.keeper import LedgerKeeper
from airflow_provider_bingads.warehouse.ledger.kept import Pruned
from airflow_provider_bingads.warehouse.ledger.opening import ledger_for
from tests.warehouse.ledger_records import STREAM, batch, call, entries, error, name, row, run

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
A, B = "a" * 16, "b" * 16
KEY = name("0", 1)
CAMPAIGNS = "7" * 32


ORPHANS = (
    "SELECT count(*) FROM bingads_error e LEFT JOIN bingads_row r ON r.call_id = e.call_id WHERE r.call_id IS NULL"
)


def days(number: float) -> datetime:
    """Return the time this many days ago."""
    return NOW - timedelta(days=number)


@pytest.fixture
def keeper(ledger: SqlLedger) -> LedgerKeeper:
    ledger.start_run(run(started_at=days(600)))
    return LedgerKeeper(ledger)


def ask(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(found) for found in connection.execute(text(query))]


def left(engine: Engine, table: str, columns: str = "count(*)") -> list[tuple[Any, ...]]:
    return ask(engine, f"SELECT {columns} FROM bingads_{table} ORDER BY 1")


def rows_of(found: Pruned) -> dict[str, int]:
    return {share.table.removeprefix("bingads_"): share.rows for share in found.tables if share.rows}


def aged(age: float, number: int = 1, *, event: float | None = -1, **given: object) -> RowRecord:
    """Return a row recorded ``age`` days ago about an event as old, or of ``event`` days; None for no event time."""
    about = {"event_time": None if event is None else days(age if event < 0 else event)}
    values = {"call_id": name("c", number), "row_key": KEY, "source_ref": str(number), "at": days(age), **about}
    return row(**{**values, **given})


STAYS: dict[str, list[RowRecord]] = {
    "an applied row within its term": [aged(119)],
    "an applied row whose event is within its term": [aged(500, event=119)],
    "an applied row without a time, within its term": [aged(119, event=None)],
    "a rejected row within its term": [aged(399, state="rejected")],
    "a rejected row whose event may still be sent": [aged(500, event=89, state="rejected")],
    "an invalid row without a time, within its term": [aged(399, event=None, state="invalid")],
    "a held row, however old": [aged(5000, state="held")],
    "a row in doubt, however old": [aged(5000, state="unknown")],
    "a row in doubt, whose key was rejected with other content": [
        aged(5000, state="unknown"),
        aged(4000, 2, state="rejected", content_hash=B),
    ],
    "an old applied event of a key that was judged since": [
        aged(500),
        aged(399, 2, state="superseded", content_hash=B),
    ],
    "an old rejection of a key that was applied since": [
        aged(500, event=100, state="rejected"),
        aged(90, 2, event=100),
    ],
    "a tombstone within its term": [aged(399, state="invalid", content_hash=FORGOTTEN_CONTENT, source_ref="")],
    "a tombstone whose event may still be sent": [
        aged(500, event=10, state="invalid", content_hash=FORGOTTEN_CONTENT, source_ref="")
    ],
    "a tombstone of a source row, however old": [
        aged(5000, event=None, state="invalid", content_hash=FORGOTTEN_CONTENT, error_code=FORGOTTEN_REFERENCE,
             source_ref="")
    ],
    "an applied row of a key forgotten since": [
        aged(500),
        aged(300, 2, event=500, state="invalid", content_hash=FORGOTTEN_CONTENT, source_ref=""),
    ],
}  # fmt: skip
GOES: dict[str, list[RowRecord]] = {
    "an applied row past its term": [aged(121)],
    "an applied row sent late": [aged(60, event=121)],
    "an applied row without a time, past its term": [aged(121, event=None)],
    "a rejected row past its term": [aged(401, state="rejected")],
    "a deferred row past its term": [aged(401, state="deferred")],
    "a duplicate past its term": [aged(401, state="duplicate")],
    "an invalid row without a time, past its term": [aged(401, event=None, state="invalid")],
    "a doubt that was settled, with what settled it": [aged(402, state="unknown"), aged(401, 2)],
    "a doubt about values that were edited and applied since, with what settled it": [
        aged(402, state="unknown"),
        aged(401, 2, content_hash=B),
    ],
    "a hold that was released and rejected": [
        aged(405, state="held"),
        aged(404, 2, state="deferred", gen=1),
        aged(403, 3, state="rejected", gen=1),
    ],
    "a tombstone past its term": [aged(401, state="invalid", content_hash=FORGOTTEN_CONTENT, source_ref="")],
    "a doubt of a key forgotten since": [
        aged(900, state="unknown", source_ref=""),
        aged(401, 2, state="invalid", content_hash=FORGOTTEN_CONTENT, source_ref=""),
    ],
}


@pytest.mark.parametrize("what", STAYS)
def test_stays(engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper, what: str) -> None:
    ledger.record(entries(*STAYS[what]))
    assert rows_of(keeper.prune(now=NOW)) == {}
    assert rows_of(keeper.prune(now=NOW, apply=True)) == {}
    assert left(engine, "row") == [(len(STAYS[what]),)]


@pytest.mark.parametrize("what", GOES)
def test_goes(engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper, what: str) -> None:
    ledger.record(entries(*GOES[what]))
    assert rows_of(keeper.prune(now=NOW))["row"] == len(GOES[what])
    assert left(engine, "row") == [(len(GOES[what]),)], "a trial run deletes nothing"
    assert rows_of(keeper.prune(now=NOW, apply=True))["row"] == len(GOES[what])
    assert left(engine, "row") == [(0,)]


def test_the_terms_can_be_shortened_to_the_window_and_no_further(ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    ledger.record(entries(aged(91), aged(91, 2, state="rejected", row_key=name("0", 2))))
    assert rows_of(keeper.prune(applied_days=90, other_days=90, now=NOW))["row"] == 2
    for terms in ({"applied_days": 89}, {"other_days": 89}, {"applied_days": 0}, {"applied_days": -1}):
        for apply in (False, True):
            with pytest.raises(FixConfiguration, match="90"):
                keeper.prune(**terms, now=NOW, apply=apply)  # type: ignore[arg-type]


def test_rows_of_an_operation_without_a_time_window_stay_for_ever(
    engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper
) -> None:
    ledger.start_run(run(run_id=name("r", 7), stream_id=CAMPAIGNS, operation="AddCampaigns", started_at=days(900)))
    ledger.record(entries(aged(900, stream_id=CAMPAIGNS, run_id=name("r", 7))))
    ledger.record(entries(aged(900, 2, stream_id="8" * 32, run_id=name("r", 8))))
    assert rows_of(keeper.prune(now=NOW, apply=True)) == {"run": 1}
    assert left(engine, "row") == [(2,)]
    assert left(engine, "run", "run_id") == [(name("r", 7),)]


def call_of(number: int, age: float, *more: CallEventKind, **given: object) -> list[object]:
    """Return a batch of one row and the events of its call."""
    ids = {"call_id": name("c", number), "batch_id": name("b", number), **given}
    own = {key: value for key, value in ids.items() if key in ("batch_id", "run_id", "stream_id", "parent_batch_id")}
    events = [call(event, at=days(age), **{k: v for k, v in ids.items() if k != "parent_batch_id"})
              for event in (CallEventKind.INTENT, *more)]  # fmt: skip
    return [batch([(KEY, A)], created_at=days(age), **own), *events]


def test_calls_batches_and_runs_go_when_nothing_refers_to_them(
    engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper
) -> None:
    ledger.finish_run(run(started_at=days(600), ended_at=days(600), outcome="success"))
    ledger.record(entries(*call_of(1, 500, CallEventKind.ANSWERED), aged(500, state="rejected"),
                          error(call_id=name("c", 1), at=days(500))))  # fmt: skip
    expected = {"error": 1, "row": 1, "call": 2, "batch": 1, "run": 2}
    trial, real = keeper.prune(now=NOW), keeper.prune(now=NOW, apply=True)
    assert (rows_of(trial), rows_of(real)) == (expected, expected)
    assert [share.oldest for share in trial.tables] == [days(500)] * 4 + [days(600)]
    assert [share.oldest for share in real.tables] == [days(500)] * 4 + [days(600)]
    assert (trial.applied, real.applied, real.complete) == (False, True, True)
    assert all(left(engine, table) == [(0,)] for table in expected)


@pytest.mark.parametrize(
    ("recorded", "stays"),
    [
        ([*call_of(1, 500)], {"call": 1, "batch": 1, "run": 1}),
        ([*call_of(1, 500, CallEventKind.UNKNOWN)], {"call": 2, "batch": 1, "run": 1}),
        ([*call_of(1, 399, CallEventKind.ANSWERED)], {"call": 2, "batch": 1, "run": 1}),
        ([*call_of(1, 500, CallEventKind.ANSWERED), aged(500, event=80)], {"call": 2, "batch": 1, "run": 1, "row": 1}),
        ([*call_of(1, 500), call(CallEventKind.RECONCILED, call_id=name("c", 1), batch_id=name("b", 1), at=days(300))],
         {"call": 2, "batch": 1, "run": 1}),
        ([*call_of(1, 500, CallEventKind.NOT_APPLIED),
          *call_of(2, 300, CallEventKind.ANSWERED, run_id=name("r", 2), parent_batch_id=name("b", 1))],
         {"call": 2, "batch": 2, "run": 1}),
        ([aged(399, state="deferred", call_id=name("r"))], {"run": 1, "row": 1}),
    ],
    ids=["an open call", "a doubtful call", "a young call", "a row that stays", "an end that is young", "a later part",
         "a row judged here"],
)  # fmt: skip
def test_what_is_referred_to_or_open_stays(
    engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper, recorded: list[object], stays: dict[str, int]
) -> None:
    ledger.record(entries(*recorded))
    before = {table: left(engine, table)[0][0] for table in ("run", "batch", "call", "row", "error")}
    trial = rows_of(keeper.prune(now=NOW))
    assert rows_of(keeper.prune(now=NOW, apply=True)) == trial
    after = {table: left(engine, table)[0][0] for table in before}
    assert {table: rows for table, rows in after.items() if rows} == stays
    assert {table: before[table] - after[table] for table in before if before[table] > after[table]} == trial


def test_reasons_go_with_their_row_and_no_others(engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    ledger.record(
        entries(
            aged(401, 1, state="rejected"),
            aged(401, 1, state="rejected", row_index=1, row_key=name("0", 2), event=10),
            *(error(call_id=name("c", 1), row_index=index, error_index=n, at=days(401))
              for index in (0, 1) for n in (0, 1)),
        )
    )  # fmt: skip
    keeper.prune(now=NOW, apply=True)
    assert left(engine, "error", "row_index, error_index") == [(1, 0), (1, 1)]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "_ROWS_A_TRANSACTION", 3)


def fill(ledger: SqlLedger) -> None:
    """Record ten keys with a refusal and what settled it far apart, each with its call, and three that stay."""
    for number in range(10):
        key = {"row_key": name("0", number), "source_ref": str(number)}
        ledger.record(entries(*call_of(number, 500, CallEventKind.ANSWERED),
                              aged(500, number, state="unknown", **key),
                              aged(450, 20 + number, **key),
                              error(call_id=name("c", number), at=days(500), source_ref=str(number))))  # fmt: skip
    ledger.record(entries(*(aged(50, 40 + number, row_key=name("0", 40 + number)) for number in range(3))))


def test_pages_come_to_the_same_as_one(
    engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper, small_pages: None
) -> None:
    fill(ledger)
    expected = {"error": 10, "row": 20, "call": 20, "batch": 10}
    assert rows_of(keeper.prune(now=NOW)) == expected
    assert rows_of(keeper.prune(now=NOW, apply=True)) == expected
    assert left(engine, "row") == [(3,)]


def stops_after(number: int) -> Callable[[], bool]:
    asked: Iterator[bool] = iter([False] * number + [True] * 1000)
    return lambda: next(asked)


def test_wherever_it_is_stopped_no_key_is_left_in_part_and_the_next_prune_ends_it(
    engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper, small_pages: None
) -> None:
    fill(ledger)
    together = {"error": 0, "row": 0, "call": 0, "batch": 0, "run": 0}
    for asked in range(1, 40):
        found = keeper.prune(now=NOW, apply=True, stop=stops_after(asked))
        for table, rows in rows_of(found).items():
            together[table] += rows
        assert ask(engine, "SELECT * FROM bingads_in_doubt") == [], "a doubt outlived what settled it"
        assert ask(engine, ORPHANS) == [(0,)]
        if found.complete:
            break
    assert rows_of(keeper.prune(now=NOW, apply=True)) == {}
    assert together == {"error": 10, "row": 20, "call": 20, "batch": 10, "run": 0}
    assert left(engine, "row") == [(3,)]


def test_a_crash_within_a_transaction_leaves_all_of_it(
    engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(ledger)
    delete = pruning.delete

    def crash_at_rows(table: Table) -> Any:
        if table.name == "bingads_row":
            raise KeyboardInterrupt
        return delete(table)

    monkeypatch.setattr(pruning, "delete", crash_at_rows)
    with pytest.raises(KeyboardInterrupt):
        keeper.prune(now=NOW, apply=True)
    assert left(engine, "error") == [(10,)]
    monkeypatch.undo()
    assert rows_of(keeper.prune(now=NOW, apply=True))["row"] == 20


def test_a_row_recorded_while_its_key_is_pruned_stays(
    engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.record(entries(aged(401, event=None, state="invalid")))
    found = pruning._whole_keys

    def recorded_meanwhile(*given: Any) -> Iterator[Any]:
        ledger.record(entries(aged(0, 2, event=None, state="invalid")))
        return found(*given)

    monkeypatch.setattr(pruning, "_whole_keys", recorded_meanwhile)
    assert rows_of(keeper.prune(now=NOW, apply=True)) == {"row": 1}
    assert left(engine, "row", "call_id") == [(name("c", 2),)]


def test_without_another_time_the_databases_clock_holds(ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    present = datetime.now(UTC)
    ledger.record(
        entries(
            aged(0, 1, at=present, event_time=present - timedelta(days=121)),
            aged(0, 2, at=present, event_time=present - timedelta(days=119), row_key=name("0", 2)),
        )
    )
    assert rows_of(keeper.prune())["row"] == 1


def test_a_run_after_pruning_knows_what_it_needs(ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    """Whatever can still be sent is remembered, or it would be sent twice."""
    ledger.record(entries(aged(89.9), aged(200, 2, row_key=name("0", 2))))
    keeper.prune(applied_days=90, other_days=90, now=NOW, apply=True)
    assert set(ledger.known(STREAM, [KEY, name("0", 2)])) == {KEY}


def test_a_statement_has_no_more_parameters_than_an_old_sqlite_takes(tmp_path: Path) -> None:
    """SQLite before 3.32 takes 999; many accounts need them, and rows that were all sent in calls of their own."""
    engine = create_engine(f"sqlite:///{tmp_path / 'old.db'}")
    event.listen(engine, "connect", lambda driver, _: driver.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999))
    ledger = ledger_for(engine)
    for number in range(200):
        ledger.start_run(run(run_id=name("r", number), stream_id=name("5", number), started_at=days(600)))
    ledger.record(
        entries(
            *(aged(500, number, stream_id=name("5", number % 200), row_key=name("0", number)) for number in range(500))
        )
    )
    with closing(ledger):
        keeper = LedgerKeeper(ledger)
        assert rows_of(keeper.prune(now=NOW)) == rows_of(keeper.prune(now=NOW, apply=True)) == {"row": 500, "run": 200}
