"""What the end of one call says of its rows, as tables: the rules that decide between sent, refused and not known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_bingads.domain.calls import CallResult, CallVerdict, Fault, RowError
from airflow_provider_bingads.domain.outcomes import CallEventKind, RowState
from airflow_provider_bingads.exceptions import FixRequest, OutcomeUnknown, RetryLater
from airflow_provider_bingads.sync.resolve import Next, Resolution, ended_in, resolve

SERVICE = "CampaignManagement"
REJECT, DEFER, RETRY = 5604, 5606, 5612


def resolved(result: CallResult, rows: int = 2, *, again: bool = False, others_pass: bool = False) -> Resolution:
    return resolve(SERVICE, result, rows, may_send_again=[again] * rows, others_pass=others_pass)


def answered(*errors: RowError) -> CallResult:
    return CallResult(CallVerdict.ANSWERED, errors=errors, http_status=200)


def refused(code: int | None, symbol: str | None = None, detail: str = "") -> CallResult:
    fault = Fault(SERVICE, code, symbol, "a message", "details")
    return CallResult(CallVerdict.NOT_APPLIED, fault=fault, detail=detail)


def states(resolution: Resolution) -> list[str | None]:
    return [verdict and verdict.state.value for verdict in resolution.verdicts]


def test_rows_without_an_error_in_a_whole_answer_are_applied() -> None:
    found = resolved(answered(RowError(1, REJECT)), rows=3)

    assert (found.event, found.next, found.reason, found.fault) == (CallEventKind.ANSWERED, Next.GO_ON, "", None)
    assert states(found) == ["applied", "rejected", "applied"]


@pytest.mark.parametrize(
    ("codes", "again", "state"),
    [
        ([REJECT], False, "rejected"),
        ([REJECT], True, "rejected"),
        ([DEFER], False, "deferred"),
        ([DEFER], True, "deferred"),
        ([RETRY], False, "deferred"),
        ([RETRY], True, None),
        ([RETRY, RETRY], True, None),
        ([RETRY, DEFER], True, "deferred"),
        ([DEFER, REJECT], True, "rejected"),
        ([RETRY, REJECT], False, "rejected"),
        ([987654], True, "rejected"),
    ],
)
def test_an_error_of_a_row_is_judged_by_what_its_code_asks_for(
    codes: list[int], state: str | None, *, again: bool
) -> None:
    found = resolved(answered(*(RowError(0, code) for code in codes)), again=again)

    assert states(found) == [state, "applied"]
    assert (found.event, found.next) == (CallEventKind.ANSWERED, Next.GO_ON)


def test_a_row_may_be_sent_again_only_where_that_is_said_of_it() -> None:
    errors = answered(RowError(0, RETRY), RowError(1, RETRY))

    assert states(resolve(SERVICE, errors, 2, may_send_again=[False, True])) == ["deferred", None]


@pytest.mark.parametrize(
    ("code", "again", "state", "event"),
    [
        (RETRY, False, "unknown", CallEventKind.UNKNOWN),
        (RETRY, True, None, CallEventKind.UNKNOWN),
        (REJECT, False, "rejected", CallEventKind.ANSWERED),
        (DEFER, False, "unknown", CallEventKind.UNKNOWN),
    ],
)
def test_a_failure_that_is_not_final_says_nothing_of_an_earlier_attempt(
    code: int, state: str | None, event: CallEventKind, *, again: bool
) -> None:
    """The attempt before may have brought the row unheard; what the service refuses for good it had refused there."""
    found = resolved(replace(answered(RowError(0, code)), earlier_doubt=True), again=again)

    assert (states(found), found.event) == ([state, "applied"], event)


def test_the_reason_that_refuses_a_row_stands_first_and_all_are_kept() -> None:
    errors = [RowError(0, DEFER), RowError(0, RETRY), RowError(0, REJECT), RowError(0, 5610)]
    (first, _) = resolved(answered(*errors)).verdicts

    assert first is not None
    assert [error.code for error in first.errors] == [REJECT, 5610, DEFER, RETRY]


def test_the_reasons_of_a_deferred_row_are_kept_in_their_order() -> None:
    (first, _) = resolved(answered(RowError(0, RETRY), RowError(0, DEFER))).verdicts

    assert first is not None
    assert [error.code for error in first.errors] == [RETRY, DEFER]


@pytest.mark.parametrize("index", [None, -1, 2, 7])
def test_an_error_that_names_no_row_of_the_call_halves_it(index: int | None) -> None:
    found = resolved(answered(RowError(0, REJECT), RowError(index, REJECT)))

    assert (found.event, found.next, found.verdicts) == (CallEventKind.UNKNOWN, Next.SPLIT, ())
    assert "no row of the call" in found.reason


@pytest.mark.parametrize(("index", "state"), [(None, "rejected"), (0, "rejected"), (1, "unknown"), (-1, "unknown")])
def test_an_error_without_index_is_that_of_the_only_row(index: int | None, state: str) -> None:
    found = resolved(answered(RowError(index, REJECT)), rows=1)

    assert states(found) == [state]
    assert found.next is Next.GO_ON
    assert found.event is (CallEventKind.ANSWERED if state == "rejected" else CallEventKind.UNKNOWN)


def test_a_call_without_a_trustworthy_answer_leaves_every_row_unknown() -> None:
    found = resolved(CallResult(CallVerdict.UNKNOWN, detail="no answer in time"), rows=3)

    assert (found.event, found.next, found.reason) == (CallEventKind.UNKNOWN, Next.GO_ON, "no answer in time")
    assert states(found) == ["unknown"] * 3
    assert found.verdicts[0] is not None
    assert found.verdicts[0].error_code == "NoTrustworthyAnswer"


@pytest.mark.parametrize(
    ("code", "symbol", "step"),
    [
        (5601, None, Next.SPLIT),
        (REJECT, None, Next.SPLIT),
        (987654, None, Next.SPLIT),
        (None, "SomethingNew", Next.SPLIT),
        (None, "HTTP413", Next.SPLIT),
        (DEFER, None, Next.GO_ON),
        (106, None, Next.STOP_FAIL),
        (109, None, Next.STOP_FAIL),
        (117, None, Next.STOP_RETRY),
        (RETRY, None, Next.STOP_RETRY),
    ],
)
def test_a_refusal_of_the_whole_call_is_judged_by_what_its_code_asks_for(
    code: int | None, symbol: str | None, step: Next
) -> None:
    found = resolved(refused(code, symbol))

    assert (found.event, found.next) == (CallEventKind.NOT_APPLIED, step)
    assert found.fault == refused(code, symbol).fault
    assert found.reason
    assert states(found) == ([] if step is Next.SPLIT else ["deferred"] * 2)


@pytest.mark.parametrize(("code", "symbol"), [(REJECT, None), (5601, None), (987654, "SomethingNew")])
def test_a_refused_call_of_one_row_refuses_that_row_with_the_services_words(code: int, symbol: str | None) -> None:
    found = resolved(refused(code, symbol), rows=1, others_pass=True)
    (verdict,) = found.verdicts

    assert (found.event, found.next, found.fault) == (
        CallEventKind.NOT_APPLIED,
        Next.GO_ON,
        refused(code, symbol).fault,
    )
    assert verdict is not None
    assert verdict.state is RowState.REJECTED
    assert verdict.errors == (RowError(0, code, symbol, message="a message", details="details"),)


def test_an_unknown_refusal_of_one_row_is_about_it_only_where_others_of_its_batch_pass() -> None:
    """It may be an outage with a new name; a row refused for good would never be sent again."""
    found = resolved(refused(987654, "SomethingNew"), rows=1)

    assert states(found) == ["deferred"]
    assert (found.event, found.next) == (CallEventKind.NOT_APPLIED, Next.GO_ON)


@pytest.mark.parametrize(
    ("result", "error_code"),
    [
        (refused(DEFER), "5606"),
        (refused(DEFER, "OfflineConversionNameInvalid"), "OfflineConversionNameInvalid"),
        (CallResult(CallVerdict.NOT_APPLIED), "NotSent"),
    ],
)
def test_a_deferred_row_carries_the_name_of_its_cause(result: CallResult, error_code: str) -> None:
    (verdict, other) = resolved(result).verdicts

    assert verdict == other
    assert verdict is not None
    assert (verdict.state, verdict.error_code, verdict.not_before) == (RowState.DEFERRED, error_code, None)
    assert verdict.message


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (CallResult(CallVerdict.NOT_APPLIED, detail="no network"), "no network"),
        (CallResult(CallVerdict.NOT_APPLIED), "could not be sent"),
        (refused(106, detail="what happened"), "what happened"),
    ],
)
def test_a_stop_says_what_happened_or_else_what_its_code_means(result: CallResult, reason: str) -> None:
    found: Any = resolved(result)

    assert reason in found.reason
    assert found.next is (Next.STOP_FAIL if result.fault else Next.STOP_RETRY)


@pytest.mark.parametrize(("others_pass", "state"), [(False, "deferred"), (True, "rejected")])
@pytest.mark.parametrize(
    ("code", "symbol", "name"),
    [(987654, None, "987654"), (987654, "New", "New"), (None, "New", "New"), (None, None, "RefusedWithoutCode")],
)
def test_an_unknown_refusal_of_one_row_condemns_it_only_where_others_passed(
    code: int | None, symbol: str | None, name: str, state: str, *, others_pass: bool
) -> None:
    found = resolved(refused(code, symbol), rows=1, others_pass=others_pass)
    (verdict,) = found.verdicts

    assert verdict is not None
    assert (found.next, verdict.state.value) == (Next.GO_ON, state)
    assert others_pass or (verdict.error_code, verdict.errors) == (name, ())


def test_nothing_is_said_of_others_unless_it_is_known() -> None:
    found = resolve(SERVICE, refused(987654), 1, may_send_again=[False])

    assert states(found) == ["deferred"]


@pytest.mark.parametrize("others_pass", [False, True])
@pytest.mark.parametrize("code", [REJECT, 5601])
def test_a_known_refusal_of_one_row_refuses_it_whatever_became_of_others(code: int, *, others_pass: bool) -> None:
    assert states(resolved(refused(code), rows=1, others_pass=others_pass)) == ["rejected"]


@pytest.mark.parametrize(
    ("error", "verdict", "attempts"),
    [
        (RetryLater("no access token"), CallVerdict.NOT_APPLIED, 0),
        (FixRequest("not allowed"), CallVerdict.NOT_APPLIED, 0),
        (OutcomeUnknown("the connection broke"), CallVerdict.UNKNOWN, 1),
        (ValueError("a defect"), CallVerdict.UNKNOWN, 1),
    ],
)
def test_a_call_that_ended_in_an_error_is_unsent_only_where_the_error_says_so(
    error: BaseException, verdict: CallVerdict, attempts: int
) -> None:
    found = ended_in(error)

    assert (found.verdict, found.attempts, found.errors) == (verdict, attempts, ())
    assert found.detail
