"""Builds what the ledger is told from rows and calls; nothing here decides anything."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from airflow_provider_bingads.domain.calls import CallResult, RowError
from airflow_provider_bingads.domain.catalogue import advice
from airflow_provider_bingads.domain.outcomes import CALL_RANK, ROW_RANK, CallEventKind, RowState, Violation
from airflow_provider_bingads.domain.records import BatchRecord, CallRecord, Entries, ErrorRecord, RowRecord
from airflow_provider_bingads.domain.rows import Batch, Candidate
from airflow_provider_bingads.domain.scrub import scrub
from airflow_provider_bingads.sync.classify import Judged

__all__ = ["NOTHING_TO_DO", "Scribe", "Verdict", "merged"]

NOTHING_TO_DO: Final = "nothing; the next run judges the row again"
"""The remedy where the reason is ours: the catalogue knows Microsoft's only."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one row of a call.

    :param errors: the service's reasons, empty for an applied row.
    :param message: our own sentence where the service gave none.
    """

    state: RowState
    errors: tuple[RowError, ...] = ()
    error_code: str | None = None
    message: str | None = None
    not_before: datetime | None = None


def merged(parts: Iterable[Entries]) -> Entries:
    """Join entries so that one commit makes all of them durable."""
    whole = Entries([], [], [], [])
    for part in parts:
        whole.batches += part.batches
        whole.calls += part.calls
        whole.rows += part.rows
        whole.errors += part.errors
    return whole


@dataclass(slots=True)
class Scribe:
    """Writes entries in the name of one run on one stream.

    :param column_of_code: the source column that a code of the service is about.
    :param column_of_field: the source column mapped to an API field.
    :param next_local_index: first free ``row_index`` for rows decided without a call.
    """

    run_id: str
    stream_id: str
    service: str
    operation: str
    epoch: int
    column_of_code: Mapping[int, str]
    column_of_field: Mapping[str, str]
    next_local_index: int = 0

    def intent(self, batch: Batch, call_id: str, at: datetime, deadline_seconds: float) -> Entries:
        """Say which rows are about to be sent; must be durable before the first byte leaves."""
        record = BatchRecord(
            batch_id=batch.batch_id,
            stream_id=self.stream_id,
            run_id=self.run_id,
            sequence=batch.sequence,
            parent_batch_id=batch.parent_id,
            operation=self.operation,
            n_rows=len(batch.rows),
            members=(members := _members(batch.rows)),
            payload_sha=hashlib.sha256(members.encode()).hexdigest()[:32],
            created_at=at,
        )
        deadline = at + timedelta(seconds=deadline_seconds)
        event = self._event(CallEventKind.INTENT, call_id, batch.batch_id, at, deadline_at=deadline)
        return Entries([record], [event], [], [])

    def closing(
        self,
        batch: Batch,
        call_id: str,
        result: CallResult,
        kind: CallEventKind,
        verdicts: Sequence[Verdict | None],
        at: datetime,
    ) -> Entries:
        """Say how a call ended and what became of each of its rows, in one transaction (``delivery.md`` 3.3, iii).

        :param verdicts: one a row, in order, None for a row that goes on; empty where all rows go on in other batches.
        """
        rows: list[RowRecord] = []
        errors: list[ErrorRecord] = []
        applied = rejected = 0
        for index, (candidate, verdict) in enumerate(zip(batch.rows, verdicts, strict=bool(verdicts))):
            if verdict is None:
                continue
            rows.append(self._sent_row(candidate, verdict, call_id, index, at))
            if verdict.state is RowState.APPLIED:
                applied += 1
            else:
                rejected += verdict.state is RowState.REJECTED
                errors += self._service_errors(candidate, verdict, call_id, index, result, at)
        fault = result.fault
        event = self._event(
            kind,
            call_id,
            batch.batch_id,
            at,
            attempt=result.attempts,
            http_status=result.http_status,
            code=fault.code if fault else None,
            error_code=fault.error_code if fault else None,
            tracking_id=result.tracking_id,
            n_applied=applied,
            n_rejected=rejected,
            latency_ms=result.latency_ms,
            detail=result.detail or None,
        )
        return Entries([], [event], rows, errors)

    def judged(self, judged: Sequence[Judged], at: datetime) -> Entries:
        """Say what was decided here, without a call."""
        rows: list[RowRecord] = []
        errors: list[ErrorRecord] = []
        for row in judged:
            index = self.next_local_index
            self.next_local_index += 1
            rows.append(self._judged_row(row, index, at))
            if row.state is not RowState.DUPLICATE:
                errors += self._local_errors(row, index, at)
        return Entries([], [], rows, errors)

    def column_of(self, error: RowError | None) -> str | None:
        """Return the source column a refusal is about, None where its code does not tell."""
        return None if error is None or error.code is None else self.column_of_code.get(error.code)

    def column_at_fault(self, violation: Violation) -> str | None:
        """Return the source column a violation is about, None where no column is."""
        return violation.column or self.column_of_field.get(violation.field)

    def open_call_event(self, kind: CallEventKind, call_id: str, batch_id: str, at: datetime, detail: str) -> Entries:
        """Say what became known of an earlier run's call."""
        return Entries([], [self._event(kind, call_id, batch_id, at, detail=detail)], [], [])

    def _event(
        self,
        kind: CallEventKind,
        call_id: str,
        batch_id: str,
        at: datetime,
        *,
        deadline_at: datetime | None = None,
        attempt: int = 0,
        http_status: int | None = None,
        code: int | None = None,
        error_code: str | None = None,
        tracking_id: str | None = None,
        n_applied: int = 0,
        n_rejected: int = 0,
        latency_ms: int = 0,
        detail: str | None = None,
    ) -> CallRecord:
        return CallRecord(
            call_id=call_id,
            event=kind,
            rank=CALL_RANK[kind],
            batch_id=batch_id,
            stream_id=self.stream_id,
            run_id=self.run_id,
            attempt=attempt,
            epoch=self.epoch,
            at=at,
            deadline_at=deadline_at,
            http_status=http_status,
            code=code,
            error_code=error_code,
            tracking_id=tracking_id,
            n_applied=n_applied,
            n_rejected=n_rejected,
            latency_ms=latency_ms,
            detail=detail,
        )

    def _sent_row(self, row: Candidate, verdict: Verdict, call_id: str, index: int, at: datetime) -> RowRecord:
        first = verdict.errors[0] if verdict.errors else None
        return RowRecord(
            call_id,
            index,
            self.stream_id,
            self.run_id,
            row.key,
            row.content,
            row.gen,
            verdict.state.value,
            ROW_RANK[verdict.state],
            first.code if first else None,
            first.error_code if first else verdict.error_code,
            first.field_path if first else None,
            self.column_of(first),
            scrub(first.message) if first and first.message else verdict.message,
            len(verdict.errors),
            row.source_ref,
            row.event_time,
            row.group_name,
            row.remote_key,
            None,
            row.amount,
            row.currency,
            verdict.not_before,
            at,
        )

    def _judged_row(self, judged: Judged, index: int, at: datetime) -> RowRecord:
        row, first = judged.candidate, judged.violations[0]
        return RowRecord(
            self.run_id,
            index,
            self.stream_id,
            self.run_id,
            row.key,
            row.content,
            row.gen,
            judged.state.value,
            ROW_RANK[judged.state],
            first.code,
            first.error_code,
            first.field or None,
            self.column_at_fault(first),
            first.sentence,
            len(judged.violations),
            row.source_ref,
            row.event_time,
            # A refused row may hold anything in its goal's column, an e-mail address included.
            scrub(row.group_name, 100) if row.group_name else None,
            row.remote_key,
            None,
            row.amount,
            row.currency,
            None,
            at,
        )

    def _service_errors(
        self, row: Candidate, verdict: Verdict, call_id: str, index: int, result: CallResult, at: datetime
    ) -> list[ErrorRecord]:
        reasons = verdict.errors or (RowError(index, None, verdict.error_code, message=verdict.message),)
        return [
            ErrorRecord(
                call_id=call_id,
                row_index=index,
                error_index=number,
                stream_id=self.stream_id,
                run_id=self.run_id,
                row_key=row.key,
                source_ref=row.source_ref,
                origin="service",
                code=error.code,
                error_code=error.error_code,
                field_path=error.field_path,
                column_name=self.column_of(error),
                message=scrub(error.message) if error.message else None,
                details=scrub(error.details) if error.details else None,
                remedy=known.remedy if verdict.errors else NOTHING_TO_DO,
                owner=known.owner,
                type=error.type,
                appealable=error.appealable,
                disapproved_text=scrub(error.disapproved_text) if error.disapproved_text else None,
                location=error.location,
                publisher_country=error.publisher_country,
                reason_code=error.reason_code,
                tracking_id=result.tracking_id,
                at=at,
            )
            for number, error in enumerate(reasons)
            for known in [advice(self.service, error.code, error.error_code)]
        ]

    def _local_errors(self, judged: Judged, index: int, at: datetime) -> list[ErrorRecord]:
        row = judged.candidate
        return [
            ErrorRecord(
                call_id=self.run_id,
                row_index=index,
                error_index=number,
                stream_id=self.stream_id,
                run_id=self.run_id,
                row_key=row.key,
                source_ref=row.source_ref,
                origin="local",
                code=violation.code,
                error_code=violation.error_code,
                field_path=violation.field or None,
                column_name=self.column_at_fault(violation),
                message=violation.sentence,
                details=None,
                remedy=violation.remedy,
                owner=violation.owner,
                type=None,
                appealable=None,
                disapproved_text=None,
                location=None,
                publisher_country=None,
                reason_code=None,
                tracking_id=None,
                at=at,
            )
            for number, violation in enumerate(judged.violations)
        ]


def _members(rows: Sequence[Candidate]) -> str:
    return base64.b64encode(bytes.fromhex("".join(row.key + row.content for row in rows))).decode("ascii")
