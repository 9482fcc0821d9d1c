"""Streaming from SQLite: the query's rows are copied into a temporary table, which is then read.

A reader on the file itself would hold its lock for the whole run and keep the ledger in the same file from
committing (design 5). The copy is a file of SQLite's own; the user's file and its journal mode stay as they are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, cast

from sqlalchemy import ClauseElement, Connection, Engine, Executable, Select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from airflow_provider_bingads.warehouse.query import Accounts, Query
from airflow_provider_bingads.warehouse.streams import Page

__all__ = ["SqliteStream"]

_COPY: Final = "temp.bingads_source"
_BUSY_MILLISECONDS: Final = 30_000
_ROWS_A_STEP: Final = 20
"""The driver gives Python's lock up and asks for it again at each step; with one row a step, threads that compute
beside the reader spend their time handing it over."""
_MOST_COLUMNS: Final = 1800  # SQLite takes 2,000 in one result


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
        self._rows: int | None = None

    def connect(self, engine: Engine) -> Connection:
        """Return a connection that leaves the pool for good: it holds the copy."""
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.detach()
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
        connection.exec_driver_sql("PRAGMA temp_store = FILE")
        return connection

    def pages(self, connection: Connection, query: Query, accounts: Accounts | None, size: int) -> Iterator[Page]:
        """Copy at the first call; every call reads the same copy."""
        database = _database(connection)
        if self._rows is None:
            connection.execute(_Copy(_numbered(query)))
            self._rows = database.execute(f"SELECT count(*) FROM {_COPY}").fetchone()[0]  # noqa: S608 - a name of our own
        position = next((i for i, column in enumerate(query.wanted) if column is query.account), 0)
        for first in range(1, self._rows + 1, size):
            page = _page(database, len(query.wanted), first, min(size, self._rows + 1 - first))
            if accounts is not None:
                page = [row for row in page if accounts.have(row[position])]
            if page:
                yield page

    def interrupt(self, connection: Connection) -> None:
        """Make the running statement fail."""
        _database(connection).interrupt()


def _numbered(query: Query) -> Select[Any]:
    return query.rows().with_only_columns(*(column.label(f"c{i}") for i, column in enumerate(query.wanted)))


def _page(database: sqlite3.Connection, width: int, first: int, count: int) -> Page:
    """Return the copy's rows from ``first`` on."""
    together = max(1, min(_ROWS_A_STEP, _MOST_COLUMNS // width))
    steps = _fetch(database, _steps(width, together), (first, first + count - 1, first))
    page: Page = [step[i : i + width] for step in steps for i in range(0, width * together, width)]
    del page[count:]
    return page


@lru_cache(maxsize=16)
def _steps(width: int, together: int) -> str:
    columns = ", ".join(f"t{n}.c{i}" for n in range(together) for i in range(width))
    joins = " ".join(f"LEFT JOIN {_COPY} t{n} ON t{n}.rowid = t0.rowid + {n}" for n in range(1, together))
    chosen = f"t0.rowid BETWEEN ? AND ? AND (t0.rowid - ?) % {together} = 0"
    return f"SELECT {columns} FROM {_COPY} t0 {joins} WHERE {chosen} ORDER BY t0.rowid"  # noqa: S608 - names and numbers of our own
