"""Counts what became of the rows of one account, and keeps a bounded sample of its failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from airflow_provider_bingads.domain.calls import CallResult
from airflow_provider_bingads.domain.outcomes import RowState

__all__ = ["COUNTERS", "FAILED_STATES", "SAMPLE_LIMIT", "RowProblem", "Tally"]

SAMPLE_LIMIT = 100
"""Failures shown in XCom; all of them stand in the ledger."""

COUNTERS = (
    "source_rows",
    "out_of_window",
    "skipped",
    "applied",
    "rejected",
    "invalid",
    "already_rejected",
    "duplicate",
    "superseded",
    "deferred",
    "unknown",
    "held",
)
FAILED_STATES = frozenset({RowState.REJECTED, RowState.INVALID})


@dataclass(frozen=True, slots=True)
class RowProblem:
    """One failed or waiting row, as XCom's ``partial_errors`` shows it."""

    batch_id: str | None
    index: int
    source_ref: str
    state: str
    code: int | None
    error_code: str | None
    field_path: str | None
    column: str | None
    message: str | None
    remedy: str | None
    tracking_id: str | None


@dataclass(slots=True)
class Tally:
    """Running totals of one account."""

    counts: Counter[str] = field(default_factory=Counter)
    codes: Counter[tuple[int | None, str | None, str | None]] = field(default_factory=Counter)
    """Rows by (code, error_code, remedy), failures and deferrals of this run."""
    problems: list[RowProblem] = field(default_factory=list)
    problem_rows: int = 0
    rounded_rows: int = 0
    refused_before: int = 0
    """Rows of ``already_rejected`` that an earlier try of the same task instance refused."""
    calls: int = 0
    retries: int = 0
    throttle_wait_seconds: float = 0.0

    def outcome(self, state: RowState, rows: int = 1) -> None:
        """Count rows that got this outcome now."""
        self.counts[state.value] += rows

    def problem(self, problem: RowProblem) -> None:
        """Count one failed or deferred row by its first reason and keep it while there is room."""
        self.codes[problem.code, problem.error_code, problem.remedy] += 1
        self.problem_rows += 1
        if len(self.problems) < SAMPLE_LIMIT:
            self.problems.append(problem)

    def call(self, result: CallResult) -> None:
        """Add the cost of one call."""
        self.calls += result.attempts
        self.retries += max(0, result.attempts - 1)
        self.throttle_wait_seconds += result.throttle_wait_seconds

    def totals(self) -> Mapping[str, int]:
        """Return every public counter, zeros included, and ``to_send`` where a run only validated."""
        totals = {name: self.counts[name] for name in COUNTERS}
        if self.counts["to_send"]:
            totals["to_send"] = self.counts["to_send"]
        return totals

    def unaccounted(self) -> int:
        """Return rows read that have no outcome; anything but 0 is a defect of this package."""
        totals = self.totals()
        return 2 * totals["source_rows"] - sum(totals.values())

    def failed(self) -> int:
        """Return what thresholds look at: the failures of this DAG run, refused in this try or an earlier one.

        A row refused earlier and mended since no longer counts, so that a task cleared after a repair can succeed.
        """
        return self.refused_before + sum(self.counts[state.value] for state in FAILED_STATES)
