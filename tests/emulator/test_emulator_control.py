"""The emulator's own interface: what it shows, what it changes, what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from emulator_kit import CLICK, Caller, conversion

from airflow_provider_bingads.emulator.messages import Request


@pytest.fixture
def service() -> Caller:
    return Caller("rest")


def ask(caller: Caller, method: str, page: str, body: bytes = b"") -> tuple[int, Any]:
    path, _, query = page.partition("?")
    reply = caller.emulator.handle(Request(method, f"/__emulator__/{path}", query, {}, body))
    return reply.status, json.loads(reply.body)


def test_health_tells_the_emulators_time(service: Caller) -> None:
    assert service.control("GET", "health") == {"status": "ok", "now": "2026-11-21T12:00:00.000000Z"}
    service.control("POST", "clock", {"advance": 3_600})
    assert service.control("GET", "health")["now"] == "2026-11-21T13:00:00.000000Z"


def test_reset_goes_back_to_a_fresh_start_with_the_same_credentials(service: Caller) -> None:
    before = service.emulator.credentials
    service.goal()
    service.apply(conversion())
    service.control("POST", "clock", {"advance": 60})
    service.control("POST", "config", {"unknown_goal": "ignore"})
    service.control("POST", "faults", [{"do": "empty_200"}])

    service.control("POST", "reset", {})

    state = service.control("GET", "state")
    assert state["offline_conversions"] == state["conversion_goals"] == []
    assert service.control("GET", "stats")["calls"] == 0
    assert service.control("GET", "config")["unknown_goal"] == "refuse"
    assert service.control("GET", "health")["now"] == "2026-11-21T12:00:00.000000Z"
    assert service.emulator.credentials == before


def test_the_state_has_every_kind_and_can_be_read_in_pages(service: Caller) -> None:
    service.goal()
    for start in (0, 3):
        service.apply(*(conversion(MicrosoftClickId=f"{start + number:032x}") for number in range(3)))

    whole = service.control("GET", "state")
    page = service.control("GET", "state?only=offline_conversions&offset=2&limit=3")

    assert set(whole) == {
        "offline_conversions",
        "conversion_goals",
        "campaigns",
        "accounts",
        "insertion_orders",
        "asset_group_listing_groups",
        "account_properties",
    }
    assert [one["AccountId"] for one in whole["accounts"]] == [service.emulator.credentials.account_id]
    assert page["offline_conversions"] == whole["offline_conversions"][2:5]


def test_a_call_shows_what_became_of_its_rows(service: Caller) -> None:
    service.goal()
    service.apply(conversion(), conversion(ConversionName="Unknown"))

    (call,) = service.control("GET", "calls?keys=1")["calls"]

    assert (call["operation"], call["transport"], call["status"]) == ("ApplyOfflineConversions", "rest", 200)
    assert (call["rows"], call["applied"], call["repeated"], call["rejected"]) == (2, 1, 0, 1)
    assert call["codes"] == {"5606": 1}
    assert call["answered"] is True
    assert [len(key) for key in call["applied_keys"]] == [32]
    assert call["account_id"] == service.emulator.credentials.account_id
    assert len(call["tracking_id"]) == 36


def test_calls_can_be_read_in_pages_and_by_operation(service: Caller) -> None:
    service.goal()
    for _ in range(3):
        service.apply(conversion())
    service.call("GetConversionGoalsByIds", {"ConversionGoalTypes": "OfflineConversion"})

    page = service.control("GET", "calls?after=1&limit=2")
    goals = service.control("GET", "calls?operation=GetConversionGoalsByIds")

    assert page["total"] == 4
    assert [call["number"] for call in page["calls"]] == [2, 3]
    assert [call["number"] for call in goals["calls"]] == [4]


def test_a_key_sent_again_counts_against_its_sender_only_after_an_answer(service: Caller) -> None:
    """The first reply is lost: sending again is right. The second arrives: sending again is not."""
    service.goal()
    service.control("POST", "faults", [{"do": "drop_after_apply", "times": 1}])
    first = service.send("ApplyOfflineConversions", {"OfflineConversions": [conversion()]})
    second = service.apply(conversion())
    lost = service.control("GET", "stats")
    third = service.apply(conversion())

    assert first.delivery.manner.value == "drop"
    assert second.codes == third.codes == []
    assert (lost["keys_received_again"], lost["keys_received_again_after_answer"]) == (1, 0)
    stats = service.control("GET", "stats")
    assert (stats["keys_received"], stats["keys_applied"]) == (1, 1)
    assert (stats["keys_received_again"], stats["keys_received_again_after_answer"]) == (2, 1)
    assert service.control("GET", "calls?keys=1")["calls"][2]["repeated_keys"] != []


@pytest.mark.parametrize("calls_since", [0, 1])
def test_a_reply_that_leaves_after_a_reset_is_nobodys(calls_since: int, service: Caller) -> None:
    """A late reply of the last test must neither fail nor count as the answer to a call of the next one."""
    emulator, request = service.emulator, service.request("ApplyOfflineConversions", {"OfflineConversions": []})
    late = emulator.serve(request, emulator.admit(request))
    emulator.reset()
    for _ in range(calls_since):
        emulator.serve(request, emulator.admit(request))
    emulator.delivered(late)

    assert [call["answered"] for call in service.control("GET", "calls")["calls"]] == [False] * calls_since


def test_a_refused_key_that_is_applied_later_is_one_key(service: Caller) -> None:
    service.goal(age_hours=1)
    service.apply(conversion())
    service.control("POST", "clock", {"advance": 3_599})
    service.control("POST", "clock", {"advance": 1})
    service.headers["AuthenticationToken"] = service.sign_in()
    service.apply(conversion())

    stats = service.control("GET", "stats")
    assert (stats["keys_received"], stats["keys_applied"]) == (1, 1)
    assert (stats["rows_received"], stats["rows_rejected"]) == (2, 1)


def test_settings_change_while_running(service: Caller) -> None:
    found = service.control("POST", "config", {"unknown_goal": "ignore", "throttle_per_minute": 5, "latency_ms": 3})
    assert (found["unknown_goal"], found["throttle_per_minute"], found["latency_ms"]) == ("ignore", 5, 3)
    assert service.control("POST", "config", {"throttle_per_minute": None})["throttle_per_minute"] is None
    assert found["account_ids"] == [service.emulator.credentials.account_id]


def test_latency_delays_the_replies_of_the_api_only(service: Caller) -> None:
    service.control("POST", "config", {"latency_ms": 250})
    assert service.send("GetUser", {}, "CustomerManagement").delivery.delay_seconds == 0.25
    health = service.emulator.handle(Request("GET", "/__emulator__/health"))
    assert health.delivery.delay_seconds == 0


def test_goals_are_added_by_the_rules_of_the_operation(service: Caller) -> None:
    found = service.control("POST", "goals", {"age_hours": 5, "goals": [{"Name": "A"}, {"Name": "B"}]})
    assert len(found["ConversionGoalIds"]) == 2
    assert ask(service, "POST", "goals", b'{"goals": [{"Name": "A"}]}') == (
        400,
        {"error": "Not every goal was added: 5317 ConversionGoalNameAlreadyExists."},
    )


@pytest.mark.parametrize(
    ("method", "page", "body", "status"),
    [
        ("GET", "nothing", b"", 404),
        ("GET", "reset", b"", 405),
        ("POST", "clock", b"no json", 400),
        ("POST", "clock", b"[]", 400),
        ("POST", "clock", b'{"advance": "x"}', 400),
        ("POST", "clock", b'{"advance": true}', 400),
        ("POST", "clock", b'{"advance": 1e300}', 400),
        ("POST", "clock", b'{"advance": -1e12}', 400),
        ("POST", "faults", b"{}", 400),
        ("POST", "faults", b'[{"do": "explode"}]', 400),
        ("POST", "config", b'{"no_such": 1}', 400),
        ("POST", "config", b'{"seed": 2}', 400),
        ("POST", "config", b'{"latency_ms": "x"}', 400),
        ("POST", "config", b'{"accept_any": 1}', 400),
        ("POST", "config", b'{"unknown_goal": "perhaps"}', 400),
        ("POST", "clicks", b'{"": 1}', 400),
        ("POST", "clicks", b'{"aa": "x"}', 400),
        ("POST", "goals", b'{"goals": []}', 400),
        ("POST", "goals", b'{"AccountId": "5", "goals": [{"Name": "A"}]}', 400),
        ("POST", "goals", b'{"AccountId": [5], "goals": []}', 400),
        ("POST", "accounts", b'{"5": {}}', 400),
        ("GET", "state?only=nothing", b"", 400),
        ("GET", "state?limit=x", b"", 400),
    ],
)
def test_a_wrong_control_request_is_refused_in_one_sentence(
    method: str, page: str, body: bytes, status: int, service: Caller
) -> None:
    found, reply = ask(service, method, page, body)
    assert found == status
    assert reply["error"].endswith((".", ")"))
    assert ask(service, "GET", "health") == (200, {"status": "ok", "now": "2026-11-21T12:00:00.000000Z"})


def test_clicks_are_counted_in_their_plain_form(service: Caller) -> None:
    found = service.control("POST", "clicks", {CLICK: 1, CLICK.upper(): 2, CLICK[::-1]: 3.5})
    assert found == {"clicks": 2}
