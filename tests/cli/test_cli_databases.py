"""The command against servers: a PostgreSQL warehouse, and connections kept in Airflow's metadata database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import Engine, create_engine, make_url, text

from airflow_provider_bingads.cli.findings import Status
from airflow_provider_bingads.cli.ledger_checks import ledger_finding
from airflow_provider_bingads.emulator.testing import EmulatorControl

BINGADS = [sys.executable, "-c", "from airflow_provider_bingads.cli.main import main; main()"]


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Engine]:
    """Return a database with a schema ``ops`` and a role ``cli_loader`` that may do nothing in it."""
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA ops"))
        connection.execute(text("CREATE ROLE cli_loader LOGIN"))
    yield engine
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA ops CASCADE"))
        connection.execute(text("DROP OWNED BY cli_loader"))
        connection.execute(text("DROP ROLE cli_loader"))
    engine.dispose()


def _as_loader(postgres: Engine) -> Engine:
    return create_engine(postgres.url.set(username="cli_loader"), hide_parameters=True)


@pytest.mark.postgres
def test_a_role_without_rights_is_a_cross_until_the_printed_script_has_run(
    bingads: Callable[..., Result], postgres: Engine
) -> None:
    loader = _as_loader(postgres)
    refused = ledger_finding(loader, "ops")
    assert refused.status is Status.FAILED
    assert "bingads ledger init --sql --dialect postgresql --schema ops" in refused.sentence
    script = bingads("ledger", "init", "--sql", "--schema", "ops", "--role", "cli_loader").output
    with postgres.begin() as connection:
        connection.exec_driver_sql(script)
    found = ledger_finding(loader, "ops")
    loader.dispose()
    assert (found.status, "stands" in found.sentence) == (Status.OK, True)


@pytest.mark.postgres
@pytest.mark.parametrize("taken", ["INSERT ON ops.bingads_row", "UPDATE ON ops.bingads_lease"])
def test_each_right_that_is_missing_is_noticed(bingads: Callable[..., Result], postgres: Engine, taken: str) -> None:
    script = bingads("ledger", "init", "--sql", "--schema", "ops", "--role", "cli_loader").output
    with postgres.begin() as connection:
        connection.exec_driver_sql(script)
        connection.execute(text(f"REVOKE {taken} FROM cli_loader"))
    loader = _as_loader(postgres)
    found = ledger_finding(loader, "ops")
    loader.dispose()
    assert found.status is Status.FAILED


@pytest.mark.postgres
def test_the_rehearsal_leaves_no_table_behind(postgres: Engine) -> None:
    assert ledger_finding(postgres, "ops").status is Status.OK
    with postgres.connect() as connection:
        found = connection.execute(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'ops'"))
        assert found.scalar_one() == 0


@pytest.mark.postgres
def test_naive_times_of_a_native_column_need_a_declared_zone_even_in_an_empty_table(
    bingads: Callable[..., Result], postgres: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres.begin() as connection:
        connection.execute(
            text(
                "CREATE TABLE ops.sales (id int PRIMARY KEY, conversion_name text, conversion_time timestamp,"
                " microsoft_click_id text)"
            )
        )
    url = make_url(postgres.url)
    fields = {
        "conn_type": "postgres",
        "host": url.host,
        "port": url.port,
        "login": url.username,
        "schema": url.database,
    }
    monkeypatch.setenv("AIRFLOW_CONN_PG", json.dumps(fields))
    arguments = ("check", "nowhere", "--warehouse", "pg", "--table", "ops.sales", "--ledger-schema", "ops", "--json")
    without = {it["name"]: it for it in json.loads(bingads(*arguments).stdout)["checks"]}
    assert without["columns"]["status"] == "ok"
    assert "conversion_time" in without["zone"]["sentence"]
    declared = json.loads(bingads(*arguments, "--source-timezone", "Europe/Berlin").stdout)["checks"]
    assert {it["name"]: it["status"] for it in declared}["zone"] == "ok"


def test_a_server_that_does_not_answer_is_a_cross_about_the_connection() -> None:
    found = ledger_finding(create_engine("postgresql+psycopg2://jane@127.0.0.1:1/ads"), None)
    assert found.status is Status.FAILED
    assert "cannot be reached" in found.sentence
    assert "jane" not in found.sentence


@pytest.mark.airflow
@pytest.mark.slow
def test_connections_of_the_metadata_database_are_found_and_its_tokens_left_alone(
    bingads_emulator: EmulatorControl, tmp_path: Path
) -> None:
    bingads_emulator.add_goal("Purchase")
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path)}
    environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{tmp_path}/airflow.db"

    def run(*command: str) -> str:
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return ended.stdout

    airflow = [sys.executable, "-m", "airflow"]
    run(*airflow, "db", "migrate")
    run(*airflow, "connections", "add", "ads", "--conn-json", bingads_emulator.connection_json)
    assert json.loads(run(*BINGADS, "check", "ads", "--json"))["ok"]
    assert json.loads(run(*airflow, "variables", "list", "--output", "json")) == []
