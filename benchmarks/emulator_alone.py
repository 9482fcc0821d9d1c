"""Measure how many conversions the emulator takes each second, without any client worth the name.

Bodies are made beforehand and pushed through plain sockets, so that the figure is the emulator's and not a client's.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import resource
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

ROWS_PER_CALL = 1_000
REST_PATH = "/CampaignManagement/v13/OfflineConversions/Apply"
SOAP_PATH = "/Api/Advertiser/CampaignManagement/v13/CampaignManagementService.svc"
NAMESPACE = "https://bingads.microsoft.com/CampaignManagement/v13"


def main() -> None:
    """Run both transports and print one JSON line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000, help="conversions a measurement")
    parser.add_argument("--clients", type=int, default=2, help="connections at the same time")
    parser.add_argument("--transport", choices=("rest", "soap"), action="append")
    parser.add_argument("--xsd", default="always", choices=("always", "sample", "off"))
    options = parser.parse_args()
    for transport in options.transport or ("rest", "soap"):
        print(json.dumps(measure(transport, options.rows, options.clients, options.xsd)), flush=True)


def measure(transport: str, rows: int, clients: int, xsd: str) -> dict[str, Any]:
    """Start an emulator, send the rows and return rows a second and the emulator's peak memory."""
    command = [sys.executable, "-m", "airflow_provider_bingads.emulator", "--xsd", xsd]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        token = sign_in(facts)
        add_goal(facts)
        requests = [request(transport, facts, token, call) for call in range(rows // ROWS_PER_CALL)]
        began = time.perf_counter()
        send_all(facts["url"], requests, clients)
        seconds = time.perf_counter() - began
        stats = control(facts, "stats")
        assert stats["keys_applied"] == len(requests) * ROWS_PER_CALL, stats
        peak = peak_memory_mb(process.pid)
    finally:
        process.terminate()
        process.wait()
    return {
        "transport": transport,
        "xsd": xsd,
        "rows": len(requests) * ROWS_PER_CALL,
        "clients": clients,
        "seconds": round(seconds, 2),
        "rows_per_second": round(len(requests) * ROWS_PER_CALL / seconds),
        "emulator_peak_mb": peak,
        "own_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def sign_in(facts: dict[str, str]) -> str:
    """Return an access token."""
    form = {name: facts[name] for name in ("client_id", "client_secret", "refresh_token")}
    data = urllib.parse.urlencode({"grant_type": "refresh_token", **form}).encode()
    with urllib.request.urlopen(f"{facts['url']}/common/oauth2/v2.0/token", data) as reply:
        token: str = json.load(reply)["access_token"]
        return token


def add_goal(facts: dict[str, str]) -> None:
    """Add the goal that all conversions name."""
    body = json.dumps({"age_hours": 24, "goals": [{"Name": "Purchase"}]}).encode()
    urllib.request.urlopen(f"{facts['url']}/__emulator__/goals", body).close()


def control(facts: dict[str, str], page: str) -> dict[str, Any]:
    """Read a control page."""
    with urllib.request.urlopen(f"{facts['url']}/__emulator__/{page}") as reply:
        found: dict[str, Any] = json.load(reply)
        return found


def request(transport: str, facts: dict[str, str], token: str, call: int) -> bytes:
    """Return one whole HTTP request of 1,000 conversions."""
    newest = datetime.now(UTC) - timedelta(days=1)
    rows = [conversion(call * ROWS_PER_CALL + number, newest) for number in range(ROWS_PER_CALL)]
    if transport == "rest":
        headers = {
            "Authorization": f"Bearer {token}",
            "DeveloperToken": facts["developer_token"],
            "CustomerId": facts["customer_id"],
            "CustomerAccountId": facts["account_id"],
            "Content-Type": "application/json",
        }
        return http(REST_PATH, headers, json.dumps({"OfflineConversions": rows}, separators=(",", ":")))
    headers = {"SOAPAction": '"ApplyOfflineConversions"', "Content-Type": "text/xml; charset=utf-8"}
    return http(SOAP_PATH, headers, envelope(facts, token, rows))


def conversion(number: int, newest: datetime) -> dict[str, Any]:
    """Return one conversion, its own for each number."""
    return {
        "ConversionCurrencyCode": "USD",
        "ConversionName": "Purchase",
        "ConversionTime": f"{newest - timedelta(seconds=number % 6_000_000):%Y-%m-%dT%H:%M:%SZ}",
        "ConversionValue": round(1 + number % 997 / 10, 2),
        "MicrosoftClickId": f"{number * 2_654_435_761 % 2**128:032x}",
    }


def envelope(facts: dict[str, str], token: str, rows: Sequence[dict[str, Any]]) -> str:
    """Return the SOAP message for some conversions."""
    items = "".join(
        "<OfflineConversion>"
        + "".join(f"<{name}>{value}</{name}>" for name, value in row.items())
        + "</OfflineConversion>"
        for row in rows
    )
    return (
        f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header xmlns="{NAMESPACE}">'
        f"<AuthenticationToken>{token}</AuthenticationToken><CustomerAccountId>{facts['account_id']}</CustomerAccountId>"
        f"<CustomerId>{facts['customer_id']}</CustomerId><DeveloperToken>{facts['developer_token']}</DeveloperToken>"
        f'</s:Header><s:Body><ApplyOfflineConversionsRequest xmlns="{NAMESPACE}"><OfflineConversions>{items}'
        f"</OfflineConversions></ApplyOfflineConversionsRequest></s:Body></s:Envelope>"
    )


def http(path: str, headers: dict[str, str], body: str) -> bytes:
    """Return the bytes of a POST."""
    data = body.encode()
    lines = [f"POST {path} HTTP/1.1", "Host: emulator", f"Content-Length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + data


def send_all(url: str, requests: list[bytes], clients: int) -> None:
    """Send all requests over some connections at once, each waiting for its replies."""
    address = urllib.parse.urlsplit(url)
    shares = [requests[number::clients] for number in range(clients)]
    workers = [
        threading.Thread(target=send, args=(address.hostname or "", address.port or 0, share)) for share in shares
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def send(host: str, port: int, requests: Sequence[bytes]) -> None:
    """Send requests over one connection."""
    with socket.create_connection((host, port)) as connection:
        for one in requests:
            connection.sendall(one)
            read_reply(connection)


def read_reply(connection: socket.socket) -> None:
    """Read one reply to its end."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    assert b" 200 " in head.split(b"\r\n")[0], received[:500]
    found = re.search(rb"Content-Length: (\d+)", head)
    assert found is not None
    while len(body) < int(found[1]):
        body += connection.recv(65_536)


def peak_memory_mb(pid: int) -> int | None:
    """Return the peak resident memory of a process where the system tells it."""
    path = f"/proc/{pid}/status"
    if not pathlib.Path(path).exists():
        return None
    with pathlib.Path(path).open(encoding="ascii") as status:
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read())
    return int(found[1]) // 1024 if found else None


if __name__ == "__main__":
    main()
