"""What XCom, the notifier and the log are told of a run, and how the task ends."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from airflow_provider_bingads.exceptions import FixConfiguration, FixRequest, LeaseBusy, RetryLater
from airflow_provider_bingads.sync.recovery import Waiting
from airflow_provider_bingads.sync.report import RunSummary, partial_errors, summarise
from airflow_provider_bingads.sync.run import AccountReport
from airflow_provider_bingads.sync.tally import RowProblem, Tally
from airflow_provider_bingads.sync.verdict import ending, threshold_crossed

REMEDY = "write the click id as 32 hexadecimal digits"


def problem(number: int) -> RowProblem:
    return RowProblem(
        "b" * 32,
        number,
        f"order-{number}",
        "rejected",
        5604,
        "ClickIdInvalid",
        "x" * 300,
        "click_id",
        "m" * 600,
        REMEDY,
        "t",
    )


def report(
    account: str = "1", *, error: Exception | None = None, waiting: Waiting | None = None, **counts: int
) -> AccountReport:
    tally = Tally()
    tally.counts.update(counts)
    tally.counts["source_rows"] = sum(counts.values())
    for number in range(counts.get("rejected", 0)):
        tally.problem(problem(number))
    return AccountReport(account, "r" * 32, tally, error, waiting)


def summary(*reports: AccountReport) -> RunSummary:
    return RunSummary(
        "r" * 32, "ApplyOfflineConversions", "emulator", reports, {"conn_id": "w", "schema": None}, False, 1.5
    )


def test_the_summary_adds_up_over_accounts_and_lists_the_worst_first() -> None:
    result = summary(report("1", applied=3), report("2", applied=1, rejected=2)).as_xcom()
    assert (result["source_rows"], result["applied"], result["rejected"]) == (6, 4, 2)
    assert [line["account_id"] for line in result["accounts"]] == ["2", "1"]
    assert result["error_codes"] == [{"code": 5604, "error_code": "ClickIdInvalid", "rows": 2, "advice": REMEDY}]


def test_the_summary_never_exceeds_eight_kilobytes() -> None:
    reports = [report(str(number), rejected=1, applied=2, error=RetryLater("x" * 500)) for number in range(500)]
    whole = summary(*reports)
    assert len(json.dumps(whole.as_xcom())) <= 8 * 1024
    assert len(whole.text()) <= 600
    assert whole.as_xcom()["source_rows"] == 1500


def test_partial_errors_are_bounded_and_say_so() -> None:
    shown = partial_errors([report(rejected=150), report("2", rejected=70)])
    assert (shown["total"], shown["truncated"]) == (220, True)
    assert 0 < len(shown["items"]) <= 100
    assert len(json.dumps(shown)) <= 32 * 1024


def test_partial_errors_of_a_small_run_are_complete() -> None:
    shown = partial_errors([report(rejected=2)])
    assert (shown["total"], shown["truncated"], len(shown["items"])) == (2, False, 2)
    assert shown["items"][0]["source_ref"] == "order-0"


THRESHOLDS: list[tuple[dict[str, int], int, int, float | None, bool]] = [
    ({"applied": 9}, 0, 0, None, False),
    ({"applied": 9, "rejected": 1}, 0, 0, None, True),
    ({"applied": 9, "invalid": 1}, 0, 1, None, False),
    ({"applied": 9, "rejected": 1, "already_rejected": 1}, 1, 1, None, True),
    ({"applied": 9, "already_rejected": 5}, 0, 0, None, False),
    ({"applied": 9, "already_rejected": 5}, 5, 0, None, True),
    ({"applied": 90, "rejected": 10}, 0, 0, 0.1, False),
    ({"applied": 89, "rejected": 11}, 0, 0, 0.1, True),
    ({"applied": 90, "rejected": 10}, 0, 5, 0.5, True),
    ({"applied": 90, "rejected": 10, "out_of_window": 9000}, 0, 0, 0.05, True),
]


@pytest.mark.parametrize(("counts", "refused_before", "number", "ratio", "crossed"), THRESHOLDS)
def test_thresholds_count_new_failures_over_all_tries(
    counts: dict[str, int], refused_before: int, number: int, ratio: float | None, crossed: bool
) -> None:
    """``refused_before`` of the rows in ``already_rejected`` were refused by an earlier try of the same DAG run."""
    made = report()
    made.tally.counts.update(counts, source_rows=sum(counts.values()))
    made.tally.refused_before = refused_before
    assert bool(threshold_crossed(summary(made), number, ratio)) is crossed


LEFT = Waiting(3, 2, datetime(2026, 10, 1), "scheduled__2026-10-01")  # noqa: DTZ001  # the ledger's times are naive UTC
ENDINGS: list[tuple[list[AccountReport], type[BaseException] | None]] = [
    ([report(applied=1)], None),
    ([report(applied=1, deferred=1)], None),
    ([report(unknown=1)], RetryLater),
    ([report(applied=1, waiting=LEFT)], RetryLater),
    ([report(applied=1, waiting=Waiting(3, 0, LEFT.oldest, "r"))], None),
    ([report(error=FixConfiguration("no zone"))], FixConfiguration),
    ([report(error=LeaseBusy("held"))], LeaseBusy),
    ([report("1", error=FixRequest("refused")), report("2", applied=1)], FixRequest),
    ([report("1", error=FixRequest("refused")), report("2", error=FixConfiguration("no"))], FixConfiguration),
    ([report("1", error=FixRequest("refused")), report("2", error=LeaseBusy("held"))], RetryLater),
]


@pytest.mark.parametrize(("reports", "kind"), ENDINGS)
def test_the_task_fails_for_what_is_not_done_and_retries_what_may_pass(
    reports: list[AccountReport], kind: type[BaseException] | None
) -> None:
    error, _ = ending(summary(*reports), max_rejected=0, max_rejected_ratio=None, where="look")
    assert type(error) is (kind or type(None))


def test_the_one_account_of_many_that_failed_is_named() -> None:
    refused = FixRequest("not allowed", code=106)
    reports = [report("1", applied=1), report("777", error=refused), report("2", applied=1)]
    error, _ = ending(summary(*reports), max_rejected=0, max_rejected_ratio=None, where="look")
    assert str(error) == "account 777: not allowed"
    assert isinstance(error, FixRequest)
    assert error.code == refused.code


def test_a_crossed_threshold_says_counts_reasons_and_where_to_look() -> None:
    _, review = ending(
        summary(report(applied=5, rejected=2)), max_rejected=0, max_rejected_ratio=None, where="LOOK THERE"
    )
    lines = str(review).splitlines()
    assert "7 source rows" in lines[0]
    assert "ClickIdInvalid (5604)" in lines[2]
    assert lines[-1] == "LOOK THERE"


def test_the_log_names_what_earlier_runs_left_open_and_which_run_to_clear() -> None:
    lines: list[Any] = summarise([report(applied=1, waiting=LEFT)], summary(report(applied=1, waiting=LEFT)))
    assert any("scheduled__2026-10-01" in line for line in lines)
