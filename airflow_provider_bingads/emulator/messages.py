"""One request and one reply, as the core sees them: no sockets here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from airflow_provider_bingads.emulator.journal import CallRecord

__all__ = ["WHOLE", "Delivery", "Manner", "Reply", "Request"]


class Manner(str, Enum):
    """What becomes of a reply's bytes on their way."""

    WHOLE = "whole"
    """All of them arrive, correctly framed."""
    REFUSED = "refused"
    """Nobody listens: the connection cannot be made."""
    RESET = "reset"
    """The connection is reset before the request is read."""
    RESET_MID_REQUEST = "reset_mid_request"
    """The connection is reset while the request's body arrives."""
    DROP = "drop"
    """The connection is closed without a reply."""
    CUT = "cut"
    """The headers promise the whole body, half of it arrives, the connection is closed."""
    BAD_CHUNK = "bad_chunk"
    """The body is chunked, and a chunk's size is no number."""
    GARBAGE = "garbage"
    """The bytes are no HTTP at all."""
    DRIBBLE = "dribble"
    """The body arrives a few bytes at a time."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a reply reaches its client.

    :param manner: see :class:`Manner`.
    :param delay_seconds: real time between the request and the first byte of the reply.
    :param piece_bytes: with ``DRIBBLE``, bytes at a time.
    :param pause_seconds: with ``DRIBBLE``, real time between two pieces.
    :param padding_bytes: blanks sent before the body, and counted in its length.
    """

    manner: Manner = Manner.WHOLE
    delay_seconds: float = 0.0
    piece_bytes: int = 1
    pause_seconds: float = 0.05
    padding_bytes: int = 0


WHOLE: Final = Delivery()


@dataclass(slots=True)
class Request:
    """One HTTP request.

    :param path: without the query.
    :param headers: names in lower case.
    :param body: decoded from chunks and gzip; empty while only the head has arrived.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(slots=True)
class Reply:
    """One HTTP reply.

    :param headers: beyond ``Content-Type`` and ``Content-Length``.
    :param call: the journal's record of the call; None for anything that is no call of the API.
    :param genuine: the reply says what the service decided; false for every reply that an injected fault made up.
    """

    status: int
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    delivery: Delivery = WHOLE
    call: CallRecord | None = None
    genuine: bool = True
