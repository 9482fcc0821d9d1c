"""Erases what leads from the ledger to one person's rows, and leaves a tombstone that prevents sending them.

The only place beside the lease where something recorded is changed. It holds the leases of all streams concerned, so
that no run writes the names back that are erased here; but for one that lost its lease before and still has outcomes to
write, after which the same key can be forgotten once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from types import SimpleNamespace
from typing import Any, Final

from sqlalchemy import Connection, and_, func, literal_column, select, update

from airflow_provider_bingads.domain.identity import erased_key
from airflow_provider_bingads.domain.outcomes import FORGOTTEN_CONTENT, FORGOTTEN_REFERENCE, ROW_RANK, RowState
from airflow_provider_bingads.domain.records import RowRecord
from airflow_provider_bingads.exceptions import LeaseBusy, LeaseLost
from airflow_provider_bingads.sync.ports import Lease
from airflow_provider_bingads.warehouse.ledger import lease as leases
from airflow_provider_bingads.warehouse.ledger import reads
from airflow_provider_bingads.warehouse.ledger.encode import from_stored
from airflow_provider_bingads.warehouse.ledger.fold import RowEvent, current
from airflow_provider_bingads.warehouse.ledger.kept import FORGOTTEN, Forgotten, Scope
from airflow_provider_bingads.warehouse.ledger.keys import chunks, has_key, in_scope, is_among, is_named
from airflow_provider_bingads.warehouse.ledger.ledger import SqlLedger
from airflow_provider_bingads.warehouse.ledger.marks import Marks, origin_columns, stored_row
from airflow_provider_bingads.warehouse.ledger.schema import LedgerTables
from airflow_provider_bingads.warehouse.ledger.views import start_of

__all__ = ["forget"]

_LEASE_SECONDS: Final = 120.0
_ROW_TEXTS: Final = ("message", "remote_key", "remote_id")
_ERROR_TEXTS: Final = ("message", "details", "disapproved_text", "location")

_OF_A_ROW: Final = "forgotten on request: whatever event the source row is of later, it is not sent"

_Place = tuple[str, str]
"""Stream and row key."""


@dataclass(frozen=True, slots=True)
class _Person:
    """All events of the keys that were meant."""

    events: Sequence[Any]

    def by_key(self) -> Iterator[tuple[_Place, list[Any]]]:
        """Yield each key with its events."""
        for place, group in groupby(self.events, key=lambda row: (row.stream_id, row.row_key)):
            yield place, list(group)

    @property
    def streams(self) -> list[str]:
        return sorted({row.stream_id for row in self.events})

    @property
    def named(self) -> list[Any]:
        """Events that lead somewhere: not those erased before, and no tombstones."""
        return [row for row in self.events if row.source_ref]

    def present(self) -> list[Any]:
        """Return of each key the event that decides its state."""
        decisive = []
        for _, events in self.by_key():
            by_place = {(row.call_id, row.row_index, row.rank): row for row in events}
            best = current(RowEvent(*(getattr(row, name) for name in RowEvent._fields)) for row in events)
            if best is not None:
                decisive.append(by_place[best.call_id, best.row_index, best.rank])
        return decisive

    def without_tombstone(self) -> list[Any]:
        """Return the deciding events of the keys that have none yet."""
        buried = {
            place for place, events in self.by_key() if any(row.content_hash == FORGOTTEN_CONTENT for row in events)
        }
        return [row for row in self.present() if (row.stream_id, row.row_key) not in buried]

    def references(self) -> list[Any]:
        """Return for each source row found a stand-in of its newest event that has the key it is recognised by.

        Where the start of the run is gone nobody knows which task read the row, and none can be told from others.
        """
        newest: dict[str, Any] = {}
        for row in sorted(self.named, key=lambda it: it.at):
            if row.dag_id is not None:
                key = erased_key(row.stream_id, row.dag_id, row.task_id, row.source_ref)
                newest[key] = SimpleNamespace(**{**row._asdict(), "row_key": key})
        return list(newest.values())

    def last_event_time(self, row: Any) -> datetime | None:
        """Return the latest time that an event of the row's key is about."""
        times = [it.event_time for it in self.events if (it.stream_id, it.row_key) == (row.stream_id, row.row_key)]
        return max((from_stored(time) for time in times if time is not None), default=None)


def forget(ledger: SqlLedger, key: str, scope: Scope, *, apply: bool, owner: str) -> Forgotten:
    """Erase the rows of a key, and bury their events as well as the source rows themselves.

    :param key: a ``source_ref`` or a row key.
    :param owner: who asks, as whoever meets the lease is told.
    :raises LeaseBusy: a run holds one of the streams.
    """
    tables = ledger.tables
    person = ledger.read("forget", lambda connection: _find(connection, tables, key, scope))
    errors = ledger.read("forget", lambda connection: _count_errors(connection, tables, person.named))
    marks = Marks((), ())
    if apply and person.events:
        with _leased(ledger, person.streams, owner) as held:
            erased = ledger.change("forget", lambda connection: _erase(connection, ledger, key, scope, held))
            # Nothing is left to find where the commit of a first attempt arrived and its answer did not.
            person, errors, marks = erased if erased[0].events else (person, errors, marks)
    return Forgotten(
        applied=apply,
        rows=tuple(stored_row(row) for row in person.present()),
        row_events=len(person.named),
        errors=errors,
        tombstones=len(person.without_tombstone()),
        run_ids=marks.run_ids,
    )


@contextmanager
def _leased(ledger: SqlLedger, streams: Sequence[str], owner: str) -> Iterator[list[Lease]]:
    with ExitStack() as stack:
        held: list[Lease] = []
        for stream in streams:
            got = ledger.acquire(stream, f"{owner}: forget", _LEASE_SECONDS)
            if not isinstance(got, Lease):
                raise LeaseBusy(
                    f"{got.owner} holds an account whose rows are to be forgotten, since "
                    f"{got.acquired_at:%Y-%m-%d %H:%M:%S} UTC. Nothing was changed; let that run end and repeat"
                )
            stack.callback(ledger.release, got)
            held.append(got)
        yield held


def _find(connection: Connection, tables: LedgerTables, key: str, scope: Scope) -> _Person:
    named = tables.row.alias("named")
    start, joined = start_of(tables, "named_run", named)
    meant = (
        select(named.c.stream_id, named.c.row_key)
        .select_from(named.outerjoin(start, joined))
        .where(is_named(named, [key]), *in_scope(connection, tables, scope, named, start))
        .distinct()
    )
    places = {(row.stream_id, row.row_key) for row in connection.execute(meant)}
    row = tables.row.alias("r")
    run, joined = start_of(tables, "s", row)
    events: list[Any] = []
    for keys in chunks(sorted({row_key for _, row_key in places})):
        query = select(*row.c, *origin_columns(run)).select_from(row.outerjoin(run, joined)).where(has_key(row, keys))
        events += [found for found in connection.execute(query) if (found.stream_id, found.row_key) in places]
    return _Person(sorted(events, key=lambda it: (it.stream_id, it.row_key, it.call_id, it.row_index, it.rank)))


def _erase(
    connection: Connection, ledger: SqlLedger, key: str, scope: Scope, held: Sequence[Lease]
) -> tuple[_Person, int, Marks]:
    """Erase within the transaction: look again under the leases, and only while they are still ours."""
    tables, backend = ledger.tables, ledger.backend
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")  # or the freed bytes of the file keep the texts
    for lease in held:
        if leases.renew(connection, tables.lease, backend, lease, seconds=_LEASE_SECONDS) is None:
            raise LeaseLost("A run took the account before its rows were forgotten; nothing was changed, repeat it")
    streams = {lease.stream_id for lease in held}
    found = _find(connection, tables, key, scope)
    person = _Person([row for row in found.events if row.stream_id in streams])
    errors = _count_errors(connection, tables, person.named)
    _blank(connection, tables, person)
    at = max([backend.now(connection), *(from_stored(row.at) for row in person.events)])
    buried = {(row.stream_id, row.row_key) for row in person.without_tombstone()}
    known = {stream: reads.forgotten(connection, tables, stream) for stream in person.streams}
    references = [row for row in person.references() if row.row_key not in known[row.stream_id]]
    marks = Marks.made(
        [*person.without_tombstone(), *references],
        lambda row: (
            _tombstone(row, person.last_event_time(row))
            if (row.stream_id, row.row_key) in buried
            else _tombstone(row, None)._replace(error_code=FORGOTTEN_REFERENCE, message=_OF_A_ROW)
        ),
        outcome="forget",
        at=at,
        counter=FORGOTTEN,
    )
    for table, records in marks.parts(tables):
        if records:
            backend.append(connection, table, records, careful=True, plain=False)
    return person, errors, marks


def _blank(connection: Connection, tables: LedgerTables, person: _Person) -> None:
    row = tables.row
    for stream, keys in _by_stream(person):
        of_them = and_(has_key(row, keys), row.c.stream_id == stream)
        blank = {"source_ref": "", **dict.fromkeys(_ROW_TEXTS)}
        connection.execute(update(row).where(of_them, row.c.content_hash != FORGOTTEN_CONTENT).values(blank))
        # A refused row may hold anything in its group's column; an applied one names a group that exists.
        not_applied = row.c.rank < literal_column(str(ROW_RANK[RowState.APPLIED]))
        connection.execute(update(row).where(of_them, not_applied).values(group_name=None))
    for places in chunks(_judgements(person.events)):
        among = is_among((tables.error.c.call_id, tables.error.c.row_index), places)
        blank = {"source_ref": "", **dict.fromkeys(_ERROR_TEXTS)}
        connection.execute(update(tables.error).where(among).values(blank))


def _by_stream(person: _Person) -> Iterator[tuple[str, list[str]]]:
    for stream, group in groupby((place for place, _ in person.by_key()), key=lambda place: place[0]):
        for keys in chunks([row_key for _, row_key in group]):
            yield stream, keys


def _judgements(events: Sequence[Any]) -> list[tuple[str, int]]:
    return sorted({(row.call_id, row.row_index) for row in events if row.rank < ROW_RANK[RowState.APPLIED]})


def _count_errors(connection: Connection, tables: LedgerTables, events: Sequence[Any]) -> int:
    error, counted = tables.error, 0
    for places in chunks(_judgements(events)):
        query = select(func.count()).select_from(error).where(is_among((error.c.call_id, error.c.row_index), places))
        counted += connection.execute(query).scalar_one()
    return counted


def _tombstone(row: Any, event_time: datetime | None) -> RowRecord:
    return RowRecord(
        call_id="",
        row_index=0,
        stream_id=row.stream_id,
        run_id="",
        row_key=row.row_key,
        content_hash=FORGOTTEN_CONTENT,
        gen=0,
        state=RowState.INVALID.value,
        rank=ROW_RANK[RowState.INVALID],
        code=None,
        error_code="Forgotten",
        field_path=None,
        column_name=None,
        message="forgotten on request: whatever the source holds under this key, it is not sent",
        n_errors=0,
        source_ref="",
        event_time=event_time,
        group_name=None,
        remote_key=None,
        remote_id=None,
        amount=None,
        currency=None,
        not_before=None,
        at=datetime.now(UTC),
    )
