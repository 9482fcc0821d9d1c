"""The ledger's views for people: what became of each row, who has to do what, what is in doubt, how runs went.

Each says the same as ``fold``: of a row's events the best one decides, of a source row's versions the newest. A
condition on ``source_ref`` or ``run_id`` reaches the tables' indexes, because nothing here groups or numbers rows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    case,
    exists,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.sql.selectable import CompoundSelect

from airflow_provider_bingads.domain.catalogue import Action, entries
from airflow_provider_bingads.domain.outcomes import (
    CALL_RANK,
    FORGOTTEN_CONTENT,
    FORGOTTEN_REFERENCE,
    ROW_RANK,
    CallEventKind,
    RowState,
)
from airflow_provider_bingads.warehouse.ledger.clock import utc_now
from airflow_provider_bingads.warehouse.ledger.kept import RELEASED, REPLAYED
from airflow_provider_bingads.warehouse.ledger.schema import COUNTERS, LedgerTables, same_key

__all__ = [
    "View",
    "decides",
    "ever_applied",
    "forgotten",
    "hidden",
    "is_tombstone",
    "replaced",
    "start_of",
    "views",
    "weight",
]

_APPLIED = ROW_RANK[RowState.APPLIED]
_OPEN = (RowState.UNKNOWN.value, RowState.HELD.value)
_ONLY_TIME = (
    "FutureConversionTimeCannotBeSet",
    "OfflineConversionNotAcceptedForGoal",
    "RunStopped",
    "NotSent",
    "RefusedWithItsBatch",
    REPLAYED,
    RELEASED,
)
"""Why a row is deferred without anybody having to do anything, beside the failures that pass by themselves."""
_NEEDS_SOMEBODY = (
    RowState.REJECTED.value,
    RowState.INVALID.value,
    RowState.SUPERSEDED.value,
    RowState.HELD.value,
)


class View(NamedTuple):
    """One view: its name, and the statement behind it."""

    name: str
    statement: Select[Any] | CompoundSelect[Any]


def views(tables: LedgerTables) -> tuple[View, ...]:
    """Return the views over a ledger's tables; none of them refers to another."""
    return (
        View("bingads_row_current", _row_current(tables)),
        View("bingads_partial_error", _partial_error(tables)),
        View("bingads_attention", _attention(tables)),
        View("bingads_in_doubt", _in_doubt(tables)),
        View("bingads_run_summary", _run_summary(tables)),
    )


def start_of(tables: LedgerTables, name: str, row: FromClause) -> tuple[FromClause, ColumnElement[bool]]:
    """Return the start of a record's run, and the condition that joins it."""
    run = tables.run.alias(name)
    return run, and_(run.c.run_id == row.c.run_id, run.c.event == "start")


def _origin(run: FromClause, row: FromClause) -> list[ColumnElement[Any]]:
    """Return the columns every view begins with: where a record comes from."""
    names = ("environment", "account_id", "operation", "dag_id", "task_id", "dag_run_id")
    return [*(run.c[name] for name in names), row.c.run_id]


def weight(row: FromClause) -> ColumnElement[Any]:
    """Return what orders the events of one key and content, as ``fold`` does."""
    return case((row.c.rank == literal_column(str(_APPLIED)), literal_column("1000000000000")), else_=0) + (
        row.c.gen * literal_column("1000") + row.c.rank
    )


def _same_version(one: FromClause, other: FromClause) -> ColumnElement[bool]:
    names = ("source_ref", "stream_id", "row_key", "content_hash")
    return and_(*(one.c[name] == other.c[name] for name in names))


def _newer(one: FromClause, other: FromClause) -> ColumnElement[bool]:
    """Order by time, and by position where two events have the same time."""
    same_time = one.c.at == other.c.at
    return or_(
        one.c.at > other.c.at,
        and_(same_time, one.c.call_id > other.c.call_id),
        and_(same_time, one.c.call_id == other.c.call_id, one.c.row_index > other.c.row_index),
    )


def decides(tables: LedgerTables, row: FromClause, name: str) -> ColumnElement[bool]:
    """Tell whether an event is the best of its version of the source row."""
    better = tables.row.alias(name)
    beats = or_(weight(better) > weight(row), and_(weight(better) == weight(row), _newer(better, row)))
    return ~exists().where(_same_version(better, row), beats)


def replaced(tables: LedgerTables, row: FromClause, run: FromClause) -> ColumnElement[bool]:
    """Tell whether a newer version of the source row was judged.

    The same task has to have read both: two tables may count their rows from 1, and one of them must not hide what is
    wrong in the other.
    """
    newer = tables.row.alias("newer")
    newer_run, joined = start_of(tables, "newer_run", newer)
    return exists().where(
        newer.c.source_ref == row.c.source_ref,
        newer.c.stream_id == row.c.stream_id,
        # Rows whose name was erased have none in common, only perhaps their key; of one key what was applied stays.
        or_(
            newer.c.source_ref != literal_column("''"),
            and_(newer.c.row_key == row.c.row_key, newer.c.rank == literal_column(str(_APPLIED))),
        ),
        or_(newer.c.row_key != row.c.row_key, newer.c.content_hash != row.c.content_hash),
        _newer(newer, row),
        joined,
        newer_run.c.dag_id == run.c.dag_id,
        newer_run.c.task_id == run.c.task_id,
        decides(tables, newer, "newer_better"),
    )


def is_tombstone(row: FromClause) -> ColumnElement[bool]:
    """Tell the event that says its key was forgotten."""
    return row.c.content_hash == literal_column(f"'{FORGOTTEN_CONTENT}'")


def forgotten(tables: LedgerTables, row: FromClause) -> ColumnElement[bool]:
    """Tell whether a tombstone stands for the row's key."""
    tombstone = tables.row.alias("tombstone")
    return exists().where(same_key(tombstone, row), tombstone.c.stream_id == row.c.stream_id, is_tombstone(tombstone))


def ever_applied(tables: LedgerTables, row: FromClause) -> ColumnElement[bool]:
    """Tell whether the service has the row's event, from whatever row and with whatever content."""
    applied = tables.row.alias("applied")
    return exists().where(
        same_key(applied, row),
        applied.c.stream_id == row.c.stream_id,
        applied.c.rank == literal_column(str(_APPLIED)),
    )


def hidden(tables: LedgerTables, row: FromClause) -> ColumnElement[bool]:
    """Tell which events of a forgotten key say nothing more: of what was applied that stays, else the tombstone.

    A tombstone of a source row says nothing of any event; those of its events stand beside it.
    """
    return and_(
        row.c.rank < literal_column(str(_APPLIED)),
        or_(
            and_(
                is_tombstone(row),
                or_(row.c.error_code == literal_column(f"'{FORGOTTEN_REFERENCE}'"), ever_applied(tables, row)),
            ),
            and_(~is_tombstone(row), forgotten(tables, row)),
        ),
    )


def _row_current(tables: LedgerTables) -> Select[Any]:
    row = tables.row.alias("r")
    run, joined = start_of(tables, "s", row)
    names = (
        "stream_id", "source_ref", "state", "code", "error_code", "field_path", "message", "n_errors", "event_time",
        "group_name", "remote_key", "remote_id", "amount", "currency", "not_before", "at", "row_key", "content_hash",
        "call_id", "row_index",
    )  # fmt: skip
    return (
        select(*_origin(run, row), *(row.c[name] for name in names), row.c.column_name.label("column"))
        .select_from(row.outerjoin(run, joined))
        .where(decides(tables, row, "better"), ~replaced(tables, row, run), ~hidden(tables, row))
    )


def _partial_error(tables: LedgerTables) -> Select[Any]:
    error, call = tables.error.alias("e"), tables.call.alias("c")
    run, joined = start_of(tables, "s", error)
    names = (
        "row_index", "error_index", "source_ref", "origin", "code", "error_code", "field_path", "message", "details",
        "remedy", "owner", "type", "appealable", "disapproved_text", "location", "publisher_country", "reason_code",
        "tracking_id", "at", "row_key", "call_id",
    )  # fmt: skip
    sent = and_(call.c.call_id == error.c.call_id, call.c.event == CallEventKind.INTENT.value)
    return select(
        *_origin(run, error),
        call.c.batch_id,
        *(error.c[name] for name in names),
        error.c.column_name.label("column"),
    ).select_from(error.outerjoin(run, joined).outerjoin(call, sent))


def _first_error(tables: LedgerTables, row: FromClause) -> tuple[FromClause, ColumnElement[bool]]:
    """Return the first reason of a row, and the condition that joins it."""
    error, earlier = tables.error.alias("e"), tables.error.alias("earlier")
    before = exists().where(
        earlier.c.call_id == error.c.call_id,
        earlier.c.row_index == error.c.row_index,
        or_(
            earlier.c.error_index < error.c.error_index,
            and_(earlier.c.error_index == error.c.error_index, earlier.c.origin < error.c.origin),
        ),
    )
    return error, and_(error.c.call_id == row.c.call_id, error.c.row_index == row.c.row_index, ~before)


def _waits_for_somebody(row: FromClause) -> ColumnElement[bool]:
    """Tell a deferred row whose cause somebody must remove from one that time alone brings in."""
    passing = sorted(
        entry.symbol for entry in entries() if entry.symbol and entry.advice.action in {Action.RETRY, Action.WAIT}
    )
    waits = func.coalesce(row.c.error_code, literal_column("''")).not_in([*_ONLY_TIME, *passing])
    return and_(row.c.state == RowState.DEFERRED.value, waits)


def _attention(tables: LedgerTables) -> Select[Any]:
    row, same, since = tables.row.alias("r"), tables.row.alias("same"), tables.row.alias("since")
    run, joined = start_of(tables, "s", row)
    error, explains = _first_error(tables, row)
    first_seen = select(func.min(same.c.at)).where(_same_version(same, row)).scalar_subquery()
    # By whatever task and from whatever row: the service has the event.
    applied_since = exists().where(
        same_key(since, row),
        since.c.stream_id == row.c.stream_id,
        since.c.rank == literal_column(str(_APPLIED)),
        _newer(since, row),
    )
    return (
        select(
            *_origin(run, row),
            row.c.source_ref,
            row.c.state,
            func.coalesce(error.c.owner, literal_column("'data'")).label("owner"),
            func.coalesce(row.c.column_name, error.c.column_name).label("column"),
            func.coalesce(error.c.message, row.c.message).label("reason"),
            error.c.remedy,
            row.c.code,
            row.c.error_code,
            row.c.field_path,
            row.c.n_errors,
            row.c.group_name,
            row.c.event_time,
            error.c.tracking_id,
            first_seen.label("first_seen"),
            row.c.at.label("last_seen"),
            row.c.row_key,
            row.c.content_hash,
            row.c.stream_id,
        )
        .select_from(row.outerjoin(run, joined).outerjoin(error, explains))
        .where(
            literal_column("r.rank") < literal_column("100"),  # word for word the partial index's condition
            or_(row.c.state.in_(_NEEDS_SOMEBODY), _waits_for_somebody(row)),
            decides(tables, row, "better"),
            ~replaced(tables, row, run),
            ~applied_since,
            ~forgotten(tables, row),
        )
    )


def _in_doubt(tables: LedgerTables) -> CompoundSelect[Any]:
    """Rows whose outcome is unknown or held, and calls that ended without telling which rows they reached."""
    return union_all(_open_rows(tables), _open_calls(tables))


def _open_rows(tables: LedgerTables) -> Select[Any]:
    row, since = tables.row.alias("r"), tables.row.alias("since")
    run, joined = start_of(tables, "s", row)
    settled = exists().where(
        same_key(since, row),
        since.c.stream_id == row.c.stream_id,
        since.c.content_hash == row.c.content_hash,
        weight(since) > weight(row),
    )
    return (
        select(
            *_origin(run, row),
            row.c.source_ref,
            row.c.state,
            literal(1).label("n_rows"),
            row.c.call_id,
            row.c.at.label("since"),
            null().label("deadline_at"),
            row.c.message.label("reason"),
        )
        .select_from(row.outerjoin(run, joined))
        .where(
            literal_column("r.rank") < literal_column("100"),
            row.c.state.in_(_OPEN),
            decides(tables, row, "better"),
            ~replaced(tables, row, run),
            ~settled,
            ~forgotten(tables, row),
        )
    )


def _open_calls(tables: LedgerTables) -> Select[Any]:
    call, later, doubt = tables.call.alias("c"), tables.call.alias("later"), tables.call.alias("doubt")
    batch, row = tables.batch.alias("b"), tables.row.alias("told")
    run, joined = start_of(tables, "s", call)
    closed = exists().where(
        later.c.call_id == call.c.call_id,
        later.c.rank >= literal_column(str(CALL_RANK[CallEventKind.NOT_APPLIED])),
    )
    doubted = exists().where(doubt.c.call_id == call.c.call_id, doubt.c.event == CallEventKind.UNKNOWN.value)
    told = exists().where(row.c.call_id == call.c.call_id)
    return (
        select(
            *_origin(run, call),
            null().label("source_ref"),
            case((and_(~doubted, call.c.deadline_at > utc_now()), "in_flight"), else_=RowState.UNKNOWN.value).label(
                "state"
            ),
            batch.c.n_rows,
            call.c.call_id,
            call.c.at.label("since"),
            call.c.deadline_at,
            literal("sent, and no answer is recorded").label("reason"),
        )
        .select_from(call.join(batch, batch.c.batch_id == call.c.batch_id).outerjoin(run, joined))
        .where(call.c.event == CallEventKind.INTENT.value, ~closed, ~told)
    )


def _run_summary(tables: LedgerTables) -> Select[Any]:
    start, end = tables.run.alias("s"), tables.run.alias("e")
    about = (
        "environment", "account_id", "customer_id", "operation", "namespace", "dag_id", "task_id", "dag_run_id",
        "map_index", "try_number", "run_id", "started_at",
    )  # fmt: skip
    told = ("duration_ms", *COUNTERS, "more_counts", "codes", "calls", "retries", "throttle_wait_ms", "error_class")
    ended = and_(end.c.run_id == start.c.run_id, end.c.event == "end")
    return (
        select(
            *(start.c[name] for name in about),
            end.c.at.label("ended_at"),
            func.coalesce(end.c.outcome, literal_column("'unfinished'")).label("outcome"),
            *(end.c[name] for name in told),
            start.c.provider_version,
        )
        .select_from(start.outerjoin(end, ended))
        .where(start.c.event == "start")
    )
