"""The sentences with which a task fails, and the numbers at which it does."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from airflow_provider_bingads.exceptions import (
    BingAdsError,
    FixConfiguration,
    FixRequest,
    RetryLater,
    ReviewRows,
)
from airflow_provider_bingads.sync.recovery import Waiting
from airflow_provider_bingads.sync.report import RunSummary
from airflow_provider_bingads.sync.run import AccountReport
from airflow_provider_bingads.sync.tally import RowProblem, Tally
from airflow_provider_bingads.sync.verdict import ending, threshold_crossed

SINCE = datetime(2026, 10, 1, tzinfo=UTC)


def report(
    account: str = "1", error: BaseException | None = None, waiting: Waiting | None = None, **counts: int
) -> AccountReport:
    tally = Tally()
    tally.counts.update(counts, source_rows=sum(counts.values()))
    return AccountReport(account, "r", tally, error, waiting)


def summary(*reports: AccountReport) -> RunSummary:
    return RunSummary("r", "ApplyThings", "emulator", reports, {}, False, 1.0)


def fail() -> None:
    raise RetryLater("later")


def error_of(*reports: AccountReport) -> BaseException | None:
    error, review = ending(summary(*reports), max_rejected=0, max_rejected_ratio=None, where="look")
    assert review is None
    return error


@pytest.mark.parametrize(
    ("failed", "number", "ratio", "sentence"),
    [
        (1000, 999, None, "1,000 rows failed, over max_rejected=999"),
        (1000, 1000, None, None),
        (
            1001,
            0,
            0.1,
            "1,001 of 10,000 rows inside the window failed, a share of 0.1001 and over max_rejected_ratio=0.1",
        ),
        (1000, 0, 0.1, None),
        (1000, 999, 0.1, "1,000 rows failed, over max_rejected=999"),
        (1000, 1, 0.1, "1,000 rows failed, over max_rejected=1"),
        (1000, 1000, 0.1, None),
        (1, 0, 0.0, "1 of 10,000 rows inside the window failed, a share of 0.0001 and over max_rejected_ratio=0.0"),
        (0, 0, 0.0, None),
    ],
)
def test_a_threshold_is_crossed_by_one_row_more_than_it_allows(
    failed: int, number: int, ratio: float | None, sentence: str | None
) -> None:
    told = summary(report(rejected=failed, applied=10_000 - failed, out_of_window=500))

    assert threshold_crossed(told, number, ratio) == sentence


@pytest.mark.parametrize("ratio", [0.0, 0.5])
def test_no_rows_have_no_share(ratio: float) -> None:
    assert threshold_crossed(summary(report(out_of_window=3)), 0, ratio) is None


def test_failures_of_an_earlier_try_alone_cross_a_share_of_rows_that_are_gone() -> None:
    before = report(already_rejected=1)
    before.tally.refused_before = 1

    assert threshold_crossed(summary(before), 0, 0.99) is not None
    assert threshold_crossed(summary(before), 0, 1.0) is None


def test_a_crossed_threshold_is_told_in_full() -> None:
    failed = report(rejected=4, applied=1)
    for code in (1, 2, 3, 4):
        failed.tally.problem(RowProblem("b", 0, "r", "rejected", code, "Bad", None, None, None, "mend", None))
    told = summary(failed)
    error, review = ending(told, max_rejected=3, max_rejected_ratio=None, where="Look there.")

    assert error is None
    assert isinstance(review, ReviewRows)
    assert str(review).splitlines() == [
        f"{told.headline()}.",
        "4 rows failed, over max_rejected=3; every valid row was sent.",
        "1 row: Bad (1). mend",
        "1 row: Bad (2). mend",
        "1 row: Bad (3). mend",
        "Look there.",
    ]


def test_an_error_and_a_crossed_threshold_are_both_told() -> None:
    error, review = ending(
        summary(report(error=RetryLater("later"), rejected=1)), max_rejected=0, max_rejected_ratio=None, where="look"
    )

    assert (str(error), isinstance(review, ReviewRows)) == ("later", True)


def test_the_error_of_the_only_account_is_raised_as_it_is() -> None:
    error = FixRequest("not allowed", code=106)

    assert error_of(report(error=error)) is error


def test_the_error_of_one_account_of_several_carries_its_name_and_place() -> None:
    with pytest.raises(RetryLater) as caught:
        fail()
    error = caught.value
    told, nameless = error_of(report("7", error), report("8")), error_of(report("", error), report("8"))

    assert (str(told), str(nameless)) == ("account 7: later", "account (none): later")
    assert told is not error
    assert told is not None
    assert told.__traceback__ is error.__traceback__
    assert str(error) == "later"


def test_several_failed_accounts_are_told_one_a_line_and_ten_at_most() -> None:
    failed = [report(str(number) if number else "", FixRequest(f"refused {number}")) for number in range(11)]
    told = error_of(*failed, report("fine"))

    assert type(told) is FixConfiguration
    assert str(told).splitlines() == [
        "11 of 12 accounts failed, the others are done.",
        "account (none): refused 0",
        *[f"account {number}: refused {number}" for number in range(1, 10)],
    ]


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        ((FixRequest("a"), FixConfiguration("b")), FixConfiguration),
        ((FixRequest("a"), RetryLater("b")), RetryLater),
        ((RetryLater("a"), FixConfiguration("b")), RetryLater),
        ((FixRequest("a"), ValueError("b")), RetryLater),
    ],
)
def test_a_retry_is_asked_for_where_it_may_help_one_account(
    errors: tuple[Exception, ...], kind: type[BingAdsError]
) -> None:
    assert type(error_of(*(report(str(place), error) for place, error in enumerate(errors)))) is kind


@pytest.mark.parametrize(
    ("counts", "rows"), [({"unknown": 1234}, "1,234"), ({"held": 2}, "2"), ({"unknown": 1, "held": 2}, "3")]
)
def test_rows_in_doubt_fail_the_task_so_that_its_retry_sends_them(counts: dict[str, int], rows: str) -> None:
    told = error_of(report(applied=1, **counts))

    assert type(told) is RetryLater
    assert str(told).startswith(f"{rows} rows were sent")


def test_rows_of_earlier_runs_in_doubt_are_counted_and_the_first_run_to_clear_is_named() -> None:
    told = error_of(
        report("1", waiting=Waiting(9, 0, SINCE, "none of these")),
        report("2", waiting=Waiting(3, 1000, SINCE, "run-a")),
        report("3", waiting=Waiting(3, 234, SINCE, "run-b")),
        report("4"),
    )

    assert type(told) is RetryLater
    assert "1,234 rows of earlier runs" in str(told)
    assert "Clear the run run-a " in str(told)


@pytest.mark.parametrize("waiting", [None, Waiting(5, 0, SINCE, "r")])
def test_deferred_rows_of_earlier_runs_fail_no_task(waiting: Waiting | None) -> None:
    assert error_of(report(deferred=1, waiting=waiting)) is None


def test_one_row_is_told_of_as_one() -> None:
    failed, doubtful = summary(report(rejected=1)), report(unknown=1)
    gone = report("1", waiting=Waiting(1, 1, SINCE, "run-a"))

    assert threshold_crossed(failed, 0, None) == "1 row failed, over max_rejected=0"
    assert str(error_of(doubtful)) == (
        "1 row was sent and no trustworthy answer came back; the next try sends it again, "
        "which the service ignores if it had taken it"
    )
    assert str(error_of(gone)) == (
        "1 row of earlier runs was sent without a known outcome and this source no longer returns it. "
        "Clear the run run-a so that it is read and sent again"
    )


def test_more_rows_are_told_of_as_many() -> None:
    assert str(error_of(report(unknown=2))) == (
        "2 rows were sent and no trustworthy answer came back; the next try sends them again, "
        "which the service ignores for those it had taken"
    )
    assert str(error_of(report("1", waiting=Waiting(2, 2, SINCE, "run-a")))) == (
        "2 rows of earlier runs were sent without a known outcome and this source no longer returns them. "
        "Clear the run run-a so that they are read and sent again"
    )
