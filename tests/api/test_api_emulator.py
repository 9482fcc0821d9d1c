"""Against the emulator: both transports say the same, and every fault on the wire ends in the right verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from airflow_provider_bingads.api.client import Client
from airflow_provider_bingads.api.settings import ConnectionSettings
from airflow_provider_bingads.domain.calls import CallResult, CallVerdict
from airflow_provider_bingads.emulator.testing import EmulatorControl
from airflow_provider_bingads.exceptions import FixCredentials

TRANSPORTS = ["rest", "soap"]
APPLY = ("CampaignManagement", "ApplyOfflineConversions", "OfflineConversions")
MakeClient = Callable[..., Client]


@pytest.fixture
def connect(bingads_emulator: EmulatorControl) -> Iterator[MakeClient]:
    """Make clients whose waits take no time."""
    made: list[Client] = []

    def make(transport: str = "rest", **extra: Any) -> Client:
        given = bingads_emulator.connection
        fields = {**given["extra"], "transport": transport, **extra}
        settings = ConnectionSettings.parse("ads", login=given["login"], password=given["password"], extra=fields)
        slept = [0.0]

        def wait(seconds: float) -> bool:
            slept[0] += seconds
            return False

        made.append(Client(settings, wait=wait, monotonic=lambda: time.monotonic() + slept[0], chance=lambda: 0.0))
        return made[-1]

    yield make
    for client in made:
        client.close()


def conversions(emulator: EmulatorControl, number: int) -> list[dict[str, Any]]:
    when = (datetime.fromisoformat(emulator.now()) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        {"ConversionName": "Lead", "ConversionTime": when, "ConversionValue": 12.5, "MicrosoftClickId": f"{index:032x}"}
        for index in range(number)
    ]


def send(client: Client, emulator: EmulatorControl, rows: list[dict[str, Any]], seconds: float = 10.0) -> CallResult:
    return client.sender(*APPLY, account_id=emulator.credentials.account_id).send(rows, seconds)


READS = [
    ("CustomerManagement", "GetUser", {"UserId": None}),
    ("CustomerManagement", "GetAccountsInfo", {"CustomerId": None, "OnlyParentAccounts": False}),
    (
        "CampaignManagement",
        "GetConversionGoalsByIds",
        {
            "ConversionGoalIds": None,
            "ConversionGoalTypes": "Url, OfflineConversion",
            "ReturnAdditionalFields": "GoalCategory, IsExternallyAttributed",
        },
    ),
]


def test_both_transports_read_the_same(bingads_emulator: EmulatorControl, connect: MakeClient) -> None:
    """Field by field, type by type: whoever switches the transport changes nothing else."""
    bingads_emulator.add_goal("Lead", IsExternallyAttributed=True)
    account = {"AccountId": bingads_emulator.credentials.account_id, "ReturnAdditionalFields": None}
    rest, soap = connect("rest"), connect("soap")
    for service, operation, body in [*READS, ("CustomerManagement", "GetAccount", account)]:
        assert rest.call(service, operation, body) == soap.call(service, operation, body), operation


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_goals_of_a_derived_type_are_created_and_read_back(
    bingads_emulator: EmulatorControl, connect: MakeClient, transport: str
) -> None:
    client = connect(transport)
    goal = {
        "Type": "OfflineConversion",
        "Name": f"Sold & <done> over {transport}",
        "GoalCategory": "Purchase",
        "ConversionWindowInMinutes": 43_200,
        "CountType": "Unique",
        "Revenue": {"Type": "VariableValue", "Value": 12.5, "CurrencyCode": "EUR"},
        "Scope": "Account",
        "IsExternallyAttributed": False,
    }
    nameless = {**goal, "Name": None}
    reply = client.call("CampaignManagement", "AddConversionGoals", {"ConversionGoals": [goal, nameless]})
    first, second = reply["ConversionGoalIds"]
    assert isinstance(first, str)
    assert second is None
    assert [error["Index"] for error in reply["PartialErrors"]] == [1]
    [held] = bingads_emulator.state("conversion_goals")["conversion_goals"]
    assert held["Name"] == goal["Name"]
    assert held["CountType"] == "Unique"
    assert float(held["Revenue"]["Value"]) == 12.5


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_rows_are_applied_and_the_bad_ones_named(
    bingads_emulator: EmulatorControl, connect: MakeClient, transport: str
) -> None:
    bingads_emulator.add_goal("Lead")
    rows = conversions(bingads_emulator, 1_000)
    rows[5]["ConversionName"] = "No such goal"
    rows[7]["ConversionValue"] = -1
    result = send(connect(transport), bingads_emulator, rows)
    assert result.verdict is CallVerdict.ANSWERED
    assert {error.index: error.code for error in result.errors} == {5: 5606, 7: 5610}
    assert result.tracking_id
    assert len(bingads_emulator.state("offline_conversions")["offline_conversions"]) == 998


def test_both_transports_leave_the_same_behind(bingads_emulator: EmulatorControl, connect: MakeClient) -> None:
    held = []
    for transport in TRANSPORTS:
        bingads_emulator.reset()
        bingads_emulator.add_goal("Lead")
        rows = [{**row, "ConversionCurrencyCode": "EUR"} for row in conversions(bingads_emulator, 20)]
        for row in rows:
            row["ConversionTime"] = rows[0]["ConversionTime"]
        send(connect(transport), bingads_emulator, rows)
        held.append(bingads_emulator.state("offline_conversions")["offline_conversions"])
    times = ("ConversionTime", "AppliedAt", "ReceivedAt")
    assert [[{k: v for k, v in row.items() if k not in times} for row in one] for one in held[:1]] == [
        [{k: v for k, v in row.items() if k not in times} for row in one] for one in held[1:]
    ]


ONCE_MORE = CallVerdict.ANSWERED, 2
AT_ONCE = CallVerdict.ANSWERED, 1
REFUSED = CallVerdict.NOT_APPLIED, 1
LOST = CallVerdict.UNKNOWN, 1

# fault: where a second call is harmless, where it is not, seconds for an attempt
FAULTS: dict[str, tuple[tuple[CallVerdict, int], tuple[CallVerdict, int], float]] = {
    "reset_before": (ONCE_MORE, LOST, 10.0),
    "reset_mid_request": (ONCE_MORE, LOST, 10.0),
    "drop_before_apply": (ONCE_MORE, LOST, 10.0),
    "drop_after_apply": (ONCE_MORE, LOST, 10.0),
    "late_apply(0.4)": (ONCE_MORE, LOST, 10.0),
    "dup_delivery": (AT_ONCE, AT_ONCE, 10.0),
    "slow(0.4)": (ONCE_MORE, LOST, 0.2),
    "dribble(0.02)": (ONCE_MORE, LOST, 0.2),
    "http_500_empty": (ONCE_MORE, LOST, 10.0),
    "http_503_html": (ONCE_MORE, LOST, 10.0),
    "soap_internal_before": (ONCE_MORE, LOST, 10.0),
    "soap_internal_after": (ONCE_MORE, LOST, 10.0),
    "throttle_117": (ONCE_MORE, ONCE_MORE, 10.0),
    "token_expired_109": (ONCE_MORE, ONCE_MORE, 10.0),
    "creds_105": (REFUSED, REFUSED, 10.0),
    "redirect_307": (ONCE_MORE, LOST, 10.0),
    "truncated_content_length": (ONCE_MORE, LOST, 10.0),
    "bad_chunk": (ONCE_MORE, LOST, 10.0),
    "empty_200": (ONCE_MORE, LOST, 10.0),
    "html_200": (ONCE_MORE, LOST, 10.0),
    "garbage": (ONCE_MORE, LOST, 10.0),
    "wrong_response_element": (ONCE_MORE, LOST, 10.0),
    "truncated_xml": (ONCE_MORE, LOST, 10.0),
    "dtd_in_reply": (ONCE_MORE, LOST, 10.0),
    "billion_laughs_reply": (ONCE_MORE, LOST, 10.0),
    "huge_reply": (ONCE_MORE, LOST, 10.0),
    "gzip_bomb": (ONCE_MORE, LOST, 10.0),
    "extra_unknown_elements": (AT_ONCE, AT_ONCE, 10.0),
    "partial_errors_shuffled": (AT_ONCE, AT_ONCE, 10.0),
    "several_errors_per_row": (AT_ONCE, AT_ONCE, 10.0),
    "index_missing": (AT_ONCE, AT_ONCE, 10.0),
    "index_out_of_range": (AT_ONCE, AT_ONCE, 10.0),
    "token_endpoint_500": (AT_ONCE, AT_ONCE, 10.0),
    "token_endpoint_html": (AT_ONCE, AT_ONCE, 10.0),
}
ELSEWHERE = {
    "refused": "test_api_http_wire: a port nobody listens on",
    "clock_skew": "the clock is the service's own affair",
    "truncated_json": "another name of truncated_xml",
    "throttle_4204": "test_a_pause_of_a_quarter_of_an_hour_is_left_to_a_later_try",
    "token_endpoint_slow": "as slow, on the way to the token",
    "token_endpoint_invalid_grant": "test_a_revoked_consent_ends_in_one_sentence",
}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_on_the_wire_has_one_verdict(
    bingads_emulator: EmulatorControl, connect: MakeClient, fault: str, transport: str
) -> None:
    """Where a second call is harmless a lost one is repeated; where it is not, it is left unknown, never guessed."""
    safe, unsafe, seconds = FAULTS[fault]
    bingads_emulator.add_goal("Lead")
    rows = conversions(bingads_emulator, 3)
    rows[1]["ConversionName"] = "No such goal"
    account = bingads_emulator.credentials.account_id
    for replay, expected in ((True, safe), (False, unsafe)):
        client = connect(transport)
        if not fault.startswith("token"):
            client.sign_in()
        bingads_emulator.set_faults([fault])
        sender = client.sender(*APPLY, account_id=account, replay=replay)
        result = sender.send(rows, seconds)
        bingads_emulator.set_faults([])
        assert (result.verdict, result.attempts) == expected, f"replay={replay}: {result}"


@pytest.mark.parametrize("replay", [True, False])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_pause_of_a_quarter_of_an_hour_is_left_to_a_later_try(
    bingads_emulator: EmulatorControl, connect: MakeClient, transport: str, *, replay: bool
) -> None:
    """Nobody sleeps that long in a worker's slot with an account's lease in hand (``delivery.md`` 5.4)."""
    bingads_emulator.add_goal("Lead")
    client = connect(transport)
    client.sign_in()
    bingads_emulator.set_faults(["throttle_4204"])
    sender = client.sender(*APPLY, account_id=bingads_emulator.credentials.account_id, replay=replay)
    result = sender.send(conversions(bingads_emulator, 3), 10.0)
    assert (result.verdict, result.attempts, result.throttle_wait_seconds) == (*REFUSED, 0.0)
    assert result.fault is not None
    assert result.fault.code == 4204


def test_the_table_knows_every_fault_of_the_emulator() -> None:
    from airflow_provider_bingads.emulator.injection import KINDS

    named = {fault.partition("(")[0] for fault in FAULTS}
    assert set(KINDS) == named | set(ELSEWHERE)
    assert not named & set(ELSEWHERE)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_error_without_a_row_is_handed_on_as_such(
    bingads_emulator: EmulatorControl, connect: MakeClient, transport: str
) -> None:
    bingads_emulator.add_goal("Lead")
    rows = conversions(bingads_emulator, 2)
    rows[0]["ConversionName"] = "No such goal"
    client = connect(transport)
    bingads_emulator.set_faults(["index_missing"])
    assert {error.index for error in send(client, bingads_emulator, rows).errors} == {None}
    bingads_emulator.set_faults(["index_out_of_range"])
    assert all(error.index is not None and error.index >= 2 for error in send(client, bingads_emulator, rows).errors)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_token_that_expires_in_the_middle_is_renewed(
    bingads_emulator: EmulatorControl, connect: MakeClient, transport: str
) -> None:
    bingads_emulator.add_goal("Lead")
    client = connect(transport)
    client.sign_in()
    bingads_emulator.post("tokens", {"expire_access_tokens": True})
    result = send(client, bingads_emulator, conversions(bingads_emulator, 1))
    assert (result.verdict, result.attempts) == (CallVerdict.ANSWERED, 2)


def test_a_revoked_consent_ends_in_one_sentence(bingads_emulator: EmulatorControl, connect: MakeClient) -> None:
    client = connect()
    bingads_emulator.post("tokens", {"revoke_refresh_tokens": True})
    with pytest.raises(FixCredentials, match="bingads auth"):
        send(client, bingads_emulator, conversions(bingads_emulator, 1))


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_customer_is_found_from_the_account(
    bingads_emulator: EmulatorControl, connect: MakeClient, transport: str
) -> None:
    bingads_emulator.add_goal("Lead")
    result = send(connect(transport, customer_id=""), bingads_emulator, conversions(bingads_emulator, 1))
    assert result.verdict is CallVerdict.ANSWERED


def test_the_emulators_time_is_the_clients(bingads_emulator: EmulatorControl, connect: MakeClient) -> None:
    client = connect()
    told = datetime.fromisoformat(bingads_emulator.now())
    assert abs(client.now() - told) < timedelta(seconds=5)
    bingads_emulator.advance(86_400)
    assert connect().now() - told > timedelta(hours=23)


def test_an_emulator_that_is_gone_is_said() -> None:
    from airflow_provider_bingads.exceptions import RetryLater
    from tests.api.api_fakes import settings_of

    with pytest.raises(RetryLater, match="does not tell its time"):
        Client(settings_of()).now()


def test_an_operation_that_is_only_on_rest_is_said_on_soap(connect: MakeClient) -> None:
    from airflow_provider_bingads.exceptions import FixRequest

    with pytest.raises(FixRequest, match="transport=rest"):
        connect("soap").call("CampaignManagement", "GetCampaignsByAccountId", {"AccountId": "1"})
