"""The operator from Snowflake to the service: Airflow's own hook, the real dialect, a ledger on SQLite."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.warehouse.standins.environments import ROOT, SNOWFLAKE, EnvironmentUnavailableError, python_of

ROWS = 300
OLD = 7
TABLE = """CREATE TABLE {table} (ORDER_ID NUMBER(38, 0) PRIMARY KEY, MICROSOFT_CLICK_ID VARCHAR,
CONVERSION_NAME VARCHAR, CONVERSION_TIME {type}, CONVERSION_VALUE NUMBER(12, 2), CONVERSION_CURRENCY_CODE VARCHAR)"""


def source(now: datetime) -> list[dict[str, Any]]:
    """Return the rows: some too old to send, every 50th without a goal."""
    return [
        {
            "order_id": number,
            "click": f"{number:032x}",
            "goal": None if number % 50 == 0 else "Purchase",
            "time": now - (timedelta(days=120) if number <= OLD else timedelta(minutes=number)),
            "value": number / 4,
        }
        for number in range(1, ROWS + 1)
    ]


def literal(row: dict[str, Any]) -> str:
    goal = "NULL" if row["goal"] is None else f"'{row['goal']}'"
    return f"({row['order_id']}, '{row['click']}', {goal}, '{row['time']:%Y-%m-%d %H:%M:%S}', {row['value']}, 'EUR')"


def operate(emulator: Any, ledger: Path, told: dict[str, Any]) -> list[dict[str, Any]]:
    """Run the operator where Snowflake's packages are, against this process's emulator."""
    try:
        python = python_of(SNOWFLAKE)
    except EnvironmentUnavailableError as error:
        pytest.skip(str(error))
    snowflake = {"conn_type": "snowflake", "login": "somebody", "password": "secret", "schema": "SALES"}
    snowflake |= {"extra": {"account": "account", "database": "WAREHOUSE", "warehouse": "small"}}
    connections = {
        "AIRFLOW_CONN_WAREHOUSE": json.dumps(snowflake),
        "AIRFLOW_CONN_LEDGER": json.dumps({"conn_type": "sqlite", "host": str(ledger)}),
        "AIRFLOW_CONN_BINGADS_DEFAULT": json.dumps(emulator.connection),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    done = subprocess.run(
        [str(python), "-W", "ignore", "-m", "tests.warehouse.standins.operate"],
        input=json.dumps(told),
        env={**kept, **connections},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    ran: list[dict[str, Any]] = json.loads(done.stdout)
    return ran


@pytest.mark.airflow
def test_every_row_of_a_snowflake_table_has_one_outcome(bingads_emulator: Any, tmp_path: Path) -> None:
    """Once from times without a zone and again from times with one: the second run finds every row sent already."""
    bingads_emulator.add_goal("Purchase", age_hours=24 * 200)
    ledger = tmp_path / "ledger.db"
    sqlite3.connect(ledger).close()
    rows = source(datetime.now(UTC))
    statements = ["CREATE DATABASE IF NOT EXISTS WAREHOUSE", "CREATE SCHEMA IF NOT EXISTS WAREHOUSE.SALES"]
    for table, kind in (("NAIVE", "TIMESTAMP_NTZ"), ("ZONED", "TIMESTAMP_TZ")):
        statements += [
            TABLE.format(table=table, type=kind),
            f"INSERT INTO {table} VALUES {', '.join(map(literal, rows))}",
        ]
    arguments = {"columns": {"ConversionName": "CONVERSION_NAME"}, "ledger_conn_id": "ledger", "max_rejected": ROWS}
    runs = [{**arguments, "table": "NAIVE", "source_timezone": "UTC"}, {**arguments, "table": "warehouse.sales.zoned"}]
    first, again = operate(bingads_emulator, ledger, {"statements": statements, "runs": runs})
    invalid = {row["order_id"] for row in rows if row["goal"] is None}
    sent = {row["click"] for row in rows if row["goal"] and row["order_id"] > OLD}

    assert (first["error"], again["error"]) == (None, None)
    assert {held["MicrosoftClickId"] for held in bingads_emulator.state()["offline_conversions"]} == sent
    with closing(sqlite3.connect(ledger)) as connection:
        outcomes = connection.execute("SELECT source_ref, state FROM bingads_row_current").fetchall()
    assert Counter(state for _, state in outcomes) == {"applied": len(sent), "invalid": len(invalid)}
    assert {int(ref) for ref, state in outcomes if state == "invalid"} == invalid
    assert len({ref for ref, _ in outcomes}) == len(outcomes)
    counts = [one["xcom"]["return_value"] for one in (first, again)]
    assert [(one["source_rows"], one["out_of_window"]) for one in counts] == [(ROWS, OLD)] * 2
    assert [(one["applied"], one["skipped"]) for one in counts] == [(len(sent), 0), (0, len(sent))]
