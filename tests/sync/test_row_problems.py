"""A failed row as people are shown it: every fact in its place, and no word of the service unscrubbed."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from airflow_provider_bingads.domain.calls import CallResult, CallVerdict, RowError
from airflow_provider_bingads.domain.catalogue import advice
from airflow_provider_bingads.domain.outcomes import RowState, Violation
from airflow_provider_bingads.domain.rows import Batch, Candidate
from airflow_provider_bingads.sync.classify import Judged
from airflow_provider_bingads.sync.entries import NOTHING_TO_DO, Verdict
from airflow_provider_bingads.sync.problems import local_problem, service_problem

SERVICE = "CampaignManagement"
VIOLATION = Violation("BadValue", 5610, "ConversionValue", "amount", "is not a number", "write a number")
ROWS = [Candidate(f"order-{number}", "k", "c", {}) for number in range(3)]
BATCH = Batch("b" * 32, ROWS, 0)
RESULT = CallResult(CallVerdict.ANSWERED, tracking_id="t-1")


def test_a_row_refused_here_is_shown_with_its_first_reason() -> None:
    other = replace(VIOLATION, error_code="Other")

    assert asdict(local_problem(Judged(ROWS[0], RowState.INVALID, (VIOLATION, other)), "column")) == {
        "batch_id": None,
        "index": 0,
        "source_ref": "order-0",
        "state": "invalid",
        "code": 5610,
        "error_code": "BadValue",
        "field_path": "ConversionValue",
        "column": "column",
        "message": "amount is not a number",
        "remedy": "write a number",
        "tracking_id": None,
    }


def test_a_reason_that_lies_in_no_field_has_no_path() -> None:
    duplicate = Judged(ROWS[0], RowState.DUPLICATE, (replace(VIOLATION, field=""),))

    assert local_problem(duplicate, None).field_path is None


def test_a_row_the_service_refused_is_shown_with_its_first_error() -> None:
    errors = (RowError(2, 5604, "Bad", "ClickId", "of jane@contoso.com"), RowError(2, 5610))

    assert asdict(service_problem(SERVICE, BATCH, 2, Verdict(RowState.REJECTED, errors), RESULT, "click_id")) == {
        "batch_id": "b" * 32,
        "index": 2,
        "source_ref": "order-2",
        "state": "rejected",
        "code": 5604,
        "error_code": "Bad",
        "field_path": "ClickId",
        "column": "click_id",
        "message": "of [email]",
        "remedy": advice(SERVICE, 5604, "Bad").remedy,
        "tracking_id": "t-1",
    }


@pytest.mark.parametrize("errors", [(), (RowError(1, 5604, None, None, None),), (RowError(1, 5604, None, None, ""),)])
def test_where_the_service_says_nothing_our_own_sentence_stands(errors: tuple[RowError, ...]) -> None:
    verdict = Verdict(RowState.DEFERRED, errors, error_code="NotSent", message="could not be sent")
    shown = service_problem(SERVICE, BATCH, 1, verdict, RESULT, None)

    assert shown.message == "could not be sent"
    assert (shown.code, shown.error_code) == ((5604, None) if errors else (None, "NotSent"))
    assert (shown.remedy == NOTHING_TO_DO) is not bool(errors)


def test_the_name_of_an_error_leads_to_its_remedy_where_its_number_has_two_meanings() -> None:
    verdict = Verdict(RowState.REJECTED, (RowError(0, 205, "InvalidVersion"),))
    shown = service_problem("CustomerManagement", BATCH, 0, verdict, RESULT, None)

    assert shown.remedy == advice("CustomerManagement", 205, "InvalidVersion").remedy
    assert shown.remedy != advice("CustomerManagement", 205).remedy
