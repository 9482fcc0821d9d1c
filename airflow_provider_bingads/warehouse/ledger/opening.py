"""Chooses the ledger's database module and refuses the databases that cannot hold a ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from airflow_provider_bingads.exceptions import FixConfiguration, FixLedger
from airflow_provider_bingads.sync.ports import Point, passing
from airflow_provider_bingads.warehouse.filesystems import network_filesystem
from airflow_provider_bingads.warehouse.ledger.backend import Backend
from airflow_provider_bingads.warehouse.ledger.ledger import SqlLedger
from airflow_provider_bingads.warehouse.ledger.mysql import MysqlBackend
from airflow_provider_bingads.warehouse.ledger.postgresql import PostgresBackend
from airflow_provider_bingads.warehouse.ledger.sqlite import SqliteBackend

__all__ = ["LEDGER_DIALECTS", "ledger_for", "refuse_dialect"]

LEDGER_DIALECTS: Final = ("sqlite", "postgresql", "mysql", "mariadb")


def ledger_for(engine: Engine, schema: str | None = None, at: Point = passing) -> SqlLedger:
    """Open the ledger of a database, creating or migrating its tables at first use.

    :param engine: of the ledger's database; made with ``hide_parameters``.
    :param schema: database schema of the tables; None for the connection's default.
    :param at: told of each boundary passed; does nothing but under proof.
    :raises FixConfiguration: this database cannot hold a ledger.
    :raises FixLedger: the tables are missing and cannot be created; the message holds the script.
    :raises RetryLater: the database cannot be reached.
    """
    return SqlLedger(engine, _backend(engine, schema), schema, at)


def _backend(engine: Engine, schema: str | None) -> Backend:
    name = engine.dialect.name
    if name == "sqlite":
        _check_file(engine, schema)
        return SqliteBackend()
    refuse_dialect(name)
    return PostgresBackend() if name == "postgresql" else MysqlBackend()


def refuse_dialect(dialect_name: str) -> None:
    """Return if a ledger can stand in this kind of database.

    :param dialect_name: SQLAlchemy's name of it.
    :raises FixConfiguration: it cannot.
    """
    if dialect_name not in LEDGER_DIALECTS:
        raise FixConfiguration(
            f"ledger_conn_id is required: a ledger runs on {', '.join(LEDGER_DIALECTS[:-1])} and "
            f"{LEDGER_DIALECTS[-1]}. It needs enforced unique keys and small writes that are durable at once, which "
            f"{dialect_name} does not give or was not tested for."
        )


def _check_file(engine: Engine, schema: str | None) -> None:
    if schema is not None:
        raise FixLedger(f"SQLite has no schemas; leave ledger_schema empty (it is {schema!r}).")
    path = engine.url.database
    if not path or path == ":memory:" or "mode=memory" in path:
        raise FixLedger("A ledger in memory forgets what was sent; give the SQLite connection a file.")
    kind = network_filesystem(Path(path.removeprefix("file:")))
    if kind is not None:
        raise FixLedger(
            f"The ledger's SQLite file lies on a network file system ({kind}), where SQLite's locks do not hold and "
            "two runs could send at once. Put it on a local disk or use PostgreSQL."
        )
