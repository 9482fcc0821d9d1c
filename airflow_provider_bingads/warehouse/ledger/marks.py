"""Runs of the ledger's own: what a keeping function appends stands under one, so that each view can tell its origin."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Table

from airflow_provider_bingads import __version__
from airflow_provider_bingads.domain.outcomes import FORGOTTEN_REFERENCE
from airflow_provider_bingads.domain.records import RowRecord, RunIdentity, RunRecord
from airflow_provider_bingads.warehouse.ledger.encode import from_stored
from airflow_provider_bingads.warehouse.ledger.kept import StoredRow
from airflow_provider_bingads.warehouse.ledger.runs import run_event
from airflow_provider_bingads.warehouse.ledger.schema import LedgerTables

__all__ = ["Marks", "origin_columns", "stored_row"]

_ORIGIN: Final = (
    "environment", "account_id", "customer_id", "operation", "namespace",
    "dag_id", "task_id", "dag_run_id", "map_index",
)  # fmt: skip
_UNTOLD: Final[Mapping[str, object]] = {**dict.fromkeys(_ORIGIN, ""), "customer_id": None, "map_index": -1}


def origin_columns(run: FromClause) -> list[ColumnElement[Any]]:
    """Return the columns that tell which task of which DAG run recorded something."""
    return [run.c[name] for name in _ORIGIN]


def stored_row(found: Any) -> StoredRow:
    """Return a record for people.

    :param found: a row of the database with the columns of ``bingads_row`` and of ``origin_columns``.
    """
    return StoredRow(
        environment=found.environment or "",
        account_id=found.account_id or "",
        operation=found.operation or "",
        dag_id=found.dag_id or "",
        task_id=found.task_id or "",
        run_id=found.run_id,
        stream_id=found.stream_id,
        row_key=found.row_key,
        content_hash=found.content_hash,
        source_ref=found.source_ref,
        state=found.state,
        code=found.code,
        error_code=found.error_code,
        event_time=found.event_time and from_stored(found.event_time),
        at=from_stored(found.at),
    )


@dataclass(frozen=True, slots=True)
class Marks:
    """Row events and the runs they stand under, ready to be appended.

    A run is made for each task instance whose rows are marked, and names it as its own origin: the views leave a
    row where its DAG's readers look for it, and whoever clears that DAG run has the row read again.
    """

    runs: tuple[RunRecord, ...]
    rows: tuple[RowRecord, ...]

    @classmethod
    def made(
        cls,
        found: Sequence[Any],
        mark: Callable[[Any], RowRecord],
        *,
        outcome: str,
        at: datetime,
        counter: str | None = None,
    ) -> Marks:
        """Mark rows.

        :param found: rows of the database, as for ``stored_row``.
        :param mark: returns the event of one of them; call, index, run and time are filled in here.
        :param outcome: of the runs.
        :param at: aware time of all of it.
        :param counter: what the runs count the rows as; by default as their state.
        """
        origins: dict[tuple[Any, ...], list[Any]] = {}
        for row in found:
            told = tuple(getattr(row, name) for name in _ORIGIN) if row.dag_id is not None else None
            origins.setdefault((row.stream_id, told), []).append(row)
        runs: list[RunRecord] = []
        rows: list[RowRecord] = []
        new_id = _ids()
        for (stream_id, told), members in origins.items():
            run = _run(new_id(), stream_id, told, at)
            events = [
                mark(row)._replace(call_id=run.run_id, run_id=run.run_id, row_index=index, at=at)
                for index, row in enumerate(members)
            ]
            counted = [event for event in events if event.error_code != FORGOTTEN_REFERENCE]
            counts = {"source_rows": len(counted), counter or events[0].state: len(counted)}
            codes = ((None, events[0].error_code, len(counted)),) if counter is None else ()
            runs += [run, replace(run, ended_at=at, outcome=outcome, counts=counts, codes=codes)]
            rows += events
        return cls(tuple(runs), tuple(rows))

    @property
    def run_ids(self) -> tuple[str, ...]:
        """Ids of the runs."""
        return tuple(dict.fromkeys(run.run_id for run in self.runs))

    def parts(self, tables: LedgerTables) -> list[tuple[Table, Sequence[Sequence[Any]]]]:
        """Return the records of each table."""
        return [(tables.run, [run_event(tables.run, run) for run in self.runs]), (tables.row, self.rows)]


def _run(run_id: str, stream_id: str, told: tuple[Any, ...] | None, at: datetime) -> RunRecord:
    origin: dict[str, Any] = dict(_UNTOLD) if told is None else dict(zip(_ORIGIN, told, strict=True))
    names = ("dag_id", "task_id", "dag_run_id", "map_index")
    return RunRecord(
        run_id=run_id,
        stream_id=stream_id,
        **{name: value for name, value in origin.items() if name not in names},
        identity=RunIdentity(**{name: origin[name] for name in names}, try_number=0),
        epoch=0,
        started_at=at,
        ended_at=None,
        provider_version=__version__,
        config_sha="",
        counts={},
        codes=(),
        calls=0,
        retries=0,
        throttle_wait_seconds=0.0,
        outcome=None,
        error_class=None,
    )


def _ids() -> Callable[[], str]:
    """Return a function of new ids that sort by time among those of the delivery."""
    numbers = count()
    own = secrets.token_hex(7)
    return lambda: f"{time.time_ns() // 1_000_000:012x}{next(numbers) & 0xFFFFFF:06x}{own}"
