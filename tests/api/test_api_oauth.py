"""Access tokens are fetched once for everybody, in time, and the rotated refresh token is kept before it is used."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from airflow_provider_bingads.api.endpoints import allowed_origins
from airflow_provider_bingads.api.http import HttpStack, WireReply
from airflow_provider_bingads.api.oauth import AccessToken, TokenSource
from airflow_provider_bingads.api.token_reply import TokensGranted, TokensLater, TokensRefused, read_token_reply
from airflow_provider_bingads.api.token_store import StoredToken, fingerprint
from airflow_provider_bingads.exceptions import FixCredentials, RetryLater
from tests.api.api_fakes import SECRETS, FakeService, FakeTime, settings_of, tokens

CONNECTION_TOKEN = SECRETS["refresh_token"]


class MemoryStore:
    """A token store that remembers what it was told, and when."""

    def __init__(self, stored: StoredToken | None = None) -> None:
        self.stored = stored
        self.events: list[str] = []

    def load(self, connection_token: str) -> StoredToken | None:
        assert connection_token == CONNECTION_TOKEN
        return self.stored

    def save(self, token: StoredToken) -> None:
        self.events.append(f"saved {token.refresh_token}")
        self.stored = token


def source_of(service: FakeService, time: FakeTime | None = None, **options: Any) -> TokenSource:
    settings = settings_of()
    http = HttpStack(allowed_origins(settings), transport=service)
    return TokenSource(settings, http, monotonic=(time or FakeTime()).monotonic, **options)


def form(request: httpx.Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.content.decode()).items()}


def refused(error: str, description: str = "", status: int = 400) -> httpx.Response:
    return httpx.Response(status, json={"error": error, "error_description": description})


def stored(token: str, of: str = CONNECTION_TOKEN) -> StoredToken:
    return StoredToken(refresh_token=token, generation=4, connection_fingerprint=fingerprint(of))


def test_the_connections_token_is_exchanged_as_documented() -> None:
    service = FakeService()
    assert source_of(service).get().text == "canary-access-token-1"
    assert form(service.token_requests[0]) == {
        "client_id": "app-id",
        "client_secret": SECRETS["password"],
        "grant_type": "refresh_token",
        "refresh_token": CONNECTION_TOKEN,
        "scope": "https://ads.microsoft.com/msads.manage offline_access",
    }


def test_a_token_is_used_until_shortly_before_its_end() -> None:
    service, time = FakeService(), FakeTime()
    source = source_of(service, time)
    source.get()
    time.seconds += 3600 - 301
    assert source.get().text == "canary-access-token-1"
    time.seconds += 2
    assert source.get().text == "canary-access-token-2"


def test_a_short_token_is_not_fetched_anew_for_each_call() -> None:
    """The margin is a share of the token's life, or a token of five minutes would never be fresh."""
    service, time = FakeService(sign_ins=[tokens(expires_in=60)]), FakeTime()
    source = source_of(service, time)
    source.get()
    time.seconds += 30
    source.get()
    assert len(service.token_requests) == 1


def test_a_stale_token_is_replaced_once_for_all_who_held_it() -> None:
    service = FakeService()
    source = source_of(service)
    first = source.get()
    second = source.get(stale=first)
    assert source.get(stale=first) is second
    assert len(service.token_requests) == 2


def test_many_threads_cause_one_exchange() -> None:
    entered, leave = threading.Event(), threading.Event()

    def slowly(_: httpx.Request) -> httpx.Response:
        entered.set()
        leave.wait(5)
        return tokens()

    service = FakeService(sign_ins=[slowly])
    source = source_of(service)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(source.get().text)) for _ in range(8)]
    for thread in threads:
        thread.start()
    entered.wait(5)
    leave.set()
    for thread in threads:
        thread.join(5)
    assert found == ["canary-access-token-1"] * 8
    assert len(service.token_requests) == 1


def test_waiting_for_another_threads_exchange_is_bounded() -> None:
    entered, leave = threading.Event(), threading.Event()

    def slowly(_: httpx.Request) -> httpx.Response:
        entered.set()
        leave.wait(5)
        return tokens()

    service = FakeService(sign_ins=[slowly])
    source = source_of(service)
    thread = threading.Thread(target=source.get)
    thread.start()
    entered.wait(5)
    with pytest.raises(RetryLater, match="another thread"):
        source.get(seconds=0.01)
    leave.set()
    thread.join(5)


def test_the_rotated_token_is_kept_before_anything_uses_it() -> None:
    store = MemoryStore()
    events = store.events
    service = FakeService(
        sign_ins=[tokens(1), lambda request: events.append(form(request)["refresh_token"]) or tokens(2)]
    )
    source = source_of(service, store=store)
    first = source.get()
    source.get(stale=first)
    assert events == ["saved canary-refresh-token-1", "canary-refresh-token-1", "saved canary-refresh-token-2"]
    assert store.stored is not None
    assert store.stored.generation == 2


def test_an_endpoint_that_does_not_rotate_writes_nothing() -> None:
    store = MemoryStore()
    source_of(FakeService(sign_ins=[tokens(refresh_token=CONNECTION_TOKEN)]), store=store).get()
    source_of(FakeService(sign_ins=[tokens(refresh_token=None)]), store=store).get()
    assert store.events == []


def test_the_stored_token_is_used_first() -> None:
    service = FakeService()
    source_of(service, store=MemoryStore(stored("stored-token"))).get()
    assert form(service.token_requests[0])["refresh_token"] == "stored-token"


def test_a_refused_stored_token_falls_back_to_the_connections() -> None:
    service = FakeService(sign_ins=[refused("invalid_grant", "AADSTS700082: expired")])
    source_of(service, store=MemoryStore(stored("stored-token"))).get()
    assert [form(it)["refresh_token"] for it in service.token_requests] == ["stored-token", CONNECTION_TOKEN]


def test_a_token_another_task_has_rotated_meanwhile_is_found() -> None:
    store = MemoryStore()
    service = FakeService(sign_ins=[tokens(1), refused("invalid_grant"), tokens(3)])
    source = source_of(service, store=store)
    first = source.get()
    store.stored = stored("from-another-task")
    source.get(stale=first)
    assert form(service.token_requests[-1])["refresh_token"] == "from-another-task"


def test_invalid_grant_says_what_to_do_and_shows_nothing() -> None:
    service = FakeService(sign_ins=[refused("invalid_grant", f"AADSTS70000: {CONNECTION_TOKEN} jane@example.com")])
    with pytest.raises(FixCredentials) as error:
        source_of(service).get()
    message = str(error.value)
    assert "'ads'" in message
    assert "bingads auth" in message
    assert "AADSTS70000" in message
    assert CONNECTION_TOKEN not in message
    assert "jane" not in message
    assert len(service.token_requests) == 1


def test_a_wrong_secret_is_not_tried_with_every_token() -> None:
    service = FakeService(sign_ins=[refused("invalid_client", "AADSTS7000215: wrong", 401)])
    with pytest.raises(FixCredentials, match=r"invalid_client \(AADSTS7000215\)"):
        source_of(service, store=MemoryStore(stored("stored-token"))).get()
    assert len(service.token_requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(200, text="<html>"),
        refused("temporarily_unavailable"),
        httpx.ReadTimeout(""),
    ],
)
def test_an_endpoint_that_fails_is_asked_again_later(answer: Any) -> None:
    service = FakeService(sign_ins=[answer])
    source = source_of(service)
    with pytest.raises(RetryLater):
        source.get()
    assert source.get().text == "canary-access-token-2"


def test_every_secret_is_masked_before_it_is_used_in_every_spelling() -> None:
    masked: list[str] = []

    def check(request: httpx.Request) -> httpx.Response:
        assert form(request)["refresh_token"] in masked
        return tokens(access_token="access+/=<&token", refresh_token="next+/=token")

    source_of(FakeService(sign_ins=[check]), mask=masked.append).get()
    assert {"access+/=<&token", "access%2B%2F%3D%3C%26token", "access+/=&lt;&amp;token"} <= set(masked)
    assert {"next+/=token", "next%2B%2F%3Dtoken"} <= set(masked)


def test_half_of_a_life_is_known() -> None:
    token = AccessToken(text="x", obtained_at=100.0, life_seconds=60.0)
    assert [token.is_past_half(now) for now in (100.0, 129.0, 131.0)] == [False, False, True]
    assert "x" not in repr(token).replace("text", "")


def reply(body: bytes, status: int = 200) -> WireReply:
    return WireReply(status, {}, body)


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b'{"access_token":"abcdefgh12","expires_in":3600}', 200, TokensGranted),
        (b'{"access_token":"abcdefgh12","expires_in":"3599","token_type":"bearer"}', 200, TokensGranted),
        (b'{"access_token":"abcdefgh12"}', 200, TokensGranted),
        (b'{"access_token":"abcdefgh12","token_type":"mac"}', 200, TokensLater),
        (b'{"access_token":"with blank s"}', 200, TokensLater),
        (b'{"access_token":null}', 200, TokensLater),
        (b'{"access_token":["x"]}', 200, TokensLater),
        (b"", 200, TokensLater),
        (b"[1]", 200, TokensLater),
        (b"<html>", 502, TokensLater),
        (b'{"error":"invalid_grant"}', 400, TokensRefused),
        (b'{"error":"invalid_grant","error_description":7}', 400, TokensRefused),
        (b'{"error":"some_new_error"}', 400, TokensRefused),
        (b'{"error":"invalid_grant"}', 500, TokensLater),
        (b'{"error":"server_error"}', 400, TokensLater),
        (b'{"error":"slow_down"}', 429, TokensLater),
        (b'{"error":{"code":1}}', 400, TokensLater),
        (b'{"error":"<script>"}', 400, TokensLater),
    ],
)
def test_the_endpoints_answer_is_parsed_defensively(body: bytes, status: int, kind: type) -> None:
    assert isinstance(read_token_reply(reply(body, status)), kind)


@pytest.mark.parametrize(
    ("life", "seconds"), [(0, 30), (-5, 30), ("x", 3600), (None, 3600), (10**12, 86_400), (1e300, 86_400)]
)
def test_a_strange_life_is_made_a_plausible_one(life: Any, seconds: int) -> None:
    granted = read_token_reply(WireReply(200, {}, tokens(expires_in=life).read()))
    assert isinstance(granted, TokensGranted)
    assert granted.life_seconds == seconds
