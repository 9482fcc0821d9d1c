"""Consent in a browser without a browser of ours: an address to open, an answer to paste (RFC 6749 4.1, RFC 7636).

Microsoft documents no sign-in without a person, so a service needs the refresh token of one consent
(``guides/authentication-oauth-consent.md``).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from airflow_provider_bingads.api.endpoints import allowed_origins, token_scope, token_url
from airflow_provider_bingads.api.http import HttpStack, WireFailure, WireRequest
from airflow_provider_bingads.api.settings import ConnectionSettings
from airflow_provider_bingads.api.token_reply import TokensGranted, TokensLater, read_token_reply
from airflow_provider_bingads.domain.catalogue import advice
from airflow_provider_bingads.exceptions import FixCredentials, RetryLater

__all__ = ["NATIVE_REDIRECT", "Consent"]

NATIVE_REDIRECT: Final = "https://login.microsoftonline.com/common/oauth2/nativeclient"
"""Redirect address of a public client: a blank page whose address carries the code."""

_EXCHANGE_SECONDS: Final = 30.0


def _random() -> str:
    return secrets.token_urlsafe(48)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One attempt to sign in.

    :param settings: client, tenant and environment; its refresh token is not looked at.
    :param redirect_uri: as the app registration lists it.
    :param state: comes back with the answer and ties it to this attempt.
    :param verifier: proves at the exchange that the code was asked for here.
    """

    settings: ConnectionSettings
    redirect_uri: str = NATIVE_REDIRECT
    state: str = field(default_factory=_random, repr=False)
    verifier: str = field(default_factory=_random, repr=False)

    @property
    def url(self) -> str:
        """The address a person opens to sign in and consent."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        query = {
            "client_id": self.settings.client_id,
            "response_type": "code",
            "response_mode": "query",
            "redirect_uri": self.redirect_uri,
            "scope": token_scope(self.settings),
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "prompt": "select_account",
        }
        return f"{token_url(self.settings).removesuffix('/token')}/authorize?{urlencode(query)}"

    def code_of(self, answer: str) -> str:
        """Return the code in what the person pasted: the whole address after consent, or the code alone.

        :raises FixCredentials: consent was refused, or the answer holds no code of this attempt.
        """
        answer = answer.strip()
        if "=" not in answer:
            if not answer or any(character.isspace() for character in answer):
                raise FixCredentials("No code was pasted. Open the address again and paste the one it ends on.")
            return answer
        parts = urlsplit(answer)
        query = parse_qs(parts.query or parts.fragment or answer.partition("?")[2] or answer)
        if "error" in query:
            known = advice("OAuth", None, query["error"][0])
            raise FixCredentials(f"{known.meaning} {known.remedy}" if known.known else "The sign-in was refused.")
        if query.get("state") != [self.state]:
            raise FixCredentials("The pasted address belongs to another attempt. Open the address printed by this one.")
        if not query.get("code"):
            raise FixCredentials("The pasted address holds no code. Copy it from the address bar after consenting.")
        return query["code"][0]

    def refresh_token(self, code: str) -> str:
        """Exchange a code at the token endpoint and return the refresh token.

        :raises FixCredentials: the endpoint refused, or gave no refresh token.
        :raises RetryLater: the endpoint could not be asked.
        """
        http = HttpStack(allowed_origins(self.settings))
        try:
            wire = http.send(self._request(code), _EXCHANGE_SECONDS)
        finally:
            http.close()
        if isinstance(wire, WireFailure):
            raise RetryLater(f"The token endpoint could not be asked: {wire.sentence}.")
        reply = read_token_reply(wire)
        if isinstance(reply, TokensLater):
            raise RetryLater(f"No token: {reply.sentence}. Run `bingads auth` again in a while.")
        if not isinstance(reply, TokensGranted):
            raise FixCredentials(reply.sentence)
        if reply.refresh_token is None:
            raise FixCredentials(
                "The sign-in worked, but no refresh token came with it. Allow offline_access in the app registration's"
                " API permissions and run `bingads auth` again."
            )
        return reply.refresh_token

    def _request(self, code: str) -> WireRequest:
        form = {
            "client_id": self.settings.client_id,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "scope": token_scope(self.settings),
            "code_verifier": self.verifier,
        }
        if self.settings.client_secret:
            form["client_secret"] = self.settings.client_secret
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        return WireRequest(token_url(self.settings), headers, urlencode(form).encode())
