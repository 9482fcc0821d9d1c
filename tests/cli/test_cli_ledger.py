"""`bingads ledger init`: the script and the deed are the same ledger."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import create_engine

from airflow_provider_bingads.warehouse import ledger_for


def _tables(database: sqlite3.Connection) -> set[str]:
    return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_the_printed_script_makes_a_ledger_that_a_run_takes_as_it_is(
    bingads: Callable[..., Result], tmp_path: Path
) -> None:
    path = tmp_path / "ledger.db"
    database = sqlite3.connect(path)
    database.executescript(bingads("ledger", "init", "--sql", "--dialect", "sqlite").output)
    before = _tables(database)
    ledger_for(create_engine(f"sqlite:///{path}")).close()
    assert _tables(database) == before
    assert {"bingads_row", "bingads_lease", "bingads_call"} <= before


def test_the_script_grants_what_a_loader_needs_and_no_more(bingads: Callable[..., Result]) -> None:
    script = bingads("ledger", "init", "--sql", "--schema", "ops", "--role", "etl").output
    assert "GRANT SELECT, INSERT ON ops." in script
    assert "GRANT UPDATE ON ops.bingads_lease TO etl" in script
    assert "DELETE" not in script


def test_init_creates_the_ledger_on_a_connection(bingads: Callable[..., Result], warehouse: sqlite3.Connection) -> None:
    done = bingads("ledger", "init", "--conn", "warehouse")
    assert (done.exit_code, "bingads_row" in _tables(warehouse)) == (0, True)
    assert "sqlite" in done.stdout


def test_init_a_second_time_changes_nothing(bingads: Callable[..., Result], warehouse: sqlite3.Connection) -> None:
    bingads("ledger", "init", "--conn", "warehouse")
    versions = warehouse.execute("SELECT * FROM bingads_schema_version").fetchall()
    again = bingads("ledger", "init", "--conn", "warehouse", "--json")
    assert json.loads(again.stdout) == {"ok": True, "conn_id": "warehouse", "dialect": "sqlite", "schema": None}
    assert warehouse.execute("SELECT * FROM bingads_schema_version").fetchall() == versions


def test_the_script_for_a_connection_is_that_of_its_database(
    bingads: Callable[..., Result], warehouse: sqlite3.Connection
) -> None:
    given = bingads("ledger", "init", "--sql", "--conn", "warehouse", "--json")
    assert json.loads(given.stdout)["dialect"] == "sqlite"
    assert _tables(warehouse) == set()


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        ((), 2, "--conn CONN"),
        (("--conn", "warehouse", "--dialect", "sqlite"), 2, "--dialect"),
        (("--conn", "nowhere"), 1, "'nowhere'"),
        (("--sql", "--dialect", "snowflake"), 1, "snowflake"),
        (("--conn", "warehouse", "--schema", "ops"), 1, "SQLite has no schemas"),
    ],
)
@pytest.mark.usefixtures("warehouse")
def test_what_cannot_be_is_said(
    bingads: Callable[..., Result], arguments: tuple[str, ...], exit_code: int, said: str
) -> None:
    refused = bingads("ledger", "init", *arguments)
    assert refused.exit_code == exit_code
    assert said in refused.output
