"""Who may call: tokens, headers, accounts, the rate limit; on both transports."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from emulator_kit import CUSTOMER, Caller, conversion

from airflow_provider_bingads.emulator.messages import Request
from airflow_provider_bingads.emulator.rules.access import ENTITY_RULES, IDENTITY_RULES

ADAPI = "AdApiFaultDetail"
CALL = ("ApplyOfflineConversions", {"OfflineConversions": [conversion()]})

CASES: list[tuple[int, int, dict[str, str | None]]] = [
    (116, 400, {"AuthenticationToken": None}),
    (116, 400, {"DeveloperToken": None}),
    (105, 401, {"AuthenticationToken": "nobody-issued-this"}),
    (105, 401, {"DeveloperToken": "ANOTHER"}),
    (1029, 400, {"CustomerId": None}),
    (1030, 400, {"CustomerAccountId": None}),
    (119, 400, {"CustomerAccountId": "abc"}),
    (106, 403, {"CustomerId": "1"}),
    (106, 403, {"CustomerAccountId": "1"}),
    (106, 403, {"CustomerAccountId": "9" * 30}),
]


@pytest.mark.parametrize(("code", "status", "headers"), CASES)
def test_a_wrong_header_is_refused_with_its_code(
    code: int, status: int, headers: dict[str, str | None], caller: Caller
) -> None:
    """REST says it with an HTTP status of its own, SOAP faults are all 500."""
    caller.goal()

    answer = caller.call(*CALL, **headers)

    assert answer.fault_codes == [code]
    assert answer.reply.status == (status if caller.transport == "rest" else 500)
    assert caller.state("offline_conversions") == []


def test_every_access_rule_is_tested() -> None:
    rules = {rule.code for rule in (*IDENTITY_RULES.call_rules, *ENTITY_RULES.call_rules)}
    assert rules == {code for code, *_ in CASES} | {109, 1008}


def test_right_headers_are_admitted(caller: Caller) -> None:
    caller.goal()
    assert caller.call(*CALL).codes == []


def test_an_access_token_expires_with_the_emulators_clock(caller: Caller) -> None:
    caller.goal(age_hours=24)
    caller.control("POST", "clock", {"advance": 3_599})
    assert caller.call(*CALL).fault is None

    caller.control("POST", "clock", {"advance": 1})

    assert caller.call(*CALL).fault_codes == [109]


def test_access_tokens_can_be_made_to_expire(caller: Caller) -> None:
    caller.control("POST", "tokens", {"expire_access_tokens": True})
    assert caller.call(*CALL).fault_codes == [109]


@pytest.mark.parametrize(("status", "codes"), [("Suspended", [1008]), ("Inactive", [1008]), ("Pause", None)])
def test_an_account_that_is_not_active_is_refused(status: str, codes: list[int] | None, caller: Caller) -> None:
    caller.goal()
    account_id = caller.emulator.credentials.account_id
    caller.control("POST", "accounts", {account_id: {"AccountLifeCycleStatus": status}})

    answer = caller.call(*CALL)

    assert (answer.fault_codes if answer.fault is not None else None) == codes


@pytest.mark.parametrize("token", ["eyJ0eXAiOiJKV1QiLCJhbGciOi", "EwBwA8l6BAAU"])
def test_a_token_that_looks_real_is_refused_and_named_for_what_it_is(token: str, caller: Caller) -> None:
    answer = caller.call(*CALL, AuthenticationToken=token)

    assert answer.fault_codes == [105]
    assert "emulator" in answer.fault["Errors"][0]["Message"]


def test_accept_any_takes_every_token(caller_with: Callable[..., Caller]) -> None:
    caller = caller_with(accept_any=True)
    caller.goal()
    assert caller.call(*CALL, AuthenticationToken="eyJ0eXAiOiJKV1Qi", DeveloperToken="REAL").fault is None


def test_the_rate_limit_looks_back_sixty_seconds(caller_with: Callable[..., Caller]) -> None:
    """Three calls a minute: the fourth is refused, refused calls count, and a minute later all is well."""
    caller = caller_with(throttle_per_minute=3)
    caller.goal()

    first = [caller.call(*CALL).fault for _ in range(3)]
    fourth = caller.call(*CALL)
    caller.now += 59
    fifth = caller.call(*CALL)
    caller.now += 61

    assert first == [None, None, None]
    assert fourth.fault_codes == fifth.fault_codes == [117]
    assert fourth.reply.status == (429 if caller.transport == "rest" else 500)
    assert caller.call(*CALL).fault is None


def test_reads_of_the_customer_need_no_account(caller: Caller) -> None:
    answer = caller.call("GetUser", {}, CUSTOMER, CustomerId=None, CustomerAccountId=None)
    assert str(answer.value["User"]["Id"]).startswith("41")


def test_an_operation_that_is_not_emulated_is_a_fault_and_no_success() -> None:
    caller = Caller("rest")
    request = Request("POST", "/CampaignManagement/v13/Campaigns/QueryByAccountId", body=b"{}", headers={})

    reply = caller.emulator.handle(request)

    assert reply.status == 400
    assert b'"Code":204' in reply.body
    assert b"GetCampaignsByAccountId" in reply.body


def test_a_path_that_no_operation_has_is_a_fault_too() -> None:
    caller = Caller("rest")
    for path in ("/CampaignManagement/v13/Nonsense", "/CustomerBilling/v13/InsertionOrder"):
        reply = caller.emulator.handle(Request("POST", path, body=b"{}"))
        assert (reply.status, b'"Code":204' in reply.body) == (400, True)
    assert caller.emulator.handle(Request("GET", "/elsewhere")).status == 404


def test_a_soap_operation_that_is_not_emulated_is_a_fault() -> None:
    """The contract's schema does not know it either, so the message is not readable here."""
    caller = Caller("soap")
    body = b'<GetCampaignsByAccountIdRequest xmlns="https://bingads.microsoft.com/CampaignManagement/v13"/>'

    answer = caller.call("GetCampaignsByAccountId", body)

    assert answer.reply.status == 500
    assert answer.fault_codes == [204]
