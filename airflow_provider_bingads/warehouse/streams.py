"""How rows come out of a database without the whole result in memory; a module for each way.

Always a cursor on the server or a copy, never OFFSET, whose pages shift under a changing table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from sqlalchemy import Connection, Engine

from airflow_provider_bingads.warehouse.query import Accounts, Query

__all__ = ["GenericStream", "Page", "RowStream"]

Page = list[Sequence[Any]]


class RowStream(Protocol):
    """One way of streaming, on one connection of its own."""

    def connect(self, engine: Engine) -> Connection:
        """Return a connection that is only for this reader."""
        ...

    def pages(self, connection: Connection, query: Query, accounts: Accounts | None, size: int) -> Iterator[Page]:
        """Yield lists of at most ``size`` rows, as the driver gives them."""
        ...

    def interrupt(self, connection: Connection) -> None:
        """End a statement that runs in another thread; called at most once, before the connection is closed."""
        ...


class GenericStream:
    """A server-side cursor by SQLAlchemy's own option, which drivers without one ignore."""

    def connect(self, engine: Engine) -> Connection:
        """Return a connection from the pool."""
        return engine.connect()

    def pages(self, connection: Connection, query: Query, accounts: Accounts | None, size: int) -> Iterator[Page]:
        """Fetch in partitions; the size is given twice because partitions() without one reads everything."""
        streaming = connection.execution_options(stream_results=True, max_row_buffer=size)
        result = streaming.execute(query.rows(accounts))
        for part in result.partitions(size):
            yield [tuple(row) for row in part]

    def interrupt(self, connection: Connection) -> None:
        """Do nothing: there is no portable way."""
