"""Deletes what is past its term, in transactions that are small and each complete by itself.

Pages are looked for outside of any transaction and deleted by primary key, so that loads are held up for no longer
than a page takes. Reasons go with their row, all events of a key together, calls before their batch: wherever it is
broken off, what is left is a ledger, and the next prune goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, Table, delete, func, select

from airflow_provider_bingads.domain.outcomes import ROW_RANK, RowState
from airflow_provider_bingads.entities import event_entities
from airflow_provider_bingads.exceptions import FixConfiguration
from airflow_provider_bingads.warehouse.ledger.encode import from_stored
from airflow_provider_bingads.warehouse.ledger.kept import Pruned, TableShare
from airflow_provider_bingads.warehouse.ledger.keys import chunks, has_key, is_among
from airflow_provider_bingads.warehouse.ledger.ledger import SqlLedger
from airflow_provider_bingads.warehouse.ledger.terms import Terms

__all__ = ["prune"]

_ROWS_A_TRANSACTION: Final = 10_000
_STREAMS_A_STATEMENT: Final = 90
"""The question which runs go names each stream ten times."""


@dataclass(slots=True)
class _Share:
    """What of one table is counted so far."""

    table: Table
    rows: int = 0
    oldest: datetime | None = None

    def add(self, rows: int, oldest: datetime | str | None) -> None:
        self.rows += rows
        if oldest is not None:
            moment = from_stored(oldest)
            self.oldest = moment if self.oldest is None else min(self.oldest, moment)


@dataclass(slots=True)
class _Sweep:
    """One prune under way."""

    ledger: SqlLedger
    stop: Callable[[], bool]
    shares: dict[str, _Share] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tables = self.ledger.tables
        for table in (tables.error, tables.row, tables.call, tables.batch, tables.run):
            self.shares[table.name] = _Share(table)

    def pruned(self, *, applied: bool, complete: bool) -> Pruned:
        shares = self.shares.values()
        return Pruned(applied, complete, tuple(TableShare(it.table.name, it.rows, it.oldest) for it in shares))

    def count(self, terms: Terms) -> None:
        """Count what is due, and delete nothing."""
        asked = (terms.errors(), terms.rows(), terms.calls(), terms.batches(), terms.runs())
        for share, query in zip(self.shares.values(), asked, strict=True):
            due = query.order_by(None).subquery("due")
            counted = select(func.count().label("rows"), func.min(due.c.at).label("oldest"))
            for found in _all(self.ledger, counted):
                share.add(found.rows, found.oldest)

    def delete(self, terms: Terms) -> bool:
        """Delete what is due; return False where it was stopped before the end."""
        tables = self.ledger.tables
        if not self._delete_rows(terms):
            return False
        gone = replace(terms, rows_gone=True)
        steps: list[tuple[Table, Callable[[], Select[Any]]]] = [
            (tables.call, gone.calls),
            (tables.batch, gone.batches),
            (tables.run, gone.runs),
        ]
        return all(self._delete_by_id(table, query()) for table, query in steps)

    def _delete_rows(self, terms: Terms) -> bool:
        tables, row = self.ledger.tables, self.ledger.tables.row
        last = ""
        while not self.stop():
            page = self._page(terms.rows(), last)
            if not page:
                return True
            # From the call of the last row on: its others may be on the next page. What is before stays.
            last = page[-1].call_id
            found = list(_whole_keys(self.ledger, terms, page))
            judged = sorted({(it.call_id, it.row_index) for it in found if it.rank < ROW_RANK[RowState.APPLIED]})
            self._delete_where(
                [
                    (tables.error, (tables.error.c.call_id, tables.error.c.row_index), judged),
                    (row, (row.c.call_id, row.c.row_index, row.c.rank), [tuple(it[:3]) for it in found]),
                ],
                oldest=min((it.at for it in found), default=None),
            )
        return False

    def _delete_by_id(self, table: Table, query: Select[Any]) -> bool:
        identity = next(iter(table.primary_key.columns))
        while not self.stop():
            page = self._page(query, "")
            if not page:
                return True
            ids = sorted({it[0] for it in page})
            self._delete_where([(table, (identity,), [(it,) for it in ids])], oldest=min(it.at for it in page))
        return False

    def _page(self, query: Select[Any], last: str) -> Sequence[Any]:
        first = next(iter(query.selected_columns))
        bounded = query.where(first >= last).limit(_ROWS_A_TRANSACTION)
        return _all(self.ledger, bounded)

    def _delete_where(
        self, doomed: Sequence[tuple[Table, Sequence[Any], Sequence[tuple[Any, ...]]]], oldest: datetime | None
    ) -> None:
        """Delete by key, in one transaction."""

        def work(connection: Connection) -> list[int]:
            return [
                sum(connection.execute(delete(table).where(is_among(columns, some))).rowcount for some in chunks(keys))
                for table, columns, keys in doomed
            ]

        for (table, _, _), rows in zip(doomed, self.ledger.change("prune", work), strict=True):
            self.shares[table.name].add(rows, oldest if rows else None)


def prune(
    ledger: SqlLedger,
    *,
    applied_days: int,
    other_days: int,
    now: datetime | None,
    apply: bool,
    stop: Callable[[], bool],
) -> Pruned:
    """Count or delete what is past its term; the parameters are those of ``LedgerKeeper.prune``."""
    _check(applied_days, other_days)
    sweep = _Sweep(ledger, stop)
    complete = True
    for terms in _terms(ledger, applied_days, other_days, now):
        if not apply:
            sweep.count(terms)
        elif not sweep.delete(terms):
            complete = False
            break
    return sweep.pruned(applied=apply, complete=complete)


def _check(applied_days: int, other_days: int) -> None:
    for entity in event_entities():
        for name, days in (("applied_days", applied_days), ("other_days", other_days)):
            if days < entity.lookback_days:
                raise FixConfiguration(
                    f"{name} is {days}: rows of {entity.operation} are needed for at least {entity.lookback_days} "
                    "days, as long as the service takes their events, or they would be sent a second time. "
                    f"Give {entity.lookback_days} or more."
                )


def _terms(ledger: SqlLedger, applied_days: int, other_days: int, now: datetime | None) -> Iterator[Terms]:
    present = now or ledger.read("prune", ledger.backend.now)
    run = ledger.tables.run
    for entity in event_entities():
        query = select(run.c.stream_id).where(run.c.operation == entity.operation).distinct()
        for some in chunks(sorted(found.stream_id for found in _all(ledger, query)), _STREAMS_A_STATEMENT):
            yield Terms(ledger.tables, some, present, applied_days, other_days, entity.lookback_days)


def _all(ledger: SqlLedger, query: Any) -> Sequence[Any]:
    return ledger.read("prune", lambda connection: connection.execute(query).all())


def _whole_keys(ledger: SqlLedger, terms: Terms, page: Sequence[Any]) -> Iterator[Any]:
    """Yield every event of the page's keys; one that was recorded since is not due and stays."""
    row = terms.tables.row
    places = {(it.stream_id, it.row_key) for it in page}
    for keys in chunks(sorted({key for _, key in places})):
        query = select(row.c.call_id, row.c.row_index, row.c.rank, row.c.stream_id, row.c.row_key, row.c.at)
        found = _all(ledger, query.where(has_key(row, keys), terms.due(row)))
        yield from (it for it in found if (it.stream_id, it.row_key) in places)
