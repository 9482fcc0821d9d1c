"""The rows of one run, streamed once: implements ``sync.ports.Source``."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, Engine

from airflow_provider_bingads.exceptions import Stopped
from airflow_provider_bingads.warehouse.failures import driver_errors
from airflow_provider_bingads.warehouse.filesystems import require_file
from airflow_provider_bingads.warehouse.mysql_stream import MysqlStream
from airflow_provider_bingads.warehouse.postgresql_stream import PostgresStream
from airflow_provider_bingads.warehouse.query import Accounts, Query, SourceRequest, account_text, build_query
from airflow_provider_bingads.warehouse.refusals import refused
from airflow_provider_bingads.warehouse.shape import SourceShape, source_name
from airflow_provider_bingads.warehouse.sqlite_stream import SqliteStream
from airflow_provider_bingads.warehouse.streams import GenericStream, Page, RowStream

__all__ = ["SourceRequest", "SourceShape", "SqlSource", "open_source"]


def open_source(engine: Engine, request: SourceRequest) -> SqlSource:
    """Check a request against the database and return its rows as a stream.

    :param engine: of the source's database; made with ``hide_parameters``.
    :param request: what is to be read.
    :raises FixSource: table, query or column does not exist or is not readable.
    :raises RetryLater: the database cannot be reached.
    """
    require_file(engine)
    quotable = not request.parameters
    with refused(engine, source_name(request.table), quotable=quotable), engine.connect() as connection:
        query = build_query(connection, request)
    return SqlSource(engine, request, query, _stream(engine))


def _stream(engine: Engine) -> RowStream:
    if engine.dialect.name == "sqlite":
        return SqliteStream()
    if engine.dialect.name == "postgresql":
        return PostgresStream()
    if engine.dialect.name in {"mysql", "mariadb"} and engine.dialect.driver in {"pymysql", "mysqldb"}:
        return MysqlStream()
    return GenericStream()


class SqlSource:
    """Rows of a table or query, on a connection of their own that opens with the first chunk.

    :param engine: engine of the source's database.
    :param request: what is read.
    :param query: its statements.
    :param stream: the database's way of streaming.
    """

    def __init__(self, engine: Engine, request: SourceRequest, query: Query, stream: RowStream) -> None:
        self.columns = request.columns
        self._engine = engine
        self._query = query
        self._stream = stream
        self._size = request.chunk_size
        self._given_as_query = request.sql is not None
        self._quotable = not request.parameters
        self._account = None if request.account_column is None else request.columns.index(request.account_column)
        self._accounts_seen: dict[str | None, set[Any]] = {}
        self._connection: Connection | None = None
        self._closed = threading.Event()
        self._lock = threading.Lock()

    def chunks(self, accounts: Sequence[str] | None = None) -> Iterator[Page]:
        """Yield lists of rows as the driver gives their values, ordered by account where there is such a column.

        :param accounts: read only the rows of these accounts.
        :raises FixSource: the source is not readable, or the query fails on its data.
        :raises RetryLater: the connection broke.
        :raises Stopped: the source was closed meanwhile.
        """
        pages: Iterator[Page] | None = None
        while True:
            with self._reading() as connection:
                if pages is None:
                    pages = self._stream.pages(connection, self._query, self._among(accounts), self._size)
                page = next(pages, None)
            if page is None:
                return
            self._remember_accounts(page)
            yield page

    def expected_rows(self) -> int | None:
        """Count the rows to come, on a connection of its own; None for a query, which would run twice for it."""
        if self._given_as_query:
            return None
        with refused(self._engine, self._query.what, quotable=self._quotable):
            connection = self._stream.connect(self._engine)  # the same settings: a cutoff compares with the same zone
            try:
                return int(connection.execute(self._query.count()).scalar_one())
            finally:
                _end(connection)

    def count_before_cutoff(self) -> dict[str | None, int]:
        """Count the rows that the pushed-down cutoff left out, by account (None without a column).

        Empty where nothing was pushed down.
        """
        statement = self._query.count_before_cutoff()
        if statement is None:
            return {}
        with self._reading() as connection:
            rows = connection.execute(statement).all()
        if self._account is None:
            return {None: rows[0][0]}
        counts: dict[str | None, int] = {}
        for account, count in rows:
            name = account_text(account)
            counts[name] = counts.get(name, 0) + count
        return counts

    def close(self) -> None:
        """Release the connection; safe to call twice and while another thread reads."""
        if self._closed.is_set():
            return
        self._closed.set()
        connection = self._connection
        if connection is not None and self._lock.locked():
            with suppress(*driver_errors(self._engine)):
                self._stream.interrupt(connection)
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                with suppress(*driver_errors(self._engine)):
                    _end(connection)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._lock, refused(self._engine, self._query.what, quotable=self._quotable):
            try:
                self._raise_if_closed()
                if self._connection is None:
                    self._connection = self._stream.connect(self._engine)
                yield self._connection
            except Exception:  # whatever an interrupted statement raises, the reason is the interruption
                self._raise_if_closed()
                raise

    def _raise_if_closed(self) -> None:
        if self._closed.is_set():
            raise Stopped("The source was closed while it was read; a retry reads it anew.") from None

    def _remember_accounts(self, page: Page) -> None:
        if self._account is None:
            return
        try:
            values = {row[self._account] for row in page}
        except TypeError:  # an array or object, which names no account
            return
        for value in values:
            self._accounts_seen.setdefault(account_text(value), set()).add(value)

    def _among(self, accounts: Sequence[str] | None) -> Accounts | None:
        if accounts is None or self._account is None:
            return None
        if all(account in self._accounts_seen for account in accounts):
            values = frozenset(value for account in accounts for value in self._accounts_seen[account])
            return Accounts(values, verbatim=True)
        return Accounts(frozenset(accounts), verbatim=False)


def _end(connection: Connection) -> None:
    """Close for good: to invalidate one that left the pool leaves its end to the garbage collector."""
    if not connection.invalidated and connection.connection.is_detached:
        database: Any = connection.connection.dbapi_connection
        database.close()
    connection.invalidate()
    connection.close()
