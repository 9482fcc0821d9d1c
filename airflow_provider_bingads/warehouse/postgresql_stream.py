"""Streaming from PostgreSQL: a server-side cursor in a read-only transaction on a connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine

from airflow_provider_bingads.warehouse.query import Accounts, Query
from airflow_provider_bingads.warehouse.streams import GenericStream, Page

__all__ = ["PostgresStream"]

_DATE, _TIMESTAMP, _TIMESTAMPTZ = 1082, 1114, 1184
_PARSERS: Final[dict[int, Callable[[str], object]]] = {
    _DATE: date.fromisoformat,
    _TIMESTAMP: datetime.fromisoformat,
    _TIMESTAMPTZ: datetime.fromisoformat,
}


def _parsed_or_text(parse: Callable[[str], object], text: str) -> object:
    """Return a time, or its text where Python has none: a year past 9999, BC, infinity."""
    try:
        return parse(text)
    except ValueError:
        return text


class PostgresStream:
    """Reads with psycopg2 or psycopg 3; one cell that Python cannot hold is one odd value, not the end of the run."""

    def __init__(self) -> None:
        self._cursor = GenericStream()

    def connect(self, engine: Engine) -> Connection:
        """Return a connection in a read-only transaction, so that rows and counts come from one snapshot."""
        connection = engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        connection.detach()
        # The transaction idles while the service asks to wait, and times must come in the form parsed above.
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        connection.exec_driver_sql("SET LOCAL datestyle = ISO")
        database = connection.connection.dbapi_connection
        if engine.dialect.driver == "psycopg":
            _load_leniently(database)
        elif engine.dialect.driver == "psycopg2":
            _cast_leniently(database)
        return connection

    def pages(self, connection: Connection, query: Query, accounts: Accounts | None, size: int) -> Iterator[Page]:
        """Fetch from a server-side cursor."""
        return self._cursor.pages(connection, query, accounts, size)

    def interrupt(self, connection: Connection) -> None:
        """Ask the server to end the running statement."""
        database: Any = connection.connection.dbapi_connection
        database.cancel()


def _cast_leniently(database: Any) -> None:
    from psycopg2 import extensions  # type: ignore[import-untyped]  # psycopg2 ships no types

    def caster(parse: Callable[[str], object]) -> Callable[[str | None, object], object]:
        return lambda text, _cursor: None if text is None else _parsed_or_text(parse, text)

    for oid, parse in _PARSERS.items():
        extensions.register_type(extensions.new_type((oid,), "bingads_lenient", caster(parse)), database)


def _load_leniently(database: Any) -> None:
    from psycopg.adapt import Loader

    def loader(read: Callable[[str], object]) -> type[Loader]:
        class Lenient(Loader):
            def load(self, data: Any) -> object:
                return _parsed_or_text(read, bytes(data).decode())

        return Lenient

    for oid, parse in _PARSERS.items():
        database.adapters.register_loader(oid, loader(parse))
