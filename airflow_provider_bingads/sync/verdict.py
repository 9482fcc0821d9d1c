"""Says how a task ends, from what its accounts came to; the operator only translates it for Airflow."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Final

from airflow_provider_bingads.domain.scrub import scrub
from airflow_provider_bingads.exceptions import BingAdsError, FixConfiguration, FixRequest, RetryLater, ReviewRows
from airflow_provider_bingads.sync.report import RunSummary, counted, sentence_of
from airflow_provider_bingads.sync.run import AccountReport

__all__ = ["ending", "threshold_crossed"]

_AGAIN: Final = "them again, which the service ignores for those it had taken"


def threshold_crossed(summary: RunSummary, max_rejected: int, max_rejected_ratio: float | None) -> str | None:
    """Return the sentence that says which threshold was crossed, or None.

    :param max_rejected: rejected and invalid rows allowed, counted over all tries of the DAG run.
    :param max_rejected_ratio: their allowed share of the rows inside the window, 0 to 1; None sets no share.
    """
    failed, rows = summary.failed_rows, summary.counts["source_rows"] - summary.counts["out_of_window"]
    if max_rejected_ratio is not None:
        share = failed / rows if rows else 0.0
        if share > max_rejected_ratio:
            return (
                f"{failed:,} of {rows:,} rows inside the window failed, a share of {share:.4f} and "
                f"over max_rejected_ratio={max_rejected_ratio}"
            )
        return None if max_rejected == 0 else _count(failed, max_rejected)
    return _count(failed, max_rejected)


def _count(failed: int, max_rejected: int) -> str | None:
    return (
        f"{counted(failed, 'row', 'rows')} failed, over max_rejected={max_rejected}" if failed > max_rejected else None
    )


def ending(
    summary: RunSummary,
    *,
    max_rejected: int,
    max_rejected_ratio: float | None,
    where: str,
) -> tuple[BaseException | None, ReviewRows | None]:
    """Return what the task must raise because it could not do its work, and what a crossed threshold would raise.

    :param where: sentence that says where the refused rows are listed.
    """
    reports = summary.reports
    error = _worst(reports) or _open_rows(reports)
    crossed = threshold_crossed(summary, max_rejected, max_rejected_ratio)
    review = None
    if crossed:
        lines = [f"{summary.headline()}.", f"{crossed}; every valid row was sent.", *summary.top_reasons(3), where]
        review = ReviewRows("\n".join(lines))
    return error, review


def _worst(reports: Sequence[AccountReport]) -> BaseException | None:
    """Prefer a passing error, which a retry may cure, unless all that failed cannot be cured by one."""
    errors = [(report.account_id, report.error) for report in reports if report.error is not None]
    if not errors:
        return None
    passing = [error for _, error in errors if not isinstance(error, FixConfiguration | FixRequest)]
    if len(errors) == 1:
        account, error = errors[0]
        error = _without_values(error)
        return error if len(reports) == 1 else _of_account(account, error)
    sentences = [f"account {account or '(none)'}: {sentence_of(error)}" for account, error in errors]
    text = f"{len(errors)} of {len(reports)} accounts failed, the others are done.\n" + "\n".join(sentences[:10])
    return RetryLater(text) if passing else FixConfiguration(text)


def _without_values(error: BaseException) -> BaseException:
    """Return an error nobody foresaw with its place but without the values its text may quote."""
    if isinstance(error, BingAdsError) or not isinstance(error, Exception):
        return error
    return BingAdsError(f"{type(error).__name__}: {scrub(str(error))}").with_traceback(error.__traceback__)


def _of_account(account: str, error: BaseException) -> BaseException:
    """Return an error of this package with its account in front; others stay as they are."""
    if not isinstance(error, BingAdsError):
        return error
    named = copy(error)
    named.args = (f"account {account or '(none)'}: {error}",)
    return named.with_traceback(error.__traceback__)


def _open_rows(reports: Sequence[AccountReport]) -> RetryLater | None:
    rows = sum(report.open_rows for report in reports)
    if rows:
        return RetryLater(
            f"{counted(rows, 'row was', 'rows were')} sent and no trustworthy answer came back; the next try "
            f"sends {'it again, which the service ignores if it had taken it' if rows == 1 else _AGAIN}"
        )
    gone = [report for report in reports if report.open_rows_gone]
    if not gone:
        return None
    waiting = gone[0].waiting
    number = sum(report.open_rows_gone for report in gone)
    run = waiting.dag_run_id if waiting is not None else ""
    rows_sent = counted(number, "row of earlier runs was", "rows of earlier runs were")
    them, they = ("it", "it is") if number == 1 else ("them", "they are")
    return RetryLater(
        f"{rows_sent} sent without a known outcome and this source no longer returns {them}. "
        f"Clear the run {run} so that {they} read and sent again"
    )
