"""Describes a failed or waiting row to people, in the shape of XCom's ``partial_errors``."""

from __future__ import annotations

from airflow_provider_bingads.domain.calls import CallResult
from airflow_provider_bingads.domain.catalogue import advice
from airflow_provider_bingads.domain.rows import Batch
from airflow_provider_bingads.domain.scrub import scrub
from airflow_provider_bingads.sync.classify import Judged
from airflow_provider_bingads.sync.entries import NOTHING_TO_DO, Verdict
from airflow_provider_bingads.sync.tally import RowProblem

__all__ = ["local_problem", "service_problem"]


def local_problem(row: Judged, column: str | None) -> RowProblem:
    """Describe a row decided here, by its first reason."""
    first = row.violations[0]
    return RowProblem(
        batch_id=None,
        index=0,
        source_ref=row.candidate.source_ref,
        state=row.state.value,
        code=first.code,
        error_code=first.error_code,
        field_path=first.field or None,
        column=column,
        message=first.sentence,
        remedy=first.remedy,
        tracking_id=None,
    )


def service_problem(
    service: str, batch: Batch, index: int, verdict: Verdict, result: CallResult, column: str | None
) -> RowProblem:
    """Describe a row by the first reason the service gave, or by ours where it gave none."""
    first = verdict.errors[0] if verdict.errors else None
    return RowProblem(
        batch_id=batch.batch_id,
        index=index,
        source_ref=batch.rows[index].source_ref,
        state=verdict.state.value,
        code=first.code if first else None,
        error_code=first.error_code if first else verdict.error_code,
        field_path=first.field_path if first else None,
        column=column,
        message=scrub(first.message) if first and first.message else verdict.message,
        remedy=advice(service, first.code, first.error_code).remedy if first else NOTHING_TO_DO,
        tracking_id=result.tracking_id,
    )
