"""Peers and clocks for tests of the client: small classes that answer as they are told."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from airflow_provider_bingads.api.client import Client
from airflow_provider_bingads.api.settings import ConnectionSettings

BASE_URL = "http://127.0.0.1:9"
SECRETS = {
    "password": "canary-client/secret+&<x>",
    "developer_token": "canary-developer-token",
    "refresh_token": "canary-refresh-token-0",
}
ROW = {"ConversionName": "Lead", "ConversionTime": "2026-11-01T02:03:04Z", "MicrosoftClickId": "f" * 32}
BODY = {"OfflineConversions": [ROW, ROW, ROW]}
APPLY = ("CampaignManagement", "ApplyOfflineConversions")

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


def settings_of(**extra: Any) -> ConnectionSettings:
    """Read a connection to an emulator that is not there."""
    fields = {
        "developer_token": SECRETS["developer_token"],
        "refresh_token": SECRETS["refresh_token"],
        "environment": "emulator",
        "base_url": BASE_URL,
        "customer_id": "77",
        "account_id": "12",
        **extra,
    }
    return ConnectionSettings.parse("ads", login="app-id", password=SECRETS["password"], extra=fields)


def tokens(number: int = 1, **fields: Any) -> httpx.Response:
    """Answer as the token endpoint."""
    body = {
        "token_type": "Bearer",
        "expires_in": 3600,
        "access_token": f"canary-access-token-{number}",
        "refresh_token": f"canary-refresh-token-{number}",
        **fields,
    }
    return httpx.Response(200, json=body)


def accepted(*errors: dict[str, Any]) -> httpx.Response:
    """Answer ApplyOfflineConversions."""
    return httpx.Response(200, json={"PartialErrors": list(errors)}, headers={"TrackingId": "track-1"})


def fault(code: int, symbol: str | None = None, status: int = 400, **headers: str) -> httpx.Response:
    """Refuse as the service's front door does."""
    error = {"Code": code, "ErrorCode": symbol, "Message": "said so", "Detail": None}
    body = {"TrackingId": "track-2", "Type": "AdApiFaultDetail", "Errors": [error]}
    return httpx.Response(status, json=body, headers=headers)


@dataclass
class FakeService(httpx.BaseTransport):
    """Answers calls one after the other, the last answer for ever; hands out numbered tokens."""

    answers: list[Answer] = field(default_factory=list)
    sign_ins: list[Answer] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    token_requests: list[httpx.Request] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        if request.url.path.endswith("/oauth2/v2.0/token"):
            self.token_requests.append(request)
            number = len(self.token_requests)
            return _give(self.sign_ins.pop(0), request) if self.sign_ins else tokens(number)
        self.requests.append(request)
        return _give(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0], request)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests]


def _give(answer: Answer, request: httpx.Request) -> httpx.Response:
    if isinstance(answer, Exception):
        raise answer
    if callable(answer):
        return answer(request)
    return httpx.Response(answer.status_code, headers=answer.headers, content=answer.read())


class FakeTime:
    """A world of its own: a clock that moves only when somebody waits, and a service at an address nobody else has.

    Clients of one address share a throttle gate.
    """

    _ports = itertools.count(10_000)

    def __init__(self, stop_after: float | None = None) -> None:
        self.seconds = 1_000.0
        self.base_url = f"http://127.0.0.1:{next(self._ports)}"
        self.waits: list[float] = []
        self._stop_after = stop_after

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        if self._stop_after is not None and sum(self.waits) > self._stop_after:
            return True
        self.seconds += seconds
        return False


def client_of(service: FakeService, time: FakeTime | None = None, **extra: Any) -> Client:
    """Make a client whose sockets, clock and chance are the test's."""
    time = time or FakeTime()
    settings = settings_of(**{"base_url": time.base_url, **extra})
    return Client(settings, transport=service, wait=time.wait, monotonic=time.monotonic, chance=lambda: 0.5)


@contextmanager
def peer(serve: Callable[[socket.socket], None]) -> Iterator[tuple[str, int]]:
    """Serve on loopback, treating each connection as told, in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    ending = threading.Event()

    def accept() -> None:
        while not ending.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_serve, args=(serve, connection), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[:2]
    finally:
        ending.set()
        listener.close()


def _serve(serve: Callable[[socket.socket], None], connection: socket.socket) -> None:
    with connection:
        try:
            serve(connection)
        except OSError:
            return


def read_request(connection: socket.socket) -> bytes:
    """Read one request with its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    wanted = int(lengths[0].partition(b":")[2]) if lengths else 0
    while len(body) < wanted:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
