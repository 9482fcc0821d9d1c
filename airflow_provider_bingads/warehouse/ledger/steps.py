"""Puts what was found of a row into the order in which it happened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_bingads.domain.outcomes import CallEventKind
from airflow_provider_bingads.warehouse.ledger.encode import from_stored
from airflow_provider_bingads.warehouse.ledger.kept import ERASED, RELEASED, REPLAYED
from airflow_provider_bingads.warehouse.ledger.reports import Page, Reason, Step

__all__ = ["Findings", "steps_of"]


@dataclass(frozen=True, slots=True)
class Findings:
    """The records that tell a row's story.

    :param rows: its outcomes, of ``bingads_row``.
    :param errors: the reasons of each, by call and index.
    :param calls: the events of the calls it was in.
    :param batches: by id, those of the calls.
    :param positions: batch -> index of the row in it, and number of its version.
    :param runs: starts of the runs, by id.
    :param numbers: (row_key, content_hash) -> number of the version.
    """

    rows: Sequence[Any]
    errors: Mapping[tuple[str, int], Sequence[Any]]
    calls: Sequence[Any]
    batches: Mapping[str, Any]
    positions: Mapping[str, tuple[int, int]]
    runs: Mapping[str, Any]
    numbers: Mapping[tuple[str, str], int]


def steps_of(findings: Findings, limit: int) -> Page[Step]:
    """Return the newest steps, oldest of them first."""
    told: set[tuple[str, str]] = set()
    steps = [_outcome(findings, row, told) for row in findings.rows]
    steps += _calls(findings, told)
    steps.sort(key=lambda it: (it.at, _ORDER.get(it.event, 1), it.call_id or ""))
    return Page(steps[-limit:], truncated=len(steps) > limit)


_ORDER = {"sent": 0, "outcome": 2, "judged": 2, "reconciled": 3}
_ASKED = {REPLAYED: "replayed", RELEASED: "released", ERASED: "forgotten"}


def _outcome(findings: Findings, row: Any, told: set[tuple[str, str]]) -> Step:
    """Return a verdict with what the call's end says of it, and note the event that is told thereby."""
    events = [it for it in findings.calls if it.call_id == row.call_id]
    ends = [it for it in events if it.event != CallEventKind.INTENT.value]
    end = next((it for it in ends if it.at == row.at), max(ends, key=lambda it: it.rank, default=None))
    if end is not None:
        told.add((end.call_id, end.event))
    return _step(
        findings,
        row,
        event="outcome" if events else _ASKED.get(row.error_code, "judged"),
        version=findings.numbers.get((row.row_key, row.content_hash)),
        end=end,
        call_id=row.call_id if events else None,
        batch_id=events[0].batch_id if events else None,
        row_index=row.row_index if events else None,
        state=row.state,
        generation=row.gen,
        code=row.code,
        error_code=row.error_code,
        message=row.message,
        not_before=row.not_before and from_stored(row.not_before),
        reasons=[_reason(it) for it in findings.errors.get((row.call_id, row.row_index), ())],
    )


def _calls(findings: Findings, told: set[tuple[str, str]]) -> Iterator[Step]:
    for call in findings.calls:
        index, version = findings.positions.get(call.batch_id, (None, None))
        if (call.call_id, call.event) in told or version is None:
            continue
        sent = call.event == CallEventKind.INTENT.value
        yield _step(
            findings,
            call,
            event="sent" if sent else str(call.event),
            version=version,
            end=None if sent else call,
            call_id=call.call_id,
            batch_id=call.batch_id,
            row_index=index,
            deadline_at=call.deadline_at and from_stored(call.deadline_at),
            code=call.code,
            error_code=call.error_code,
        )


def _step(
    findings: Findings, record: Any, *, event: str, version: int | None, end: Any, batch_id: str | None, **told: Any
) -> Step:
    run = findings.runs.get(record.run_id)
    batch = findings.batches.get(batch_id) if batch_id else None
    nothing: dict[str, Any] = dict.fromkeys(
        ("state", "generation", "code", "error_code", "message", "not_before", "deadline_at")
    )
    return Step(
        at=from_stored(record.at),
        event=event,
        version=version,
        run_id=record.run_id,
        dag_id=run and run.dag_id,
        task_id=run and run.task_id,
        dag_run_id=run and run.dag_run_id,
        map_index=run and run.map_index,
        try_number=run and run.try_number,
        batch_id=batch_id,
        rows=batch and batch.n_rows,
        attempts=end and end.attempt,
        http_status=end and end.http_status,
        tracking_id=end and end.tracking_id,
        latency_ms=end and end.latency_ms,
        detail=end and end.detail,
        **{"reasons": (), **nothing, **told},
    )


def _reason(error: Any) -> Reason:
    return Reason(
        origin=error.origin,
        owner=error.owner,
        column=error.column_name,
        code=error.code,
        error_code=error.error_code,
        field_path=error.field_path,
        message=error.message,
        details=error.details,
        remedy=error.remedy,
    )
