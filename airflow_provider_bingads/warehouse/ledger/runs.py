"""Starts and ends of runs, with their counts, as rows of ``bingads_run``."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Table, select

from airflow_provider_bingads.domain.records import RunIdentity, RunRecord
from airflow_provider_bingads.warehouse.ledger.schema import COUNTERS

__all__ = ["run_event", "runs_of_earlier_tries"]

_MILLISECOND = timedelta(milliseconds=1)


def run_event(table: Table, run: RunRecord) -> tuple[Any, ...]:
    """Return a run's start or end as a record of ``bingads_run``."""
    identity = run.identity
    ended_at = run.ended_at
    values: dict[str, Any] = {
        **{name: getattr(run, name) for name in _COPIED},
        **{name: getattr(identity, name) for name in RunIdentity.__slots__},
        **{name: run.counts.get(name, 0) for name in COUNTERS},
        "event": "start" if ended_at is None else "end",
        "at": ended_at or run.started_at,
        "duration_ms": None if ended_at is None else (ended_at - run.started_at) // _MILLISECOND,
        "more_counts": json.dumps({name: n for name, n in run.counts.items() if name not in COUNTERS}),
        "codes": json.dumps(run.codes),
        "throttle_wait_ms": round(run.throttle_wait_seconds * 1000),
    }
    return tuple(values[column.name] for column in table.columns)


_COPIED = (
    "run_id",
    "stream_id",
    "environment",
    "account_id",
    "customer_id",
    "operation",
    "namespace",
    "epoch",
    "started_at",
    "provider_version",
    "config_sha",
    "calls",
    "retries",
    "outcome",
    "error_class",
)


def runs_of_earlier_tries(
    connection: Connection, table: Table, identity: RunIdentity, operation: str
) -> frozenset[str]:
    """Return the runs that this task instance's tries before this one began; a killed try has a start and no end."""
    query = select(table.c.run_id).where(
        table.c.dag_run_id == identity.dag_run_id,
        table.c.dag_id == identity.dag_id,
        table.c.task_id == identity.task_id,
        table.c.map_index == identity.map_index,
        table.c.try_number < identity.try_number,
        table.c.operation == operation,
        table.c.event == "start",
    )
    return frozenset(connection.execute(query).scalars())
