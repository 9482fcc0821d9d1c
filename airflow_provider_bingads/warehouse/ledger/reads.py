"""What the delivery asks the ledger before and after it sends."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, and_, exists, literal_column, or_, select

from airflow_provider_bingads.domain.outcomes import (
    CALL_RANK,
    FORGOTTEN_CONTENT,
    FORGOTTEN_REFERENCE,
    ROW_RANK,
    CallEventKind,
    RowState,
)
from airflow_provider_bingads.domain.records import Known, OpenCall, OpenRow
from airflow_provider_bingads.domain.source_refs import NULL_REFERENCE
from airflow_provider_bingads.warehouse.ledger.backend import Backend
from airflow_provider_bingads.warehouse.ledger.encode import from_stored
from airflow_provider_bingads.warehouse.ledger.fold import RowEvent, current, known_states
from airflow_provider_bingads.warehouse.ledger.keys import chunks
from airflow_provider_bingads.warehouse.ledger.schema import LedgerTables, same_key

__all__ = ["forgotten", "known", "members_of", "open_calls", "waiting_rows"]

_KEY_BYTES = 16
_MEMBER_BYTES = 24
_WAITING = frozenset({RowState.DEFERRED, RowState.UNKNOWN, RowState.HELD})
_NAMES_NO_ROW: Final = frozenset({"", NULL_REFERENCE})
"""References that many rows share: those that were forgotten, and those without a key."""
_CLOSING_RANK = CALL_RANK[CallEventKind.NOT_APPLIED]


def known(
    connection: Connection, tables: LedgerTables, backend: Backend, stream_id: str, keys: Sequence[str]
) -> Mapping[str, Sequence[Known]]:
    """Look keys up; those never recorded are absent."""
    if not keys:
        return {}
    wanted = frozenset(keys)
    found = backend.find(connection, tables.row, stream_id, sorted(wanted))
    return known_states(event for event in found if event[0] in wanted)


def forgotten(connection: Connection, tables: LedgerTables, stream_id: str) -> frozenset[str]:
    """Return the keys of the stream's forgotten source rows; the index on the empty ``source_ref`` serves it."""
    row = tables.row
    query = select(row.c.row_key).where(
        row.c.source_ref == "",
        row.c.stream_id == stream_id,
        row.c.content_hash == FORGOTTEN_CONTENT,
        row.c.error_code == FORGOTTEN_REFERENCE,
    )
    return frozenset(connection.execute(query).scalars())


def members_of(packed: str) -> tuple[tuple[str, str], ...]:
    """Return the (key, content) pairs of a batch's ``members``."""
    raw = base64.b64decode(packed)
    starts = range(0, len(raw), _MEMBER_BYTES)
    return tuple((raw[i : i + _KEY_BYTES].hex(), raw[i + _KEY_BYTES : i + _MEMBER_BYTES].hex()) for i in starts)


def open_calls(connection: Connection, tables: LedgerTables, stream_id: str) -> Sequence[OpenCall]:
    """Return the stream's calls whose effect is not known, oldest first."""
    intent, batch, run = tables.call.alias("intent"), tables.batch, tables.run
    later = tables.call.alias("later")
    closed = exists().where(later.c.call_id == intent.c.call_id, later.c.rank >= _CLOSING_RANK)
    doubted = exists().where(later.c.call_id == intent.c.call_id, later.c.event == CallEventKind.UNKNOWN.value)
    query = (
        select(intent, batch.c.members, run.c.dag_run_id, doubted.label("has_unknown"))
        .join(batch, batch.c.batch_id == intent.c.batch_id)
        .outerjoin(run, and_(run.c.run_id == intent.c.run_id, run.c.event == "start"))
        .where(
            intent.c.stream_id == stream_id,
            intent.c.rank == CALL_RANK[CallEventKind.INTENT],
            ~closed,
        )
        .order_by(intent.c.call_id)
    )
    return [_open_call(row) for row in connection.execute(query)]


def _open_call(row: Any) -> OpenCall:
    return OpenCall(
        call_id=row.call_id,
        batch_id=row.batch_id,
        run_id=row.run_id,
        dag_run_id=row.dag_run_id or "",
        members=members_of(row.members),
        deadline_at=row.deadline_at and from_stored(row.deadline_at),
        created_at=from_stored(row.at),
        has_unknown=bool(row.has_unknown),
    )


def _events_of_waiting_keys(tables: LedgerTables, stream_id: str, event_after: datetime) -> Select[Any]:
    row, run, seed = tables.row, tables.run, tables.row.alias("seed")
    # The first condition repeats the index's own, word for word: SQLite uses a partial index on nothing less.
    keys = (
        select(seed.c.row_key)
        .distinct()
        .where(
            literal_column("seed.rank") < literal_column("100"),
            seed.c.rank <= ROW_RANK[RowState.HELD],
            seed.c.stream_id == stream_id,
            or_(seed.c.event_time.is_(None), seed.c.event_time > event_after.astimezone(UTC).replace(tzinfo=None)),
        )
        .subquery("waiting")
    )
    events = [row.c[name] for name in RowEvent._fields]
    started = and_(run.c.run_id == row.c.run_id, run.c.event == "start")
    return (
        select(*events, row.c.event_time, row.c.source_ref, run.c.dag_run_id, run.c.dag_id, run.c.task_id)
        .select_from(row.join(keys, same_key(keys, row)).outerjoin(run, started))
        .where(row.c.stream_id == stream_id)
        .order_by(row.c.row_key)
    )


def waiting_rows(
    connection: Connection, tables: LedgerTables, stream_id: str, before_run_id: str, event_after: datetime
) -> Sequence[OpenRow]:
    """Return the keys that wait and that this run recorded nothing about, but for those with an older event.

    A source row may have got another key since, as one does whose identity could not be read before: what waits under
    its old key is settled with it.
    """
    result = connection.execute(_events_of_waiting_keys(tables, stream_id, event_after))
    found = list(_waiting(result, before_run_id, event_after))
    recorded = _events_of_source_rows(connection, tables, stream_id, found)
    return [it.row for it in found if it.task is None or not _moved_on(it, recorded.get(it.task, ()))]


_Moment = tuple[datetime, str, int]
_Task = tuple[str, str, str]
"""DAG, task and ``source_ref``."""


class _Waits(NamedTuple):
    """A key that waits; ``task`` is None where nobody can say which source row of which task it is."""

    row: OpenRow
    task: _Task | None
    moment: _Moment
    runs: Collection[str]


class _Later(NamedTuple):
    """An event of a source row, under whatever key."""

    moment: _Moment
    row_key: str
    run_id: str


def _waiting(rows: Any, before_run_id: str, event_after: datetime) -> Iterator[_Waits]:
    for _, group in groupby(rows, key=lambda row: row[0]):
        told: dict[RowEvent, Any] = {}
        too_old = False
        for row in group:
            event = RowEvent(*row[: len(RowEvent._fields)])
            too_old = row.event_time is not None and from_stored(row.event_time) < event_after
            told[event] = row
        decisive, runs = current(told), {event.run_id for event in told}
        if decisive is None or RowState(decisive.state) not in _WAITING or before_run_id in runs or too_old:
            continue
        since = min(event.at for event in told if event.content_hash == decisive.content_hash)
        origin = told[decisive]
        waits = OpenRow(
            row_key=decisive.row_key,
            content_hash=decisive.content_hash,
            state=RowState(decisive.state),
            dag_run_id=origin.dag_run_id or "",
            since=from_stored(since),
        )
        named = origin.dag_id is not None and origin.source_ref not in _NAMES_NO_ROW
        task = (origin.dag_id, origin.task_id, origin.source_ref) if named else None
        yield _Waits(waits, task, _moment(decisive), runs)


def _events_of_source_rows(
    connection: Connection, tables: LedgerTables, stream_id: str, found: Sequence[_Waits]
) -> Mapping[_Task, Sequence[_Later]]:
    """Return what is recorded of the source rows that wait, by the index on ``source_ref``."""
    row, run = tables.row, tables.run
    started = and_(run.c.run_id == row.c.run_id, run.c.event == "start")
    about = (row.c.at, row.c.call_id, row.c.row_index, row.c.row_key, row.c.run_id, row.c.source_ref)
    events: dict[_Task, list[_Later]] = defaultdict(list)
    for some in chunks(sorted({it.task[2] for it in found if it.task is not None})):
        query = (
            select(*about, run.c.dag_id, run.c.task_id)
            .select_from(row.join(run, started))
            .where(row.c.source_ref.in_(some), row.c.stream_id == stream_id)
        )
        for it in connection.execute(query):
            events[it.dag_id, it.task_id, it.source_ref].append(_Later(_moment(it), it.row_key, it.run_id))
    return events


def _moved_on(waits: _Waits, events: Sequence[_Later]) -> bool:
    """Tell whether a later run met the source row under another key; in one run two rows may share a reference."""
    return any(
        later.moment > waits.moment and later.row_key != waits.row.row_key and later.run_id not in waits.runs
        for later in events
    )


def _moment(event: Any) -> _Moment:
    return event.at, event.call_id, event.row_index
