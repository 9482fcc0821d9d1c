"""Sums up a run for XCom, for a notifier and for the person who reads the log (design 3, "XCom")."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from airflow_provider_bingads.exceptions import BingAdsError
from airflow_provider_bingads.sync.recovery import Waiting
from airflow_provider_bingads.sync.run import AccountReport
from airflow_provider_bingads.sync.tally import COUNTERS, SAMPLE_LIMIT, RowProblem

__all__ = ["RunSummary", "counted", "partial_errors", "sentence_of", "summarise"]

SUMMARY_BYTES = 8 * 1024
PARTIAL_ERRORS_BYTES = 32 * 1024
TEXT_CHARACTERS = 600
_CODES = 20
_ACCOUNTS = 50
_DONE = ("applied", "skipped", "duplicate", "superseded", "out_of_window")
_TO_FIX = ("rejected", "invalid", "already_rejected", "held")
_WAITING = ("deferred", "unknown")

Reason = tuple[int | None, str | None, str | None]


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What all accounts of a try came to."""

    run_id: str
    operation: str
    environment: str
    reports: Sequence[AccountReport]
    ledger: Mapping[str, str | None]
    validate_only: bool
    duration_seconds: float

    @property
    def counts(self) -> Counter[str]:
        """Return the counters over all accounts."""
        total: Counter[str] = Counter(dict.fromkeys(COUNTERS, 0))
        for report in self.reports:
            total.update(report.tally.totals())
        return total

    @property
    def reasons(self) -> list[tuple[Reason, int]]:
        """Return the reasons of failures and deferrals with their rows, most frequent first."""
        total: Counter[Reason] = Counter()
        for report in self.reports:
            total.update(report.tally.codes)
        return total.most_common()

    @property
    def failed_rows(self) -> int:
        """Return rejected and invalid rows of this DAG run, over all its tries."""
        return sum(report.tally.failed() for report in self.reports)

    def as_xcom(self) -> dict[str, Any]:
        """Return the dictionary pushed as ``return_value``: at most 8 KB, longest lists cut first."""
        counts = self.counts
        accounts = sorted(self.reports, key=_badness, reverse=True)
        summary: dict[str, Any] = {
            "run_id": self.run_id,
            "operation": self.operation,
            "environment": self.environment,
            **counts,
            "calls": sum(report.tally.calls for report in self.reports),
            "retries": sum(report.tally.retries for report in self.reports),
            "throttle_wait_seconds": round(sum(report.tally.throttle_wait_seconds for report in self.reports), 3),
            "duration_seconds": round(self.duration_seconds, 3),
            "accounts": [_account_line(report) for report in accounts[:_ACCOUNTS]],
            "error_codes": [
                {"code": code, "error_code": name, "rows": rows, "advice": (remedy or "")[:160]}
                for (code, name, remedy), rows in self.reasons[:_CODES]
            ],
            "ledger": dict(self.ledger),
            "validate_only": self.validate_only,
        }
        for shrinking in ("accounts", "error_codes"):
            while len(json.dumps(summary)) > SUMMARY_BYTES and summary[shrinking]:
                summary[shrinking].pop()
        return summary

    def text(self) -> str:
        """Return at most 600 characters for a notifier."""
        lines = [self.headline(), *self.top_reasons(3)]
        return "\n".join(lines)[:TEXT_CHARACTERS]

    def headline(self) -> str:
        """Return the counters in one sentence, grouped as people ask: done, yours to fix, waiting."""
        counts = self.counts
        groups = [("done", _DONE), ("yours to fix", _TO_FIX), ("waiting", _WAITING)]
        parts = []
        for label, names in groups:
            shown = ", ".join(f"{counts[name]:,} {name.replace('_', ' ')}" for name in names if counts[name])
            parts.append(f"{label}: {shown or 'none'}")
        if self.validate_only:
            parts.append(f"would send: {counts['to_send']:,}")
        return f"{self.operation}, {counted(counts['source_rows'], 'source row', 'source rows')}. " + "; ".join(parts)

    def waiting_sentence(self) -> str | None:
        """Return what to say of deferred rows, None without any: a green task must not hide them."""
        deferred = self.counts["deferred"]
        if not deferred:
            return None
        return (
            f"{counted(deferred, 'row is', 'rows are')} deferred and judged anew by each run. "
            "Those that wait for a goal or a setting stand in bingads_attention "
            "with who removes the cause and how; the others need only time"
        )

    def top_reasons(self, limit: int) -> list[str]:
        """Return the most frequent reasons, one line each: rows, reason, remedy."""
        lines = []
        for (code, name, remedy), rows in self.reasons[:limit]:
            label = f"{name} ({code})" if code is not None else str(name)
            lines.append(f"{counted(rows, 'row', 'rows')}: {label}. {remedy or ''}".rstrip())
        return lines


def partial_errors(reports: Sequence[AccountReport]) -> dict[str, Any]:
    """Return XCom's ``partial_errors``: at most 100 items and 32 KB, ``truncated`` where there are more."""
    total = sum(report.tally.problem_rows for report in reports)
    problems = [problem for report in reports for problem in report.tally.problems][:SAMPLE_LIMIT]
    items = [_item(problem) for problem in problems]
    while items and len(json.dumps(items)) > PARTIAL_ERRORS_BYTES - 100:
        items.pop()
    return {"total": total, "truncated": total > len(items), "items": items}


def summarise(reports: Sequence[AccountReport], summary: RunSummary, limit: int = 10) -> list[str]:
    """Return the closing lines of the log; Airflow folds what stands between the group marks."""
    lines = [summary.headline()]
    if reasons := summary.top_reasons(limit):
        lines += ["::group::Why rows failed or wait, most frequent first", *reasons, "::endgroup::"]
    for report in reports:
        if report.error is not None:
            lines.append(f"  account {report.account_id or '(none)'}: {sentence_of(report.error)}")
        waiting = report.waiting
        if waiting is not None and waiting.rows:
            lines.append(_still_open(report.account_id, waiting))
        if report.tally.rounded_rows:
            amounts = counted(report.tally.rounded_rows, "amount was", "amounts were")
            lines.append(f"  account {report.account_id or '(none)'}: {amounts} rounded")
    return lines


def _still_open(account: str, waiting: Waiting) -> str:
    rows = counted(waiting.rows, "row of earlier runs is", "rows of earlier runs are")
    them = "it" if waiting.rows == 1 else "them"
    return (
        f"  account {account}: {rows} still open and this source no longer returned {them}, the oldest since "
        f"{waiting.oldest:%Y-%m-%d %H:%M} UTC; clear the run {waiting.dag_run_id} to read {them} again"
    )


def counted(number: int, one: str, more: str) -> str:
    """Return a number with what it counts, in the words for one or for more."""
    return f"{number:,} {one if number == 1 else more}"


def sentence_of(error: BaseException) -> str:
    """Return what an error of this package says, of any other its name only: such a text may quote a value."""
    return str(error) if isinstance(error, BingAdsError) else type(error).__name__


def _item(problem: RowProblem) -> dict[str, Any]:
    item = asdict(problem)
    for name in ("message", "remedy"):
        item[name] = item[name][:200] if item[name] else item[name]
    return item


def _account_line(report: AccountReport) -> dict[str, Any]:
    counts = {name: rows for name, rows in report.tally.totals().items() if rows}
    line: dict[str, Any] = {"account_id": report.account_id, "run_id": report.run_id, "counts": counts}
    if report.error is not None:
        kind, text = type(report.error).__name__, sentence_of(report.error)
        line["error"] = kind if text == kind else f"{kind}: {text}"[:200]
    return line


def _badness(report: AccountReport) -> tuple[int, int, int]:
    totals = report.tally.totals()
    return (report.error is not None, sum(totals[name] for name in _TO_FIX), sum(totals[name] for name in _WAITING))
