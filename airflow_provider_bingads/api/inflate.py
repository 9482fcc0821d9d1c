"""Reads a reply's body whole, unpacked, and never more of it than the cap."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

__all__ = ["MAX_REPLY_BYTES", "BodyRefused", "read_body"]

MAX_REPLY_BYTES: Final = 64 * 1024 * 1024
_STEP_BYTES: Final = 1024 * 1024
_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS


class BodyRefused(Exception):  # says what happened; caught inside this layer
    """The body is too large, packed in an unknown way, or cut short; the message says which."""


def read_body(pieces: Iterable[bytes], content_encoding: str, max_bytes: int = MAX_REPLY_BYTES) -> bytes:
    """Join a body's pieces, unpacking gzip and deflate in small steps, so that a small bomb stays small.

    :param content_encoding: header ``Content-Encoding``; empty for none.
    :param max_bytes: cap on the unpacked size.
    :raises BodyRefused: the body is not to be trusted.
    """
    encoding = content_encoding.strip().lower()
    if encoding in {"gzip", "x-gzip", "deflate"}:
        pieces = _inflate(pieces)
    elif encoding not in {"", "identity"}:
        raise BodyRefused("the reply is packed in a way that was not asked for")
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > max_bytes:
            raise BodyRefused(f"the reply is larger than {max_bytes} bytes")
    return bytes(body)


def _inflate(pieces: Iterable[bytes]) -> Iterator[bytes]:
    machine = zlib.decompressobj(_GZIP_OR_ZLIB)
    for piece in pieces:
        packed = piece
        while packed:
            try:
                yield machine.decompress(packed, _STEP_BYTES)
            except zlib.error:
                raise BodyRefused("the reply's compression is broken") from None
            packed = machine.unconsumed_tail
    if not machine.eof:
        raise BodyRefused("the packed reply ends too early")
