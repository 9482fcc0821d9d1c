"""Keeps rotated refresh tokens between runs (airflow.md 2.6: tasks can write Variables, not Connections)."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec

__all__ = ["NoTokenStore", "StoredToken", "TokenStore", "VariableTokenStore", "Variables", "fingerprint"]

_LOG: Final = logging.getLogger(__name__)
_PREFIX: Final = "bingads_refresh_token__"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredToken:
    """A rotated refresh token.

    :param generation: how often it has been rotated since the connection's own token.
    :param connection_fingerprint: of the connection's token it descends from. Another one means that somebody signed
        in anew, and then the connection wins.
    """

    refresh_token: str = field(repr=False)
    generation: int
    connection_fingerprint: str


class TokenStore(Protocol):
    """Remembers the newest refresh token of a connection."""

    def load(self, connection_token: str) -> StoredToken | None:
        """Return the newest token that descends from the connection's, None where there is none."""
        ...

    def save(self, token: StoredToken) -> None:
        """Keep a token; must not raise, because losing a rotation does no harm while the old token lives."""
        ...


class Variables(Protocol):
    """What is used of ``airflow.sdk.Variable``."""

    def get(self, key: str) -> str | None:
        """Return a Variable's text, None where there is none."""
        ...

    def set(self, key: str, value: str) -> None:
        """Write a Variable."""
        ...


class NoTokenStore:
    """Remembers nothing: each run starts from the connection's token (``token_store=none``)."""

    def load(self, connection_token: str) -> StoredToken | None:  # noqa: ARG002 - the protocol's signature
        """Return None."""
        return None

    def save(self, token: StoredToken) -> None:
        """Do nothing."""


class VariableTokenStore:
    """Remembers in the Airflow Variable ``bingads_refresh_token__<conn_id>``.

    :param variables: reads and writes Variables.
    :param in_main: runs a function on the thread that may talk to Airflow.
    :param read_only: read, never write; outside a task.
    """

    def __init__(
        self,
        conn_id: str,
        variables: Variables,
        *,
        in_main: Callable[[Callable[[], object]], object],
        read_only: bool = False,
    ) -> None:
        self._key = _PREFIX + conn_id
        self._variables = variables
        self._in_main = in_main
        self._read_only = read_only

    def load(self, connection_token: str) -> StoredToken | None:
        """Return the Variable's token where it descends from the connection's."""
        text = self._in_main(self._read)
        stored = _parse(text) if isinstance(text, str) else None
        if stored is not None and stored.connection_fingerprint != fingerprint(connection_token):
            _LOG.info("Connection holds a newer sign-in than Variable %s; the connection's token is used.", self._key)
            return None
        return stored

    def save(self, token: StoredToken) -> None:
        """Write the Variable and look whether it can be read back."""
        if self._read_only:
            return
        value = msgspec.json.encode(
            {
                "refresh_token": token.refresh_token,
                "generation": token.generation,
                "connection_fingerprint": token.connection_fingerprint,
            }
        ).decode()
        self._in_main(lambda: self._write(value))

    def _read(self) -> str | None:
        try:
            return self._variables.get(self._key)
        except Exception as error:  # noqa: BLE001 - whatever a secrets backend raises, the connection's token is there
            _LOG.warning("Variable %s cannot be read (%s); the connection's token is used.", self._key, _kind(error))
            return None

    def _write(self, value: str) -> None:
        try:
            self._variables.set(self._key, value)
            shown = self._variables.get(self._key)
        except Exception as error:  # noqa: BLE001 - as above: the rotation is lost, the old token still lives
            _LOG.warning(
                "The rotated refresh token could not be written to Variable %s (%s); the old one stays in use until it"
                " expires.",
                self._key,
                _kind(error),
            )
            return
        if shown != value:
            _LOG.warning(
                "Variable %s is shadowed by a secrets backend or an environment variable: rotated refresh tokens are"
                " written to Airflow's database but never read from there. Remove the shadowing value, or set"
                " token_store=none in the connection and renew its refresh token before it expires.",
                self._key,
            )


def fingerprint(token: str) -> str:
    """Return 16 hex digits that tell tokens apart and give nothing away."""
    return hashlib.sha256(b"bingads-refresh-token\x00" + token.encode()).hexdigest()[:16]


def _parse(text: str) -> StoredToken | None:
    try:
        return msgspec.json.decode(text.encode(), type=StoredToken)
    except msgspec.MsgspecError:
        _LOG.warning("A stored refresh token is unreadable; the connection's token is used.")
        return None


def _kind(error: Exception) -> str:
    return type(error).__name__
