"""A client that sees exactly what comes over a socket, and how it ends."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from emulator_kit import CAMPAIGN, conversion, rest_request, soap_request

from airflow_provider_bingads.emulator.messages import Request
from airflow_provider_bingads.emulator.testing import EmulatorControl

SECONDS = 20.0


@dataclass
class Observed:
    """What a client saw of one exchange.

    :param ending: ``open``, ``closed``, ``reset`` or ``refused``.
    :param first_byte: seconds until the first byte of the reply.
    """

    received: bytes
    ending: str
    first_byte: float | None
    seconds: float

    @property
    def status(self) -> int:
        return int(self.received.split(b" ", 2)[1])

    @property
    def headers(self) -> dict[str, str]:
        lines = self.received.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        return {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in lines}

    @property
    def body(self) -> bytes:
        return self.received.partition(b"\r\n\r\n")[2]


def http_bytes(request: Request) -> bytes:
    names = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    target = request.path + (f"?{request.query}" if request.query else "")
    head = f"{request.method} {target} HTTP/1.1\r\nHost: emulator\r\nContent-Length: {len(request.body)}\r\n{names}\r\n"
    return head.encode() + request.body


def exchange(url: str, data: bytes, *, pieces: int = 1, pause: float = 0.0) -> Observed:
    """Send bytes and read until the reply is whole or the connection ends.

    :param pieces: send them in so many parts, with a pause between.
    """
    address = urlsplit(url)
    began = time.monotonic()
    received, first_byte = b"", None
    try:
        connection = socket.create_connection((address.hostname or "", address.port or 0), SECONDS)
    except ConnectionRefusedError:
        return Observed(b"", "refused", None, time.monotonic() - began)
    with connection:
        ending = "open"
        try:
            size = -(-len(data) // pieces)
            for start in range(0, len(data), size):
                connection.sendall(data[start : start + size])
                time.sleep(pause)
            while not whole(received):
                part = connection.recv(1 << 20)
                if not part:
                    ending = "closed"
                    break
                first_byte = first_byte or time.monotonic() - began
                received += part
        except (ConnectionResetError, BrokenPipeError):
            ending = "reset"
    return Observed(received, ending, first_byte, time.monotonic() - began)


def whole(received: bytes) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(": ")
        if name.lower() == "content-length":
            return len(body) >= int(value)
    return False


def sign_in(control: EmulatorControl) -> dict[str, str]:
    """Return the headers of a signed-in client, by their SOAP names."""
    reply = exchange(control.url, token_request(control))
    token = reply.body.decode().partition('"access_token":"')[2].partition('"')[0]
    return {
        "AuthenticationToken": token,
        "DeveloperToken": control.credentials.developer_token,
        "CustomerId": control.credentials.customer_id,
        "CustomerAccountId": control.credentials.account_id,
    }


def token_request(control: EmulatorControl) -> bytes:
    given = control.credentials
    form = (
        f"grant_type=refresh_token&client_id={given.client_id}&client_secret={given.client_secret}"
        f"&refresh_token={given.refresh_token}"
    )
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return http_bytes(Request("POST", "/common/oauth2/v2.0/token", headers=headers, body=form.encode()))


def apply_bytes(transport: str, headers: dict[str, str], rows: int = 3, *, name: str = "Lead") -> bytes:
    """Return a whole request with some conversions, the second of which names no goal."""
    items = [conversion(ConversionName=name, MicrosoftClickId=f"{number:032x}") for number in range(rows)]
    if rows > 1:
        items[1]["ConversionName"] = "Unknown"
    make = rest_request if transport == "rest" else soap_request
    return http_bytes(make("ApplyOfflineConversions", {"OfflineConversions": items}, CAMPAIGN, headers))
