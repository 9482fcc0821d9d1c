"""The summary of a run to the letter: what a notifier, a dashboard and the log rely on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_bingads.exceptions import RetryLater
from airflow_provider_bingads.sync.recovery import Waiting
from airflow_provider_bingads.sync.report import RunSummary, partial_errors, sentence_of, summarise
from airflow_provider_bingads.sync.run import AccountReport
from airflow_provider_bingads.sync.tally import COUNTERS, RowProblem, Tally

OPEN = (
    "  account 1: 3 rows of earlier runs are still open and this source no longer returned them, the oldest since "
    "2026-10-01 05:00 UTC; clear the run m to read them again"
)


def problem(number: int = 0, *, code: int | None = 5604, name: str = "Bad", **texts: str | None) -> RowProblem:
    words: dict[str, Any] = {"message": "m", "remedy": "mend it", **texts}
    return RowProblem("b", number, f"r{number}", "rejected", code, name, "F", "c", tracking_id="t", **words)


def report(account: str = "1", *problems: RowProblem, error: BaseException | None = None, **counts: int) -> Any:
    tally = Tally()
    tally.counts.update(counts)
    tally.counts["source_rows"] = sum(counts.values()) - counts.get("to_send", 0)
    for one in problems:
        tally.problem(one)
    return AccountReport(account, f"run of {account}", tally, error, None)


def summary(*reports: AccountReport, validate_only: bool = False, seconds: float = 1.0) -> RunSummary:
    ledger = {"conn_id": "w", "schema": None}
    return RunSummary("r", "ApplyThings", "emulator", reports, ledger, validate_only, seconds)


def test_the_whole_of_a_small_summary() -> None:
    one = report("1", problem(), applied=3, rejected=1)
    one.tally.calls, one.tally.retries, one.tally.throttle_wait_seconds = 4, 1, 60.12345
    two = report("2", applied=2, skipped=1)
    two.tally.calls, two.tally.retries, two.tally.throttle_wait_seconds = 2, 2, 0.00001
    counts = {**dict.fromkeys(COUNTERS, 0), "source_rows": 7, "applied": 5, "rejected": 1, "skipped": 1}

    assert summary(one, two, seconds=2.00049).as_xcom() == {
        "run_id": "r",
        "operation": "ApplyThings",
        "environment": "emulator",
        **counts,
        "calls": 6,
        "retries": 3,
        "throttle_wait_seconds": 60.123,
        "duration_seconds": 2.0,
        "accounts": [
            {"account_id": "1", "run_id": "run of 1", "counts": {"source_rows": 4, "applied": 3, "rejected": 1}},
            {"account_id": "2", "run_id": "run of 2", "counts": {"source_rows": 3, "applied": 2, "skipped": 1}},
        ],
        "error_codes": [{"code": 5604, "error_code": "Bad", "rows": 1, "advice": "mend it"}],
        "ledger": {"conn_id": "w", "schema": None},
        "validate_only": False,
    }


def test_what_would_be_sent_is_told_where_nothing_was() -> None:
    told = summary(report(to_send=1234, invalid=1), validate_only=True)

    assert (told.as_xcom()["to_send"], told.as_xcom()["validate_only"]) == (1234, True)
    assert told.headline().endswith("; would send: 1,234")
    assert "to_send" not in summary(report(applied=1)).as_xcom()
    assert "would send" not in summary(report(applied=1)).headline()


def test_accounts_in_need_come_first_failed_ones_before_all() -> None:
    reports = [
        report("fine", applied=1000),
        report("waits", unknown=1, deferred=2),
        report("waits more", unknown=4),
        report("to fix", held=1),
        report("more to fix", already_rejected=1, invalid=1),
        report("failed", error=RetryLater("later"), applied=1),
    ]
    order = [line["account_id"] for line in summary(*reports).as_xcom()["accounts"]]

    assert order == ["failed", "more to fix", "to fix", "waits more", "waits", "fine"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RetryLater("the ledger is away"), "RetryLater: the ledger is away"),
        (RetryLater("x" * 300), "RetryLater: " + "x" * 188),
        (ValueError("jane"), "ValueError"),
        (None, None),
    ],
)
def test_an_accounts_failure_is_told_in_two_hundred_characters(error: BaseException | None, told: str | None) -> None:
    (line,) = summary(report(error=error, applied=1)).as_xcom()["accounts"]

    assert line.get("error") == told


def test_fifty_accounts_and_twenty_reasons_are_listed() -> None:
    codes = summary(report("1", *(problem(code=code, remedy=None) for code in range(21)))).as_xcom()["error_codes"]
    accounts = summary(*(AccountReport(str(number), "") for number in range(51))).as_xcom()["accounts"]

    assert len(codes) == 20
    assert {code["advice"] for code in codes} == {""}
    assert len(accounts) == 50


def test_the_advice_on_a_reason_is_cut() -> None:
    (code,) = summary(report("1", problem(remedy="x" * 161))).as_xcom()["error_codes"]

    assert code["advice"] == "x" * 160


@pytest.mark.parametrize(("spare", "accounts", "codes"), [(0, 1, 1), (1, 0, 1)])
def test_eight_kilobytes_are_kept_to_the_byte_and_accounts_go_first(spare: int, accounts: int, codes: int) -> None:
    whole = summary(report("1", problem(), rejected=1))
    whole.ledger["padding"] = ""  # type: ignore[index]
    whole.ledger["padding"] = "x" * (8 * 1024 - len(json.dumps(whole.as_xcom())) + spare)  # type: ignore[index]
    told = whole.as_xcom()

    assert (len(told["accounts"]), len(told["error_codes"])) == (accounts, codes)
    assert len(json.dumps(told)) <= 8 * 1024
    assert spare or len(json.dumps(told)) == 8 * 1024


def test_a_summary_that_nothing_can_make_small_enough_loses_both_lists() -> None:
    whole = summary(report("1", problem(), rejected=1))
    whole.ledger["padding"] = "x" * 9000  # type: ignore[index]

    assert (whole.as_xcom()["accounts"], whole.as_xcom()["error_codes"]) == ([], [])


def test_the_headline_groups_the_counters_as_people_ask() -> None:
    counts = {
        "applied": 1000,
        "skipped": 2,
        "duplicate": 3,
        "superseded": 4,
        "out_of_window": 5,
        "rejected": 6,
        "invalid": 7,
        "already_rejected": 8,
        "held": 9,
        "deferred": 10,
        "unknown": 11,
    }

    assert summary(report(**counts)).headline() == (
        "ApplyThings, 1,065 source rows. done: 1,000 applied, 2 skipped, 3 duplicate, 4 superseded, 5 out of window; "
        "yours to fix: 6 rejected, 7 invalid, 8 already rejected, 9 held; waiting: 10 deferred, 11 unknown"
    )
    assert summary(report(applied=1)).headline().endswith("yours to fix: none; waiting: none")


def test_the_text_for_a_notifier_is_the_headline_and_three_reasons_most_frequent_first() -> None:
    problems = [problem(code=code, name=f"N{code}") for code in (4, 3, 3, 2, 2, 2, 1, 1, 1, 1)]
    lines = summary(report("1", *problems, rejected=10)).text().splitlines()

    assert lines[1:] == ["4 rows: N1 (1). mend it", "3 rows: N2 (2). mend it", "2 rows: N3 (3). mend it"]
    long = summary(report("1", problem(remedy="x" * 700), rejected=1))
    assert len(long.text()) == 600


def test_a_reason_without_number_or_remedy_is_its_name() -> None:
    assert summary(report("1", problem(code=None, remedy=None))).top_reasons(3) == ["1 row: Bad."]


def test_partial_errors_show_every_fact_of_a_row() -> None:
    assert partial_errors([report("1", problem(7, message=None, remedy="x" * 201))]) == {
        "total": 1,
        "truncated": False,
        "items": [
            {
                "batch_id": "b",
                "index": 7,
                "source_ref": "r7",
                "state": "rejected",
                "code": 5604,
                "error_code": "Bad",
                "field_path": "F",
                "column": "c",
                "message": None,
                "remedy": "x" * 200,
                "tracking_id": "t",
            }
        ],
    }


def test_a_hundred_partial_errors_are_shown_of_all_accounts_together() -> None:
    shown = partial_errors([report(str(number), *map(problem, range(60))) for number in range(2)])

    assert (len(shown["items"]), shown["total"], shown["truncated"]) == (100, 120, True)
    assert [item["index"] for item in shown["items"]] == [*range(60), *range(40)]


@pytest.mark.parametrize(("spare", "items"), [(0, 2), (1, 1)])
def test_partial_errors_keep_their_limit_to_the_byte(spare: int, items: int) -> None:
    """Their frame takes less than the hundred bytes set aside."""
    base = len(json.dumps(partial_errors([report("1", problem(0), problem(1))])["items"]))
    long = problem(1, name="Bad" + "x" * (32 * 1024 - 100 - base + spare))

    assert len(partial_errors([report("1", problem(0), long)])["items"]) == items


def test_the_log_ends_with_headline_reasons_and_accounts() -> None:
    one = report("1", problem(), rejected=1)
    one.tally.rounded_rows = 2
    one = AccountReport(
        "1", "r", one.tally, RetryLater("busy"), Waiting(3, 1, datetime(2026, 10, 1, 5, tzinfo=UTC), "m")
    )
    two = report("")
    two.tally.rounded_rows = 1
    three = AccountReport("3", "r", Tally(), None, Waiting(0, 0, None, None))  # type: ignore[arg-type]
    lines = summarise([one, two, three], summary(one, two, three))

    assert lines == [
        summary(one, two, three).headline(),
        "::group::Why rows failed or wait, most frequent first",
        "1 row: Bad (5604). mend it",
        "::endgroup::",
        "  account 1: busy",
        OPEN,
        "  account 1: 2 amounts were rounded",
        "  account (none): 1 amount was rounded",
    ]
    assert summarise([report()], summary(report())) == [summary(report()).headline()]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (1, "1 row of earlier runs is still open and this source no longer returned it"),
        (2, "2 rows of earlier runs are still open and this source no longer returned them"),
    ],
)
def test_one_row_that_is_still_open_is_told_of_as_one(rows: int, told: str) -> None:
    one = report()
    one.waiting = Waiting(rows, 1, datetime(2026, 10, 1, 5, tzinfo=UTC), "m")
    them = told.rpartition(" ")[2]

    assert summarise([one], summary(one))[1:] == [
        f"  account 1: {told}, the oldest since 2026-10-01 05:00 UTC; clear the run m to read {them} again"
    ]


def test_ten_reasons_are_logged_unless_more_are_asked_for() -> None:
    many = report("1", *(problem(code=code) for code in range(12)))

    assert len(summarise([many], summary(many))) == 1 + 1 + 10 + 1
    assert len(summarise([many], summary(many), limit=12)) == 1 + 1 + 12 + 1


def test_only_this_packages_own_sentences_are_told() -> None:
    assert sentence_of(RetryLater("later")) == "later"
    assert sentence_of(ValueError("jane")) == "ValueError"
