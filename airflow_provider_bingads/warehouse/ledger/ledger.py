"""The delivery's memory on a SQL database: implements ``sync.ports.Ledger``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, Table

from airflow_provider_bingads.domain.records import Entries, Known, OpenCall, OpenRow, RunIdentity, RunRecord
from airflow_provider_bingads.exceptions import BingAdsError
from airflow_provider_bingads.sync.ports import Lease, LeaseHolder, Point, passing
from airflow_provider_bingads.warehouse.failures import Trouble, driver_errors, gave_way, trouble_of
from airflow_provider_bingads.warehouse.ledger import lease as leases
from airflow_provider_bingads.warehouse.ledger import reads, runs
from airflow_provider_bingads.warehouse.ledger.backend import Backend
from airflow_provider_bingads.warehouse.ledger.lanes import Lane
from airflow_provider_bingads.warehouse.ledger.migrations import migrate, version_of
from airflow_provider_bingads.warehouse.ledger.refusals import refusal
from airflow_provider_bingads.warehouse.ledger.schema import VERSION, LedgerTables, ledger_tables

__all__ = ["SqlLedger"]

_DEADLOCKS: Final = 5
"""Times that one piece of work gives way to others before the task does."""
_Part = tuple[Table, Sequence[Sequence[Any]]]
_Result = TypeVar("_Result")
_Opened = Callable[[], AbstractContextManager[Connection]]


class SqlLedger:
    """A ledger in a database schema; creates or migrates its tables when it is built.

    Safe to use from several threads: writes, reads and lease renewals have a connection each.

    :param engine: engine of the ledger's database.
    :param backend: the database's own ways.
    :param schema: database schema of the tables, None for the default one.
    :param at: told of each boundary passed; does nothing but under proof.
    :raises FixLedger: the tables do not exist and cannot be created, or a newer release made them.
    :raises RetryLater: the database cannot be reached.
    """

    def __init__(
        self,
        engine: Engine,
        backend: Backend,
        schema: str | None = None,
        at: Point = passing,
    ) -> None:
        self._backend = backend
        self._at = at
        self._dialect = engine.dialect.name
        self._schema = schema
        self._errors = driver_errors(engine)
        self._tables = ledger_tables(schema)
        self._version = 0
        self._write = Lane(engine, backend, appends=True, at=at)
        self._read = Lane(engine, backend, at=at)
        self._lease = Lane(engine, backend, at=at)
        self._open()

    def _open(self) -> None:
        self._version = self._on(
            partial(self._read.use, "version"), lambda connection: version_of(connection, self._tables)
        )
        if self._version < VERSION:
            create = partial(self._write.transaction, "create")
            self._on(create, lambda connection: migrate(connection, self._tables, self._backend))
            self._version = VERSION

    def acquire(self, stream_id: str, owner: str, seconds: float) -> Lease | LeaseHolder:
        """Take the lease by compare-and-swap on the database's clock, or tell who has it."""
        owner = owner[: leases.OWNER_LENGTH]
        held = self._on(
            partial(self._lease.use, "holder"),
            lambda connection: leases.holder(connection, self._tables.lease, self._backend, stream_id),
        )
        return held or self._on(
            partial(self._lease.statements, "acquire"),
            lambda connection: leases.acquire(
                connection, self._tables.lease, self._backend, stream_id=stream_id, owner=owner, seconds=seconds
            ),
        )

    def renew(self, lease: Lease, seconds: float) -> Lease | None:
        """Extend the lease; None when it is no longer ours."""
        return self._on(
            partial(self._lease.statements, "renew"),
            lambda connection: leases.renew(connection, self._tables.lease, self._backend, lease, seconds=seconds),
        )

    def release(self, lease: Lease, not_before: datetime | None = None) -> None:
        """Give the lease up now, or let it run until ``not_before``, but not beyond the end it had."""
        self._on(
            partial(self._lease.statements, "release"),
            lambda connection: leases.release(
                connection, self._tables.lease, self._backend, lease, not_before=not_before
            ),
        )

    def start_run(self, run: RunRecord) -> None:
        """Append the start of a run."""
        self._append("start", [(self._tables.run, [runs.run_event(self._tables.run, run)])])

    def finish_run(self, run: RunRecord) -> None:
        """Append the end of a run with its counts by outcome and by code."""
        self._append("finish", [(self._tables.run, [runs.run_event(self._tables.run, run)])])

    def runs_of_earlier_tries(self, identity: RunIdentity, operation: str) -> frozenset[str]:
        """Return the ids of the runs that earlier tries of this task instance began, ended or not."""
        return self._on(
            partial(self._read.use, "earlier"),
            lambda connection: runs.runs_of_earlier_tries(connection, self._tables.run, identity, operation),
        )

    def known(self, stream_id: str, keys: Sequence[str]) -> Mapping[str, Sequence[Known]]:
        """Look up what is recorded of these keys; keys never seen are absent."""
        return self._on(
            partial(self._read.use, "known"),
            lambda connection: reads.known(connection, self._tables, self._backend, stream_id, keys),
        )

    def open_calls(self, stream_id: str) -> Sequence[OpenCall]:
        """Return the calls of this stream that have no ``answered``, ``not_applied`` or ``reconciled`` event."""
        opened = partial(self._read.use, "open_calls")
        return self._on(opened, lambda connection: reads.open_calls(connection, self._tables, stream_id))

    def forgotten(self, stream_id: str) -> frozenset[str]:
        """Return the ``identity.erased_key`` of every source row of this stream that was forgotten on request."""
        opened = partial(self._read.use, "forgotten")
        return self._on(opened, lambda connection: reads.forgotten(connection, self._tables, stream_id))

    def waiting_rows(self, stream_id: str, before_run_id: str, event_after: datetime) -> Sequence[OpenRow]:
        """Return the rows that wait (deferred, unknown or held) and that the given run recorded nothing about.

        :param event_after: rows whose event is older are past sending and left out; rows without a time stay.
        """
        return self._on(
            partial(self._read.use, "waiting_rows"),
            lambda connection: reads.waiting_rows(connection, self._tables, stream_id, before_run_id, event_after),
        )

    def record(self, entries: Entries) -> None:
        """Append everything in one transaction; repeating it after a doubtful commit is harmless."""
        tables = self._tables
        self._append(
            "intent" if entries.batches else "outcome",
            [
                (tables.batch, entries.batches),
                (tables.call, entries.calls),
                (tables.row, entries.rows),
                (tables.error, entries.errors),
            ],
        )

    # For whoever keeps the ledger --------------------------------------------------------------------------------

    @property
    def tables(self) -> LedgerTables:
        """The tables of this ledger."""
        return self._tables

    @property
    def backend(self) -> Backend:
        """The database's own ways."""
        return self._backend

    def read(self, what: str, work: Callable[[Connection], _Result]) -> _Result:
        """Run work that only reads; a second time where the first met a broken connection.

        :param what: what for, in the names of the points passed.
        """
        return self._on(partial(self._read.use, what), partial(_by_index, work))

    def change(self, what: str, work: Callable[[Connection], _Result]) -> _Result:
        """Run work in one transaction; work that may be repeated, as ``read``.

        :raises FixLedger: the role lacks UPDATE or DELETE; the message holds the grants of a keeper.
        """
        return self._on(partial(self._write.transaction, what), work, keeps=True)

    def append(self, what: str, parts: Sequence[tuple[Table, Sequence[Sequence[Any]]]]) -> None:
        """Append records of several tables in one transaction; repeating it after a doubtful commit is harmless."""
        self._append(what, parts)

    def close(self) -> None:
        """Close the connections."""
        for lane in (self._write, self._read, self._lease):
            lane.close()

    def _on(self, opened: _Opened, work: Callable[[Connection], _Result], *, keeps: bool = False) -> _Result:
        """Run work that may be repeated: once more after a broken connection, a few times after a deadlock."""
        reconnected, left = False, _DEADLOCKS
        while True:
            try:
                with opened() as connection:
                    return work(connection)
            except self._errors as error:
                if trouble_of(error) is Trouble.CONNECTION and not reconnected:
                    reconnected = True
                elif gave_way(error) and left:
                    left -= 1
                else:
                    raise self._refusal(error, keeps=keeps) from None

    def _append(self, what: str, parts: Sequence[_Part]) -> None:
        """Write until it is durable.

        A broken connection or a key that is there already leaves an earlier attempt in doubt; from then on what
        exists is left out.
        """
        parts = [part for part in parts if part[1]]
        careful = plain = reconnected = False
        left = _DEADLOCKS
        while parts:
            try:
                self._append_once(what, parts, careful=careful, plain=plain)
                parts = []
            except self._errors as error:
                trouble = trouble_of(error)
                if trouble is Trouble.CONNECTION and not reconnected:
                    reconnected = careful = True
                elif trouble is Trouble.DUPLICATE and not careful:
                    careful = True
                elif gave_way(error) and left:
                    left -= 1
                elif trouble is Trouble.VALUE and not plain:
                    plain = True
                else:
                    raise self._refusal(error) from None

    def _append_once(self, what: str, parts: Sequence[_Part], *, careful: bool, plain: bool) -> None:
        with self._write.transaction(what) as connection:
            for table, records in parts:
                self._backend.append(connection, table, records, careful=careful, plain=plain)
                self._at(f"ledger.{what}.{table.name}")

    def _refusal(self, error: BaseException, *, keeps: bool = False) -> BingAdsError:
        return refusal(error, self._dialect, self._schema, self._version, keeps=keeps)


def _by_index(work: Callable[[Connection], _Result], connection: Connection) -> _Result:
    """Read a table by its indexes; PostgreSQL, without statistics of one that was just filled, reads all of it.

    Its price for that then looks so high that it would compile the plan first, for seconds.
    """
    if connection.dialect.name != "postgresql":
        return work(connection)
    connection.exec_driver_sql("BEGIN")
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off; SET LOCAL enable_material = off; SET LOCAL jit = off")
    result = work(connection)
    connection.exec_driver_sql("COMMIT")
    return result
