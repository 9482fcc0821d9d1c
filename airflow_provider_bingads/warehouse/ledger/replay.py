"""Marks rows so that the next run of their source judges and sends them again.

A mark is an event of the next generation: it outweighs what was decided, and what the next run decides, under the same
generation, outweighs the mark (``fold``). Nothing recorded is changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, case, exists, func, literal_column, or_, select
from sqlalchemy.sql.selectable import Subquery

from airflow_provider_bingads.domain.outcomes import ROW_RANK, RowState
from airflow_provider_bingads.domain.records import RowRecord
from airflow_provider_bingads.entities import event_entities
from airflow_provider_bingads.exceptions import FixConfiguration
from airflow_provider_bingads.warehouse.ledger.encode import from_stored
from airflow_provider_bingads.warehouse.ledger.kept import FORGOTTEN, OUT_OF_WINDOW, Marking, Replayed, Scope
from airflow_provider_bingads.warehouse.ledger.keys import in_scope, is_named
from airflow_provider_bingads.warehouse.ledger.ledger import SqlLedger
from airflow_provider_bingads.warehouse.ledger.marks import Marks, origin_columns, stored_row
from airflow_provider_bingads.warehouse.ledger.schema import LedgerTables, same_key
from airflow_provider_bingads.warehouse.ledger.views import (
    decides,
    ever_applied,
    hidden,
    is_tombstone,
    replaced,
    start_of,
)

__all__ = ["Question", "mark_again"]

_MARK: Final = "''"
"""The reason of a row that is to be marked: none against it."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which rows are meant; every condition given has to hold."""

    code: int | None = None
    error_code: str | None = None
    keys: Sequence[str] = ()
    run_id: str | None = None
    scope: Scope = Scope()  # noqa: RUF009 - frozen


def mark_again(
    ledger: SqlLedger, question: Question, marking: Marking, *, limit: int, apply: bool, owner: str
) -> Replayed:
    """Find the rows meant, and mark those that may be sent again.

    :param limit: most rows to mark, those judged first come first.
    :param owner: who asks, in the message of each mark.
    :raises FixConfiguration: the question names nothing, or the limit is below 1.
    """
    _check(question, limit)
    now, left_out, found = ledger.read("marking", lambda it: _find(it, ledger, question, marking, limit))
    more = left_out.pop("", 0) - len(found)
    marks = Marks((), ())
    if apply and found:
        # A test's or an emulator's clock may be ahead of the database's; a mark never stands before what it marks.
        at = max([now, *(from_stored(row.at) for row in found)])
        marks = Marks.made(found, lambda row: _event(row, marking, owner), outcome=marking.outcome, at=at)
        ledger.append(marking.outcome, marks.parts(ledger.tables))
    rows = tuple(stored_row(row) for row in found)
    return Replayed(apply, rows, max(0, more), dict(left_out), marks.run_ids)


def _check(question: Question, limit: int) -> None:
    if limit < 1:
        raise FixConfiguration(f"limit is {limit}: mark at least 1 row, or leave the marking out.")
    if question.code is None and question.error_code is None and question.run_id is None and not question.keys:
        raise FixConfiguration(
            "Nothing says which rows are meant: give a code, an error_code, a run_id or keys (source_ref or row_key)."
        )


def _find(
    connection: Connection, ledger: SqlLedger, question: Question, marking: Marking, limit: int
) -> tuple[datetime, Counter[str], Sequence[Any]]:
    now = ledger.backend.now(connection)
    meant = _meant(connection, ledger.tables, question, marking, now)
    counted = select(meant.c.reason, func.count().label("rows")).group_by(meant.c.reason)
    left_out = Counter({row.reason: row.rows for row in connection.execute(counted)})
    if not left_out[""]:
        return now, left_out, ()
    listed = select(meant).where(meant.c.reason == literal_column(_MARK))
    listed = listed.order_by(meant.c.at, meant.c.call_id, meant.c.row_index).limit(limit)
    return now, left_out, connection.execute(listed).all()


def _meant(
    connection: Connection, tables: LedgerTables, question: Question, marking: Marking, now: datetime
) -> Subquery:
    row, same = tables.row.alias("r"), tables.row.alias("same")
    run, joined = start_of(tables, "s", row)
    highest = select(func.max(same.c.gen)).where(
        same_key(same, row), same.c.stream_id == row.c.stream_id, same.c.content_hash == row.c.content_hash
    )
    query: Select[Any] = (
        select(
            *row.c,
            *origin_columns(run),
            highest.scalar_subquery().label("highest_gen"),
            _reason(tables, row, run, marking, now).label("reason"),
        )
        .select_from(row.outerjoin(run, joined))
        .where(
            *_conditions(tables, question, row),
            *in_scope(connection, tables, question.scope, row, run),
            decides(tables, row, "better"),
            ~replaced(tables, row, run),
            ~hidden(tables, row),
        )
    )
    return query.subquery("meant")


def _conditions(tables: LedgerTables, question: Question, row: Any) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if question.keys:
        conditions.append(is_named(row, question.keys))
    else:  # word for word the condition of the index over what is not applied
        conditions.append(literal_column("r.rank") < literal_column("100"))
    if question.run_id is not None:
        # The stream beside it, because that is how the index begins.
        streams = select(tables.run.c.stream_id).where(tables.run.c.run_id == question.run_id)
        conditions += [row.c.run_id == question.run_id, row.c.stream_id.in_(streams)]
    for name, value in (("code", question.code), ("error_code", question.error_code)):
        if value is not None:
            error = tables.error.alias(f"of_{name}")
            also = exists().where(
                error.c.call_id == row.c.call_id, error.c.row_index == row.c.row_index, error.c[name] == value
            )
            conditions.append(or_(row.c[name] == value, also))
    return conditions


def _reason(tables: LedgerTables, row: Any, run: Any, marking: Marking, now: datetime) -> ColumnElement[str]:
    """Say why a row is not marked: a key of ``kept.LEFT_OUT``, empty for one that is."""
    states = [state.value for state in marking.states]
    return case(
        (is_tombstone(row), literal_column(f"'{FORGOTTEN}'")),
        (row.c.rank == literal_column(str(ROW_RANK[RowState.APPLIED])), literal_column(f"'{RowState.APPLIED.value}'")),
        (ever_applied(tables, row), literal_column(f"'{RowState.SUPERSEDED.value}'")),
        (row.c.state.not_in(states), row.c.state),
        (_too_old(row, run, now), literal_column(f"'{OUT_OF_WINDOW}'")),
        else_=literal_column(_MARK),
    )


def _too_old(row: Any, run: Any, now: datetime) -> ColumnElement[bool]:
    present = now.astimezone(UTC).replace(tzinfo=None)
    return or_(
        *(
            and_(
                run.c.operation == entity.operation,
                row.c.event_time.is_not(None),
                row.c.event_time <= present - timedelta(days=entity.lookback_days),
            )
            for entity in event_entities()
        )
    )


def _event(row: Any, marking: Marking, owner: str) -> RowRecord:
    """Return the mark; where it stands, ``Marks`` fills in."""
    return RowRecord(
        call_id="",
        row_index=0,
        stream_id=row.stream_id,
        run_id="",
        row_key=row.row_key,
        content_hash=row.content_hash,
        gen=row.highest_gen + 1,
        state=RowState.DEFERRED.value,
        rank=ROW_RANK[RowState.DEFERRED],
        code=None,
        error_code=marking.error_code,
        field_path=None,
        column_name=None,
        message=f"marked by {owner}: the next run of its source judges and sends it again",
        n_errors=0,
        source_ref=row.source_ref,
        event_time=row.event_time and from_stored(row.event_time),
        group_name=row.group_name,
        remote_key=row.remote_key,
        remote_id=row.remote_id,
        amount=row.amount,
        currency=row.currency,
        not_before=None,
        at=from_stored(row.at),
    )
