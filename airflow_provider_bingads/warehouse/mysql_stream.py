"""Streaming from MySQL and MariaDB: unbuffered rows of a read-only snapshot, on a connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine

from airflow_provider_bingads.warehouse.query import Accounts, Query
from airflow_provider_bingads.warehouse.streams import Page

__all__ = ["MysqlStream"]

_PATIENCE_SECONDS: Final = 24 * 3600
"""How long the server waits for a reader who waits for the service; its own limit is one minute."""
_SETTINGS: Final = (
    # In UTC a TIMESTAMP is the instant it stands for, whatever zone the server is set to.
    f"SET SESSION time_zone = '+00:00', net_write_timeout = {_PATIENCE_SECONDS}, wait_timeout = {_PATIENCE_SECONDS}",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
)
# The statement runs for as long as its rows are read, so a limit for statements would end a long upload.
_MARIADB: Final = (
    "SET SESSION max_statement_time = 0, idle_transaction_timeout = 0, idle_readonly_transaction_timeout = 0"
)
_MYSQL: Final = "SET SESSION max_execution_time = 0"
_BEGIN: Final = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


_TIMESTAMP, _DATE, _DATETIME = 7, 10, 12
_PARSERS: Final[dict[int, Callable[[str], object]]] = {
    _TIMESTAMP: _instant,
    _DATE: date.fromisoformat,
    _DATETIME: datetime.fromisoformat,
}


class MysqlStream:
    """Reads with PyMySQL; mysqlclient has the same interface."""

    def connect(self, engine: Engine) -> Connection:
        """Return a connection in a read-only transaction, so that rows and counts come from one snapshot."""
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.detach()
        database: Any = connection.connection.dbapi_connection
        database.set_character_set("utf8mb4")
        _parse_leniently(database)
        limits = _MARIADB if getattr(engine.dialect, "is_mariadb", False) else _MYSQL
        for statement in (*_SETTINGS, limits, _BEGIN):
            connection.exec_driver_sql(statement)
        return connection

    def pages(self, connection: Connection, query: Query, accounts: Accounts | None, size: int) -> Iterator[Page]:
        """Fetch from an unbuffered cursor; rows that nobody reads any more are left with their connection."""
        database: Any = connection.connection.dbapi_connection
        streaming = {"stream_results": True, "max_row_buffer": size}
        result = connection.execute(query.rows(accounts), execution_options=streaming)
        cursor: Any = result.cursor
        try:
            for part in result.partitions(size):
                yield [tuple(row) for row in part]
        except BaseException:
            _abandon(database, cursor)
            raise

    def interrupt(self, connection: Connection) -> None:
        """Let the server end the connection, and with it the running statement."""
        database: Any = connection.connection.dbapi_connection
        with connection.engine.connect() as other:
            other.exec_driver_sql(f"KILL {int(database.thread_id())}")


def _abandon(database: Any, cursor: Any) -> None:
    """Close the connection first: a cursor that is closed on its own reads the whole rest."""
    unread: Any = getattr(cursor, "_result", None)
    if hasattr(unread, "unbuffered_active"):
        unread.unbuffered_active = False
    with suppress(Exception):  # it may be broken or closed already
        database.close()


def _parse_leniently(database: Any) -> None:
    """Have times read as times, and as their text where Python has none, such as the zero date."""

    def reader(parse: Callable[[str], object]) -> Callable[[str | bytes], object]:
        def read(raw: str | bytes) -> object:
            text = raw if isinstance(raw, str) else raw.decode()
            try:
                return parse(text)
            except ValueError:
                return text

        return read

    # PyMySQL and mysqlclient, in this order, have it under different names.
    converters = database.decoders if hasattr(database, "decoders") else database.converter
    converters.update({code: reader(parse) for code, parse in _PARSERS.items()})
