"""The emulator as a process, as a thread and as a fixture."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from emulator_kit import DIGEST, NOON, Caller, conversion
from wire_client import apply_bytes, exchange, http_bytes, sign_in, token_request

from airflow_provider_bingads.emulator.messages import Request
from airflow_provider_bingads.emulator.server import start
from airflow_provider_bingads.emulator.settings import Settings
from airflow_provider_bingads.emulator.testing import EmulatorControl
from airflow_provider_bingads.emulator.world import Credentials

HEALTH = b"GET /__emulator__/health HTTP/1.1\r\n\r\n"


@contextmanager
def process(*arguments: str, **environment: str) -> Iterator[tuple[EmulatorControl, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "airflow_provider_bingads.emulator", *arguments]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment
    )
    try:
        assert running.stdout is not None
        facts = json.loads(running.stdout.readline())
        yield EmulatorControl(facts.pop("url"), Credentials(**facts)), running
    finally:
        running.kill()
        running.communicate()


def stopped(arguments: Sequence[str]) -> tuple[int, str]:
    command = [sys.executable, "-m", "airflow_provider_bingads.emulator", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stderr


def test_the_first_line_of_a_process_is_all_that_a_client_needs() -> None:
    """Any client begins with url, application, tokens and ids; SIGTERM ends it cleanly."""
    with process("--accounts", "2", "--xsd", "sample") as (control, running):
        answer = exchange(control.url, apply_bytes("rest", sign_in(control)))
        assert answer.status == 200
        assert len(control.state()["accounts"]) == 2

        running.send_signal(signal.SIGTERM)
        _, errors = running.communicate(timeout=10)

    assert running.returncode == 0
    assert "no evidence about Microsoft" in errors
    assert "Traceback" not in errors


def test_a_process_starts_at_a_given_time_and_may_stand_still() -> None:
    with process("--now", "2026-11-21T12:00:00Z", "--frozen") as (control, _):
        assert control.now() == control.now() == "2026-11-21T12:00:00.000000Z"
        assert control.advance(60) == "2026-11-21T12:01:00.000000Z"
    with process("--now", "2026-11-21T12:00:00") as (control, _):
        assert control.now().startswith("2026-11-21T12:00:0")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.invalid"])
def test_an_address_that_others_reach_is_refused(host: str) -> None:
    """Nothing is authenticated: whoever reaches the control interface owns the emulator."""
    status, errors = stopped(["--host", host])
    assert status == 2
    assert "loopback" in errors
    with pytest.raises(ValueError, match="loopback"):
        start(host=host)


def test_an_address_that_others_reach_is_taken_when_insisted_on() -> None:
    with start(host="0.0.0.0", allow_remote=True) as running:
        assert exchange(running.url.replace("0.0.0.0", "127.0.0.1"), HEALTH).status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_is_taken(host: str) -> None:
    with start(host=host) as running:
        assert exchange(running.url, HEALTH).status == 200


def test_a_taken_port_is_said() -> None:
    with start() as running:
        port = running.url.rpartition(":")[2]
        with pytest.raises(OSError, match=port):
            start(port=int(port))
        assert stopped(["--port", port])[0] == 2


@pytest.mark.parametrize("arguments", [["--accounts", "0"], ["--xsd", "never"], ["--now", "noon"]])
def test_a_wrong_option_is_refused(arguments: list[str]) -> None:
    assert stopped(arguments)[0] == 2


def test_a_stopped_emulator_listens_no_more_and_stops_twice() -> None:
    running = start()
    running.stop()
    running.stop()
    assert exchange(running.url, HEALTH).ending == "refused"


def test_a_seeded_run_is_the_same_byte_by_byte() -> None:
    """Ids, tokens, tracking ids, dates and errors: all replies of two runs of one seed are equal."""
    assert replies(seed=7) == replies(seed=7)
    assert replies(seed=7) != replies(seed=8)


def replies(seed: int) -> list[bytes]:
    with start(now=lambda: NOON, settings=Settings(seed=seed)) as running:
        control = EmulatorControl(running.url, running.credentials)
        control.add_goal("Lead")
        control.set_faults([{"do": "partial_errors_shuffled", "rate": 0.5}])
        found = [exchange(control.url, token_request(control)).received]
        headers = sign_in(control)
        found.extend(
            exchange(control.url, apply_bytes(transport, headers, 5)).received for transport in ("rest", "soap") * 4
        )
        found.extend(exchange(control.url, get(page)).received for page in ("state", "calls", "stats", "config"))
        return found


def get(page: str) -> bytes:
    return f"GET /__emulator__/{page} HTTP/1.1\r\n\r\n".encode()


def test_an_ordinary_client_works_on_one_connection() -> None:
    """httpx: keep-alive, chunked and packed requests, and the right account of what arrived."""
    with start(now=lambda: NOON) as running, httpx.Client(base_url=running.url) as client:
        control = EmulatorControl(running.url, running.credentials)
        control.add_goal("Lead")
        headers = sign_in(control)
        request = Caller("rest", now=NOON).request("ApplyOfflineConversions", {"OfflineConversions": [conversion()]})
        http = {
            "Authorization": f"Bearer {headers['AuthenticationToken']}",
            "DeveloperToken": headers["DeveloperToken"],
            "CustomerId": headers["CustomerId"],
            "CustomerAccountId": headers["CustomerAccountId"],
        }
        pieces = (request.body[start : start + 40] for start in range(0, len(request.body), 40))

        plain = client.post(request.path, content=request.body, headers=http)
        chunked = client.post(request.path, content=pieces, headers=http)
        packed = client.post(
            request.path, content=gzip.compress(request.body), headers=http | {"Content-Encoding": "gzip"}
        )

        assert [one.json() for one in (plain, chunked, packed)] == [{"PartialErrors": []}] * 3
        assert [call["answered"] for call in control.calls()] == [True] * 3
        assert len(running.emulator.store.applied) == 1


def test_latency_is_real_on_the_wire_and_calls_wait_side_by_side() -> None:
    with start(now=lambda: NOON, settings=Settings(latency_ms=600)) as running:
        control = EmulatorControl(running.url, running.credentials)
        seen = exchange(control.url, apply_bytes("rest", sign_in(control)))
        assert seen.first_byte is not None
        assert seen.first_byte >= 0.59
        assert exchange(control.url, HEALTH).seconds < 0.59


def test_a_client_that_asks_first_is_told_to_go_on() -> None:
    with start() as running:
        address = urlsplit(running.url)
        with socket.create_connection((address.hostname or "", address.port or 0), 10) as connection:
            connection.sendall(b"POST /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
            assert connection.recv(1_000) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(b"x")
            assert connection.recv(1_000).startswith(b"HTTP/1.1 404 Not Found\r\n")


def test_what_is_no_http_gets_a_status_and_the_end_of_the_connection() -> None:
    with start() as running:
        seen = exchange(running.url, b"HELLO\r\n\r\n")
    assert seen.status == 400
    assert seen.headers["connection"] == "close"


def test_a_client_that_leaves_before_its_reply_counts_as_not_answered() -> None:
    """It left while the reply was held back: nobody can say it was told."""
    with start(now=lambda: NOON) as running:
        control = EmulatorControl(running.url, running.credentials)
        control.add_goal("Lead")
        headers = sign_in(control)
        control.set_faults(["slow(0.6)"])
        address = urlsplit(control.url)
        with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
            connection.sendall(apply_bytes("rest", headers, 1))
            time.sleep(0.05)
        time.sleep(0.8)
        (call,) = control.calls()
    assert (call["applied"], call["answered"]) == (1, False)


def test_an_exchange_is_recorded_without_its_secrets(tmp_path: Path) -> None:
    """Bodies for judges: what the schema needs is there, no token is."""
    with start(now=lambda: NOON, settings=Settings(record=tmp_path / "said")) as running:
        control = EmulatorControl(running.url, running.credentials)
        control.add_goal("Lead")
        headers = sign_in(control)
        for transport in ("rest", "soap"):
            exchange(control.url, apply_bytes(transport, headers, 1))

    files = sorted(path.name for path in (tmp_path / "said").iterdir())
    everything = b"".join(path.read_bytes() for path in (tmp_path / "said").iterdir())
    assert files[:3] == ["000001-reply", "000001-request", "000001.json"]
    assert len(files) == 9
    assert b"ApplyOfflineConversionsRequest" in everything
    assert b'{"PartialErrors":[]}' in everything
    for secret in (headers["AuthenticationToken"], headers["DeveloperToken"], *secrets(running.credentials)):
        assert secret.encode() not in everything


def secrets(credentials: Credentials) -> list[str]:
    return [credentials.client_secret, credentials.refresh_token]


def test_a_process_records_where_the_environment_says(tmp_path: Path) -> None:
    with process(BINGADS_EMULATOR_RECORD=str(tmp_path / "said")) as (control, _):
        sign_in(control)
    (folder,) = (tmp_path / "said").iterdir()
    assert (folder / "000001.json").is_file()


def test_nothing_personal_and_no_secret_is_printed() -> None:
    """A conversion with hashes, a rejected one and a broken request leave no trace in the output."""
    with process() as (control, running):
        headers = sign_in(control)
        exchange(control.url, apply_bytes("rest", headers))
        body = json.dumps({"OfflineConversions": [conversion(HashedEmailAddress=DIGEST)]}).encode()
        exchange(
            control.url, http_bytes(Request("POST", "/CampaignManagement/v13/OfflineConversions/Apply", body=body))
        )
        running.terminate()
        output, errors = running.communicate(timeout=10)
    for word in (headers["AuthenticationToken"], DIGEST, "OfflineConversions"):
        assert word not in output + errors


def test_a_bug_of_the_emulator_does_not_look_like_a_fault_of_the_wire(caplog: pytest.LogCaptureFixture) -> None:
    with start() as running:
        running.emulator.serve = None  # type: ignore[assignment, method-assign]
        seen = exchange(running.url, HEALTH)
    assert seen.status == 500
    assert b"emulator itself failed" in seen.body
    assert "TypeError" in caplog.text


def test_the_fixture_gives_a_fresh_emulator_and_a_connection(bingads_emulator: Any) -> None:
    bingads_emulator.add_goal("Lead", CountType="Unique")
    bingads_emulator.add_clicks({"a" * 32: NOON})
    bingads_emulator.configure(unknown_goal="ignore")

    extra = bingads_emulator.connection["extra"]
    assert extra["base_url"] == bingads_emulator.url
    assert extra["environment"] == "emulator"
    assert json.loads(bingads_emulator.connection_json) == bingads_emulator.connection
    assert bingads_emulator.state("conversion_goals")["conversion_goals"][0]["CountType"] == "Unique"
    assert bingads_emulator.stats()["calls"] == 0
    with pytest.raises(ValueError, match="no fault"):
        bingads_emulator.set_faults(["explode"])


def test_the_fixture_forgets_what_the_last_test_did(bingads_emulator: Any) -> None:
    assert bingads_emulator.state()["conversion_goals"] == []
    assert bingads_emulator.get("config")["unknown_goal"] == "refuse"
