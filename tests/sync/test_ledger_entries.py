"""What the ledger is told, field by field: the columns that people, views and later runs read."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest

from airflow_provider_bingads.domain.calls import CallResult, CallVerdict, Fault, RowError
from airflow_provider_bingads.domain.catalogue import advice
from airflow_provider_bingads.domain.outcomes import CallEventKind, RowState, Violation
from airflow_provider_bingads.domain.records import Entries
from airflow_provider_bingads.domain.rows import Batch, Candidate
from airflow_provider_bingads.sync.classify import Judged
from airflow_provider_bingads.sync.entries import NOTHING_TO_DO, Scribe, Verdict, merged

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
SERVICE = "CampaignManagement"
FIRST = Candidate(
    "order-1",
    "a" * 32,
    "1" * 16,
    {},
    event_time=AT - timedelta(days=1),
    group_name="Lead",
    remote_key="click",
    amount=Decimal("1.5"),
    currency="EUR",
    gen=3,
)
SECOND = Candidate("order-2", "b" * 32, "2" * 16, {})
BATCH = Batch("batch", [FIRST, SECOND], 7, "parent")
VIOLATION = Violation("BadValue", 5610, "ConversionValue", None, "is not a number", "write a number", "marketing")


def scribe(**changes: Any) -> Scribe:
    return Scribe(
        **{
            "run_id": "run",
            "stream_id": "stream",
            "service": SERVICE,
            "operation": "ApplyThings",
            "epoch": 9,
            "column_of_code": {5604: "click_column"},
            "column_of_field": {"ConversionValue": "amount_column"},
            **changes,
        }
    )


CALL = {
    "call_id": "call",
    "batch_id": "batch",
    "stream_id": "stream",
    "run_id": "run",
    "epoch": 9,
    "at": AT,
}
NOTHING_YET = {
    "attempt": 0,
    "deadline_at": None,
    "http_status": None,
    "code": None,
    "error_code": None,
    "tracking_id": None,
    "n_applied": 0,
    "n_rejected": 0,
    "latency_ms": 0,
    "detail": None,
}


def test_an_intent_names_the_rows_and_how_long_an_answer_may_take() -> None:
    entries = scribe().intent(BATCH, "call", AT, 120.0)
    members = base64.b64encode(bytes.fromhex("a" * 32 + "1" * 16 + "b" * 32 + "2" * 16)).decode()

    assert [batch._asdict() for batch in entries.batches] == [
        {
            "batch_id": "batch",
            "stream_id": "stream",
            "run_id": "run",
            "sequence": 7,
            "parent_batch_id": "parent",
            "operation": "ApplyThings",
            "n_rows": 2,
            "members": members,
            "payload_sha": sha256(members.encode()).hexdigest()[:32],
            "created_at": AT,
        }
    ]
    deadline = AT + timedelta(seconds=120)
    assert [call._asdict() for call in entries.calls] == [
        {**CALL, **NOTHING_YET, "event": CallEventKind.INTENT, "rank": 1, "deadline_at": deadline}
    ]
    assert (entries.rows, entries.errors) == ([], [])


def test_an_answer_closes_the_call_with_its_figures_and_one_outcome_a_row() -> None:
    error = RowError(1, 5604, "Bad", "ClickId", "of jane@contoso.com", "tel +1 425 555 1234")
    result = CallResult(
        CallVerdict.ANSWERED,
        errors=(error,),
        http_status=200,
        tracking_id="t-1",
        detail="said",
        attempts=2,
        latency_ms=17,
    )
    verdicts = [Verdict(RowState.APPLIED), Verdict(RowState.REJECTED, (error, RowError(1, 5610)))]
    entries = scribe().closing(BATCH, "call", result, CallEventKind.ANSWERED, verdicts, AT)

    (event,) = entries.calls
    assert event._asdict() == {
        **CALL,
        **NOTHING_YET,
        "event": CallEventKind.ANSWERED,
        "rank": 4,
        "attempt": 2,
        "http_status": 200,
        "tracking_id": "t-1",
        "n_applied": 1,
        "n_rejected": 1,
        "latency_ms": 17,
        "detail": "said",
    }
    applied, rejected = (row._asdict() for row in entries.rows)
    assert applied == {
        "call_id": "call",
        "row_index": 0,
        "stream_id": "stream",
        "run_id": "run",
        "row_key": "a" * 32,
        "content_hash": "1" * 16,
        "gen": 3,
        "state": "applied",
        "rank": 100,
        "code": None,
        "error_code": None,
        "field_path": None,
        "column_name": None,
        "message": None,
        "n_errors": 0,
        "source_ref": "order-1",
        "event_time": AT - timedelta(days=1),
        "group_name": "Lead",
        "remote_key": "click",
        "remote_id": None,
        "amount": Decimal("1.5"),
        "currency": "EUR",
        "not_before": None,
        "at": AT,
    }
    assert {name: value for name, value in rejected.items() if value is not None} == {
        "call_id": "call",
        "row_index": 1,
        "stream_id": "stream",
        "run_id": "run",
        "row_key": "b" * 32,
        "content_hash": "2" * 16,
        "gen": 0,
        "state": "rejected",
        "rank": 60,
        "code": 5604,
        "error_code": "Bad",
        "field_path": "ClickId",
        "column_name": "click_column",
        "message": "of [email]",
        "n_errors": 2,
        "source_ref": "order-2",
        "at": AT,
    }
    assert [(one.row_index, one.error_index, one.code) for one in entries.errors] == [(1, 0, 5604), (1, 1, 5610)]


def test_each_reason_of_the_service_is_kept_whole_and_scrubbed() -> None:
    error = RowError(
        0, 5604, "Bad", "ClickId", "of jane@contoso.com", "of joe@contoso.com", "type", True, "at jim@contoso.com",
        "where", "DE", 4,
    )  # fmt: skip
    result = CallResult(CallVerdict.ANSWERED, tracking_id="t-1")
    verdicts = [Verdict(RowState.REJECTED, (error,)), None]
    (written,) = scribe().closing(BATCH, "call", result, CallEventKind.ANSWERED, verdicts, AT).errors

    known = advice(SERVICE, 5604, "Bad")
    assert written._asdict() == {
        "call_id": "call",
        "row_index": 0,
        "error_index": 0,
        "stream_id": "stream",
        "run_id": "run",
        "row_key": "a" * 32,
        "source_ref": "order-1",
        "origin": "service",
        "code": 5604,
        "error_code": "Bad",
        "field_path": "ClickId",
        "column_name": "click_column",
        "message": "of [email]",
        "details": "of [email]",
        "remedy": known.remedy,
        "owner": known.owner,
        "type": "type",
        "appealable": True,
        "disapproved_text": "at [email]",
        "location": "where",
        "publisher_country": "DE",
        "reason_code": 4,
        "tracking_id": "t-1",
        "at": AT,
    }


def test_a_row_deferred_with_its_call_carries_our_reason_and_when_to_come_back() -> None:
    later = AT + timedelta(hours=2)
    verdict = Verdict(RowState.DEFERRED, error_code="NotSent", message="could not be sent", not_before=later)
    fault = Fault(SERVICE, 117, "CallRateExceeded")
    result = CallResult(CallVerdict.NOT_APPLIED, fault=fault)
    entries = scribe().closing(BATCH, "call", result, CallEventKind.NOT_APPLIED, [verdict, verdict], AT)

    (event,) = entries.calls
    assert (event.code, event.error_code, event.detail) == (117, "CallRateExceeded", None)
    assert (event.n_applied, event.n_rejected) == (0, 0)
    row, error = entries.rows[1], entries.errors[1]
    assert (row.code, row.error_code, row.message, row.n_errors) == (None, "NotSent", "could not be sent", 0)
    assert (row.column_name, row.field_path, row.not_before) == (None, None, later)
    assert (error.row_index, error.code, error.error_code) == (1, None, "NotSent")
    assert (error.message, error.details, error.remedy) == ("could not be sent", None, NOTHING_TO_DO)
    assert (error.disapproved_text, error.column_name) == (None, None)


def test_an_error_without_words_leaves_our_sentence_on_the_row() -> None:
    verdict = Verdict(RowState.DEFERRED, (RowError(0, 5606),), message="ours")
    result = CallResult(CallVerdict.ANSWERED)
    entries = scribe().closing(BATCH, "call", result, CallEventKind.ANSWERED, [verdict, None], AT)

    assert [row.message for row in entries.rows] == ["ours"]
    assert [error.message for error in entries.errors] == [None]
    assert entries.errors[0].remedy == advice(SERVICE, 5606).remedy


def test_rows_that_go_on_get_no_outcome_and_outcomes_must_fit_their_batch() -> None:
    result = CallResult(CallVerdict.NOT_APPLIED)
    split = scribe().closing(BATCH, "call", result, CallEventKind.NOT_APPLIED, [], AT)

    assert (len(split.calls), split.rows, split.errors) == (1, [], [])
    again = scribe().closing(BATCH, "call", result, CallEventKind.ANSWERED, [None, Verdict(RowState.APPLIED)], AT)
    assert [(row.row_index, row.source_ref) for row in again.rows] == [(1, "order-2")]
    with pytest.raises(ValueError, match="zip"):
        scribe().closing(BATCH, "call", result, CallEventKind.ANSWERED, [None], AT)


def test_a_row_decided_here_is_recorded_with_every_reason() -> None:
    second = Violation("NoGoal", None, "", None, "has no goal", "name one")
    writer = scribe(next_local_index=5)
    entries = writer.judged([Judged(FIRST, RowState.INVALID, (VIOLATION, second))], AT)

    assert entries.rows[0]._asdict() == {
        "call_id": "run",
        "row_index": 5,
        "stream_id": "stream",
        "run_id": "run",
        "row_key": "a" * 32,
        "content_hash": "1" * 16,
        "gen": 3,
        "state": "invalid",
        "rank": 50,
        "code": 5610,
        "error_code": "BadValue",
        "field_path": "ConversionValue",
        "column_name": "amount_column",
        "message": "is not a number",
        "n_errors": 2,
        "source_ref": "order-1",
        "event_time": AT - timedelta(days=1),
        "group_name": "Lead",
        "remote_key": "click",
        "remote_id": None,
        "amount": Decimal("1.5"),
        "currency": "EUR",
        "not_before": None,
        "at": AT,
    }
    shared = {
        "call_id": "run",
        "row_index": 5,
        "stream_id": "stream",
        "run_id": "run",
        "row_key": "a" * 32,
        "source_ref": "order-1",
        "origin": "local",
        "at": AT,
    }
    assert [{k: v for k, v in error._asdict().items() if v is not None} for error in entries.errors] == [
        {
            **shared,
            "error_index": 0,
            "code": 5610,
            "error_code": "BadValue",
            "field_path": "ConversionValue",
            "column_name": "amount_column",
            "message": "is not a number",
            "remedy": "write a number",
            "owner": "marketing",
        },
        {
            **shared,
            "error_index": 1,
            "error_code": "NoGoal",
            "message": "has no goal",
            "remedy": "name one",
            "owner": "data",
        },
    ]
    assert (entries.batches, entries.calls) == ([], [])


def test_the_figures_of_a_call_and_the_reasons_of_a_chunk_add_up() -> None:
    batch = Batch("batch", [FIRST, SECOND, FIRST, SECOND], 0)
    verdicts = [Verdict(RowState.APPLIED), Verdict(RowState.REJECTED, (RowError(1, 5604),))] * 2
    result = CallResult(CallVerdict.ANSWERED)
    (event,) = scribe().closing(batch, "call", result, CallEventKind.ANSWERED, verdicts, AT).calls
    local = scribe().judged([Judged(row, RowState.INVALID, (VIOLATION,)) for row in (FIRST, SECOND)], AT)

    assert (event.n_applied, event.n_rejected) == (2, 2)
    assert [error.row_index for error in local.errors] == [0, 1]


def test_local_rows_are_numbered_on_and_a_duplicate_needs_no_error_of_its_own() -> None:
    writer = scribe()
    duplicate = Judged(SECOND, RowState.DUPLICATE, (Violation("Twice", None, "", None, "is there twice", "-"),))
    first = writer.judged([Judged(FIRST, RowState.INVALID, (VIOLATION,)), duplicate], AT)
    second = writer.judged([Judged(SECOND, RowState.DEFERRED, (VIOLATION,))], AT)

    assert [row.row_index for row in (*first.rows, *second.rows)] == [0, 1, 2]
    assert [error.row_index for error in (*first.errors, *second.errors)] == [0, 2]
    assert (first.rows[1].state, first.rows[1].field_path, first.rows[1].group_name) == ("duplicate", None, None)


def test_the_goal_of_a_refused_row_is_scrubbed_and_cut() -> None:
    """Anything may stand in a refused row's column."""
    row = Candidate("r", "a" * 32, "1" * 16, None, group_name="of jane@contoso.com " + "x " * 100)
    (written,) = scribe().judged([Judged(row, RowState.INVALID, (VIOLATION,))], AT).rows

    assert written.group_name is not None
    assert written.group_name.startswith("of [email] x")
    assert len(written.group_name) == 100


@pytest.mark.parametrize(
    ("error", "column"),
    [(None, None), (RowError(0, None), None), (RowError(0, 5604), "click_column"), (RowError(0, 1), None)],
)
def test_the_column_a_refusal_is_about_is_told_by_its_code(error: RowError | None, column: str | None) -> None:
    assert scribe().column_of(error) == column


@pytest.mark.parametrize(
    ("named", "field", "column"),
    [("c", "ConversionValue", "c"), (None, "ConversionValue", "amount_column"), (None, "X", None)],
)
def test_the_column_a_violation_is_about_is_its_own_or_its_fields(
    named: str | None, field: str, column: str | None
) -> None:
    assert scribe().column_at_fault(Violation("E", None, field, named, "r", "m")) == column


def test_an_earlier_runs_call_is_closed_in_this_runs_name() -> None:
    (event,) = scribe().open_call_event(CallEventKind.RECONCILED, "call", "batch", AT, "each row has an outcome").calls

    assert event._asdict() == {
        **CALL,
        **NOTHING_YET,
        "event": CallEventKind.RECONCILED,
        "rank": 5,
        "detail": "each row has an outcome",
    }


def test_entries_of_one_commit_are_joined_in_order() -> None:
    parts = [
        scribe().intent(BATCH, "one", AT, 1.0),
        scribe().judged([Judged(FIRST, RowState.INVALID, (VIOLATION,))], AT),
        scribe().intent(BATCH, "two", AT, 1.0),
    ]
    whole = merged(parts)

    assert [call.call_id for call in whole.calls] == ["one", "two"]
    assert (len(whole.batches), len(whole.rows), len(whole.errors)) == (2, 1, 1)
    assert merged([]) == Entries([], [], [], [])
