"""Access tokens: fetched before they expire, once for all threads, the rotated refresh token kept first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from airflow_provider_bingads.api.http import HttpStack, WireFailure
from airflow_provider_bingads.api.masking import Mask, no_mask, spellings
from airflow_provider_bingads.api.settings import ConnectionSettings
from airflow_provider_bingads.api.token_reply import (
    TokenReply,
    TokensGranted,
    TokensLater,
    TokensRefused,
    read_token_reply,
    token_request,
)
from airflow_provider_bingads.api.token_store import NoTokenStore, StoredToken, TokenStore, fingerprint
from airflow_provider_bingads.exceptions import FixCredentials, RetryLater

__all__ = ["AccessToken", "TokenSource"]

_MARGIN_SECONDS = 300.0
_MARGIN_SHARE = 0.1
_EXCHANGE_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A token for calls.

    :param obtained_at: monotonic seconds.
    """

    text: str = field(repr=False)
    obtained_at: float
    life_seconds: float

    def is_fresh(self, now: float) -> bool:
        """Tell whether it will still be good when a call made now arrives."""
        margin = min(_MARGIN_SECONDS, self.life_seconds * _MARGIN_SHARE)
        return now < self.obtained_at + self.life_seconds - margin

    def is_past_half(self, now: float) -> bool:
        """Tell whether more than half of its life is over."""
        return now > self.obtained_at + self.life_seconds / 2


class TokenSource:
    """Gives out access tokens; safe to use from several threads.

    :param store: where rotated refresh tokens are kept.
    :param mask: told of every secret before it is used.
    :param monotonic: a clock in seconds.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        http: HttpStack,
        *,
        store: TokenStore | None = None,
        mask: Mask = no_mask,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._http = http
        self._store = store or NoTokenStore()
        self._mask = mask
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._access: AccessToken | None = None
        self._refresh: StoredToken | None = None

    def get(self, *, stale: AccessToken | None = None, seconds: float = _EXCHANGE_SECONDS) -> AccessToken:
        """Return an access token, asking for a new one where needed.

        :param stale: a token that the service no longer takes; another thread's newer one is used where it exists.
        :param seconds: how long this may take, waiting for another thread's refresh included.
        :raises FixCredentials: nobody can sign in with what the connection holds.
        :raises RetryLater: the token endpoint could not be asked now.
        """
        ends = self._monotonic() + seconds
        # bounded, because the thread that refreshes may wait for the main thread, which may be the one waiting here
        if not self._lock.acquire(timeout=max(0.0, seconds)):
            raise RetryLater("No access token in time: another thread has been asking for one all the while.")
        try:
            current = self._access
            if current is not None and current is not stale and current.is_fresh(self._monotonic()):
                return current
            return self._renew(ends)
        finally:
            self._lock.release()

    def _renew(self, ends: float) -> AccessToken:
        refused: TokensRefused | None = None
        for candidate in self._candidates():
            reply = self._ask(candidate.refresh_token, min(_EXCHANGE_SECONDS, ends - self._monotonic()))
            if isinstance(reply, TokensGranted):
                return self._take(candidate, reply)
            if isinstance(reply, TokensLater):
                raise RetryLater(f"No access token: {reply.sentence}.")
            refused = refused or reply
            if reply.error != "invalid_grant":
                break
        said = refused.sentence if refused else ""
        raise FixCredentials(f"Connection {self._settings.conn_id!r} cannot sign in. {said}")

    def _candidates(self) -> Iterator[StoredToken]:
        """Yield the refresh tokens worth trying: the one in use, what another task stored since, the connection's."""
        tried = set()
        own = self._settings.refresh_token
        original = StoredToken(refresh_token=own, generation=0, connection_fingerprint=fingerprint(own))
        finders: tuple[Callable[[], StoredToken | None], ...] = (
            lambda: self._refresh,
            lambda: self._store.load(own),
            lambda: original,
        )
        for find in finders:
            token = find()
            if token is not None and token.refresh_token not in tried:
                tried.add(token.refresh_token)
                self._mask_all(token.refresh_token)
                yield token

    def _ask(self, refresh_token: str, seconds: float) -> TokenReply:
        if seconds <= 0:
            return TokensLater(sentence="the time for the call is over")
        reply = self._http.send(token_request(self._settings, refresh_token), seconds)
        if isinstance(reply, WireFailure):
            return TokensLater(sentence=reply.sentence)
        return read_token_reply(reply)

    def _take(self, used: StoredToken, granted: TokensGranted) -> AccessToken:
        self._mask_all(granted.access_token)
        self._refresh = used
        if granted.refresh_token and granted.refresh_token != used.refresh_token:
            self._mask_all(granted.refresh_token)
            self._refresh = StoredToken(
                refresh_token=granted.refresh_token,
                generation=used.generation + 1,
                connection_fingerprint=used.connection_fingerprint,
            )
            # before the new token is used anywhere: a crash between the two would lose it
            self._store.save(self._refresh)
        self._access = AccessToken(
            text=granted.access_token, obtained_at=self._monotonic(), life_seconds=granted.life_seconds
        )
        return self._access

    def _mask_all(self, secret: str) -> None:
        for spelling in spellings(secret):
            self._mask(spelling)
