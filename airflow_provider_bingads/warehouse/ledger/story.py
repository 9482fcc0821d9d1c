"""The story of a row: every version it was read with, every call it was in, every verdict, and where it stands."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, func, or_, select

from airflow_provider_bingads.domain.outcomes import CALL_RANK, FORGOTTEN_CONTENT, CallEventKind
from airflow_provider_bingads.domain.pii import personal_shape
from airflow_provider_bingads.exceptions import FixConfiguration
from airflow_provider_bingads.warehouse.ledger.encode import from_stored
from airflow_provider_bingads.warehouse.ledger.kept import Scope
from airflow_provider_bingads.warehouse.ledger.keys import as_written, has_key
from airflow_provider_bingads.warehouse.ledger.next_steps import next_of_row
from airflow_provider_bingads.warehouse.ledger.reads import members_of
from airflow_provider_bingads.warehouse.ledger.reports import Page, Present, RowStory, Story, Version
from airflow_provider_bingads.warehouse.ledger.schema import LedgerTables
from airflow_provider_bingads.warehouse.ledger.steps import Findings, steps_of
from airflow_provider_bingads.warehouse.ledger.views import views

__all__ = ["not_found", "story_of"]

_ROW_KEY: Final = re.compile("[0-9a-f]{32}")
_ROWS_LIMIT: Final = 10
_SAME_EVENT_LIMIT: Final = 5
_EVENTS_LOOKED_AT: Final = 1000
_ANCESTORS_LIMIT: Final = 12
_CALLS_LOOKED_THROUGH: Final = 300
"""Of the calls that gave some of their rows no outcome; each names up to a thousand rows."""
_NO_OUTCOME_RANKS: Final = tuple(
    CALL_RANK[kind] for kind in (CallEventKind.UNKNOWN, CallEventKind.NOT_APPLIED, CallEventKind.RECONCILED)
)


@dataclass(frozen=True, slots=True)
class _Place:
    """One source row on one account.

    :param source_ref: empty where it was forgotten; then the key alone tells the row from others.
    """

    stream_id: str
    source_ref: str
    row_key: str | None

    def holds(self, row: Any) -> tuple[Any, ...]:
        """Return the conditions that pick its records."""
        if self.source_ref or self.row_key is None:
            return row.c.source_ref == self.source_ref, row.c.stream_id == self.stream_id
        return has_key(row, [self.row_key]), row.c.stream_id == self.stream_id


def story_of(connection: Connection, tables: LedgerTables, key: str, *, account_id: str | None, limit: int) -> Story:
    """Return what the ledger holds of a key.

    :param key: a ``source_ref``, or the 32 hex digits of a ``row_key``.
    :param limit: of the newest steps, and of the versions, of each row.
    :raises FixConfiguration: nothing is recorded under it.
    """
    found_by, places = _places(connection, tables, key, account_id)
    if not places:
        raise FixConfiguration(not_found(connection, tables, key, Scope(account_id=account_id)))
    stories = [_row_story(connection, tables, place, limit) for place in places[:_ROWS_LIMIT]]
    return Story(key=key, found_by=found_by, rows=Page(stories, truncated=len(places) > _ROWS_LIMIT))


# Finding the row ----------------------------------------------------------------------------------------------------


def _places(
    connection: Connection, tables: LedgerTables, key: str, account_id: str | None
) -> tuple[str, Sequence[_Place]]:
    row = tables.row
    for spelling in dict.fromkeys((key, as_written(key))) if key else ():
        if found := _distinct(connection, tables, _of_account(tables, row.c.source_ref == spelling, account_id)):
            return "source_ref", [_Place(*it, None) for it in found]
    row_key = key.lower()
    if not _ROW_KEY.fullmatch(row_key):
        return "source_ref", []
    found = _distinct(connection, tables, _of_account(tables, has_key(row, [row_key]), account_id))
    return "row_key", [_Place(*it, row_key) for it in found]


def _of_account(tables: LedgerTables, condition: Any, account_id: str | None) -> Any:
    if account_id is None:
        return condition
    streams = select(tables.run.c.stream_id).where(tables.run.c.account_id == account_id)
    return and_(condition, tables.row.c.stream_id.in_(streams))


def _distinct(connection: Connection, tables: LedgerTables, condition: Any) -> Sequence[tuple[str, str]]:
    row = tables.row
    last = func.max(row.c.at)
    query = select(row.c.stream_id, row.c.source_ref).where(condition).group_by(row.c.stream_id, row.c.source_ref)
    found = connection.execute(query.order_by(last.desc()).limit(_ROWS_LIMIT + 1)).all()
    return [(it.stream_id, it.source_ref) for it in found]


def not_found(connection: Connection, tables: LedgerTables, key: str, scope: Scope) -> str:
    """Return the sentence that says what was looked for, where nothing is recorded of it.

    :param scope: where it was looked for.
    """
    named = "this key, which looks like personal data," if personal_shape(key) else repr(key)
    asked = {"account": scope.account_id, "DAG": scope.dag_id, "task": scope.task_id}
    where = "".join(f" of {what} {name}" for what, name in asked.items() if name)
    open_calls = connection.execute(select(func.count()).select_from(_open_calls(tables).subquery())).scalar() or 0
    still = (
        f" Calls without a recorded answer name their rows by row_key only; there are {open_calls:,}, and `bingads "
        "ledger in-doubt` lists them."
        if open_calls
        else ""
    )
    return (
        f"Nothing is recorded of {named}: neither as source_ref nor as row_key of bingads_row{where}. A key is the "
        "value of source_key as text, such as 4711; of several columns a JSON list, such as '[\"eu\", 4711]'; or the "
        "32 hex digits of a row_key. A key that holds personal data is recorded as withheld:..., one that was "
        "forgotten is found by its row_key only, and a row that no run has read, or that was older than the lookback, "
        f"is not recorded at all.{still}"
    )


def _open_calls(tables: LedgerTables) -> Select[Any]:
    intent, later = tables.call.alias("intent"), tables.call.alias("later")
    closed = (
        select(later.c.call_id)
        .where(later.c.call_id == intent.c.call_id, later.c.rank >= CALL_RANK[CallEventKind.NOT_APPLIED])
        .exists()
    )
    told = select(tables.row.c.call_id).where(tables.row.c.call_id == intent.c.call_id).exists()
    return select(intent.c.call_id).where(intent.c.event == CallEventKind.INTENT.value, ~closed, ~told)


# One row ------------------------------------------------------------------------------------------------------------


def _row_story(connection: Connection, tables: LedgerTables, place: _Place, limit: int) -> RowStory:
    versions = _versions(connection, tables, place, limit)
    numbers = {(it.row_key, it.content_hash): it.number for it in versions.items}
    rows, more = _newest_rows(connection, tables, place, limit)
    findings = _findings(connection, tables, place, rows, numbers)
    steps = steps_of(findings, limit)
    about: Any = connection.execute(
        select(tables.run).where(tables.run.c.stream_id == place.stream_id, tables.run.c.event == "start").limit(1)
    ).first()
    return RowStory(
        source_ref=place.source_ref,
        environment=about and about.environment,
        account_id=about and about.account_id,
        operation=about and about.operation,
        namespace=about and about.namespace,
        present=_present(connection, tables, place, numbers),
        versions=versions,
        steps=Page(steps.items, truncated=steps.truncated or more),
        same_event=_same_event(connection, tables, place, {it.row_key for it in versions.items}),
    )


def _versions(connection: Connection, tables: LedgerTables, place: _Place, limit: int) -> Page[Version]:
    row = tables.row
    kept = [row.c[name] for name in ("event_time", "group_name", "remote_key", "amount", "currency")]
    query = (
        select(
            row.c.row_key,
            row.c.content_hash,
            func.min(row.c.at).label("first_seen"),
            func.max(row.c.at).label("last_seen"),
            *(func.max(column).label(column.name) for column in kept),
        )
        .where(*place.holds(row), row.c.content_hash != FORGOTTEN_CONTENT)
        .group_by(row.c.row_key, row.c.content_hash)
        .order_by(func.min(row.c.at), row.c.content_hash)
    )
    found = connection.execute(query.limit(limit + 1)).all()
    lines = [
        Version(
            number=number,
            row_key=it.row_key,
            content_hash=it.content_hash,
            first_seen=from_stored(it.first_seen),
            last_seen=from_stored(it.last_seen),
            event_time=it.event_time and from_stored(it.event_time),
            group_name=it.group_name,
            remote_key=it.remote_key,
            amount=it.amount,
            currency=it.currency,
        )
        for number, it in enumerate(found[:limit], start=1)
    ]
    return Page(lines, truncated=len(found) > limit)


def _newest_rows(connection: Connection, tables: LedgerTables, place: _Place, limit: int) -> tuple[Sequence[Any], bool]:
    row = tables.row
    query = select(row).where(*place.holds(row)).order_by(row.c.at.desc(), row.c.rank.desc(), row.c.call_id)
    found = connection.execute(query.limit(limit + 1)).all()
    return found[:limit], len(found) > limit


def _present(
    connection: Connection, tables: LedgerTables, place: _Place, numbers: Mapping[tuple[str, str], int]
) -> Sequence[Present]:
    (statement,) = [view.statement for view in views(tables) if view.name == "bingads_row_current"]
    now = statement.subquery("now")
    query = select(now).where(*place.holds(now)).order_by(now.c.at.desc())
    error = tables.error
    lines = []
    for it in connection.execute(query.limit(_ROWS_LIMIT)).all():
        first = connection.execute(
            select(error.c.owner, error.c.column_name, error.c.message, error.c.remedy, error.c.tracking_id)
            .where(error.c.call_id == it.call_id, error.c.row_index == it.row_index)
            .order_by(error.c.error_index, error.c.origin)
            .limit(1)
        ).first()
        not_before = it.not_before and from_stored(it.not_before)
        lines.append(
            Present(
                state=it.state,
                since=from_stored(it.at),
                version=numbers.get((it.row_key, it.content_hash)),
                owner=first and first.owner,
                column=it.column or (first and first.column_name),
                code=it.code,
                error_code=it.error_code,
                reason=(first and first.message) or it.message,
                remedy=first and first.remedy,
                not_before=not_before,
                tracking_id=(first and first.tracking_id) or _tracking_id(connection, tables, it.call_id),
                dag_id=it.dag_id,
                task_id=it.task_id,
                dag_run_id=it.dag_run_id,
                run_id=it.run_id,
                call_id=it.call_id,
                next=next_of_row(it.state, not_before, it.error_code),
            )
        )
    return lines


def _tracking_id(connection: Connection, tables: LedgerTables, call_id: str) -> str | None:
    call = tables.call
    query = select(call.c.tracking_id).where(call.c.call_id == call_id, call.c.tracking_id.is_not(None))
    return connection.execute(query.order_by(call.c.rank.desc()).limit(1)).scalar()


def _same_event(connection: Connection, tables: LedgerTables, place: _Place, keys: Iterable[str]) -> Sequence[str]:
    row, wanted = tables.row, sorted(keys)
    if not wanted:
        return []
    # DISTINCT would tempt SQLite to walk the whole index on source_ref.
    query = (
        select(row.c.source_ref)
        .where(
            has_key(row, wanted),
            row.c.stream_id == place.stream_id,
            row.c.source_ref.not_in([place.source_ref, ""]),
        )
        .limit(_EVENTS_LOOKED_AT)
    )
    return sorted(set(connection.execute(query).scalars()))[:_SAME_EVENT_LIMIT]


# What its steps are made of -----------------------------------------------------------------------------------------


def _findings(
    connection: Connection,
    tables: LedgerTables,
    place: _Place,
    rows: Sequence[Any],
    numbers: Mapping[tuple[str, str], int],
) -> Findings:
    call_ids = {row.call_id for row in rows}
    calls = _calls(connection, tables, call_ids)
    batches = _batches(connection, tables, {call.batch_id for call in calls})
    ancestors = _ancestors(connection, tables, batches)
    elsewhere = _calls_that_held(connection, tables, place.stream_id, {key for key, _ in numbers}, call_ids)
    batches.update(ancestors)
    batches.update({batch.batch_id: batch for batch, _ in elsewhere})
    calls += _calls(connection, tables, {batch.batch_id for batch in ancestors.values()} - call_ids)
    calls += _calls(connection, tables, {call_id for _, call_id in elsewhere} - {call.call_id for call in calls})
    runs = {it.run_id for it in rows} | {call.run_id for call in calls}
    members = {batch.batch_id: members_of(batch.members) for batch in batches.values()}
    return Findings(
        rows=rows,
        errors=_errors(connection, tables, place.source_ref, call_ids),
        calls=calls,
        batches=batches,
        positions={
            batch_id: (index, numbers[member])
            for batch_id, of_batch in members.items()
            for index, member in enumerate(of_batch)
            if member in numbers
        },
        runs=_runs(connection, tables, runs),
        numbers=numbers,
    )


def _calls(connection: Connection, tables: LedgerTables, call_ids: Iterable[str]) -> list[Any]:
    wanted = sorted(call_ids)
    query = select(tables.call).where(tables.call.c.call_id.in_(wanted)).order_by(tables.call.c.at, tables.call.c.rank)
    return list(connection.execute(query).all()) if wanted else []


def _batches(connection: Connection, tables: LedgerTables, batch_ids: Iterable[str]) -> dict[str, Any]:
    wanted = sorted(batch_ids)
    query = select(tables.batch).where(tables.batch.c.batch_id.in_(wanted))
    return {it.batch_id: it for it in connection.execute(query).all()} if wanted else {}


def _ancestors(connection: Connection, tables: LedgerTables, batches: Mapping[str, Any]) -> dict[str, Any]:
    """Return the larger batches that these were cut out of; a call is named by its batch."""
    found: dict[str, Any] = {}
    level = dict(batches)
    for _ in range(_ANCESTORS_LIMIT):
        level = _batches(connection, tables, {it.parent_batch_id for it in level.values() if it.parent_batch_id})
        if not level:
            break
        found.update(level)
    return found


def _calls_that_held(
    connection: Connection, tables: LedgerTables, stream_id: str, keys: set[str], seen: set[str]
) -> list[tuple[Any, str]]:
    """Return the (batch, call id) of calls that held one of the keys and ended without an outcome for it.

    Only a batch's packed members tell: an open call, and one that was found without an answer, name no rows.
    """
    call, batch, later = tables.call.alias("c"), tables.batch, tables.call.alias("later")
    closed = (
        select(later.c.call_id)
        .where(later.c.call_id == call.c.call_id, later.c.rank >= CALL_RANK[CallEventKind.NOT_APPLIED])
        .exists()
    )
    still_open = and_(call.c.rank == CALL_RANK[CallEventKind.INTENT], ~closed)
    query = (
        select(call.c.call_id, batch)
        .join(batch, batch.c.batch_id == call.c.batch_id)
        .where(call.c.stream_id == stream_id, or_(call.c.rank.in_(_NO_OUTCOME_RANKS), still_open))
        .order_by(call.c.call_id.desc())
        .limit(_CALLS_LOOKED_THROUGH)
    )
    found = {it.call_id: it for it in connection.execute(query).all() if it.call_id not in seen}
    return [(it, call_id) for call_id, it in found.items() if any(key in keys for key, _ in members_of(it.members))]


def _errors(
    connection: Connection, tables: LedgerTables, source_ref: str, call_ids: Iterable[str]
) -> Mapping[tuple[str, int], Sequence[Any]]:
    error = tables.error
    query = (
        select(error)
        .where(error.c.source_ref == source_ref, error.c.call_id.in_(sorted(call_ids)))
        .order_by(error.c.error_index, error.c.origin)
    )
    found: dict[tuple[str, int], list[Any]] = defaultdict(list)
    for it in connection.execute(query).all():
        found[it.call_id, it.row_index].append(it)
    return found


def _runs(connection: Connection, tables: LedgerTables, run_ids: Iterable[str]) -> Mapping[str, Any]:
    run, wanted = tables.run, sorted(run_ids)
    query = select(run).where(run.c.run_id.in_(wanted), run.c.event == "start")
    return {it.run_id: it for it in connection.execute(query).all()}
