"""The sign-in service: consent, codes, access tokens that expire, refresh tokens that rotate (api-facts F.1)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode

import msgspec

from airflow_provider_bingads.emulator.messages import Reply, Request
from airflow_provider_bingads.emulator.rules.access import TokenState
from airflow_provider_bingads.emulator.settings import Settings
from airflow_provider_bingads.emulator.world import World, derived

__all__ = ["TOKEN_OPERATION", "SignIn", "looks_real"]

TOKEN_OPERATION: Final = "token"  # noqa: S105 - the name of an operation
_PATH: Final = re.compile(r"/(?P<tenant>[^/]+)/oauth2/v2\.0/(?P<page>token|authorize)\Z")
_SCOPES: Final = frozenset({"https://ads.microsoft.com/msads.manage", "https://si.ads.microsoft.com/msads.manage"})
_REAL: Final = re.compile(r"eyJ|[01]\.A|M\.[CR]\d|EwB")
_CODE_SECONDS: Final = 600.0
_DAY_SECONDS: Final = 86_400.0


def looks_real(token: str) -> bool:
    """Tell whether a token looks like one that Microsoft issued; the emulator wants none of those."""
    return _REAL.match(token) is not None


@dataclass(frozen=True, slots=True)
class _Code:
    client_id: str
    redirect_uri: str
    challenge: str | None
    expires_at: float


class _DeniedError(Exception):
    """The token endpoint says no."""

    def __init__(self, error: str, number: int, description: str, status: int = 400) -> None:
        super().__init__(error)
        self.error, self.number, self.description, self.status = error, number, description, status


_UNSUPPORTED: Final = _DeniedError("unsupported_grant_type", 70003, "Only codes and refresh tokens are taken.")


class SignIn:
    """Issues and knows all tokens; those of a seed come in the same order in every run."""

    def __init__(self, world: World, seed: int, now: float, refresh_token_days: float) -> None:
        self._world = world
        self._seed = seed
        self._issued = 0
        self._access: dict[str, float] = {}
        self._refresh: dict[str, float] = {world.credentials.refresh_token: now + refresh_token_days * _DAY_SECONDS}
        self._codes: dict[str, _Code] = {}

    @staticmethod
    def page(path: str) -> str | None:
        """Return ``token`` or ``authorize`` for the paths of this service, None for any other."""
        found = _PATH.match(path)
        return found["page"] if found else None

    def state(self, access_token: str | None, now: float, settings: Settings) -> TokenState:
        """Tell what an access token is worth."""
        expires_at = self._access.get(access_token or "")
        if expires_at is None:
            return TokenState.VALID if access_token and settings.accept_any else TokenState.UNKNOWN
        return TokenState.VALID if now < expires_at else TokenState.EXPIRED

    def expire_access_tokens(self) -> None:
        """Let every access token issued so far be expired."""
        self._access = dict.fromkeys(self._access, 0.0)

    def revoke_refresh_tokens(self) -> None:
        """Let every refresh token issued so far be refused, as after a change of password."""
        self._refresh.clear()

    def authorize(self, request: Request, now: float) -> Reply:
        """Consent at once: redirect to the client with a code, or say which parameter is wrong."""
        query = dict(parse_qsl(request.query))
        redirect = query.get("redirect_uri", "")
        if query.get("client_id") not in self._world.applications:
            return _page(400, "AADSTS700016: this application is not registered here.")
        usable = redirect.startswith(("http://", "https://")) and redirect.isascii() and redirect.isprintable()
        if query.get("response_type") != "code" or not usable:
            return _page(400, "AADSTS900144: response_type=code and a redirect_uri are needed.")
        if not _SCOPES & set(query.get("scope", "").split()):
            return _redirect(redirect, {"error": "invalid_scope", "state": query.get("state", "")})
        code = "emulator-code-" + self._next("code")
        self._codes[code] = _Code(query["client_id"], redirect, query.get("code_challenge"), now + _CODE_SECONDS)
        return _redirect(redirect, {"code": code, "state": query.get("state", "")})

    def token(self, request: Request, now: float, settings: Settings) -> Reply:
        """Answer a token request."""
        try:
            form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
            self._check_client(form, request.headers, settings)
            if form.get("grant_type") == "refresh_token":
                self._use_refresh_token(form, now, settings)
            elif form.get("grant_type") == "authorization_code":
                self._use_code(form, now)
            else:
                return self._denied(_UNSUPPORTED, now)
            return self._issue(form, now, settings)
        except UnicodeDecodeError:
            return self._denied(_DeniedError("invalid_request", 900144, "The form is not UTF-8."), now)
        except _DeniedError as denied:
            return self._denied(denied, now)

    def deny_grant(self, now: float) -> Reply:
        """Answer as if consent had been withdrawn."""
        return self._denied(
            _DeniedError("invalid_grant", 70000, "The grant was revoked; the user must consent again."), now
        )

    def _check_client(self, form: Mapping[str, str], headers: Mapping[str, str], settings: Settings) -> None:
        client_id, secret = _client(form, headers)
        application = self._world.applications.get(client_id)
        if settings.accept_any:
            return
        if application is None:
            raise _DeniedError("unauthorized_client", 700016, "This application is not registered here.")
        if application.client_secret is None and secret:
            raise _DeniedError("invalid_client", 700025, "A public client sends no secret.", 401)
        if application.client_secret is not None and not secret:
            raise _DeniedError("invalid_client", 7000218, "This client must send its secret.", 401)
        if application.client_secret is not None and secret != application.client_secret:
            raise _DeniedError("invalid_client", 7000215, "The client secret is wrong.", 401)

    def _use_refresh_token(self, form: Mapping[str, str], now: float, settings: Settings) -> None:
        token = form.get("refresh_token", "")
        expires_at = self._refresh.get(token)
        if expires_at is None and settings.accept_any and token:
            return
        if expires_at is None and looks_real(token):
            raise _DeniedError(
                "invalid_grant", 9002313, "This is an emulator; the token looks like one of Microsoft's."
            )
        if expires_at is None:
            raise _DeniedError("invalid_grant", 70000, "The refresh token was not issued here, or was revoked.")
        if now >= expires_at:
            raise _DeniedError("invalid_grant", 700082, "The refresh token has expired; the user must consent again.")
        if settings.revoke_used_refresh_tokens:
            del self._refresh[token]

    def _use_code(self, form: Mapping[str, str], now: float) -> None:
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or now >= code.expires_at or code.client_id != form.get("client_id"):
            raise _DeniedError("invalid_grant", 70008, "The code is unknown, used or expired.")
        if form.get("redirect_uri") != code.redirect_uri:
            raise _DeniedError("invalid_grant", 50011, "The redirect address is not the one of the consent.")
        if code.challenge is not None and _challenge(form.get("code_verifier", "")) != code.challenge:
            raise _DeniedError("invalid_grant", 501481, "The code verifier does not match the challenge.")

    def _issue(self, form: Mapping[str, str], now: float, settings: Settings) -> Reply:
        scope = form.get("scope", "")
        if scope and not _SCOPES & set(scope.split()):
            raise _DeniedError("invalid_scope", 70011, "The scope must be msads.manage.")
        access = "emulator-access-" + self._next("access")
        self._access[access] = now + settings.access_token_seconds
        body: dict[str, object] = {
            "token_type": "Bearer",
            "scope": " ".join(sorted(_SCOPES & set(scope.split())) or sorted(_SCOPES)[:1]),
            "expires_in": int(settings.access_token_seconds),
            "ext_expires_in": int(settings.access_token_seconds),
            "access_token": access,
        }
        if not scope or "offline_access" in scope.split():
            refresh = "emulator-refresh-" + self._next("refresh")
            self._refresh[refresh] = now + settings.refresh_token_days * _DAY_SECONDS
            body["refresh_token"] = refresh
        return Reply(200, msgspec.json.encode(body), headers=(("Cache-Control", "no-store"),))

    def _denied(self, denied: _DeniedError, now: float) -> Reply:
        body = {
            "error": denied.error,
            "error_description": f"AADSTS{denied.number}: {denied.description}",
            "error_codes": [denied.number],
            "timestamp": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%SZ"),
            "trace_id": str(uuid.UUID(self._next("trace"))),
            "correlation_id": str(uuid.UUID(self._next("correlation"))),
        }
        return Reply(denied.status, msgspec.json.encode(body), headers=(("Cache-Control", "no-store"),))

    def _next(self, kind: str) -> str:
        self._issued += 1
        return derived(self._seed, kind, self._issued)


def _client(form: Mapping[str, str], headers: Mapping[str, str]) -> tuple[str, str]:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(value).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return unquote(client_id), unquote(secret)
    return form.get("client_id", ""), form.get("client_secret", "")


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _page(status: int, text: str) -> Reply:
    return Reply(status, text.encode(), content_type="text/plain; charset=utf-8")


def _redirect(address: str, parameters: Mapping[str, str]) -> Reply:
    given = urlencode({name: value for name, value in parameters.items() if value})
    location = f"{address}{'&' if '?' in address else '?'}{given}"
    return Reply(302, content_type="text/plain; charset=utf-8", headers=(("Location", location),))
