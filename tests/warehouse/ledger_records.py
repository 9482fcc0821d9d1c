"""Hand-made ledger records with defaults, so that a test names only what it is about."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_bingads.domain.outcomes import CALL_RANK, ROW_RANK, CallEventKind, RowState
from airflow_provider_bingads.domain.records import (
    BatchRecord,
    CallRecord,
    Entries,
    ErrorRecord,
    RowRecord,
    RunIdentity,
    RunRecord,
)

START = datetime(2026, 11, 1, 8, 0, 0, 250, tzinfo=UTC)
STREAM = "5" * 32


def name(letter: str, number: int = 0) -> str:
    """Return an id of 32 characters that sorts by its number."""
    return f"{letter}{number:031d}"


def of(number: int) -> dict[str, Any]:
    """Return the ids of a call in a run of the same number."""
    return {"call_id": name("c", number), "run_id": name("r", number)}


def after(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def row(**given: object) -> RowRecord:
    state = RowState(given.get("state", "applied"))
    values: dict[str, object] = {
        "call_id": name("c"),
        "row_index": 0,
        "stream_id": STREAM,
        "run_id": name("r"),
        "row_key": name("k"),
        "content_hash": "a" * 16,
        "gen": 0,
        "rank": ROW_RANK[state],
        "code": None,
        "error_code": None,
        "field_path": None,
        "column_name": None,
        "message": None,
        "n_errors": 0,
        "source_ref": "1",
        "event_time": None,
        "group_name": None,
        "remote_key": None,
        "remote_id": None,
        "amount": None,
        "currency": None,
        "not_before": None,
        "at": START,
    }
    return RowRecord(**{**values, **given, "state": state.value})  # type: ignore[arg-type]


def error(**given: object) -> ErrorRecord:
    values: dict[str, object] = dict.fromkeys(ErrorRecord._fields)
    values |= {
        "call_id": name("c"),
        "row_index": 0,
        "error_index": 0,
        "stream_id": STREAM,
        "run_id": name("r"),
        "row_key": name("k"),
        "source_ref": "1",
        "origin": "service",
        "owner": "data",
        "at": START,
    }
    return ErrorRecord(**{**values, **given})  # type: ignore[arg-type]


def batch(members: list[tuple[str, str]], **given: object) -> BatchRecord:
    packed = base64.b64encode(b"".join(bytes.fromhex(key + content) for key, content in members)).decode()
    values: dict[str, object] = {
        "batch_id": name("b"),
        "stream_id": STREAM,
        "run_id": name("r"),
        "sequence": 0,
        "parent_batch_id": None,
        "operation": "ApplyOfflineConversions",
        "n_rows": len(members),
        "members": packed,
        "payload_sha": "0" * 64,
        "created_at": START,
    }
    return BatchRecord(**{**values, **given})  # type: ignore[arg-type]


def call(event: CallEventKind, **given: object) -> CallRecord:
    values: dict[str, object] = {
        "call_id": name("c"),
        "event": event,
        "rank": CALL_RANK[event],
        "batch_id": name("b"),
        "stream_id": STREAM,
        "run_id": name("r"),
        "attempt": 1,
        "epoch": 1,
        "at": START,
        "deadline_at": after(2),
        "http_status": None,
        "code": None,
        "error_code": None,
        "tracking_id": None,
        "n_applied": 0,
        "n_rejected": 0,
        "latency_ms": 0,
        "detail": None,
    }
    return CallRecord(**{**values, **given})  # type: ignore[arg-type]


def entries(*records: object) -> Entries:
    return Entries(
        batches=[r for r in records if isinstance(r, BatchRecord)],
        calls=[r for r in records if isinstance(r, CallRecord)],
        rows=[r for r in records if isinstance(r, RowRecord)],
        errors=[r for r in records if isinstance(r, ErrorRecord)],
    )


def identity(**given: object) -> RunIdentity:
    values: dict[str, object] = {
        "dag_id": "sales",
        "task_id": "upload",
        "dag_run_id": "scheduled__1",
        "map_index": -1,
        "try_number": 1,
    }
    return RunIdentity(**{**values, **given})  # type: ignore[arg-type]


def run(**given: object) -> RunRecord:
    values: dict[str, object] = {
        "run_id": name("r"),
        "stream_id": STREAM,
        "environment": "emulator",
        "account_id": "1001",
        "customer_id": "2001",
        "operation": "ApplyOfflineConversions",
        "namespace": "default",
        "identity": identity(),
        "epoch": 1,
        "started_at": START,
        "ended_at": None,
        "provider_version": "0.1.0",
        "config_sha": "0" * 64,
        "counts": {},
        "codes": (),
        "calls": 0,
        "retries": 0,
        "throttle_wait_seconds": 0.0,
        "outcome": None,
        "error_class": None,
    }
    return RunRecord(**{**values, **given})  # type: ignore[arg-type]
