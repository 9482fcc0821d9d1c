"""The ledger on SQLite, also inside the source's own file."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from operator import ge
from typing import Any, Final

from sqlalchemy import Connection, Table
from sqlalchemy.engine import Dialect

from airflow_provider_bingads.warehouse.ledger.backend import KEY_FACT, KeyFact, multi_row_insert
from airflow_provider_bingads.warehouse.ledger.encode import encoded, from_stored
from airflow_provider_bingads.warehouse.ledger.schema import KEY_PREFIX

__all__ = ["SqliteBackend"]

_Shape = tuple[bool, ...]
"""For each column of a table whether a statement takes one value for all its rows."""

BUSY_SECONDS: Final = 30
"""How long a write waits for another process's transaction."""

_CACHE_KIBIBYTES: Final = 16 * 1024
_KEYS_A_STATEMENT: Final = 500
_ROWS_A_STATEMENT: Final = (1000, 100)
"""Each statement gives Python's lock up and asks for it again; a thread that computes beside a writer who does that for
every row leaves it a seventh of its speed."""
_SHAPES_A_TABLE: Final = 4
_CONFLICT: Final = "ON CONFLICT ({key}) DO NOTHING"  # unlike OR IGNORE it hides no other violation


class SqliteBackend:
    """Short ``BEGIN IMMEDIATE`` transactions; the file's journal mode is the user's and stays."""

    begin = "BEGIN IMMEDIATE"

    def __init__(self) -> None:
        self.gate: threading.Lock | None = threading.Lock()
        self._shapes: dict[str, list[_Shape]] = {}

    def prepare(self, connection: Connection, *, appends: bool) -> None:
        """Set the busy time-out and, where rows are recorded, a page cache that holds what one transaction touches.

        A page that does not fit is written before its transaction ends, which waits for the disk once more.
        """
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        if appends:
            connection.exec_driver_sql(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")

    def lock_schema(self, connection: Connection) -> None:
        """Do nothing: the transaction holds the file's only write lock."""

    def unlock_schema(self, connection: Connection) -> None:
        """Do nothing: the transaction's end does it."""

    def now(self, connection: Connection) -> datetime:
        """Return SQLite's clock, which has milliseconds."""
        return from_stored(connection.exec_driver_sql("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')").scalar_one())

    def append(
        self, connection: Connection, table: Table, records: Sequence[Sequence[Any]], *, careful: bool, plain: bool
    ) -> None:
        """Insert many rows a statement; leaving out what exists costs nothing here, so it always does."""
        del careful
        columns = encoded(table, records, plain=plain)
        most = _most_parameters(connection) // len(columns)
        done = 0
        cursor = connection.connection.cursor()
        try:
            for size in _ROWS_A_STATEMENT:
                while size <= most and done + size <= len(records):
                    block = [column[done : done + size] for column in columns]
                    shape = self._shape(table, tuple(map(_is_alike, block)))
                    cursor.execute(_insert_block(table, connection.dialect, size, shape), _parameters(block, shape))
                    done += size
            rest = list(zip(*(column[done:] for column in columns), strict=True))
            cursor.executemany(multi_row_insert(table, connection.dialect, 1, "?", _CONFLICT), rest)
        finally:
            cursor.close()

    def _shape(self, table: Table, alike: _Shape) -> _Shape:
        """Return which columns a statement takes once; of few sorts, as the driver keeps each one's megabyte."""
        known = self._shapes.setdefault(table.name, [(False,) * len(alike)])
        if alike not in known and not all(alike) and len(known) < _SHAPES_A_TABLE:
            known.append(alike)
        return max((shape for shape in known if all(map(ge, alike, shape))), key=sum)

    def find(self, connection: Connection, table: Table, stream_id: str, keys: Sequence[str]) -> list[KeyFact]:
        """Look keys up, at most 500 in one statement (SQLite before 3.32 takes 999 parameters)."""
        found: list[KeyFact] = []
        prefixes = sorted({key[:KEY_PREFIX] for key in keys})
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


def _is_alike(values: Sequence[Any]) -> bool:
    return bool(values[0] == values[-1]) and values.count(values[0]) == len(values)


def _parameters(block: Sequence[Sequence[Any]], shape: _Shape) -> list[Any]:
    once = [values[0] for values, shared in zip(block, shape, strict=True) if shared]
    apart = [values for values, shared in zip(block, shape, strict=True) if not shared]
    return [*once, *chain.from_iterable(zip(*apart, strict=True))]


@lru_cache(maxsize=64)
def _insert_block(table: Table, dialect: Dialect, n_rows: int, shape: _Shape) -> str:
    """Return an INSERT of several rows that takes some columns' value once; to hand a value over costs most of it."""
    prepare = dialect.identifier_preparer
    names = ", ".join(prepare.format_column(column) for column in table.columns)
    key = ", ".join(prepare.format_column(column) for column in table.primary_key.columns)
    apart = shape.count(False)
    position = itertools.count(1)
    chosen = ", ".join(f"s{number}" if once else f"b.column{next(position)}" for number, once in enumerate(shape))
    shared = ", ".join(f"? AS s{number}" for number, once in enumerate(shape) if once) or "NULL"
    rows = ", ".join([f"({', '.join('?' * apart)})"] * n_rows)
    return (
        f"INSERT INTO {prepare.format_table(table)} ({names}) "  # noqa: S608 - names are the schema's own
        f"SELECT {chosen} FROM (SELECT {shared}), (VALUES {rows}) AS b WHERE true {_CONFLICT.format(key=key)}"
    )


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
