"""The emulator behind httpx without sockets shows faults as a wire would."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from emulator_kit import CAMPAIGN, Caller, conversion

from airflow_provider_bingads.contract import operation
from airflow_provider_bingads.emulator.inprocess import InProcessTransport

PATH = operation(CAMPAIGN, "ApplyOfflineConversions").path or ""


@pytest.fixture
def caller() -> Caller:
    found = Caller("rest")
    found.goal()
    return found


def send(caller: Caller, *faults: str, timeout: float = 10.0) -> httpx.Response:
    caller.control("POST", "faults", [{"do": fault, "times": 1} for fault in faults])
    headers = {
        "Authorization": f"Bearer {caller.token}",
        "DeveloperToken": caller.headers["DeveloperToken"],
        "CustomerId": caller.headers["CustomerId"],
        "CustomerAccountId": caller.headers["CustomerAccountId"],
    }
    with httpx.Client(transport=InProcessTransport(caller.emulator), timeout=timeout) as client:
        body = {"OfflineConversions": [conversion()]}
        return client.post(f"http://emulator{PATH}", json=body, headers=headers)


def calls(caller: Caller) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = caller.control("GET", "calls")["calls"]
    return found


def test_a_call_is_answered_and_journalled(caller: Caller) -> None:
    reply = send(caller)
    assert reply.json() == {"PartialErrors": []}
    assert reply.headers["TrackingId"] == calls(caller)[0]["tracking_id"]
    assert calls(caller)[0]["answered"] is True


@pytest.mark.parametrize(
    ("fault", "error", "applied"),
    [
        ("reset_before", httpx.ReadError, 0),
        ("reset_mid_request", httpx.WriteError, 0),
        ("drop_before_apply", httpx.RemoteProtocolError, 0),
        ("drop_after_apply", httpx.RemoteProtocolError, 1),
        ("garbage", httpx.RemoteProtocolError, 1),
        ("truncated_content_length", httpx.RemoteProtocolError, 1),
        ("bad_chunk", httpx.RemoteProtocolError, 1),
        ("slow(11)", httpx.ReadTimeout, 1),
    ],
)
def test_a_broken_wire_is_the_error_that_httpx_raises(
    fault: str, error: type[Exception], applied: int, caller: Caller
) -> None:
    with pytest.raises(error):
        send(caller, fault)
    assert len(caller.state("offline_conversions")) == applied
    assert calls(caller)[0]["answered"] is False


def test_a_refused_connection_reaches_nobody(caller: Caller) -> None:
    with pytest.raises(httpx.ConnectError):
        send(caller, "refused")
    assert calls(caller) == []
    assert send(caller).status_code == 200


def test_waiting_moves_the_simulated_clock(caller: Caller) -> None:
    before = caller.emulator.clock.now()
    send(caller, "slow(5)")
    assert caller.emulator.clock.now() == before + 5
    send(caller, "dribble(1)")
    assert caller.emulator.clock.now() == before + 5 + len('{"PartialErrors":[]}') - 1


def test_a_huge_reply_comes_whole(caller: Caller) -> None:
    reply = send(caller, "huge_reply(3)")
    assert len(reply.content) == (3 << 20) + len('{"PartialErrors":[]}')
    assert send(caller, "gzip_bomb(3)").content == b" " * (3 << 20)
