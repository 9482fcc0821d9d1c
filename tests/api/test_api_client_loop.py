"""One loop repeats what is safe, useful and in time, and nothing else repeats anything."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest

from airflow_provider_bingads.api import client as client_module
from airflow_provider_bingads.domain.calls import CallResult, CallVerdict
from airflow_provider_bingads.exceptions import (
    FixConfiguration,
    FixCredentials,
    FixRequest,
    OutcomeUnknown,
    RetryLater,
    Stopped,
)
from tests.api.api_fakes import APPLY, BODY, FakeService, FakeTime, accepted, client_of, fault, tokens

LOST = httpx.ReadError("")
NOT_SENT = httpx.ConnectError("")
PAGE = httpx.Response(200, text="<html>")
REFUSED_GRANT = httpx.Response(400, json={"error": "invalid_grant"})


def result_of(*answers: Any, time: FakeTime | None = None, replay: bool = True, **options: Any) -> CallResult:
    return client_of(FakeService(list(answers)), time).result(*APPLY, BODY, replay=replay, **options)


def test_an_answer_brings_verdict_errors_and_numbers() -> None:
    result = result_of(accepted({"Index": 2, "Code": 5606, "ErrorCode": "OfflineConversionNameInvalid"}))
    assert result.verdict is CallVerdict.ANSWERED
    assert [(error.index, error.code) for error in result.errors] == [(2, 5606)]
    assert (result.http_status, result.tracking_id, result.attempts) == (200, "track-1", 1)
    assert result.throttle_wait_seconds == 0


@pytest.mark.parametrize("first", [LOST, PAGE, httpx.Response(503), fault(0, "InternalError", 500)])
def test_an_unknown_outcome_is_sent_again_where_that_is_safe(first: Any) -> None:
    time = FakeTime()
    result = result_of(first, accepted(), time=time)
    assert (result.verdict, result.attempts) == (CallVerdict.ANSWERED, 2)
    assert time.waits == [0.5]


@pytest.mark.parametrize("first", [LOST, PAGE, httpx.Response(503), fault(0, "InternalError", 500)])
def test_an_unknown_outcome_is_left_alone_where_a_second_call_does_harm(first: Any) -> None:
    result = result_of(first, accepted(), replay=False)
    assert (result.verdict, result.attempts) == (CallVerdict.UNKNOWN, 1)


@pytest.mark.parametrize("replay", [True, False])
def test_what_was_not_sent_is_sent_again(replay: bool) -> None:
    result = result_of(NOT_SENT, accepted(), replay=replay)
    assert result.verdict is CallVerdict.ANSWERED


def test_five_attempts_are_the_end() -> None:
    service, time = FakeService([LOST]), FakeTime()
    result = client_of(service, time).result(*APPLY, BODY)
    assert (result.verdict, result.attempts, len(service.requests)) == (CallVerdict.UNKNOWN, 5, 5)
    assert time.waits == [0.5, 1.0, 2.0, 4.0]


def test_nothing_sent_in_five_attempts_is_not_applied() -> None:
    result = result_of(NOT_SENT)
    assert (result.verdict, result.fault) == (CallVerdict.NOT_APPLIED, None)
    assert "no connection" in result.detail


def test_attempts_count_what_left_the_process() -> None:
    """The delivery adds them up as calls made."""
    assert result_of(NOT_SENT).attempts == 0
    assert result_of(NOT_SENT, LOST, accepted()).attempts == 2


def test_a_batch_that_cannot_be_written_is_a_refusal_to_narrow_down() -> None:
    """One cell must not end the run; a caller of a single call is told at once."""
    body = {"OfflineConversions": [{"ConversionName": object()}]}
    service = FakeService([accepted()])
    result = client_of(service).result(*APPLY, body)
    assert result.verdict is CallVerdict.NOT_APPLIED
    assert result.fault is not None
    assert result.fault.error_code == "RequestNotWritable"
    soap = client_of(service, transport="soap").result(*APPLY, {"OfflineConversions": [{"ConversionName": "\x00"}]})
    assert soap.fault is not None
    assert soap.fault.error_code == "RequestNotWritable"
    with pytest.raises(FixConfiguration):
        client_of(service, transport="soap").call(*APPLY, {"OfflineConversions": [{"ConversionName": "\x00"}]})
    assert service.requests == []


@pytest.mark.parametrize("wrong", ["12\r\nX-Evil: 1", "abc", "", "١٢"])
def test_an_id_that_is_no_number_never_becomes_a_header(wrong: str) -> None:
    service = FakeService([accepted()])
    client = client_of(service, account_id=None, customer_id=None)
    for ids in ({"account_id": wrong, "customer_id": "1"}, {"account_id": "1", "customer_id": wrong or "x"}):
        with pytest.raises(FixConfiguration):
            client.result(*APPLY, BODY, **ids)
    assert service.requests == []


def test_a_mistake_in_reading_does_not_make_a_sent_call_look_unsent(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("row")

    monkeypatch.setattr("airflow_provider_bingads.api.rest.read_rest", broken)
    result = result_of(accepted(), replay=False)
    assert result.verdict is CallVerdict.UNKNOWN
    assert result.detail == "the reply could not be read (KeyError)"


def test_threads_look_a_customer_up_once_together() -> None:
    service = FakeService([account("555"), accepted()])
    client = client_of(service, customer_id=None)
    threads = [threading.Thread(target=client.result, args=(*APPLY, BODY)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(service.requests) == 7


def test_pauses_and_repetitions_are_said(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever watches a run that stands still reads why."""
    caplog.set_level("INFO")
    result_of(LOST, fault(117, "CallRateExceeded"), accepted())
    assert "Call 2 of 5 in 0.5 s, because the connection" in caplog.text
    assert "asks to slow down, so all its calls pause: refused with 117" in caplog.text


def test_a_refusal_after_a_lost_reply_leaves_the_outcome_unknown() -> None:
    """The second call was refused; whether the first took effect, nobody has said."""
    result = result_of(LOST, fault(106, "UserIsNotAuthorized"))
    assert result.verdict is CallVerdict.UNKNOWN
    assert result.fault is not None
    assert result.fault.code == 106


@pytest.mark.parametrize("code", [106, 204, 303, 5601, 5602, 987_654])
def test_a_definite_refusal_is_not_repeated(code: int) -> None:
    result = result_of(fault(code), accepted())
    assert (result.verdict, result.attempts) == (CallVerdict.NOT_APPLIED, 1)
    assert result.fault is not None
    assert (result.fault.code, result.fault.service) == (code, "CampaignManagement")


def test_a_throttled_call_waits_a_minute_and_is_not_counted() -> None:
    time = FakeTime()
    result = result_of(*[fault(117, "CallRateExceeded", 429)] * 7, accepted(), time=time)
    assert result.verdict is CallVerdict.ANSWERED
    assert result.attempts == 8
    assert all(wait >= 60 for wait in time.waits)
    assert result.throttle_wait_seconds == pytest.approx(sum(time.waits))


def test_a_longer_retry_after_is_kept() -> None:
    time = FakeTime()
    result_of(fault(117, "CallRateExceeded", 429, **{"Retry-After": "200"}), accepted(), time=time)
    assert time.waits[0] >= 200
    time = FakeTime()
    result_of(httpx.Response(503, headers={"Retry-After": "33"}), accepted(), time=time)
    assert time.waits == [33.0]


def test_a_wait_that_cannot_end_in_time_is_not_begun() -> None:
    time = FakeTime()
    result = result_of(fault(117), accepted(), time=time, overall_seconds=50.0)
    assert (result.verdict, time.waits) == (CallVerdict.NOT_APPLIED, [])
    assert result.fault is not None
    assert result.fault.code == 117
    time = FakeTime()
    result = result_of(httpx.Response(503, headers={"Retry-After": "100"}), time=time, overall_seconds=50.0)
    assert (result.verdict, time.waits) == (CallVerdict.UNKNOWN, [])


def test_all_clients_of_a_customer_wait_at_one_gate() -> None:
    """Two operators of one process share the service's limit."""
    time = FakeTime()
    first = client_of(FakeService([fault(117), fault(117)]), time)
    first.result(*APPLY, BODY, overall_seconds=10.0)
    second = client_of(FakeService([accepted()]), time)
    result = second.result(*APPLY, BODY)
    assert result.attempts == 1
    assert result.throttle_wait_seconds >= 60
    other_customer = second.result(*APPLY, BODY, customer_id="78")
    assert other_customer.throttle_wait_seconds == 0


def test_a_gate_is_forgotten_with_its_last_client() -> None:
    client = client_of(FakeService([accepted()]), customer_id="4711")
    client.result(*APPLY, BODY)
    assert any(key[1] == "4711" for key in client_module._gates)
    del client
    assert not any(key[1] == "4711" for key in client_module._gates)


def test_an_expired_token_is_renewed_once() -> None:
    service = FakeService([fault(109, "AuthenticationTokenExpired", 401), accepted()])
    time = FakeTime()
    result = client_of(service, time).result(*APPLY, BODY)
    assert (result.verdict, result.attempts, time.waits) == (CallVerdict.ANSWERED, 2, [])
    sent = [request.headers["Authorization"] for request in service.requests]
    assert sent == ["Bearer canary-access-token-1", "Bearer canary-access-token-2"]


@pytest.mark.parametrize("answer", [fault(109, status=401), httpx.Response(401)])
def test_a_second_expiry_is_a_refusal(answer: httpx.Response) -> None:
    service = FakeService([answer])
    result = client_of(service).result(*APPLY, BODY)
    assert (result.verdict, len(service.requests), len(service.token_requests)) == (CallVerdict.NOT_APPLIED, 2, 2)


def test_105_renews_only_a_token_past_half_of_its_life() -> None:
    time = FakeTime()
    service = FakeService([accepted(), fault(105), fault(105)])
    client = client_of(service, time)
    client.result(*APPLY, BODY)
    assert client.result(*APPLY, BODY).attempts == 1
    time.seconds += 2000
    assert client.result(*APPLY, BODY).attempts == 2


def test_a_stop_ends_a_wait_and_says_what_is_known() -> None:
    for answer, verdict in ((fault(117), CallVerdict.NOT_APPLIED), (LOST, CallVerdict.UNKNOWN)):
        service = FakeService([answer, accepted()])
        result = client_of(service, FakeTime(stop_after=0.0)).result(*APPLY, BODY)
        assert (result.verdict, len(service.requests)) == (verdict, 1)


def test_one_attempt_gets_its_own_deadline() -> None:
    seen: list[float] = []

    def note(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions["timeout"]["read"])
        return accepted()

    result_of(note, deadline_seconds=7.0)
    result_of(note, deadline_seconds=70.0, overall_seconds=30.0)
    assert seen == [7.0, 30.0]


def test_an_empty_retry_budget_ends_repeating() -> None:
    """Retries stop multiplying the load of a service that is down for everybody."""
    service = FakeService([LOST])
    client = client_of(service)
    attempts = [client.result(*APPLY, BODY).attempts for _ in range(7)]
    assert attempts == [5, 5, 5, 5, 5, 1, 1]


def test_no_sign_in_is_an_error_of_credentials() -> None:
    client = client_of(FakeService([accepted()], sign_ins=[REFUSED_GRANT]))
    with pytest.raises(FixCredentials):
        client.result(*APPLY, BODY)


def test_no_sign_in_after_a_lost_reply_leaves_the_outcome_unknown() -> None:
    """What was sent before has still to be recorded."""
    service = FakeService([LOST, fault(109, status=401)], sign_ins=[tokens(1), REFUSED_GRANT, REFUSED_GRANT])
    result = client_of(service).result(*APPLY, BODY)
    assert result.verdict is CallVerdict.UNKNOWN


def test_a_silent_token_endpoint_is_asked_again_and_nothing_is_sent() -> None:
    service = FakeService([accepted()], sign_ins=[httpx.Response(500), httpx.ReadTimeout("")])
    result = client_of(service).result(*APPLY, BODY)
    assert (result.verdict, result.attempts, len(service.token_requests)) == (CallVerdict.ANSWERED, 1, 3)


def test_the_gate_is_left_whatever_happens() -> None:
    """An admission that is never settled would close the gate for everybody in the end."""
    client = client_of(FakeService([accepted()], sign_ins=[REFUSED_GRANT] * 20), customer_id="31")
    for _ in range(client_module.CALLS_AT_ONCE + 1):
        with pytest.raises(FixCredentials):
            client.result(*APPLY, BODY)
    assert client._own_gates["31"].admit(1e9).wait_seconds == 0


CALL_ERRORS = [
    (fault(106), FixCredentials, "106"),
    (fault(105), FixCredentials, "developer_token"),
    (httpx.Response(403), FixCredentials, "HTTP403"),
    (fault(5601), FixRequest, "5601"),
    (fault(987_654), OutcomeUnknown, "987654"),
    (fault(117), RetryLater, "117"),
    (LOST, OutcomeUnknown, "not known whether it took effect"),
    (PAGE, OutcomeUnknown, "not JSON"),
    (NOT_SENT, RetryLater, "no connection"),
]


@pytest.mark.parametrize(("answer", "kind", "says"), CALL_ERRORS)
def test_call_raises_what_the_reader_must_do(answer: Any, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says) as error:
        client_of(FakeService([answer])).call(*APPLY, BODY, overall_seconds=30.0)
    assert "CampaignManagement.ApplyOfflineConversions" in str(error.value)


def test_a_refusal_carries_what_a_support_case_needs() -> None:
    with pytest.raises(FixRequest) as error:
        client_of(FakeService([fault(5601, "OfflineConversionsLimitExceeded")])).call(*APPLY, BODY)
    raised = error.value
    assert (raised.code, raised.error_code, raised.http_status) == (5601, "OfflineConversionsLimitExceeded", 400)
    assert (raised.service, raised.operation, raised.tracking_id) == (*APPLY, "track-2")
    assert "track-2" in str(raised)


def test_a_call_that_changes_something_is_not_repeated_on_its_own() -> None:
    """A caller who wants a second insertion order says so; nobody else creates one."""
    service = FakeService([LOST, accepted()])
    with pytest.raises(OutcomeUnknown):
        client_of(service).call(*APPLY, BODY)
    assert len(service.requests) == 1


def test_a_read_is_repeated_and_its_loss_is_only_a_delay() -> None:
    with pytest.raises(RetryLater):
        client_of(FakeService([LOST])).call("CustomerManagement", "GetUser", {"UserId": None})


def test_a_stopped_call_says_so() -> None:
    with pytest.raises(Stopped):
        client_of(FakeService([fault(117)]), FakeTime(stop_after=0.0)).call(*APPLY, BODY)


@pytest.mark.parametrize(("index", "ok"), [(2, True), (3, False), (-1, False)])
def test_an_error_for_a_row_nobody_sent_makes_the_answer_worthless(index: int, ok: bool) -> None:
    client = client_of(FakeService([accepted({"Index": index, "Code": 5606})]))
    if ok:
        assert client.call(*APPLY, BODY)["PartialErrors"]
    else:
        with pytest.raises(OutcomeUnknown, match="not sent"):
            client.call(*APPLY, BODY)


def test_a_sender_sends_its_payloads_under_the_lists_name() -> None:
    service = FakeService([accepted()])
    sender = client_of(service).sender(*APPLY, "OfflineConversions", account_id="13")
    result = sender.send(BODY["OfflineConversions"], 5.0)
    assert result.verdict is CallVerdict.ANSWERED
    assert service.bodies == [BODY]
    assert service.requests[0].headers["CustomerAccountId"] == "13"


def account(customer: Any) -> httpx.Response:
    return httpx.Response(200, json={"Account": {"Id": "12", "ParentCustomerId": customer}})


def test_the_customer_is_looked_up_once_for_each_account() -> None:
    service = FakeService([account("555"), accepted(), accepted(), account("556"), accepted()])
    client = client_of(service, customer_id=None)
    for account_id in ("12", "12", "13"):
        client.result(*APPLY, BODY, account_id=account_id)
    assert [request.headers.get("CustomerId") for request in service.requests] == [None, "555", "555", None, "556"]
    assert service.bodies[0]["AccountId"] == "12"


def test_a_customer_that_is_named_is_not_looked_up() -> None:
    service = FakeService([accepted()])
    client_of(service, customer_id=None).result(*APPLY, BODY, customer_id="9")
    assert [request.headers["CustomerId"] for request in service.requests] == ["9"]


@pytest.mark.parametrize("answer", [account(None), fault(106), LOST])
def test_a_lookup_that_fails_sends_nothing(answer: Any) -> None:
    service = FakeService([answer])
    result = client_of(service, customer_id=None).result(*APPLY, BODY)
    assert result.verdict is CallVerdict.NOT_APPLIED
    assert "customer_id is not set" in result.detail
    assert not any(request.url.path.endswith("Apply") for request in service.requests)


def test_a_call_without_any_account_is_refused_here() -> None:
    with pytest.raises(FixConfiguration, match="needs an account"):
        client_of(FakeService([accepted()]), account_id=None).result(*APPLY, BODY)


def test_an_operation_that_does_not_exist_is_refused_here() -> None:
    for names in (("CampaignManagement", "ApplyNothing"), ("Nowhere", "GetUser")):
        with pytest.raises(FixConfiguration):
            client_of(FakeService([accepted()])).call(*names, {})


def test_calls_from_many_threads_share_one_sign_in() -> None:
    service = FakeService([accepted()])
    client = client_of(service)
    threads = [threading.Thread(target=client.result, args=(*APPLY, BODY)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(service.requests) == 8
    assert len(service.token_requests) == 1


def test_headers_say_who_calls_for_whom_and_from_which_revision() -> None:
    service = FakeService([accepted()])
    client_of(service).result(*APPLY, BODY)
    headers = service.requests[0].headers
    assert headers["DeveloperToken"] == "canary-developer-token"
    assert (headers["CustomerId"], headers["CustomerAccountId"]) == ("77", "12")
    assert headers["Api-Revision"] == "2026-10-12"
    assert headers["User-Agent"].startswith("airflow-provider-bingads/")
