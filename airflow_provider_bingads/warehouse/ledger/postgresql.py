"""The ledger on PostgreSQL: rows go in by COPY, keys are looked up as one array."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from sqlalchemy import Connection, Table
from sqlalchemy.engine import Dialect

from airflow_provider_bingads.warehouse.ledger.backend import KEY_FACT, KeyFact, multi_row_insert
from airflow_provider_bingads.warehouse.ledger.encode import copy_text, encoded, from_stored
from airflow_provider_bingads.warehouse.ledger.schema import KEY_PREFIX

__all__ = ["PostgresBackend"]

_CAREFUL_ROWS: Final = 500  # times 24 columns stays below the 65,535 parameters of the wire protocol
_CONFLICT: Final = "ON CONFLICT ({key}) DO NOTHING"
_SCHEMA_LOCK: Final = 0x62696E67616473  # "bingads": any number that nobody else's advisory lock uses


class PostgresBackend:
    """Works with psycopg2 and psycopg 3."""

    begin = "BEGIN"

    def __init__(self) -> None:
        self.gate: threading.Lock | None = None

    def prepare(self, connection: Connection, *, appends: bool) -> None:
        """Do nothing: what the server is configured to do holds."""

    def lock_schema(self, connection: Connection) -> None:
        """Let other creators wait until this transaction ends."""
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")

    def unlock_schema(self, connection: Connection) -> None:
        """Do nothing: the lock is the transaction's."""

    def now(self, connection: Connection) -> datetime:
        """Return the server's clock, not the transaction's start."""
        return from_stored(connection.exec_driver_sql("SELECT clock_timestamp() AT TIME ZONE 'UTC'").scalar_one())

    def append(
        self, connection: Connection, table: Table, records: Sequence[Sequence[Any]], *, careful: bool, plain: bool
    ) -> None:
        """COPY, or INSERT row lists where existing keys have to be left out."""
        columns = encoded(table, records, plain=plain)
        cursor = connection.connection.cursor()
        try:
            if careful:
                _insert(cursor, connection, table, list(zip(*columns, strict=True)))
            else:
                _copy(cursor, _copy_statement(connection, table), copy_text(table, columns))
        finally:
            cursor.close()

    def find(self, connection: Connection, table: Table, stream_id: str, keys: Sequence[str]) -> list[KeyFact]:
        """Look keys up in one statement."""
        prefixes = sorted({key[:KEY_PREFIX] for key in keys})
        cursor = connection.connection.cursor()
        try:
            # A table that was just filled has no statistics yet; without them the planner reads all of it.
            cursor.execute("BEGIN; SET LOCAL enable_seqscan = off")
            cursor.execute(_look_up(table, connection.dialect), (prefixes, stream_id))
            found = list(cursor.fetchall())
            cursor.execute("COMMIT")
            return found
        finally:
            cursor.close()


@lru_cache(maxsize=16)
def _look_up(table: Table, dialect: Dialect) -> str:
    prepare = dialect.identifier_preparer
    names = ", ".join(prepare.format_column(table.c[name]) for name in KEY_FACT)
    among = f"substr(row_key, 1, {KEY_PREFIX}) = ANY(%s::text[])"
    return f"SELECT {names} FROM {prepare.format_table(table)} WHERE {among} AND stream_id = %s"  # noqa: S608 - names are the schema's own


def _copy_statement(connection: Connection, table: Table) -> str:
    prepare = connection.dialect.identifier_preparer
    names = ", ".join(prepare.format_column(column) for column in table.columns)
    name = prepare.format_table(table).replace("%%", "%")  # no parameters follow, so nothing halves it again
    return f"COPY {name} ({names}) FROM STDIN WITH (FORMAT text, ENCODING 'UTF8')"


def _copy(cursor: Any, statement: str, data: bytes) -> None:
    if hasattr(cursor, "copy_expert"):
        cursor.copy_expert(statement, io.BytesIO(data))
        return
    with cursor.copy(statement) as copy:
        copy.write(data)


def _insert(cursor: Any, connection: Connection, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    for start in range(0, len(rows), _CAREFUL_ROWS):
        some = rows[start : start + _CAREFUL_ROWS]
        statement = multi_row_insert(table, connection.dialect, len(some), "%s", _CONFLICT)
        cursor.execute(statement, tuple(chain.from_iterable(some)))
