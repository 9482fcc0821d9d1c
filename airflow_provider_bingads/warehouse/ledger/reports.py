"""What people ask a ledger, as data.

The fields are the keys of ``bingads ledger ... --json`` and of the operators' XCom, hence public; columns of the views
keep their names. All times are aware UTC.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final, Generic, TypeVar

from airflow_provider_bingads.warehouse.ledger.kept import LEFT_OUT, Forgotten, Pruned, Replayed

__all__ = [
    "Attention",
    "AttentionLine",
    "CallLine",
    "CodeLine",
    "DoubtLine",
    "Page",
    "Present",
    "Reason",
    "ReasonLine",
    "RowStory",
    "RunLine",
    "RunStory",
    "Step",
    "Story",
    "Version",
    "document",
    "kept_document",
]

_Item = TypeVar("_Item")
_RUN_IDS_LIMIT: Final = 100
"""A replay over a year makes a run for each DAG run it touches."""


@dataclass(frozen=True, slots=True)
class Page(Generic[_Item]):
    """The first of a list.

    :param truncated: there are more than the limit allowed.
    """

    items: Sequence[_Item]
    truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """One account's part of one try of a task.

    :param outcome: ``success``, ``failed``, ``stopped``, or ``unfinished``: it still runs, or it was killed.
    :param counts: rows by counter; None while unfinished.
    """

    run_id: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    environment: str
    account_id: str
    customer_id: str | None
    operation: str
    namespace: str
    dag_id: str
    task_id: str
    dag_run_id: str
    map_index: int
    try_number: int
    duration_seconds: float | None
    counts: Mapping[str, int] | None
    calls: int | None
    retries: int | None
    throttle_wait_seconds: float | None
    error_class: str | None
    provider_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeLine:
    """Why rows of a run failed or wait.

    :param remedy: what to do about it; None where the ledger holds no single reason of it.
    """

    rows: int
    code: int | None
    error_code: str | None
    owner: str | None
    column: str | None
    reason: str | None
    remedy: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLine:
    """One call of a run with its strongest event.

    :param state: ``answered``, ``not_applied``, ``unknown``, ``reconciled``, or, while nothing is
        recorded, ``in_flight`` until its deadline.
    :param attempts: times it was tried; 0 where the end was recorded by a later run.
    """

    call_id: str
    batch_id: str
    parent_batch_id: str | None
    sequence: int
    sent_at: datetime
    ended_at: datetime | None
    deadline_at: datetime | None
    state: str
    attempts: int | None
    http_status: int | None
    code: int | None
    error_code: str | None
    tracking_id: str | None
    rows: int
    applied: int | None
    rejected: int | None
    latency_ms: int | None
    detail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionLine:
    """One source row that somebody has to look at, as ``bingads_attention`` has it."""

    source_ref: str
    state: str
    owner: str
    column: str | None
    reason: str | None
    remedy: str | None
    code: int | None
    error_code: str | None
    field_path: str | None
    n_errors: int
    group_name: str | None
    event_time: datetime | None
    tracking_id: str | None
    first_seen: datetime
    last_seen: datetime
    environment: str | None
    account_id: str | None
    operation: str | None
    dag_id: str | None
    task_id: str | None
    dag_run_id: str | None
    run_id: str
    row_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonLine:
    """Rows that need somebody for the same reason.

    :param example: ``source_ref`` of one of them.
    """

    rows: int
    state: str
    owner: str
    column: str | None
    code: int | None
    error_code: str | None
    reason: str | None
    remedy: str | None
    example: str
    last_seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """What needs somebody: by reason, most frequent first, and row by row, newest first."""

    reasons: Page[ReasonLine]
    rows: Page[AttentionLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtLine:
    """A row whose outcome is ``unknown`` or ``held``, or a call without a recorded answer, as ``bingads_in_doubt``."""

    source_ref: str | None
    state: str
    n_rows: int
    call_id: str
    since: datetime
    deadline_at: datetime | None
    reason: str | None
    next: str
    environment: str | None
    account_id: str | None
    operation: str | None
    dag_id: str | None
    task_id: str | None
    dag_run_id: str | None
    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStory:
    """One run: its counts, why rows failed, its calls (those that went wrong first), its rows that need somebody."""

    run: RunLine
    codes: Page[CodeLine]
    calls: Page[CallLine]
    attention: Page[AttentionLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason of one outcome.

    :param origin: ``service`` (Microsoft refused it) or ``local`` (refused here, never sent).
    """

    origin: str
    owner: str
    column: str | None
    code: int | None
    error_code: str | None
    field_path: str | None
    message: str | None
    details: str | None
    remedy: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One content a source row was read with.

    :param number: from 1, in the order in which the versions were first recorded.
    """

    number: int
    row_key: str
    content_hash: str
    first_seen: datetime
    last_seen: datetime
    event_time: datetime | None
    group_name: str | None
    remote_key: str | None
    amount: Decimal | None
    currency: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What a row has come to, by the task that judged it last.

    :param next: what happens next, and who has to do something first.
    """

    state: str
    since: datetime
    version: int | None
    owner: str | None
    column: str | None
    code: int | None
    error_code: str | None
    reason: str | None
    remedy: str | None
    not_before: datetime | None
    tracking_id: str | None
    dag_id: str | None
    task_id: str | None
    dag_run_id: str | None
    run_id: str
    call_id: str
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened to a row.

    :param event: ``judged`` (decided here, without a call), ``sent`` (durable before the first byte left),
        ``outcome`` (what the call came to for this row), ``replayed``, ``released`` or ``forgotten`` (somebody asked
        for it), or, of a call that gave this row no outcome, the event of the call: ``unknown``, ``not_applied``,
        ``answered``, ``reconciled``.
    :param generation: 0, or the number of the replay it belongs to.
    :param row_index: its place in the call, from 0.
    :param rows: rows of the call.
    """

    at: datetime
    event: str
    version: int | None
    state: str | None
    generation: int | None
    code: int | None
    error_code: str | None
    message: str | None
    not_before: datetime | None
    reasons: Sequence[Reason]
    run_id: str
    dag_id: str | None
    task_id: str | None
    dag_run_id: str | None
    map_index: int | None
    try_number: int | None
    call_id: str | None
    batch_id: str | None
    row_index: int | None
    rows: int | None
    attempts: int | None
    http_status: int | None
    tracking_id: str | None
    latency_ms: int | None
    deadline_at: datetime | None
    detail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowStory:
    """Everything the ledger holds of one source row on one account.

    :param present: one line for each task that judged the row; none where it only stands in an open call.
    :param steps: what happened, oldest first; where truncated, the newest of it.
    :param same_event: other source rows with the same identifier, goal and time.
    """

    source_ref: str
    environment: str | None
    account_id: str | None
    operation: str | None
    namespace: str | None
    present: Sequence[Present]
    versions: Page[Version]
    steps: Page[Step]
    same_event: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The answer to a key.

    :param found_by: ``source_ref`` or ``row_key``.
    """

    key: str
    found_by: str
    rows: Page[RowStory]


def document(report: object, at_most_bytes: int | None = None) -> dict[str, Any]:
    """Return a report as JSON-ready dictionaries.

    :param at_most_bytes: cut the longest pages until the JSON has at most this size; each says so in ``truncated``.
    """
    made: dict[str, Any] = _plain(report)
    if at_most_bytes is not None:
        _shorten(made, at_most_bytes)
    return made


def kept_document(result: Replayed | Forgotten | Pruned, at_most_bytes: int | None = None) -> dict[str, Any]:
    """Return what a keeping function answered as JSON-ready dictionaries.

    The reference of a forgotten row is left out: it would live on in a log or in XCom.

    :param at_most_bytes: cut the list of runs to the first hundred of ``n_runs``, and that of rows until the JSON has
        at most this size.
    """
    made: dict[str, Any] = _plain(result)
    if isinstance(result, Replayed):
        made["left_out"] = [
            {"reason": reason, "rows": rows, "why": LEFT_OUT.get(reason, reason)}
            for reason, rows in sorted(result.left_out.items(), key=lambda it: -it[1])
        ]
    if not isinstance(result, Pruned):
        if isinstance(result, Forgotten):
            made["rows"] = [{name: it for name, it in row.items() if name != "source_ref"} for row in made["rows"]]
        made = {**made, "n_rows": len(made["rows"]), "rows": {"items": made["rows"], "truncated": False}}
        made = {**made, "n_runs": len(made["run_ids"])}
        if at_most_bytes is not None:
            made["run_ids"] = made["run_ids"][:_RUN_IDS_LIMIT]
    if at_most_bytes is not None:
        _shorten(made, at_most_bytes)
    return made


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")  # databases differ in the zeros they keep
    return value.value if isinstance(value, Enum) else value


def _shorten(made: dict[str, Any], at_most_bytes: int) -> None:
    while len(json.dumps(made)) > at_most_bytes:
        pages = [(len(json.dumps(page["items"])), name, page) for name, page in _cuttable(made)]
        if not pages:
            return
        _, name, page = max(pages, key=lambda it: it[0])
        keep = len(page["items"]) // 2
        # of a story the newest steps tell most; everywhere else the first items do
        page["items"] = page["items"][-keep:] if name == "steps" and keep else page["items"][:keep]
        page["truncated"] = True


def _cuttable(value: Any, name: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Return the pages to cut next: the innermost that hold more than one item, else those around them."""
    if isinstance(value, list):
        return [page for item in value for page in _cuttable(item, name)]
    if not isinstance(value, dict):
        return []
    inner = [page for key, item in value.items() for page in _cuttable(item, name if key == "items" else key)]
    is_page = set(value) == {"items", "truncated"} and value["items"]
    if is_page and not any(len(page["items"]) > 1 for _, page in inner):
        return [(name, value)]
    return inner
