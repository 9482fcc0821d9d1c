"""What the ledger is told, one class for each of its append-only tables (``delivery.md`` 3.2, design 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from airflow_provider_bingads.domain.outcomes import FORGOTTEN_CONTENT, CallEventKind, RowState

__all__ = [
    "BatchRecord",
    "CallRecord",
    "Entries",
    "ErrorRecord",
    "Known",
    "OpenCall",
    "OpenRow",
    "RowRecord",
    "RunIdentity",
    "RunRecord",
]


class RowRecord(NamedTuple):
    """Outcome of one row.

    ``call_id`` is the run's id where the outcome was decided here, without a call; ``row_index`` then counts through
    the run.
    """

    call_id: str
    row_index: int
    stream_id: str
    run_id: str
    row_key: str
    content_hash: str
    gen: int
    state: str
    rank: int
    code: int | None
    error_code: str | None
    field_path: str | None
    column_name: str | None
    message: str | None
    n_errors: int
    source_ref: str
    event_time: datetime | None
    group_name: str | None
    remote_key: str | None
    remote_id: str | None
    amount: Decimal | None
    currency: str | None
    not_before: datetime | None
    at: datetime


class ErrorRecord(NamedTuple):
    """One reason of one row: a BatchError, an EditorialError or a violation found here."""

    call_id: str
    row_index: int
    error_index: int
    stream_id: str
    run_id: str
    row_key: str
    source_ref: str
    origin: str
    """``service`` or ``local``."""
    code: int | None
    error_code: str | None
    field_path: str | None
    column_name: str | None
    message: str | None
    details: str | None
    remedy: str | None
    owner: str
    type: str | None
    appealable: bool | None
    disapproved_text: str | None
    location: str | None
    publisher_country: str | None
    reason_code: int | None
    tracking_id: str | None
    at: datetime


class BatchRecord(NamedTuple):
    """Membership of one batch, written before its call: 24 bytes a row (16 of key, 8 of content), base64."""

    batch_id: str
    stream_id: str
    run_id: str
    sequence: int
    parent_batch_id: str | None
    operation: str
    n_rows: int
    members: str
    payload_sha: str
    created_at: datetime


class CallRecord(NamedTuple):
    """One event of one call."""

    call_id: str
    event: CallEventKind
    rank: int
    batch_id: str
    stream_id: str
    run_id: str
    attempt: int
    epoch: int
    at: datetime
    deadline_at: datetime | None
    http_status: int | None
    code: int | None
    error_code: str | None
    tracking_id: str | None
    n_applied: int
    n_rejected: int
    latency_ms: int
    detail: str | None


@dataclass(slots=True)
class Entries:
    """What one transaction appends; all of it or nothing."""

    batches: list[BatchRecord]
    calls: list[CallRecord]
    rows: list[RowRecord]
    errors: list[ErrorRecord]


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """Who runs. ``dag_run_id`` and ``map_index`` with the two before name a task instance over all its tries."""

    dag_id: str
    task_id: str
    dag_run_id: str
    map_index: int
    try_number: int


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One account's part of one try of a task: its start (``ended_at`` None) or its end.

    Each account of a try has a ``run_id`` of its own.

    :param counts: row counters by name (``domain.outcomes``), ``source_rows`` among them.
    :param codes: rows by (code, error_code) of this run's new failures and deferrals.
    """

    run_id: str
    stream_id: str
    environment: str
    account_id: str
    customer_id: str | None
    operation: str
    namespace: str
    identity: RunIdentity
    epoch: int
    started_at: datetime
    ended_at: datetime | None
    provider_version: str
    config_sha: str
    counts: Mapping[str, int]
    codes: tuple[tuple[int | None, str | None, int], ...]
    calls: int
    retries: int
    throttle_wait_seconds: float
    outcome: str | None
    """``success``, ``stopped`` or ``failed``; a crossed threshold is the task's, over all accounts and tries."""
    error_class: str | None


class Known(NamedTuple):
    """What the ledger holds of one (key, content): its state of highest rank."""

    content_hash: str
    state: RowState
    rank: int
    run_id: str
    """Of the event that gave the state."""
    gen: int = 0
    """Generation of that event: a replay is one higher than what it replays."""

    @property
    def forgotten(self) -> bool:
        """Whether this is a tombstone: the key is never sent again, whatever its content."""
        return self.content_hash == FORGOTTEN_CONTENT and self.state is RowState.INVALID


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call whose intent has no answer: ``in_flight`` until its deadline, then ``unknown``."""

    call_id: str
    batch_id: str
    run_id: str
    dag_run_id: str
    members: tuple[tuple[str, str], ...]
    """(key, content) of its rows."""
    deadline_at: datetime | None
    created_at: datetime
    has_unknown: bool
    """An ``unknown`` event stands already."""


@dataclass(frozen=True, slots=True)
class OpenRow:
    """A row that waits: the newest state of its key is ``deferred``, ``unknown`` or ``held``."""

    row_key: str
    content_hash: str
    state: RowState
    dag_run_id: str
    since: datetime
