"""The socket side: reads requests, and delivers each reply exactly as well or as badly as it was ordered."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import Enum
from typing import Final

from airflow_provider_bingads.emulator.core import Admission, Emulator
from airflow_provider_bingads.emulator.http1 import (
    BodyProgress,
    HeadRead,
    RequestParser,
    RequestRead,
    UnreadableRequestError,
    reply_head,
)
from airflow_provider_bingads.emulator.injection import Phase
from airflow_provider_bingads.emulator.messages import Manner, Reply, Request

__all__ = ["Connection", "Observer"]

Observer = Callable[[Request, Reply], None]
"""Told each request with its reply; the recorder is one."""

_PAUSE_AND_RESET: Final = struct.pack("ii", 1, 0)
_BLANKS: Final = b" " * (1 << 20)
_GARBAGE: Final = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is no reply \x00\xff\xfe\r\n"


_log: Final = logging.getLogger(__name__)


class _End(Enum):
    """What follows the last byte of a reply."""

    KEEP = "keep"
    CLOSE = "close"
    RESET = "reset"


_SILENT: Final = {
    Manner.RESET: _End.RESET,
    Manner.RESET_MID_REQUEST: _End.RESET,
    Manner.DROP: _End.CLOSE,
    Manner.REFUSED: _End.CLOSE,
}


class Connection(asyncio.Protocol):
    """One client connection.

    :param before_reply: called before the first byte of each reply; True when nobody is to be let in any more.
    """

    def __init__(self, emulator: Emulator, observe: Observer | None, before_reply: Callable[[], bool]) -> None:
        self._emulator = emulator
        self._observe = observe
        self._before_reply = before_reply
        self._parser = RequestParser()
        self._admission = Admission()
        self._pieces: Iterator[tuple[bytes, float]] | None = None
        self._reply: Reply | None = None
        self._end = _End.KEEP
        self._held = False
        self._waiting: asyncio.TimerHandle | None = None
        self.transport: asyncio.Transport | None = None

    @property
    def busy(self) -> bool:
        """A request has been read and its reply has not left."""
        return self._reply is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; every write that does not leave at once holds the next one back."""
        if isinstance(transport, asyncio.Transport):
            self.transport = transport
            transport.set_write_buffer_limits(high=0)
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio names it
        """Forget the reply under way: its client is gone."""
        self.transport = None
        if self._waiting is not None:
            self._waiting.cancel()
        self._reply = None

    def pause_writing(self) -> None:
        """Hold the next piece until the kernel has taken this one."""
        self._held = True

    def resume_writing(self) -> None:
        """Go on with the reply."""
        self._held = False
        self._pump()

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._parser.feed(data)
        self._read()

    def retire(self) -> None:
        """Take no further request: close now, or after the reply under way."""
        if self.busy:
            self._end = _End.CLOSE if self._end is _End.KEEP else self._end
        else:
            self.close()

    def close(self) -> None:
        """Close the connection after what has been written."""
        if self.transport is not None:
            self.transport.close()

    def _read(self) -> None:
        while not self.busy and self.transport is not None and not self.transport.is_closing():
            try:
                event = self._parser.next_event()
            except UnreadableRequestError as error:
                self._start(Reply(error.status, str(error).encode(), "text/plain"), keep_alive=False)
                return
            if event is None:
                return
            if isinstance(event, HeadRead):
                self._on_head(event)
            elif isinstance(event, RequestRead):
                self._on_request(event)
            else:
                self._on_progress(event)

    def _on_head(self, event: HeadRead) -> None:
        self._admission = self._emulator.admit(event.request)
        if self._link_fault() == "reset_before":
            self._break(event.request)
        elif event.expects_continue and self.transport is not None:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _on_progress(self, _event: BodyProgress) -> None:
        if self._link_fault() == "reset_mid_request":
            self._break(Request("POST", ""))

    def _on_request(self, event: RequestRead) -> None:
        try:
            reply = self._emulator.serve(event.request, self._admission)
        except Exception as error:  # noqa: BLE001 - a bug of the emulator must not look like an injected fault
            _log.error("The emulator itself failed at %s: %s", event.request.path, _where(error))
            reply = Reply(500, b"The emulator itself failed; its log says where.", "text/plain", genuine=False)
        if self._observe is not None:
            self._observe(event.request, reply)
        self._start(reply, keep_alive=event.keep_alive)

    def _link_fault(self) -> str | None:
        fault = self._admission.fault
        return fault.kind.name if fault is not None and fault.kind.phase is Phase.LINK else None

    def _break(self, request: Request) -> None:
        self._start(self._emulator.serve(request, self._admission), keep_alive=False)

    def _start(self, reply: Reply, *, keep_alive: bool) -> None:
        self._reply = reply
        # a client that has its reply may knock again at once: the door must be shut before
        last = self._before_reply()
        self._pieces, self._end = _plan(reply, self._emulator.clock.now(), keep_alive=keep_alive and not last)
        if reply.delivery.delay_seconds > 0:
            self._wait(reply.delivery.delay_seconds)
        else:
            self._pump()

    def _wait(self, seconds: float) -> None:
        # reading goes on meanwhile: only so is a client noticed that leaves before its reply
        self._waiting = asyncio.get_running_loop().call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._waiting = None
        self._pump()

    def _pump(self) -> None:
        while self._pieces is not None and not self._held and self._waiting is None and self.transport is not None:
            piece = next(self._pieces, None)
            if piece is None:
                self._finish()
                return
            self.transport.write(piece[0])
            if piece[1] > 0:
                self._wait(piece[1])

    def _finish(self) -> None:
        reply, self._reply, self._pieces = self._reply, None, None
        if reply is not None and self.transport is not None and not self.transport.is_closing():
            self._emulator.delivered(reply)
        if self._end is _End.RESET:
            self._abort()
        elif self._end is _End.CLOSE:
            self.close()
        self._read()

    def _abort(self) -> None:
        """Close with a reset instead of a farewell: linger on, for no time."""
        if self.transport is not None:
            connection = self.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _PAUSE_AND_RESET)
            self.transport.abort()


def _where(error: Exception) -> str:
    """Return type and place of an error, without its text: that may hold somebody's data."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {frames[-1].name}, line {frames[-1].lineno}"


def _plan(reply: Reply, now: float, *, keep_alive: bool) -> tuple[Iterator[tuple[bytes, float]], _End]:
    """Return the pieces of a reply, each with the wait after it, and what follows them."""
    manner = reply.delivery.manner
    if manner in _SILENT:
        return iter(()), _SILENT[manner]
    head = reply_head(reply.status, _headers(reply, now, keep_alive=keep_alive))
    end = _End.KEEP if keep_alive else _End.CLOSE
    match manner:
        case Manner.GARBAGE:
            plan = iter([(_GARBAGE, 0.0)]), _End.CLOSE
        case Manner.BAD_CHUNK:
            plan = _bad_chunks(reply, now), _End.CLOSE
        case Manner.CUT:
            plan = iter([(head + reply.body[: len(reply.body) // 2], 0.0)]), _End.CLOSE
        case Manner.DRIBBLE:
            plan = _dribbled(head, reply), end
        case _:
            plan = (_padded(head, reply) if reply.delivery.padding_bytes else iter([(head + reply.body, 0.0)])), end
    return plan


def _headers(reply: Reply, now: float, *, keep_alive: bool) -> dict[str, str]:
    return {
        "Content-Type": reply.content_type,
        "Content-Length": str(len(reply.body) + reply.delivery.padding_bytes),
        "Date": format_datetime(datetime.fromtimestamp(now, UTC).replace(microsecond=0), usegmt=True),
        "Connection": "keep-alive" if keep_alive else "close",
        **dict(reply.headers),
    }


def _bad_chunks(reply: Reply, now: float) -> Iterator[tuple[bytes, float]]:
    headers = _headers(reply, now, keep_alive=True)
    del headers["Content-Length"]
    half = reply.body[: max(1, len(reply.body) // 2)]
    yield reply_head(reply.status, headers | {"Transfer-Encoding": "chunked"}), 0.0
    yield b"%x\r\n%b\r\nnot-a-size\r\n" % (len(half), half), 0.0


def _dribbled(head: bytes, reply: Reply) -> Iterator[tuple[bytes, float]]:
    yield head, 0.0
    size = reply.delivery.piece_bytes
    for start in range(0, len(reply.body), size):
        last = start + size >= len(reply.body)
        yield reply.body[start : start + size], 0.0 if last else reply.delivery.pause_seconds


def _padded(head: bytes, reply: Reply) -> Iterator[tuple[bytes, float]]:
    yield head, 0.0
    left = reply.delivery.padding_bytes
    while left > 0:
        yield _BLANKS[: min(left, len(_BLANKS))], 0.0
        left -= len(_BLANKS)
    yield reply.body, 0.0
