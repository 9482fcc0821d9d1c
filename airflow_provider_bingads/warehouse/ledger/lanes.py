"""Connections of the ledger: one for each kind of work, so that reads, writes and lease renewals do not queue."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from airflow_provider_bingads.sync.ports import Point, passing
from airflow_provider_bingads.warehouse.ledger.backend import Backend

__all__ = ["Lane"]


class Lane:
    """One connection, opened at first use, given up after any error, used by one thread at a time.

    Giving it up is what rolls back: the database ends the transaction of a closed connection, and nothing of a
    broken one can leak into the next use.

    :param appends: it records rows by the thousand.
    :param at: told of each boundary passed, as ``ledger.<what>...``.
    """

    def __init__(self, engine: Engine, backend: Backend, *, appends: bool = False, at: Point = passing) -> None:
        self._engine = engine
        self._backend = backend
        self._appends = appends
        self._at = at
        self._lock = threading.Lock()
        self._connection: Connection | None = None

    @contextmanager
    def use(self, what: str = "use") -> Iterator[Connection]:
        """Hand out the connection, in autocommit.

        :param what: what for, in the names of the points passed.
        """
        with self._held() as connection:
            self._at(f"ledger.{what}.before")
            yield connection
            self._at(f"ledger.{what}.after")

    @contextmanager
    def statements(self, what: str = "statements") -> Iterator[Connection]:
        """Hand out the connection for single statements that write, each a transaction of its own.

        No lock outlives its statement, so a process that freezes or vanishes between two of them holds nobody up.

        :param what: what for, in the names of the points passed.
        """
        with self._gate(), self.use(what) as connection:
            yield connection

    @contextmanager
    def transaction(self, what: str = "transaction") -> Iterator[Connection]:
        """Hand out the connection inside a writing transaction, and commit at the end.

        :param what: what for, in the names of the points passed.
        """
        with self._gate(), self._held() as connection:
            self._at(f"ledger.{what}.begin.before")
            connection.exec_driver_sql(self._backend.begin)
            self._at(f"ledger.{what}.begin.after")
            yield connection
            self._at(f"ledger.{what}.commit.before")
            connection.exec_driver_sql("COMMIT")
            self._at(f"ledger.{what}.commit.after")

    def _gate(self) -> AbstractContextManager[object]:
        return self._backend.gate or nullcontext()

    @contextmanager
    def _held(self) -> Iterator[Connection]:
        with self._lock:
            if self._connection is None:
                self._connection = self._open()
            try:
                yield self._connection
            except BaseException:
                self._give_up()
                raise

    def close(self) -> None:
        """Close the connection once nobody uses it."""
        with self._lock:
            self._give_up()

    def _open(self) -> Connection:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            self._backend.prepare(connection, appends=self._appends)
        except BaseException:
            connection.invalidate()
            connection.close()
            raise
        return connection

    def _give_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.invalidate()
            connection.close()
        except SQLAlchemyError:  # a broken connection may refuse even that; the database drops it
            return
