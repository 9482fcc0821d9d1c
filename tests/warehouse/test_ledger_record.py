"""What is recorded is there once, all of it or nothing, whatever breaks in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Table, inspect, select

from airflow_provider_bingads.domain import records
from airflow_provider_bingads.domain.outcomes import CallEventKind
from airflow_provider_bingads.exceptions import RetryLater
from airflow_provider_bingads.warehouse import SqlLedger, ledger_for
from airflow_provider_bingads.warehouse.ledger import opening
from airflow_provider_bingads.warehouse.ledger.backend import Backend
from airflow_provider_bingads.warehouse.ledger.schema import ledger_tables
from tests.warehouse.conftest import DRIVERS, MARIADB, POSTGRES, engine_of
from tests.warehouse.ledger_records import START, STREAM, after, batch, call, entries, error, name, row, run


@pytest.fixture(
    params=[
        "sqlite",
        *(pytest.param(driver, marks=POSTGRES) for driver in DRIVERS),
        pytest.param("mariadb", marks=MARIADB),
    ]
)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with engine_of(request, tmp_path) as engine:
        yield engine


def stored(engine: Engine, table: str) -> list[dict[str, Any]]:
    tables = ledger_tables()
    with engine.connect() as connection:
        return [dict(r._mapping) for r in connection.execute(select(getattr(tables, table)))]


@pytest.mark.parametrize(
    ("table", "record"),
    [
        ("row", records.RowRecord),
        ("error", records.ErrorRecord),
        ("batch", records.BatchRecord),
        ("call", records.CallRecord),
    ],
)
def test_a_table_has_its_records_fields_in_their_order(table: str, record: Any) -> None:
    assert tuple(getattr(ledger_tables(), table).columns.keys()) == record._fields


def test_every_field_comes_back_as_it_went_in(engine: Engine, ledger: SqlLedger) -> None:
    full = row(
        code=5603,
        error_code="OfflineConversionMicrosoftClickIdInvalid",
        field_path="[0].MicrosoftClickId",
        column_name="click",
        message='tab\there, line\nbreak, back\\slash, \\N, "quotes", \\.\n\\.\n and ünï 🎯',
        n_errors=2,
        source_ref="a\\tb",
        event_time=datetime(2026, 10, 1, 12, 0, tzinfo=timezone(timedelta(hours=2))),
        group_name="Käufe",
        remote_key="f" * 32,
        remote_id="9007199254740993",
        amount=Decimal("12.50"),
        currency="EUR",
        not_before=after(120),
    )
    reason = error(appealable=True, disapproved_text="", reason_code=7, details="d", message="m")
    ledger.record(entries(full, reason))
    expected = full._asdict() | {
        "event_time": datetime(2026, 10, 1, 10, 0, tzinfo=UTC).replace(tzinfo=None),
        "not_before": after(120).replace(tzinfo=None),
        "at": START.replace(tzinfo=None),
    }
    assert stored(engine, "row") == [expected]
    assert stored(engine, "error") == [reason._asdict() | {"at": START.replace(tzinfo=None)}]


def test_a_whole_batch_with_all_sorts_of_holes_comes_back(engine: Engine, ledger: SqlLedger) -> None:
    rows = [
        row(
            row_index=i,
            source_ref=f"ref\t{i}",
            message=None if i % 2 else f"line\n{i}",
            amount=Decimal(i) if i % 3 else None,
        )
        for i in range(1500)
    ]
    ledger.record(entries(*rows))
    found = {r["row_index"]: (r["source_ref"], r["message"], r["amount"]) for r in stored(engine, "row")}
    assert found == {r.row_index: (r.source_ref, r.message, r.amount) for r in rows}


@pytest.mark.parametrize("text", ["x" * 10_000, "nul\x00here", "half \ud800 surrogate", "x" * 499 + "\ud800zz"])
def test_no_text_can_keep_an_outcome_from_being_recorded(engine: Engine, ledger: SqlLedger, text: str) -> None:
    ledger.record(entries(row(message=text, group_name=text, error_code=text)))
    (found,) = stored(engine, "row")
    assert found["state"] == "applied"
    assert len(found["message"]) <= 500
    assert "\x00" not in found["message"]


def test_recording_again_changes_nothing(engine: Engine, ledger: SqlLedger) -> None:
    """A commit whose answer was lost is repeated by the caller."""
    written = entries(
        batch([(name("0"), "a" * 16)]),
        call(CallEventKind.INTENT),
        *(row(row_index=i) for i in range(1200)),
        error(),
    )
    ledger.record(written)
    ledger.record(written)
    assert [len(stored(engine, table)) for table in ("batch", "call", "row", "error")] == [1, 1, 1200, 1]


def test_recording_some_again_beside_new_ones_adds_the_new_ones(engine: Engine, ledger: SqlLedger) -> None:
    """A repeated write may have been grouped with others meanwhile."""
    ledger.record(entries(*(row(row_index=i) for i in range(10))))
    ledger.record(entries(*(row(row_index=i, message="late") for i in range(5, 15))))
    messages = {r["row_index"]: r["message"] for r in stored(engine, "row")}
    assert messages == {**dict.fromkeys(range(10)), **dict.fromkeys(range(10, 15), "late")}


def test_a_late_writer_adds_to_what_recovery_said(engine: Engine, ledger: SqlLedger) -> None:
    """A frozen run may wake and tell the outcome of a call that was called unknown meanwhile."""
    ledger.record(entries(call(CallEventKind.UNKNOWN), row(state="unknown"), error(origin="local")))
    ledger.record(entries(call(CallEventKind.ANSWERED), row(state="applied"), error(origin="service")))
    assert {r["state"] for r in stored(engine, "row")} == {"unknown", "applied"}
    assert ledger.known(STREAM, [name("k")])[name("k")][0].state.value == "applied"


def test_nothing_to_record_is_nothing(engine: Engine, ledger: SqlLedger) -> None:
    ledger.record(entries())
    assert stored(engine, "row") == []


class Breaking:
    """A backend that does as the real one until its turn comes, then breaks as told."""

    def __init__(self, real: Backend, at: int, how: str) -> None:
        self.real = real
        self.begin = real.begin
        self.gate = real.gate
        self.left = at
        self.how = how

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self.real, attribute)

    def append(self, connection: Connection, table: Table, rows: Sequence[Any], *, careful: bool, plain: bool) -> None:
        self.real.append(connection, table, rows, careful=careful, plain=plain)
        self.left -= 1
        if self.left == 0 and self.how == "raise":
            raise RuntimeError("crashed between two statements")
        if self.left == 0 and self.how == "disconnect":
            connection.connection.dbapi_connection.close()  # type: ignore[union-attr]
        if self.left == 0 and self.how == "lose the answer":
            connection.exec_driver_sql("COMMIT")
            connection.connection.dbapi_connection.close()  # type: ignore[union-attr]


def breaking_ledger(engine: Engine, at: int, how: str) -> SqlLedger:
    return SqlLedger(engine, Breaking(opening._backend(engine, None), at, how))  # type: ignore[arg-type]


WRITTEN = entries(batch([(name("0"), "a" * 16)]), call(CallEventKind.INTENT), row(), error())


@pytest.mark.parametrize("statement", [1, 2, 3, 4])
def test_a_crash_between_two_statements_leaves_nothing(engine: Engine, ledger: SqlLedger, statement: int) -> None:
    breaking = breaking_ledger(engine, statement, "raise")
    with pytest.raises(RuntimeError):
        breaking.record(WRITTEN)
    assert [len(stored(engine, table)) for table in ("batch", "call", "row", "error")] == [0, 0, 0, 0]
    breaking.record(WRITTEN)
    assert [len(stored(engine, table)) for table in ("batch", "call", "row", "error")] == [1, 1, 1, 1]


@pytest.mark.parametrize("statement", [1, 2, 3, 4])
@pytest.mark.parametrize("how", ["disconnect", "lose the answer"])
def test_a_broken_connection_is_replaced_and_the_write_completed_once(
    engine: Engine, ledger: SqlLedger, statement: int, how: str
) -> None:
    breaking = breaking_ledger(engine, statement, how)
    breaking.record(WRITTEN)
    assert [len(stored(engine, table)) for table in ("batch", "call", "row", "error")] == [1, 1, 1, 1]
    breaking.close()


@pytest.mark.postgres
def test_a_server_that_ends_every_connection_costs_one_retry(postgres_engine: Engine) -> None:
    ledger = ledger_for(postgres_engine)
    ledger.record(entries(row(row_index=1)))
    ledger.known(STREAM, [name("k")])
    ledger.acquire(STREAM, "me", 30)
    with postgres_engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    ledger.record(entries(row(row_index=2)))
    assert len(ledger.known(STREAM, [name("k")])) == 1
    assert ledger.acquire(STREAM, "you", 30).owner == "me"
    ledger.close()


@pytest.mark.postgres
def test_a_server_that_is_gone_asks_for_a_retry(postgres_engine: Engine) -> None:
    from sqlalchemy import create_engine

    with pytest.raises(RetryLater, match="cannot be reached"):
        ledger_for(create_engine(postgres_engine.url.set(port=1)))


@pytest.mark.postgres
def test_a_database_with_another_encoding_still_takes_every_outcome(postgres_database: Any) -> None:
    from sqlalchemy import create_engine

    admin = create_engine(postgres_database, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE IF EXISTS latin_bingads")
        connection.exec_driver_sql(
            "CREATE DATABASE latin_bingads ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
    latin = create_engine(postgres_database.set(database="latin_bingads"))
    try:
        ledger = ledger_for(latin)
        ledger.record(entries(row(message="ünï and 🎯", source_ref="日本")))
        (found,) = stored(latin, "row")
        assert found["message"] == "\\xfcn\\xef and \\U0001f3af"
        ledger.close()
    finally:
        latin.dispose()
        with admin.connect() as connection:
            connection.exec_driver_sql("DROP DATABASE latin_bingads WITH (FORCE)")
        admin.dispose()


def test_runs_are_recorded_with_all_their_counts(engine: Engine, ledger: SqlLedger) -> None:
    started = run()
    ended = run(
        ended_at=after(1.5),
        counts={"source_rows": 10, "applied": 7, "rejected": 3, "rounded_rows": 2},
        codes=((5603, "OfflineConversionMicrosoftClickIdInvalid", 3),),
        calls=2,
        throttle_wait_seconds=1.5,
        outcome="threshold",
    )
    ledger.start_run(started)
    ledger.start_run(started)
    ledger.finish_run(ended)
    found = {r["event"]: r for r in stored(engine, "run")}
    assert set(found) == {"start", "end"}
    end = found["end"]
    assert (end["source_rows"], end["applied"], end["rejected"], end["skipped"]) == (10, 7, 3, 0)
    assert end["more_counts"] == '{"rounded_rows": 2}'
    assert end["codes"] == '[[5603, "OfflineConversionMicrosoftClickIdInvalid", 3]]'
    assert (end["duration_ms"], end["throttle_wait_ms"], end["outcome"]) == (90_000, 1500, "threshold")
    assert end["at"] == after(1.5).astimezone(UTC).replace(tzinfo=None)


def test_the_ledger_is_made_once(engine: Engine, ledger: SqlLedger) -> None:
    names = set(inspect(engine).get_table_names())
    ledger_for(engine).close()
    assert set(inspect(engine).get_table_names()) == names
    assert len(names) == 7
