"""HTTP/1.1 requests out of bytes as they arrive, and the head of a reply; no sockets here."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

from airflow_provider_bingads.emulator.messages import Request

__all__ = [
    "BodyProgress",
    "HeadRead",
    "RequestParser",
    "RequestRead",
    "UnreadableRequestError",
    "reply_head",
    "unpacked",
]

MAXIMUM_HEAD: Final = 64 * 1024
MAXIMUM_BODY: Final = 64 * 1024 * 1024


class UnreadableRequestError(Exception):
    """The bytes are no HTTP request that this server takes.

    :param status: HTTP status of the reply.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class HeadRead:
    """The head of a request is complete."""

    request: Request
    expects_continue: bool


@dataclass(frozen=True, slots=True)
class BodyProgress:
    """Some of the body has arrived, not all."""

    received: int


@dataclass(frozen=True, slots=True)
class RequestRead:
    """The request is complete."""

    request: Request
    keep_alive: bool


Event = HeadRead | BodyProgress | RequestRead


class RequestParser:
    """Turns the bytes of one connection into events, request after request."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._request: Request | None = None
        self._keep_alive = True
        self._length: int | None = None
        self._chunks: bytearray | None = None
        self._announced = False

    def feed(self, data: bytes) -> None:
        """Take bytes from the connection."""
        self._buffer += data
        self._announced = False

    def next_event(self) -> Event | None:
        """Return the next event, None when more bytes are needed.

        :raises UnreadableRequestError: the bytes are no HTTP request; the connection must be closed.
        """
        if self._request is None:
            return self._read_head()
        body = self._read_chunks() if self._chunks is not None else self._read_fixed()
        if body is None:
            if self._announced or not (self._buffer or self._chunks):
                return None
            self._announced = True
            return BodyProgress(len(self._buffer) + len(self._chunks or b""))
        request, keep_alive = self._request, self._keep_alive
        request.body = unpacked(body, request.headers)
        self._request = self._length = self._chunks = None
        return RequestRead(request, keep_alive)

    def _read_head(self) -> HeadRead | None:
        while self._buffer.startswith(b"\r\n"):
            del self._buffer[:2]
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAXIMUM_HEAD:
                raise UnreadableRequestError(431, "The head of the request is too long.")
            return None
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        method, target, version = _request_line(lines[0])
        headers = _headers(lines[1:])
        path, _, query = target.partition("?")
        connection = headers.get("connection", "").lower()
        self._keep_alive = version == "HTTP/1.1" and "close" not in connection
        self._frame(headers)
        self._request = Request(method, unquote(path), query, headers)
        return HeadRead(self._request, headers.get("expect", "").lower() == "100-continue")

    def _frame(self, headers: Mapping[str, str]) -> None:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            self._length, self._chunks = None, bytearray()
            return
        length = headers.get("content-length", "0")
        if not length.isdecimal():
            raise UnreadableRequestError(400, "Content-Length is no number.")
        self._length, self._chunks = int(length), None
        if self._length > MAXIMUM_BODY:
            raise UnreadableRequestError(413, "The body is too long.")

    def _read_fixed(self) -> bytes | None:
        length = self._length or 0
        if len(self._buffer) < length:
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return body

    def _read_chunks(self) -> bytes | None:
        chunks = self._chunks if self._chunks is not None else bytearray()
        while True:
            line_end = self._buffer.find(b"\r\n")
            if line_end < 0:
                return None
            try:
                size = int(self._buffer[:line_end].partition(b";")[0], 16)
            except ValueError:
                raise UnreadableRequestError(400, "A chunk's size is no number.") from None
            if size == 0:
                return self._read_trailer(chunks, line_end)
            end = line_end + 2 + size
            if len(chunks) + size > MAXIMUM_BODY:
                raise UnreadableRequestError(413, "The body is too long.")
            if len(self._buffer) < end + 2:
                return None
            chunks += self._buffer[line_end + 2 : end]
            del self._buffer[: end + 2]

    def _read_trailer(self, chunks: bytearray, line_end: int) -> bytes | None:
        if self._buffer[line_end : line_end + 4] == b"\r\n\r\n":
            del self._buffer[: line_end + 4]
            return bytes(chunks)
        end = self._buffer.find(b"\r\n\r\n", line_end)
        if end < 0:
            return None
        del self._buffer[: end + 4]
        return bytes(chunks)


def reply_head(status: int, headers: Mapping[str, str]) -> bytes:
    """Write the status line and the headers of a reply."""
    reason = HTTPStatus(status).phrase if status in _STATUSES else "Unknown"
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


_STATUSES: Final = frozenset(status.value for status in HTTPStatus)


def _request_line(line: str) -> tuple[str, str, str]:
    parts = line.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1.") or not parts[1].startswith("/"):  # noqa: PLR2004
        raise UnreadableRequestError(400, "The request line is wrong.")
    return parts[0], parts[1], parts[2]


def _headers(lines: list[str]) -> dict[str, str]:
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise UnreadableRequestError(400, "A header has no colon.")
        headers[name.strip().lower()] = value.strip()
    return headers


def unpacked(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return a body without its content encoding.

    :raises UnreadableRequestError: an unknown encoding, broken data, or more than this server takes.
    """
    encoding = headers.get("content-encoding", "identity").lower()
    if encoding == "identity" or not body:
        return body
    if encoding not in {"gzip", "deflate"}:
        raise UnreadableRequestError(415, "The content encoding is neither gzip nor deflate.")
    unpacker = zlib.decompressobj(47)
    try:
        unpacked = unpacker.decompress(body, MAXIMUM_BODY)
    except zlib.error:
        raise UnreadableRequestError(400, "The packed body cannot be read.") from None
    if not unpacker.eof:
        cut = len(unpacked) < MAXIMUM_BODY
        raise UnreadableRequestError(400 if cut else 413, "The packed body is cut off or too long.")
    return unpacked
