"""Which records of a ledger are past their term, as conditions; nothing here deletes.

All events of a key fall due together, once the last of them is: to lose one alone would change what the others say,
such as an ``unknown`` whose ``applied`` is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal_column, or_, select

from airflow_provider_bingads.domain.outcomes import CALL_RANK, FORGOTTEN_REFERENCE, ROW_RANK, CallEventKind, RowState
from airflow_provider_bingads.warehouse.ledger.schema import LedgerTables, same_key
from airflow_provider_bingads.warehouse.ledger.views import forgotten, weight

__all__ = ["Terms"]

_APPLIED: Final[ColumnElement[Any]] = literal_column(str(ROW_RANK[RowState.APPLIED]))
_OPEN = (RowState.UNKNOWN.value, RowState.HELD.value)


@dataclass(frozen=True, slots=True)
class Terms:
    """How long the records of one operation stay.

    :param streams: its streams.
    :param window_days: the operation's time window: an older event is never sent.
    :param rows_gone: rows that are due are deleted already, so that those that are left all stay.
    """

    tables: LedgerTables
    streams: Sequence[str]
    now: datetime
    applied_days: int
    other_days: int
    window_days: int
    rows_gone: bool = False

    def due(self, row: Any) -> ColumnElement[bool]:
        """Tell whether an outcome is past its own term."""
        applied = and_(
            row.c.rank == _APPLIED, func.coalesce(row.c.event_time, row.c.at) < self._before(self.applied_days)
        )
        other = and_(
            row.c.rank < _APPLIED,
            row.c.at < self._before(self.other_days),
            or_(row.c.event_time.is_(None), row.c.event_time < self._before(self.window_days)),
            ~and_(row.c.state.in_(_OPEN), self._unresolved(row)),
            # It stands for whatever its source row becomes, which has no end; and they are few.
            func.coalesce(row.c.error_code, literal_column("''")) != FORGOTTEN_REFERENCE,
        )
        return or_(applied, other)

    def goes(self, row: Any) -> ColumnElement[bool]:
        """Tell whether an outcome is to be deleted: it is due, and so are all others of its key."""
        other = self.tables.row.alias("other")
        stays = exists().where(same_key(other, row), other.c.stream_id == row.c.stream_id, ~self.due(other))
        return and_(row.c.stream_id.in_(self.streams), self.due(row), ~stays)

    def rows(self) -> Select[Any]:
        """Return the outcomes to be deleted, by the order of the primary key."""
        row = self.tables.row.alias("r")
        query = select(row.c.call_id, row.c.row_index, row.c.rank, row.c.stream_id, row.c.row_key, row.c.at)
        return query.where(self.goes(row)).order_by(row.c.call_id, row.c.row_index, row.c.rank)

    def errors(self) -> Select[Any]:
        """Return the reasons of those outcomes."""
        error, row = self.tables.error.alias("e"), self.tables.row.alias("r")
        of_row = exists().where(row.c.call_id == error.c.call_id, row.c.row_index == error.c.row_index, self.goes(row))
        return select(error.c.call_id, error.c.at).where(error.c.stream_id.in_(self.streams), of_row)

    def calls(self) -> Select[Any]:
        """Return the events of calls to be deleted: all old, with an end, of which no row is left."""
        call = self.tables.call.alias("c")
        return select(call.c.call_id, call.c.at).where(self._call_goes(call)).order_by(call.c.call_id)

    def batches(self) -> Select[Any]:
        """Return the batches to be deleted: old, and no call of them or batch split from them is left."""
        batch, call, part = self.tables.batch.alias("b"), self.tables.call.alias("c"), self.tables.batch.alias("part")
        called = select(call.c.batch_id).where(~self._call_goes(call)).distinct().subquery("called")
        # Split off later, it may be younger than the term.
        parents = select(part.c.parent_batch_id).where(
            part.c.parent_batch_id.is_not(None), part.c.created_at >= self._before(self.other_days)
        )
        split = parents.distinct().subquery("split")
        return (
            select(batch.c.batch_id, batch.c.created_at.label("at"), batch.c.run_id)
            .select_from(
                batch.outerjoin(called, called.c.batch_id == batch.c.batch_id).outerjoin(
                    split, split.c.parent_batch_id == batch.c.batch_id
                )
            )
            .where(
                batch.c.stream_id.in_(self.streams),
                batch.c.created_at < self._before(self.other_days),
                called.c.batch_id.is_(None),
                split.c.parent_batch_id.is_(None),
            )
            .order_by(batch.c.batch_id)
        )

    def runs(self) -> Select[Any]:
        """Return the events of runs to be deleted: all old, and nothing that stays was recorded by them."""
        run, later = self.tables.run.alias("u"), self.tables.run.alias("later")
        row, call, batch = self.tables.row.alias("r"), self.tables.call.alias("c"), self.tables.batch.alias("b")
        going = self.batches().order_by(None).subquery("going")
        staying = batch.outerjoin(going, going.c.batch_id == batch.c.batch_id)
        referring = (
            self._staying(select(row.c.run_id), row).distinct().subquery("of_rows"),
            select(call.c.run_id).where(~self._call_goes(call)).distinct().subquery("of_calls"),
            select(batch.c.run_id).select_from(staying).where(going.c.batch_id.is_(None)).distinct().subquery("of_b"),
        )
        joined: Any = run
        for reference in referring:
            joined = joined.outerjoin(reference, reference.c.run_id == run.c.run_id)
        young = exists().where(later.c.run_id == run.c.run_id, later.c.at >= self._before(self.other_days))
        unreferred = (reference.c.run_id.is_(None) for reference in referring)
        return (
            select(run.c.run_id, run.c.at)
            .select_from(joined)
            .where(run.c.stream_id.in_(self.streams), ~young, *unreferred)
            .order_by(run.c.run_id)
        )

    def _before(self, days: int) -> datetime:
        return self.now.astimezone(UTC).replace(tzinfo=None) - timedelta(days=days)

    def _staying(self, query: Select[Any], row: Any) -> Select[Any]:
        in_streams = query.where(row.c.stream_id.in_(self.streams))
        return in_streams if self.rows_gone else in_streams.where(~self.goes(row))

    def _unresolved(self, row: Any) -> ColumnElement[bool]:
        better = self.tables.row.alias("better")
        settled = exists().where(
            same_key(better, row),
            better.c.stream_id == row.c.stream_id,
            # An applied key is at the service, with whatever content; any other outcome is about its own content only.
            or_(
                better.c.rank == _APPLIED,
                and_(better.c.content_hash == row.c.content_hash, weight(better) > weight(row)),
            ),
        )
        return and_(~settled, ~forgotten(self.tables, row))

    def _call_goes(self, call: Any) -> ColumnElement[bool]:
        later, end = self.tables.call.alias("later"), self.tables.call.alias("ended")
        row = self.tables.row.alias("told")
        young = exists().where(later.c.call_id == call.c.call_id, later.c.at >= self._before(self.other_days))
        ended = exists().where(
            end.c.call_id == call.c.call_id, end.c.rank >= literal_column(str(CALL_RANK[CallEventKind.NOT_APPLIED]))
        )
        told = self._staying(select(row.c.call_id).where(row.c.call_id == call.c.call_id), row).exists()
        return and_(call.c.stream_id.in_(self.streams), ~young, ended, ~told)
