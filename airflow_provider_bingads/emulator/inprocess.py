"""The emulator behind an httpx client without sockets: thousands of scenarios a minute, on a simulated clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import httpx

from airflow_provider_bingads.emulator.core import Emulator
from airflow_provider_bingads.emulator.http1 import unpacked
from airflow_provider_bingads.emulator.mangling import link_fault
from airflow_provider_bingads.emulator.messages import Manner, Reply, Request

__all__ = ["InProcessTransport"]

_BLANKS: Final = b" " * (1 << 20)
_PIECES: Final = 1 << 16


class InProcessTransport(httpx.BaseTransport):
    """Carries requests to an emulator of this process and lets injected faults appear as httpx would show them.

    :param emulator: the service.
    :param wait: spends seconds where a wire would; by default the emulator's clock is advanced.
    """

    def __init__(self, emulator: Emulator, wait: Callable[[float], object] | None = None) -> None:
        self._emulator = emulator
        self._wait = wait or emulator.clock.advance

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Exchange a request for a reply.

        :raises httpx.TransportError: the wire failed, as ordered.
        """
        if self._emulator.faults.take_refusal() is not None:
            return self._deliver(request, link_fault("refused"))
        headers = {name.lower(): value for name, value in request.headers.items()}
        given = Request(request.method, request.url.path, request.url.query.decode(), headers)
        admission = self._emulator.admit(given)
        given.body = unpacked(request.read(), headers)
        return self._deliver(request, self._emulator.serve(given, admission))

    def _deliver(self, request: httpx.Request, reply: Reply) -> httpx.Response:
        delay, limit = reply.delivery.delay_seconds, request.extensions.get("timeout", {}).get("read")
        if limit is not None and delay > limit:
            self._wait(limit)
            raise httpx.ReadTimeout("The reply is late.", request=request)
        if delay > 0:
            self._wait(delay)
        error = _ERRORS.get(reply.delivery.manner)
        if error is not None:
            raise error[0](error[1], request=request)
        headers = {"Content-Type": reply.content_type, **dict(reply.headers)}
        if reply.delivery.manner is not Manner.BAD_CHUNK:
            headers["Content-Length"] = str(len(reply.body) + reply.delivery.padding_bytes)
        stream = _Body(reply, self._wait, lambda: self._emulator.delivered(reply))
        return httpx.Response(reply.status, headers=headers, stream=stream, request=request)


class _Body(httpx.SyncByteStream):
    """The body of a reply, as far as it comes."""

    def __init__(self, reply: Reply, wait: Callable[[float], object], delivered: Callable[[], None]) -> None:
        self._reply = reply
        self._wait = wait
        self._delivered = delivered

    def __iter__(self) -> Iterator[bytes]:
        body, delivery = self._reply.body, self._reply.delivery
        if delivery.manner in {Manner.CUT, Manner.BAD_CHUNK}:
            yield body[: len(body) // 2]
            raise httpx.RemoteProtocolError("The body ends before its end.")
        for start in range(0, delivery.padding_bytes, len(_BLANKS)):
            yield _BLANKS[: delivery.padding_bytes - start]
        dribbles = delivery.manner is Manner.DRIBBLE
        size = delivery.piece_bytes if dribbles else _PIECES
        for start in range(0, len(body), size):
            if dribbles and start:
                self._wait(delivery.pause_seconds)
            yield body[start : start + size]
        self._delivered()


_ERRORS: Final[dict[Manner, tuple[type[httpx.TransportError], str]]] = {
    Manner.REFUSED: (httpx.ConnectError, "Connection refused."),
    Manner.RESET: (httpx.ReadError, "Connection reset by peer."),
    Manner.RESET_MID_REQUEST: (httpx.WriteError, "Connection reset by peer."),
    Manner.DROP: (httpx.RemoteProtocolError, "Server disconnected without sending a response."),
    Manner.GARBAGE: (httpx.RemoteProtocolError, "The reply is no HTTP."),
}
