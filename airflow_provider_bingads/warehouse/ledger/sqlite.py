"""The ledger on SQLite, also inside the source's own file."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from sqlalchemy import Connection, Table
from sqlalchemy.engine import Dialect

from airflow_provider_bingads.warehouse.ledger.backend import KEY_FACT, KeyFact, multi_row_insert
from airflow_provider_bingads.warehouse.ledger.encode import encoded, from_stored
from airflow_provider_bingads.warehouse.ledger.schema import KEY_PREFIX

__all__ = ["SqliteBackend"]

BUSY_SECONDS: Final = 30
"""How long a write waits for another process's transaction."""

_CACHE_KIBIBYTES: Final = 16 * 1024
_KEYS_A_STATEMENT: Final = 500
_ROWS_A_STATEMENT: Final = (1000, 100)
"""Each statement gives Python's lock up and asks for it again; a thread that computes beside a writer who does that for
every row leaves it a seventh of its speed."""
_CONFLICT: Final = "ON CONFLICT ({key}) DO NOTHING"  # unlike OR IGNORE it hides no other violation


class SqliteBackend:
    """Short ``BEGIN IMMEDIATE`` transactions; the file's journal mode is the user's and stays."""

    begin = "BEGIN IMMEDIATE"

    def __init__(self) -> None:
        self.gate: threading.Lock | None = threading.Lock()

    def prepare(self, connection: Connection, *, appends: bool) -> None:
        """Set the busy time-out and, where rows are recorded, a page cache that holds what one transaction touches.

        A page that does not fit is written before its transaction ends, which waits for the disk once more.
        """
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        if appends:
            connection.exec_driver_sql(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")

    def lock_schema(self, connection: Connection) -> None:
        """Do nothing: the transaction holds the file's only write lock."""

    def now(self, connection: Connection) -> datetime:
        """Return SQLite's clock, which has milliseconds."""
        return from_stored(connection.exec_driver_sql("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')").scalar_one())

    def append(
        self, connection: Connection, table: Table, records: Sequence[Sequence[Any]], *, careful: bool, plain: bool
    ) -> None:
        """Insert many rows a statement; leaving out what exists costs nothing here, so it always does."""
        del careful
        rows = list(zip(*encoded(table, records, plain=plain), strict=True))
        most = _most_parameters(connection) // len(table.columns)
        done = 0
        cursor = connection.connection.cursor()
        try:
            for size in _ROWS_A_STATEMENT:
                while size <= most and done + size <= len(rows):
                    values = tuple(chain.from_iterable(rows[done : done + size]))
                    cursor.execute(_insert(table, connection.dialect, size), values)
                    done += size
            cursor.executemany(_insert(table, connection.dialect, 1), rows[done:])
        finally:
            cursor.close()

    def find(self, connection: Connection, table: Table, stream_id: str, prefixes: Sequence[str]) -> list[KeyFact]:
        """Look keys up, at most 500 in one statement (SQLite before 3.32 takes 999 parameters)."""
        found: list[KeyFact] = []
        cursor = connection.connection.cursor()
        try:
            for start in range(0, len(prefixes), _KEYS_A_STATEMENT):
                some = prefixes[start : start + _KEYS_A_STATEMENT]
                cursor.execute(_look_up(table, connection.dialect, len(some)), (*some, stream_id))
                found.extend(fact for (together,) in cursor.fetchall() for fact in _facts(together))
        finally:
            cursor.close()
        return found


def _most_parameters(connection: Connection) -> int:
    driver: Any = connection.connection.dbapi_connection
    most: int = driver.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)
    return most


@lru_cache(maxsize=64)
def _insert(table: Table, dialect: Dialect, n_rows: int) -> str:
    return multi_row_insert(table, dialect, n_rows, "?", _CONFLICT)


@lru_cache(maxsize=64)
def _look_up(table: Table, dialect: Dialect, count: int) -> str:
    prepare = dialect.identifier_preparer
    fields = " || ',' || ".join(prepare.format_column(table.c[name]) for name in KEY_FACT)
    among = f"substr(row_key, 1, {KEY_PREFIX}) IN ({', '.join('?' * count)})"
    # All rows in one text: one step, for the reason above. Hex digits and names of states hold neither separator.
    return f"SELECT group_concat({fields}, ';') FROM {prepare.format_table(table)} WHERE {among} AND stream_id = ?"  # noqa: S608 - names are the schema's own


def _facts(together: str | None) -> list[KeyFact]:
    facts: list[KeyFact] = []
    for fact in together.split(";") if together else ():
        row_key, content, gen, state, rank, run_id = fact.split(",")
        facts.append((row_key, content, int(gen), state, int(rank), run_id))
    return facts
