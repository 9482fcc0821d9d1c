"""Streaming from SQLite: the query's rows are copied into a temporary table, which is then read.

A reader on the file itself would hold its lock for the whole run and keep the ledger in the same file from
committing (design 5). The copy is a file of SQLite's own; the user's file and its journal mode stay as they are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

from sqlalchemy import ClauseElement, Connection, Engine, Executable, Select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from airflow_provider_bingads.warehouse.query import Accounts, Query
from airflow_provider_bingads.warehouse.streams import Page

__all__ = ["SqliteStream"]

_COPY: Final = "temp.bingads_source"
_BUSY_MILLISECONDS: Final = 30_000


class _Copy(Executable, ClauseElement):
    """Creates the copy; a statement of SQLAlchemy's, so that the query's parameters are bound as in any other."""

    inherit_cache = False

    def __init__(self, rows: Select[Any]) -> None:
        self.rows = rows


@compiles(_Copy, "sqlite")
def _create(element: _Copy, compiler: SQLCompiler, **options: Any) -> str:
    return f"CREATE TABLE {_COPY} AS {compiler.process(element.rows, **options)}"


def _text_or_bytes(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _database(connection: Connection) -> sqlite3.Connection:
    return cast("sqlite3.Connection", connection.connection.dbapi_connection)


def _fetch(database: sqlite3.Connection, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    try:
        return database.execute(statement, values).fetchall()
    except sqlite3.OperationalError as error:
        if "decode" not in str(error):
            raise
    # A text that is not UTF-8 comes as bytes: one invalid row instead of the end of the run.
    database.text_factory = _text_or_bytes
    try:
        return database.execute(statement, values).fetchall()
    finally:
        database.text_factory = str


class SqliteStream:
    """A copy, then pages by rowid."""

    def __init__(self) -> None:
        self._copied = False

    def connect(self, engine: Engine) -> Connection:
        """Return a connection that leaves the pool for good: it holds the copy."""
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.detach()
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
        connection.exec_driver_sql("PRAGMA temp_store = FILE")
        return connection

    def pages(self, connection: Connection, query: Query, accounts: Accounts | None, size: int) -> Iterator[Page]:
        """Copy at the first call; every call reads the same copy."""
        copied = [*query.wanted, *([] if query.account is None else [query.account])]
        names = [f"c{i}" for i in range(len(copied))]
        if not self._copied:
            aliased = [column.label(name) for column, name in zip(copied, names, strict=True)]
            connection.execute(_Copy(query.rows().with_only_columns(*aliased)))
            self._copied = True
        wanted = ", ".join(names[: len(query.wanted)])
        among, values = _among(names[-1], accounts)
        statement = f"SELECT {wanted}, rowid FROM {_COPY} WHERE rowid > ?{among} ORDER BY rowid LIMIT {size}"  # noqa: S608 - names and numbers of our own
        last = 0
        while rows := _fetch(_database(connection), statement, (last, *values)):
            last = rows[-1][-1]
            yield [row[:-1] for row in rows]

    def interrupt(self, connection: Connection) -> None:
        """Make the running statement fail."""
        _database(connection).interrupt()


def _among(account: str, accounts: Accounts | None) -> tuple[str, tuple[Any, ...]]:
    if accounts is None:
        return "", ()
    marks = ", ".join("?" * len(accounts.values))
    named = account if accounts.verbatim else f"trim(CAST({account} AS TEXT))"
    return f" AND {named} IN ({marks})", accounts.values
