"""Every query of docs/sql runs on a ledger as a run with good and bad rows left it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy

from tests.airflow.harness import EXAMPLES, ROOT, conversion, postgres_connection_json
from tests.private_postgres import own_database

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_bingads.emulator.testing import EmulatorControl
    from tests.airflow.harness import InProcessAirflow, Warehouse

DAG_ID = "offline_conversions"
TABLE = """
CREATE TABLE offline_conversions (
    purchase_id integer PRIMARY KEY, microsoft_click_id text, conversion_name text, conversion_time text,
    conversion_value text, conversion_currency_code text, loaded_at text
)
"""
INSERT = """
INSERT INTO offline_conversions VALUES (
    :purchase_id, :microsoft_click_id, :conversion_name, :conversion_time, :conversion_value,
    :conversion_currency_code, :loaded_at
)
"""
QUERIES = sorted((ROOT / "docs" / "sql").glob("*.sql"))


def rows(now: datetime) -> list[dict[str, object]]:
    """Return two good rows, three bad ones, number 4711 among them, one for no goal, one of tomorrow."""
    bad_value = {"conversion_value": "9,50"}
    return [
        conversion(1, now - timedelta(hours=1)),
        conversion(2, now - timedelta(hours=2)),
        conversion(4711, now - timedelta(hours=3), **bad_value),
        conversion(4712, now - timedelta(hours=4), **bad_value),
        conversion(4713, now - timedelta(hours=5), conversion_name=None),
        conversion(4714, now - timedelta(hours=6), conversion_name="No such goal"),
        conversion(4715, now + timedelta(days=1)),
    ]


def found(engine: sqlalchemy.Engine, query: Path) -> list[dict[str, object]]:
    """Return what a query finds."""
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(sqlalchemy.text(query.read_text())).mappings()]


def check(engine: sqlalchemy.Engine) -> None:
    """Compare what the queries find with what was put in."""
    results = {query.stem: found(engine, query) for query in QUERIES}
    first, *others = results.pop("reasons")
    assert (first["rows"], first["owner"], first["column"]) == (2, "data", "conversion_value")
    assert sorted((row["rows"], row["owner"]) for row in others) == [(1, "data"), (1, "marketing")]
    assert {row["purchase_id"] for row in results.pop("rows_behind_a_reason")} == {4711, 4712}
    assert [row["state"] for row in results.pop("story_of_a_row")] == ["invalid"]
    assert sorted((row["rows"], row["error_code"]) for row in results.pop("waiting_rows")) == [
        (1, "FutureConversionTimeCannotBeSet"),
        (1, "OfflineConversionNameInvalid"),
    ]
    (run,) = results.pop("last_runs")
    assert (run["source_rows"], run["applied"], run["invalid"], run["deferred"]) == (7, 2, 3, 2)
    assert run["outcome"] == "success"
    assert not results, "a query that no assertion above looks at"


def test_documented_queries_find_what_they_say_on_sqlite(
    airflow: InProcessAirflow, warehouse: Warehouse, emulator: EmulatorControl
) -> None:
    now = datetime.fromisoformat(emulator.now()).astimezone(UTC)
    warehouse.insert("offline_conversions", rows(now))
    airflow.run(EXAMPLES / f"{DAG_ID}.py", DAG_ID, logical_date=now)
    check(sqlalchemy.create_engine(f"sqlite:///{warehouse.path}"))


@pytest.mark.postgres
def test_documented_queries_find_what_they_say_on_postgresql(
    airflow: InProcessAirflow, emulator: EmulatorControl, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.fromisoformat(emulator.now()).astimezone(UTC)
    with own_database(postgres_url, "documented_sql") as engine:
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", postgres_connection_json(engine.url))
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text(TABLE))
            connection.execute(sqlalchemy.text(INSERT), rows(now))
        airflow.run(EXAMPLES / f"{DAG_ID}.py", DAG_ID, logical_date=now)
        check(engine)
