"""The sign-in service: refresh tokens, codes, clients, scopes."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from emulator_kit import NOON, Caller

from airflow_provider_bingads.emulator.messages import Reply, Request
from airflow_provider_bingads.emulator.settings import Settings

SCOPE = "https://ads.microsoft.com/msads.manage offline_access"
REDIRECT = "http://localhost:8400/done"


@pytest.fixture
def service() -> Caller:
    return Caller("rest")


def ask(caller: Caller, tenant: str = "common", headers: dict[str, str] | None = None, **form: str | None) -> Reply:
    given = caller.emulator.credentials
    fields = {
        "grant_type": "refresh_token",
        "client_id": given.client_id,
        "client_secret": given.client_secret,
        "refresh_token": given.refresh_token,
    } | form
    body = urlencode({name: value for name, value in fields.items() if value is not None}).encode()
    return caller.emulator.handle(Request("POST", f"/{tenant}/oauth2/v2.0/token", headers=headers or {}, body=body))


def number(reply: Reply) -> int:
    found: int = json.loads(reply.body)["error_codes"][0]
    return found


def consent(caller: Caller, **query: str) -> Reply:
    fields = {
        "client_id": caller.emulator.credentials.client_id,
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "scope": SCOPE,
        "state": "mine",
    } | query
    return caller.emulator.handle(Request("GET", "/common/oauth2/v2.0/authorize", urlencode(fields)))


def code_of(reply: Reply) -> str:
    return parse_qs(urlsplit(dict(reply.headers)["Location"]).query)["code"][0]


@pytest.mark.parametrize("tenant", ["common", "organizations", "0d2a5c38-86d1-4b4c-8c3f-6a8b7c1f6e11"])
def test_a_refresh_token_buys_an_access_token_and_its_successor(tenant: str, service: Caller) -> None:
    found = json.loads(ask(service, tenant, scope=SCOPE).body)

    assert found["token_type"] == "Bearer"
    assert found["expires_in"] == 3_600
    assert found["refresh_token"] != service.emulator.credentials.refresh_token
    assert ask(service, refresh_token=found["refresh_token"]).status == 200


def test_using_a_refresh_token_does_not_revoke_it(service: Caller) -> None:
    """Delivery 2.1; with the setting the old one dies."""
    assert [ask(service).status for _ in range(2)] == [200, 200]

    strict = Caller("rest", Settings(revoke_used_refresh_tokens=True))
    assert ask(strict).status == 400


def test_without_offline_access_there_is_no_new_refresh_token(service: Caller) -> None:
    found = json.loads(ask(service, scope="https://ads.microsoft.com/msads.manage").body)
    assert "refresh_token" not in found


def test_a_refresh_token_lives_ninety_days(service: Caller) -> None:
    service.now = NOON + 90 * 86_400 - 1
    assert ask(service).status == 200
    service.now += 1
    assert (ask(service).status, number(ask(service))) == (400, 700082)


@pytest.mark.parametrize(
    ("form", "status", "error", "code"),
    [
        ({"refresh_token": "unknown"}, 400, "invalid_grant", 70000),
        ({"refresh_token": "M.C532_BAY.0.U.-Cpx"}, 400, "invalid_grant", 9002313),
        ({"client_id": "unknown"}, 400, "unauthorized_client", 700016),
        ({"client_secret": None}, 401, "invalid_client", 7000218),
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"scope": "https://ads.microsoft.com/bingads.manage"}, 400, "invalid_scope", 70011),
    ],
)
def test_a_wrong_request_is_denied_in_the_shape_of_the_real_service(
    form: dict[str, Any], status: int, error: str, code: int, service: Caller
) -> None:
    reply = ask(service, **form)

    found = json.loads(reply.body)
    assert (reply.status, found["error"], found["error_codes"]) == (status, error, [code])
    assert found["error_description"].startswith(f"AADSTS{code}: ")
    assert found["timestamp"] == "2026-11-21 12:00:00Z"


def test_a_public_client_sends_no_secret(service: Caller) -> None:
    (public,) = service.control("GET", "config")["public_client_ids"]
    assert ask(service, client_id=public, client_secret=None).status == 200
    assert number(ask(service, client_id=public)) == 700025


def test_a_client_may_name_itself_in_the_authorization_header(service: Caller) -> None:
    given = service.emulator.credentials
    value = base64.b64encode(f"{given.client_id}:{given.client_secret}".encode()).decode()

    assert ask(service, headers={"authorization": f"Basic {value}"}, client_id=None, client_secret=None).status == 200
    assert ask(service, headers={"authorization": "Basic ?"}).status == 400


def test_consent_ends_in_a_code_that_buys_tokens_once(service: Caller) -> None:
    reply = consent(service)
    location = dict(reply.headers)["Location"]
    form = {"grant_type": "authorization_code", "code": code_of(reply), "redirect_uri": REDIRECT, "scope": SCOPE}

    assert reply.status == 302
    assert location.startswith(REDIRECT + "?code=")
    assert location.endswith("&state=mine")
    assert "refresh_token" in json.loads(ask(service, **form).body)
    assert number(ask(service, **form)) == 70008


def test_a_code_is_bound_to_its_redirect_address_and_its_time(service: Caller) -> None:
    form = {"grant_type": "authorization_code", "scope": SCOPE}
    assert number(ask(service, **form, code=code_of(consent(service)), redirect_uri="http://other")) == 50011

    late = code_of(consent(service))
    service.now += 600
    assert number(ask(service, **form, code=late, redirect_uri=REDIRECT)) == 70008


def test_a_code_challenge_must_be_met(service: Caller) -> None:
    verifier = "v" * 43
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    form = {"grant_type": "authorization_code", "redirect_uri": REDIRECT, "scope": SCOPE}

    right = code_of(consent(service, code_challenge=challenge, code_challenge_method="S256"))
    wrong = code_of(consent(service, code_challenge=challenge, code_challenge_method="S256"))

    assert ask(service, **form, code=right, code_verifier=verifier).status == 200
    assert number(ask(service, **form, code=wrong, code_verifier="other")) == 501481


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"redirect_uri": "http://localhost/\r\nSet-Cookie: a=b"}, 400),
        ({"redirect_uri": "file:///etc"}, 400),
        ({"client_id": "unknown"}, 400),
        ({"response_type": "token"}, 400),
        ({"scope": "x"}, 302),
    ],
)
def test_a_wrong_request_for_consent_is_refused(query: dict[str, str], status: int, service: Caller) -> None:
    reply = consent(service, **query)
    assert reply.status == status
    assert "code=" not in dict(reply.headers).get("Location", "")


def test_revoked_refresh_tokens_are_denied(service: Caller) -> None:
    service.control("POST", "tokens", {"revoke_refresh_tokens": True})
    assert number(ask(service)) == 70000


def test_accept_any_takes_foreign_clients_and_tokens() -> None:
    caller = Caller("rest", Settings(accept_any=True))
    assert ask(caller, client_id="x", client_secret="y", refresh_token="M.C5_real").status == 200


def test_a_form_that_is_no_text_is_denied(service: Caller) -> None:
    reply = service.emulator.handle(Request("POST", "/common/oauth2/v2.0/token", body=b"\xff\xfe"))
    assert reply.status == 400
