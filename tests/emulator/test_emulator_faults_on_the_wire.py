"""Every kind of fault as a client with nothing but a socket sees it, on both transports."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from emulator_kit import CAMPAIGN, NOON, Answer, read_rest, read_soap
from lxml import etree
from wire_client import Observed, apply_bytes, exchange, sign_in, token_request

from airflow_provider_bingads.contract import service
from airflow_provider_bingads.emulator.injection import KINDS
from airflow_provider_bingads.emulator.messages import Reply
from airflow_provider_bingads.emulator.server import RunningEmulator, start
from airflow_provider_bingads.emulator.testing import EmulatorControl


@dataclass
class Scene:
    """A signed-in client before a running emulator that has one goal."""

    control: EmulatorControl
    transport: str
    headers: dict[str, str]

    def apply(self, **how: Any) -> Observed:
        return exchange(self.control.url, apply_bytes(self.transport, self.headers), **how)

    def read(self, seen: Observed) -> Answer:
        reply = Reply(seen.status, seen.body)
        reader = read_rest if self.transport == "rest" else read_soap
        return reader(reply, service(CAMPAIGN), "ApplyOfflineConversions")

    def applied(self) -> int:
        return len(self.control.state("offline_conversions")["offline_conversions"])

    def last_call(self) -> dict[str, Any]:
        return self.control.calls()[-1]


@pytest.fixture(scope="module")
def running() -> Iterator[RunningEmulator]:
    with start(now=lambda: NOON) as emulator:
        yield emulator


@pytest.fixture
def scene(running: RunningEmulator, transport: str) -> Scene:
    control = EmulatorControl(running.url, running.credentials)
    control.reset()
    control.add_goal("Lead")
    return Scene(control, transport, sign_in(control))


def dropped(seen: Observed, _scene: Scene) -> None:
    assert (seen.received, seen.ending) == (b"", "closed")


def reset(seen: Observed, _scene: Scene) -> None:
    assert (seen.received, seen.ending) == (b"", "reset")


def refused_with(code: int) -> Callable[[Observed, Scene], None]:
    def check(seen: Observed, scene: Scene) -> None:
        assert scene.read(seen).fault_codes == [code]

    return check


def gateway_500(seen: Observed, _scene: Scene) -> None:
    assert (seen.status, seen.body) == (500, b"")


def gateway_503(seen: Observed, _scene: Scene) -> None:
    assert seen.status == 503
    assert seen.headers["retry-after"] == "7"
    assert seen.body.startswith(b"<!DOCTYPE html>")


def redirected(seen: Observed, scene: Scene) -> None:
    assert seen.status == 307
    exchange(scene.control.url, b"GET %b HTTP/1.1\r\n\r\n" % seen.headers["location"].encode())
    assert scene.control.stats()["redirects_followed"] == 1


def page_200(seen: Observed, _scene: Scene) -> None:
    assert seen.status == 200
    assert seen.body.startswith(b"<!DOCTYPE html>")


def truthful(seen: Observed, scene: Scene) -> None:
    assert scene.read(seen).codes == [(1, 5606, "OfflineConversionNameInvalid")]


def late(seen: Observed, scene: Scene) -> None:
    assert seen.first_byte is not None
    assert seen.first_byte > 0.2
    truthful(seen, scene)


def dribbled(seen: Observed, scene: Scene) -> None:
    assert seen.first_byte is not None
    assert seen.seconds - seen.first_byte > 0.1
    truthful(seen, scene)


def half_a_document(seen: Observed, _scene: Scene) -> None:
    assert seen.status == 200
    assert seen.ending == "open"
    with pytest.raises((json.JSONDecodeError, etree.XMLSyntaxError)):
        json.loads(seen.body) if seen.body[:1] == b"{" else etree.fromstring(seen.body)


def half_of_the_promise(seen: Observed, _scene: Scene) -> None:
    assert seen.ending == "closed"
    assert 0 < len(seen.body) < int(seen.headers["content-length"])


def broken_chunk(seen: Observed, _scene: Scene) -> None:
    assert seen.headers["transfer-encoding"] == "chunked"
    assert b"\r\nnot-a-size\r\n" in seen.body
    assert seen.ending == "closed"


def empty(seen: Observed, _scene: Scene) -> None:
    assert (seen.status, seen.body, seen.headers["content-length"]) == (200, b"", "0")


def no_http(seen: Observed, _scene: Scene) -> None:
    assert seen.ending == "closed"
    assert not seen.received.startswith(b"HTTP")


def of_another_operation(seen: Observed, scene: Scene) -> None:
    assert seen.status == 200
    if scene.transport == "rest":
        assert "PartialErrors" not in json.loads(seen.body)
    else:
        body = etree.fromstring(seen.body).find("{http://schemas.xmlsoap.org/soap/envelope/}Body")
        assert etree.QName(body[0]).localname == "AddConversionGoalsResponse"


def with_more(seen: Observed, scene: Scene) -> None:
    assert seen.body.count(b"NotInTheContract") >= 2
    with pytest.raises((AssertionError, etree.DocumentInvalid)):
        scene.read(seen)


def indexes(seen: Observed, scene: Scene) -> list[int | None]:
    if scene.transport == "rest":
        return [one["Index"] for one in json.loads(seen.body)["PartialErrors"]]
    return [error.get("Index") for error in scene.read(seen).value["PartialErrors"]]


def shuffled(seen: Observed, scene: Scene) -> None:
    assert {index for index, *_ in scene.read(seen).codes} == {1, 2}


def doubled(seen: Observed, scene: Scene) -> None:
    assert indexes(seen, scene) == [1, 1, 2, 2]


def unplaced(seen: Observed, scene: Scene) -> None:
    assert indexes(seen, scene) == [None, None]


def misplaced(seen: Observed, scene: Scene) -> None:
    assert indexes(seen, scene) == [4, 5]


def document_type(seen: Observed, _scene: Scene) -> None:
    assert b"<!DOCTYPE" in seen.body


def explosive(seen: Observed, _scene: Scene) -> None:
    assert seen.body.count(b"<!ENTITY") == 10
    assert len(seen.body) < 2_000


def large(seen: Observed, scene: Scene) -> None:
    assert len(seen.body) > 16 << 20
    truthful(Observed(seen.received.replace(b" " * (1 << 20), b""), "open", None, 0), scene)


def packed(seen: Observed, _scene: Scene) -> None:
    assert seen.headers["content-encoding"] == "gzip"
    assert len(seen.body) * 100 < len(gzip.decompress(seen.body)) == 2 << 20


# what a client sees, how many of its two good rows are applied, whether it counts as answered
KINDS_SEEN: dict[str, tuple[str, Callable[[Observed, Scene], None], int, bool]] = {
    "reset_before": ("reset_before", reset, 0, False),
    "drop_before_apply": ("drop_before_apply", dropped, 0, False),
    "http_500_empty": ("http_500_empty", gateway_500, 0, False),
    "http_503_html": ("http_503_html(7)", gateway_503, 0, False),
    "soap_internal_before": ("soap_internal_before", refused_with(0), 0, True),
    "throttle_117": ("throttle_117(1)", refused_with(117), 0, True),
    "throttle_4204": ("throttle_4204", refused_with(4204), 0, True),
    "token_expired_109": ("token_expired_109", refused_with(109), 0, True),
    "creds_105": ("creds_105", refused_with(105), 0, True),
    "redirect_307": ("redirect_307", redirected, 0, False),
    "html_200": ("html_200", page_200, 0, False),
    "late_apply": ("late_apply(30)", dropped, 0, False),
    "dup_delivery": ("dup_delivery", truthful, 2, True),
    "clock_skew": ("clock_skew(-1)", truthful, 2, True),
    "slow": ("slow(0.25)", late, 2, True),
    "dribble": ("dribble(0.001)", dribbled, 2, True),
    "drop_after_apply": ("drop_after_apply", dropped, 2, False),
    "soap_internal_after": ("soap_internal_after", refused_with(0), 2, False),
    "truncated_xml": ("truncated_xml", half_a_document, 2, False),
    "truncated_json": ("truncated_json", half_a_document, 2, False),
    "truncated_content_length": ("truncated_content_length", half_of_the_promise, 2, False),
    "bad_chunk": ("bad_chunk", broken_chunk, 2, False),
    "empty_200": ("empty_200", empty, 2, False),
    "garbage": ("garbage", no_http, 2, False),
    "wrong_response_element": ("wrong_response_element", of_another_operation, 2, False),
    "extra_unknown_elements": ("extra_unknown_elements", with_more, 2, True),
    "partial_errors_shuffled": ("partial_errors_shuffled", shuffled, 1, True),
    "several_errors_per_row": ("several_errors_per_row", doubled, 1, True),
    "index_missing": ("index_missing", unplaced, 1, False),
    "index_out_of_range": ("index_out_of_range", misplaced, 1, False),
    "dtd_in_reply": ("dtd_in_reply", document_type, 2, False),
    "billion_laughs_reply": ("billion_laughs_reply", explosive, 2, False),
    "huge_reply": ("huge_reply(16)", large, 2, False),
    "gzip_bomb": ("gzip_bomb(2)", packed, 2, False),
}
SEPARATELY = {
    "refused",
    "reset_mid_request",
    "token_endpoint_500",
    "token_endpoint_html",
    "token_endpoint_slow",
    "token_endpoint_invalid_grant",
}


@pytest.mark.parametrize("kind", KINDS_SEEN)
def test_a_fault_is_seen_as_ordered_and_does_what_it_says(kind: str, scene: Scene) -> None:
    """Wire, effect and journal agree; the next call is whole again."""
    order, check, applied, answered = KINDS_SEEN[kind]
    scene.control.set_faults([order])

    seen = scene.apply()

    check(seen, scene)
    assert scene.applied() == applied
    call = scene.control.calls("ApplyOfflineConversions")[-1]
    assert (call["fault"], call["answered"]) == (kind, answered)
    assert scene.control.stats()["faults"] == {kind: 1}
    scene.headers = sign_in(scene.control)
    truthful(scene.apply(), scene)


def test_every_kind_of_fault_is_seen_in_a_test() -> None:
    assert set(KINDS_SEEN) | SEPARATELY == set(KINDS)


def test_the_connection_is_refused_and_comes_back_on_the_same_port(scene: Scene) -> None:
    scene.control.set_faults(["refused(0.3)"])

    assert scene.apply().ending == "refused"
    assert wait_until_listening(scene)
    truthful(scene.apply(), scene)
    assert scene.control.stats()["faults"] == {"refused": 1}


def test_a_later_connection_can_be_the_refused_one(scene: Scene) -> None:
    """By call: the first call is answered, whoever comes second finds nobody."""
    scene.control.set_faults([{"do": "refused(0.3)", "match": {"call": 2}}])

    truthful(scene.apply(), scene)
    assert scene.apply().ending == "refused"
    assert wait_until_listening(scene)


def wait_until_listening(scene: Scene) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if exchange(scene.control.url, b"GET /__emulator__/health HTTP/1.1\r\n\r\n").ending != "refused":
            return True
        time.sleep(0.02)
    return False


def test_a_connection_is_reset_in_the_middle_of_a_request(scene: Scene) -> None:
    scene.control.set_faults(["reset_mid_request"])

    seen = scene.apply(pieces=4, pause=0.05)

    assert (seen.received, seen.ending) == (b"", "reset")
    assert scene.applied() == 0


def test_a_late_call_takes_effect_when_its_time_has_come(scene: Scene) -> None:
    """By the emulator's clock, not before, and with the token it came with."""
    scene.control.set_faults(["late_apply(7200)"])
    scene.apply()

    scene.control.advance(7_199)
    assert scene.applied() == 0
    scene.control.advance(1)

    assert scene.applied() == 2
    assert scene.last_call()["answered"] is False


def test_a_request_delivered_twice_is_applied_once(scene: Scene) -> None:
    scene.control.set_faults(["dup_delivery"])
    scene.apply()
    call = scene.last_call()
    assert (call["applied"], call["repeated"], call["again_after_answer"]) == (2, 2, 0)


def test_a_skewed_clock_judges_by_its_own_time(scene: Scene) -> None:
    """The service believes it is 91 days later."""
    scene.control.set_faults([f"clock_skew({91 * 24})"])
    assert {code for _, code, _ in scene.read(scene.apply()).codes} == {5606, 5609}


def test_a_gateway_may_fail_after_the_service_has_done_its_work(scene: Scene) -> None:
    """``apply`` turns a reply made up by something in between into one after the fact."""
    scene.control.set_faults([{"do": "http_500_empty", "apply": True, "times": 1}])
    gateway_500(scene.apply(), scene)
    assert scene.applied() == 2


@pytest.mark.parametrize("order", ["token_endpoint_500", "token_endpoint_html", "token_endpoint_invalid_grant"])
def test_the_sign_in_service_fails_on_order(order: str, scene: Scene) -> None:
    scene.control.set_faults([order])

    seen = exchange(scene.control.url, token_request(scene.control))

    expected = {
        "token_endpoint_500": (500, b""),
        "token_endpoint_html": (200, b"<!DOCTYPE html>"),
        "token_endpoint_invalid_grant": (400, b'{"error":"invalid_grant"'),
    }
    status, beginning = expected[order]
    assert seen.status == status
    assert seen.body.startswith(beginning)
    assert exchange(scene.control.url, token_request(scene.control)).status == 200


def test_the_sign_in_service_is_slow_on_order(scene: Scene) -> None:
    scene.control.set_faults(["token_endpoint_slow(0.25)"])
    seen = exchange(scene.control.url, token_request(scene.control))
    assert seen.first_byte is not None
    assert seen.first_byte > 0.2
    assert b"access_token" in seen.body


def test_a_fault_of_any_kind_may_strike_the_sign_in_service(scene: Scene) -> None:
    scene.control.set_faults([{"do": "drop_after_apply", "match": {"op": "token"}, "times": 1}])
    dropped(exchange(scene.control.url, token_request(scene.control)), scene)


def test_a_reset_may_strike_the_sign_in_service(scene: Scene) -> None:
    scene.control.set_faults([{"do": "reset_before", "match": {"op": "token"}, "times": 1}])
    reset(exchange(scene.control.url, token_request(scene.control)), scene)
