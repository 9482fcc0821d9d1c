"""Consent, from the printed address to a connection that works; the emulator consents at once."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from click.testing import Result

from airflow_provider_bingads.api.settings import ConnectionSettings, Environment
from airflow_provider_bingads.cli.consent import NATIVE_REDIRECT, Consent
from airflow_provider_bingads.emulator.testing import EmulatorControl
from airflow_provider_bingads.exceptions import FixCredentials, RetryLater

SECRET = "a-client-secret"


def _consent(emulator: EmulatorControl | None = None, **changed: object) -> Consent:
    fields: dict[str, object] = {
        "conn_id": "c",
        "client_id": "1dbe70e2-4a2f-afe8-1e37-ae1604a5c095",
        "developer_token": "d",
        "refresh_token": "",
    }
    if emulator is not None:
        given = emulator.credentials
        fields |= {"client_id": given.client_id, "client_secret": given.client_secret}
        fields |= {"environment": Environment.EMULATOR, "base_url": emulator.url}
    return Consent(settings=ConnectionSettings(**{**fields, **changed}))  # type: ignore[arg-type]


def _consented(url: str) -> str:
    """Open the printed address as a browser would, and return the one it ends on."""
    return httpx.get(url, follow_redirects=False, trust_env=False).headers["Location"]


@pytest.mark.parametrize(
    ("environment", "scope"),
    [
        (Environment.PRODUCTION, "https://ads.microsoft.com/msads.manage offline_access"),
        (Environment.SANDBOX, "https://si.ads.microsoft.com/msads.manage offline_access"),
    ],
)
def test_the_address_asks_for_the_environment_s_rights_and_a_refresh_token(
    environment: Environment, scope: str
) -> None:
    consent = _consent(environment=environment, tenant="contoso.com")
    address, query = urlsplit(consent.url), parse_qs(urlsplit(consent.url).query)
    assert address.netloc + address.path == "login.microsoftonline.com/contoso.com/oauth2/v2.0/authorize"
    assert query["scope"] == [scope]
    assert query["redirect_uri"] == [NATIVE_REDIRECT]
    assert query["state"] == [consent.state]
    assert query["code_challenge_method"] == ["S256"]


def test_the_address_holds_neither_the_secret_nor_the_proof() -> None:
    consent = _consent(client_secret=SECRET)
    assert SECRET not in consent.url
    assert consent.verifier not in consent.url


def test_two_attempts_share_nothing() -> None:
    first, second = _consent(), _consent()
    assert {first.state, first.verifier}.isdisjoint({second.state, second.verifier})


@pytest.mark.parametrize(
    "answer",
    [
        f"{NATIVE_REDIRECT}?code=the-code&state=STATE",
        f"  {NATIVE_REDIRECT}?state=STATE&code=the-code \n",
        f"{NATIVE_REDIRECT}#code=the-code&state=STATE",
        "code=the-code&state=STATE",
        "?code=the-code&state=STATE",
        "the-code",
    ],
)
def test_a_code_is_found_in_whatever_was_pasted(answer: str) -> None:
    consent = _consent()
    assert consent.code_of(answer.replace("STATE", consent.state)) == "the-code"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("", "No code was pasted"),
        ("i do not know", "No code was pasted"),
        (f"{NATIVE_REDIRECT}?code=the-code&state=of-another", "another attempt"),
        (f"{NATIVE_REDIRECT}?code=the-code", "another attempt"),
        (f"{NATIVE_REDIRECT}?state=STATE", "holds no code"),
        (f"{NATIVE_REDIRECT}?error=access_denied&error_description=jane%40contoso.com&state=STATE", "refused"),
        (f"{NATIVE_REDIRECT}?error=something_new&state=STATE", "refused"),
    ],
)
def test_an_answer_without_a_code_of_this_attempt_is_refused(answer: str, said: str) -> None:
    consent = _consent()
    with pytest.raises(FixCredentials, match=said) as raised:
        consent.code_of(answer.replace("STATE", consent.state))
    assert "jane" not in str(raised.value)


def test_a_code_becomes_a_refresh_token(bingads_emulator: EmulatorControl) -> None:
    consent = _consent(bingads_emulator)
    token = consent.refresh_token(consent.code_of(_consented(consent.url)))
    assert token.startswith("emulator-refresh-")


def test_a_code_caught_on_the_way_is_worth_nothing_to_another(bingads_emulator: EmulatorControl) -> None:
    mine, other = _consent(bingads_emulator), _consent(bingads_emulator)
    code = mine.code_of(_consented(mine.url))
    with pytest.raises(FixCredentials):
        other.refresh_token(code)


def test_a_wrong_secret_is_told_with_its_remedy(bingads_emulator: EmulatorControl) -> None:
    consent = _consent(bingads_emulator, client_secret=SECRET)
    code = consent.code_of(_consented(consent.url))
    with pytest.raises(FixCredentials, match="client secret is wrong") as raised:
        consent.refresh_token(code)
    assert SECRET not in str(raised.value)


def test_an_endpoint_that_cannot_be_reached_is_no_refusal(bingads_emulator: EmulatorControl) -> None:
    with pytest.raises(RetryLater):
        _consent(bingads_emulator, base_url="http://127.0.0.1:1").refresh_token("a-code")


def _walk(emulator: EmulatorControl, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does: read the address, consent, paste the answer."""
    given = emulator.credentials
    command = [sys.executable, "-c", "from airflow_provider_bingads.cli.main import main; main()", "auth"]
    command += ["--client-id", given.client_id, "--environment", "emulator", "--base-url", emulator.url]
    secrets = {"BINGADS_CLIENT_SECRET": given.client_secret or "", "BINGADS_DEVELOPER_TOKEN": given.developer_token}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(
        [*command, "--account-id", given.account_id, *arguments], text=True, env={**os.environ, **secrets}, **pipes
    ) as process:
        assert process.stderr is not None
        url = next(line.strip() for line in process.stderr if line.startswith("http"))
        out, err = process.communicate(_consented(url) + "\n", timeout=60)
        return subprocess.CompletedProcess(command, process.returncode, out, err)


def test_with_show_token_the_printed_command_creates_a_connection_that_works(
    bingads: Callable[..., Result], bingads_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = _walk(bingads_emulator, "--show-token", "--conn-id", "ads")
    assert ended.returncode == 0, ended.stderr
    line = next(line for line in ended.stdout.splitlines() if line.startswith("airflow connections add"))
    words = shlex.split(line)
    assert words[:5] == ["airflow", "connections", "add", "ads", "--conn-json"]
    connection = json.loads(words[5])
    assert connection["extra"]["refresh_token"].startswith("emulator-refresh-")
    bingads_emulator.add_goal("Purchase")
    monkeypatch.setenv("AIRFLOW_CONN_ADS", words[5])
    assert bingads("check", "ads").exit_code == 0


def test_with_output_the_secrets_go_into_a_private_file_and_not_onto_the_screen(
    bingads_emulator: EmulatorControl, tmp_path: Path
) -> None:
    path = tmp_path / "ads connection.json"
    ended = _walk(bingads_emulator, "--output", str(path), "--json")
    assert ended.returncode == 0, ended.stderr
    written = json.loads(path.read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert written["extra"]["refresh_token"].startswith("emulator-refresh-")
    for secret in (written["extra"]["refresh_token"], written["extra"]["developer_token"], written["password"]):
        assert secret not in ended.stdout + ended.stderr
    document = json.loads(ended.stdout)
    assert document["connection"]["extra"]["account_id"] == bingads_emulator.credentials.account_id
    assert document["command"].endswith(f"\"$(cat '{path}')\"")


def test_nothing_starts_before_it_is_said_where_the_token_goes(bingads: Callable[..., Result]) -> None:
    refused = bingads("auth", "--client-id", "x")
    assert refused.exit_code == 2
    assert "--output FILE, or --show-token" in refused.output
    assert "login.microsoftonline.com" not in refused.output


def test_an_existing_file_is_not_overwritten(bingads: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "connection.json"
    path.write_text("precious")
    refused = bingads("auth", "--client-id", "x", "--output", str(path))
    assert refused.exit_code == 1
    assert path.read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--tenant", "not a tenant"), "tenant is"),
        (("--account-id", "F1234567"), "account_id is"),
        (("--base-url", "http://127.0.0.1:1"), "base_url is only for"),
        (("--environment", "emulator"), "base_url is empty"),
    ],
)
def test_a_wrong_field_is_told_before_the_sign_in(
    bingads: Callable[..., Result], arguments: tuple[str, ...], said: str
) -> None:
    given = ("--client-id", "x", "--client-secret", "", "--developer-token", "dddddddd", "--show-token")
    refused = bingads("auth", *given, *arguments)
    assert refused.exit_code == 1
    assert said in refused.output
    assert "Open this address" not in refused.output
