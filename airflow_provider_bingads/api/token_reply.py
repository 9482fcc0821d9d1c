"""OAuth 2.0 refresh without I/O: what to ask the token endpoint, and what its answer means (api-facts F.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from airflow_provider_bingads.api.endpoints import token_scope, token_url
from airflow_provider_bingads.api.http import WireReply, WireRequest
from airflow_provider_bingads.api.settings import ConnectionSettings
from airflow_provider_bingads.domain.catalogue import Action, advice

__all__ = ["TokenReply", "TokensGranted", "TokensLater", "TokensRefused", "read_token_reply", "token_request"]

_OK: Final = 200
_SERVER_ERROR: Final = 500
_TOO_MANY: Final = 429
_SYMBOL: Final = re.compile(r"[a-z_]{3,40}")
_AADSTS: Final = re.compile(r"\bAADSTS(\d{4,8})\b")
_TOKEN: Final = re.compile(r"[\x21-\x7e]{8,}")
_SHORTEST_LIFE_SECONDS: Final = 30
_DEFAULT_LIFE_SECONDS: Final = 3600
_LONGEST_LIFE_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensGranted:
    """A new access token.

    :param refresh_token: a rotated one; None where the endpoint keeps the old.
    :param life_seconds: how long the access token is good.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    life_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensRefused:
    """Repeating cannot help.

    :param error: OAuth's symbol, such as ``invalid_grant``.
    :param sentence: what is wrong and what to do; holds nothing the endpoint wrote but its code.
    """

    error: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensLater:
    """The endpoint could not be asked, or could not answer."""

    sentence: str


TokenReply = TokensGranted | TokensRefused | TokensLater


def token_request(settings: ConnectionSettings, refresh_token: str) -> WireRequest:
    """Return the request that exchanges a refresh token."""
    form = {
        "client_id": settings.client_id,
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        "scope": token_scope(settings),
    }
    if settings.client_secret:
        form["client_secret"] = settings.client_secret
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    return WireRequest(token_url(settings), headers, urlencode(form).encode())


def read_token_reply(reply: WireReply) -> TokenReply:
    """Tell what the token endpoint answered; a page in HTML, half an object or nonsense is no refusal."""
    body = _object(reply.body)
    if reply.status == _OK and body is not None:
        granted = _granted(body)
        if granted is not None:
            return granted
    error = body.get("error") if body is not None else None
    if not isinstance(error, str) or not _SYMBOL.fullmatch(error):
        return TokensLater(sentence=f"the token endpoint answered with status {reply.status} and no reason")
    return _refusal(error, str((body or {}).get("error_description", "")), reply.status)


def _granted(body: dict[str, Any]) -> TokensGranted | None:
    access, refresh = _token(body.get("access_token")), _token(body.get("refresh_token"))
    kind = body.get("token_type", "Bearer")
    if access is None or not isinstance(kind, str) or kind.lower() != "bearer":
        return None
    return TokensGranted(
        access_token=access,
        refresh_token=refresh,
        life_seconds=_life(body.get("expires_in")),
    )


def _refusal(error: str, description: str, status: int) -> TokenReply:
    found = _AADSTS.search(description)
    number = int(found[1]) if found else None
    known = advice("OAuth", number, error)
    name = f"{error} (AADSTS{number})" if number is not None else error
    if known.action in {Action.RETRY, Action.WAIT} or status >= _SERVER_ERROR or status == _TOO_MANY:
        return TokensLater(sentence=f"the token endpoint answered {name}")
    if not known.known:
        return TokensRefused(error=error, sentence=f"The token endpoint refused the sign-in: {name}.")
    return TokensRefused(error=error, sentence=f"{known.meaning} {known.remedy} The token endpoint said {name}.")


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        body = msgspec.json.decode(content)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _token(value: Any) -> str | None:
    return value if isinstance(value, str) and _TOKEN.fullmatch(value) else None


def _life(value: Any) -> int:
    try:
        return max(_SHORTEST_LIFE_SECONDS, min(int(value), _LONGEST_LIFE_SECONDS))
    except (TypeError, ValueError, OverflowError):
        return _DEFAULT_LIFE_SECONDS
