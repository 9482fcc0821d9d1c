"""From Airflow connections to engines: SQLite paths as they are meant, mistakes as sentences, no secret in any."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import create_engine, event

from airflow_provider_bingads.exceptions import FixConfiguration
from airflow_provider_bingads.hooks.engines import engine_for, ledger_supported

SECRET = "s3cret-pass"


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Any:
    def define(given: str | dict[str, object]) -> str:
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", given if isinstance(given, str) else json.dumps(given))
        return "warehouse"

    return define


@pytest.mark.parametrize(
    "given",
    [
        "sqlite:///{path}",
        {"conn_type": "sqlite", "host": "{path}"},
        {"conn_type": "sqlite", "schema": "{path}"},
        {"conn_type": "sqlite", "host": "{path}", "extra": {"mode": "ro"}},
    ],
)
def test_a_sqlite_file_is_found_however_its_path_is_given(connect: Any, tmp_path: Path, given: Any) -> None:
    path = tmp_path / "ware house%41.db"
    create_engine(f"sqlite:///{path}").connect().close()
    path.touch()
    if isinstance(given, str):
        given = given.format(path=str(path).replace("%", "%25").replace(" ", "%20"))
    else:
        given = {key: value.format(path=path) if isinstance(value, str) else value for key, value in given.items()}
    engine = engine_for(connect(given), None)
    with engine.connect() as connection:
        files = connection.exec_driver_sql("PRAGMA database_list").all()
    assert Path(files[0][2]) == path
    assert engine.hide_parameters
    engine.dispose()


def test_a_read_only_sqlite_connection_cannot_write(connect: Any, tmp_path: Path) -> None:
    path = tmp_path / "w.db"
    path.touch()
    engine = engine_for(connect({"conn_type": "sqlite", "host": str(path), "extra": {"mode": "ro"}}))
    with engine.connect() as connection, pytest.raises(Exception, match="readonly"):
        connection.exec_driver_sql("CREATE TABLE t (a)")
    engine.dispose()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("sqlite:///relative.db", "without its folder"),
        ({"conn_type": "sqlite", "host": "data/relative.db"}, "without its folder"),
        ("sqlite://", "names no file"),
        (f"http://user:{SECRET}@example.com/x", "no SQLAlchemy engine for 'http'"),
        (f"nosuchdb://user:{SECRET}@example.com/x", "no SQLAlchemy engine for 'nosuchdb'"),
        (f"::{SECRET}", "no SQLAlchemy engine for its address"),
        (f"{SECRET}@example.com/x", "no SQLAlchemy engine for its address"),
        (f"snowflake://user:{SECRET}@account/db", "no SQLAlchemy engine for 'snowflake'"),
    ],
)
def test_a_connection_that_gives_no_engine_says_why(connect: Any, given: Any, words: str) -> None:
    with pytest.raises(FixConfiguration, match=words) as caught:
        engine_for(connect(given))
    assert SECRET not in str(caught.value)


def test_a_connection_that_is_not_there_is_named() -> None:
    with pytest.raises(FixConfiguration, match="no Airflow connection 'nowhere'"):
        engine_for("nowhere")


def test_wrong_hook_params_are_named(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    def strict(self: PostgresHook, postgres_conn_id: str) -> None:
        self.postgres_conn_id = postgres_conn_id

    monkeypatch.setattr(PostgresHook, "__init__", strict)
    with pytest.raises(FixConfiguration, match="warehose"):
        engine_for(connect("postgres://u:p@127.0.0.1/db"), {"warehose": "x"})


def test_a_hook_that_fails_tells_no_secret(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    def fail(self: PostgresHook, engine_kwargs: Any = None) -> None:
        raise ValueError(f"cannot parse postgresql://u:{SECRET}@h")

    monkeypatch.setattr(PostgresHook, "get_sqlalchemy_engine", fail)
    with pytest.raises(FixConfiguration, match="ValueError") as caught:
        engine_for(connect(f"postgres://u:{SECRET}@127.0.0.1/db"))
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__


def test_postgres_gets_the_options_its_hook_leaves_out(connect: Any) -> None:
    """Without them a connection that demands a verified server would be made to any."""
    engine = engine_for(
        connect(
            {
                "conn_type": "postgres",
                "host": "db.example",
                "login": "u",
                "password": SECRET,
                "schema": "sales",
                "extra": {"sslmode": "verify-full", "connect_timeout": 5, "cursor": "dictcursor"},
            }
        )
    )
    given: dict[str, Any] = {}

    class NotNowError(Exception):
        pass

    def look(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
        given.update(parameters)
        raise NotNowError

    event.listen(engine, "do_connect", look)
    with pytest.raises(NotNowError):
        engine.connect()
    assert (given["host"], given["dbname"], given["sslmode"]) == ("db.example", "sales", "verify-full")
    assert given["connect_timeout"] == 5
    assert given["keepalives_idle"] == 60
    assert "cursor" not in given
    assert engine.hide_parameters


def test_a_database_without_a_hook_is_reached_by_its_uri(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = ModuleType("pymysql")
    driver.paramstyle = "format"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pymysql", driver)
    engine = engine_for(connect(f"mysql://u:{SECRET}@db.example:3306/sales"))
    assert engine.dialect.name == "mysql"
    assert engine.url.render_as_string(hide_password=False) == f"mysql+pymysql://u:{SECRET}@db.example:3306/sales"
    assert engine.hide_parameters


@pytest.mark.parametrize("conn_type", ["mysql", "mariadb"])
def test_mysql_gets_time_outs_all_characters_and_the_options_its_driver_knows(connect: Any, conn_type: str) -> None:
    """What Airflow's form holds beside them, such as a kind of cursor, the driver would refuse."""
    engine = engine_for(
        connect(
            {
                "conn_type": conn_type,
                "host": "db.example",
                "login": "u",
                "password": f"{SECRET}@/:%",
                "schema": "sales",
                "extra": {"ssl_ca": "/ca.pem", "read_timeout": "900", "cursor": "sscursor", "local_infile": True},
            }
        )
    )
    given: dict[str, Any] = {}

    class NotNowError(Exception):
        pass

    def look(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
        given.update(parameters)
        raise NotNowError

    event.listen(engine, "do_connect", look)
    with pytest.raises(NotNowError):
        engine.connect()
    assert engine.dialect.name == conn_type
    assert engine.dialect.driver == "pymysql"
    assert (given["host"], given["database"], given["password"]) == ("db.example", "sales", f"{SECRET}@/:%")
    assert (given["connect_timeout"], given["read_timeout"], given["write_timeout"]) == (30, 900, 600)
    assert (given["charset"], given["ssl_ca"]) == ("utf8mb4", "/ca.pem")
    assert not {"cursor", "local_infile"} & given.keys()
    assert engine.hide_parameters


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mysql", "mariadb"])
def test_a_ledger_stands_in_these_databases(dialect: str) -> None:
    ledger_supported(dialect)


@pytest.mark.parametrize("dialect", ["snowflake", "bigquery", "redshift", "databricks", "duckdb"])
def test_elsewhere_ledger_conn_id_is_required_and_the_message_says_why(dialect: str) -> None:
    with pytest.raises(FixConfiguration, match=f"ledger_conn_id is required: .* unique keys .*{dialect}"):
        ledger_supported(dialect)
