"""The ledger on MySQL 8 and MariaDB: statements of many rows, keys looked up as lists."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Boolean, Connection, Integer, Table
from sqlalchemy.engine import Dialect

from airflow_provider_bingads.exceptions import RetryLater
from airflow_provider_bingads.warehouse.failures import Trouble, trouble_of
from airflow_provider_bingads.warehouse.ledger.backend import KEY_FACT, KeyFact
from airflow_provider_bingads.warehouse.ledger.encode import encoded, from_stored

__all__ = ["MysqlBackend"]

LOCK_WAIT_SECONDS: Final = 30
"""How long a write waits for another's lock; the server's own 50 seconds are more than a lease can spare."""
SCHEMA_LOCK_SECONDS: Final = 60
"""How long a process waits for another that makes or migrates the tables."""

_SCHEMA_LOCK: Final = "bingads_ledger"
_MODE: Final = (
    "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,"
    "NO_BACKSLASH_ESCAPES"
)
"""Strict, so that nothing is cut or bent in silence; named in full, because a server's own mode may be anything."""
_SETTINGS: Final = (
    (
        "SET SESSION sql_mode = '{mode}', time_zone = '+00:00', wait_timeout = 28800, "
        f"innodb_lock_wait_timeout = {LOCK_WAIT_SECONDS}, lock_wait_timeout = {SCHEMA_LOCK_SECONDS}"
    ),
    # A transaction sees what others committed meanwhile, and an insert locks no gap beside it.
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
)
_STATEMENT_CHARACTERS: Final = 1_000_000
"""Most characters of one INSERT: larger ones are no faster, and fill the server's buffers."""
_PACKET_SHARE: Final = 5  # a character takes four bytes at most, and the statement has a head
_KEYS_A_STATEMENT: Final = 500  # MariaDB makes a temporary table of a list of a thousand
_CAREFUL_TURNS: Final = 5


class MysqlBackend:
    """Works with PyMySQL; mysqlclient has the same interface."""

    begin = "START TRANSACTION"

    def __init__(self) -> None:
        self.gate: threading.Lock | None = None
        self._most_characters = 200_000

    def prepare(self, connection: Connection, *, appends: bool) -> None:
        """Make the session strict, in UTC and in full Unicode, whatever the server's defaults are."""
        driver: Any = connection.connection.dbapi_connection
        driver.set_character_set("utf8mb4")
        # SQLAlchemy quotes names as the server's own mode had it when the engine first connected.
        ansi = connection.dialect.identifier_preparer.initial_quote == '"'
        for statement in _SETTINGS:
            connection.exec_driver_sql(statement.format(mode=f"{_MODE},ANSI_QUOTES" if ansi else _MODE))
        if appends:
            packet = connection.exec_driver_sql("SELECT @@max_allowed_packet").scalar_one()
            self._most_characters = min(int(packet) // _PACKET_SHARE, _STATEMENT_CHARACTERS)

    def lock_schema(self, connection: Connection) -> None:
        """Let other creators wait; by a lock of its own, because each statement that defines something commits.

        :raises RetryLater: another process has it for too long.
        """
        got = connection.exec_driver_sql(f"SELECT GET_LOCK('{_SCHEMA_LOCK}', {SCHEMA_LOCK_SECONDS})").scalar()
        if got != 1:
            raise RetryLater(
                "Another process has been making or migrating the ledger's tables for more than "
                f"{SCHEMA_LOCK_SECONDS} seconds. The next try of the task waits again; nothing is lost."
            )

    def unlock_schema(self, connection: Connection) -> None:
        """Let the next creator in; a connection that breaks before lets it in too."""
        connection.exec_driver_sql(f"SELECT RELEASE_LOCK('{_SCHEMA_LOCK}')")

    def now(self, connection: Connection) -> datetime:
        """Return the server's clock."""
        return from_stored(connection.exec_driver_sql("SELECT UTC_TIMESTAMP(6)").scalar_one())

    def append(
        self, connection: Connection, table: Table, records: Sequence[Sequence[Any]], *, careful: bool, plain: bool
    ) -> None:
        """Insert many rows a statement; carefully, only those whose key a look before did not find.

        ``INSERT IGNORE`` would hide every other error, and ``ON DUPLICATE KEY UPDATE`` asks for the right to change
        what is recorded.
        """
        columns = encoded(table, records, plain=plain)
        cursor = connection.connection.cursor()
        try:
            if careful:
                self._insert_missing(cursor, connection, table, columns)
            else:
                self._insert(cursor, connection, table, columns)
        finally:
            cursor.close()

    def _insert_missing(
        self, cursor: Any, connection: Connection, table: Table, columns: Sequence[Sequence[Any]]
    ) -> None:
        for turn in range(1, _CAREFUL_TURNS + 1):
            missing = _missing(cursor, connection, table, columns)
            if not missing:
                return
            try:
                self._insert(cursor, connection, table, list(zip(*missing, strict=True)))
            except Exception as error:
                # Somebody wrote a key between the look and the write: only that statement is undone, so look again.
                if trouble_of(error) is not Trouble.DUPLICATE or turn == _CAREFUL_TURNS:
                    raise
            else:
                return

    def _insert(self, cursor: Any, connection: Connection, table: Table, columns: Sequence[Sequence[Any]]) -> None:
        literals = [
            _literals(cursor, column.type, values) for column, values in zip(table.columns, columns, strict=True)
        ]
        head = _head(table, connection.dialect)
        rows = map(",".join, zip(*literals, strict=True))
        for block in _blocks(rows, self._most_characters):
            cursor.execute(f"{head}({'),('.join(block)})")

    def find(self, connection: Connection, table: Table, stream_id: str, keys: Sequence[str]) -> list[KeyFact]:
        """Look keys up, at most 500 in one statement."""
        found: list[KeyFact] = []
        cursor = connection.connection.cursor()
        try:
            for start in range(0, len(keys), _KEYS_A_STATEMENT):
                some = keys[start : start + _KEYS_A_STATEMENT]
                cursor.execute(_look_up(table, connection.dialect, len(some)), (*some, stream_id))
                found.extend(cursor.fetchall())
        finally:
            cursor.close()
        return found


def _literals(cursor: Any, kind: object, values: Sequence[Any]) -> Sequence[str]:
    """Return a column's values as SQL, one text for all where all are the same."""
    if values[0] is values[-1] and values.count(values[0]) == len(values):
        return _distinct(cursor, kind, values[:1]) * len(values)
    return _distinct(cursor, kind, values)


def _distinct(cursor: Any, kind: object, values: Sequence[Any]) -> list[str]:
    if isinstance(kind, Boolean):
        return ["NULL" if value is None else str(int(value)) for value in values]
    if isinstance(kind, Integer):
        return ["NULL" if value is None else str(value) for value in values]
    joined = "".join(value for value in values if value is not None)
    if "'" in joined or "\\" in joined:
        return ["NULL" if value is None else _quoted(cursor, value) for value in values]
    # Put together, not formatted: an enumeration's member formats as its name.
    return ["NULL" if value is None else "'" + value + "'" for value in values]


def _quoted(cursor: Any, text: str) -> str:
    if "'" not in text and "\\" not in text:
        return "'" + text + "'"
    # Whether a backslash escapes is for the session's mode to say, which the driver follows.
    quoted: str | bytes = cursor.mogrify("%s", (str(text),))
    return quoted if isinstance(quoted, str) else quoted.decode()


def _blocks(rows: Iterator[str], most: int) -> Iterator[list[str]]:
    block: list[str] = []
    size = 0
    for row in rows:
        if block and size + len(row) > most:
            yield block
            block, size = [], 0
        block.append(row)
        size += len(row) + len("),(")
    if block:
        yield block


def _missing(
    cursor: Any, connection: Connection, table: Table, columns: Sequence[Sequence[Any]]
) -> list[tuple[Any, ...]]:
    """Return the records whose key is not there, the first of those that share one."""
    names = list(table.columns)
    key = [names.index(column) for column in table.primary_key.columns]
    records: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for record in zip(*columns, strict=True):
        records.setdefault(tuple(record[position] for position in key), record)
    firsts = sorted({identity[0] for identity in records})
    for start in range(0, len(firsts), _KEYS_A_STATEMENT):
        some = firsts[start : start + _KEYS_A_STATEMENT]
        ranges = [(min(columns[at]), max(columns[at])) for at in key[1:] if isinstance(names[at].type, Integer)]
        statement = _keys_there(table, connection.dialect, len(some))
        cursor.execute(statement, (*some, *(bound for limits in ranges for bound in limits)))
        for identity in cursor.fetchall():
            records.pop(tuple(identity), None)
    return list(records.values())


@lru_cache(maxsize=16)
def _head(table: Table, dialect: Dialect) -> str:
    prepare = dialect.identifier_preparer
    names = ", ".join(prepare.format_column(column) for column in table.columns)
    return f"INSERT INTO {_name(table, dialect)} ({names}) VALUES "  # noqa: S608 - names are the schema's own


@lru_cache(maxsize=64)
def _keys_there(table: Table, dialect: Dialect, count: int) -> str:
    """Return the look for keys: by the first column's values, within the range of each number among the others.

    Of a run with millions of rows judged here, which share their first column, only the records' neighbours are read.
    """
    prepare = dialect.identifier_preparer
    first, *others = table.primary_key.columns
    names = ", ".join(prepare.format_column(column) for column in table.primary_key.columns)
    conditions = [f"{prepare.format_column(first)} IN ({', '.join(['%s'] * count)})"]
    conditions += [f"{prepare.format_column(c)} BETWEEN %s AND %s" for c in others if isinstance(c.type, Integer)]
    name = prepare.format_table(table)
    return f"SELECT {names} FROM {name} WHERE {' AND '.join(conditions)}"  # noqa: S608 - names are the schema's own


@lru_cache(maxsize=64)
def _look_up(table: Table, dialect: Dialect, count: int) -> str:
    prepare = dialect.identifier_preparer
    names = ", ".join(prepare.format_column(table.c[name]) for name in KEY_FACT)
    # A table that was just filled has no statistics yet; without them the planner may read all of it.
    origin = f"{prepare.format_table(table)} FORCE INDEX (ix_bingads_row_key)"
    among = f"row_key IN ({', '.join(['%s'] * count)})"
    return f"SELECT {names} FROM {origin} WHERE {among} AND stream_id = %s"  # noqa: S608 - names are the schema's own


def _name(table: Table, dialect: Dialect) -> str:
    """Return the table's name for a statement without parameters, in which nothing halves a percent sign again."""
    return dialect.identifier_preparer.format_table(table).replace("%%", "%")
