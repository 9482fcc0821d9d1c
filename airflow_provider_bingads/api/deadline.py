"""One time limit for a whole exchange, enforced below httpx.

The time-outs of httpx count from the last byte, so a peer that sends one byte a second is never late. Here each
operation on a socket gets what is left of the exchange's own limit. The limit travels in a context variable because
one pooled connection serves many exchanges, each on the thread that asked for it.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import httpcore

__all__ = ["DeadlineBackend", "Exchange", "exchange_limit"]

_CHUNK_BYTES: Final = 16 * 1024


class Exchange:
    """One request and its reply.

    :param seconds: how long it may take, from now to the last byte.
    """

    __slots__ = ("_expires_at", "wrote")

    def __init__(self, seconds: float) -> None:
        self._expires_at = time.monotonic() + seconds
        self.wrote = False
        """A byte of the request left this process."""

    @property
    def left_seconds(self) -> float:
        """Time left; negative when it is over."""
        return self._expires_at - time.monotonic()


_current: ContextVar[Exchange | None] = ContextVar("bingads_exchange", default=None)


@contextmanager
def exchange_limit(seconds: float) -> Iterator[Exchange]:
    """Limit everything that happens on this backend's sockets inside the block."""
    exchange = Exchange(seconds)
    token = _current.set(exchange)
    try:
        yield exchange
    finally:
        _current.reset(token)


def _left(timeout: float | None, late: type[Exception]) -> float | None:
    """Return the smaller of the operation's time-out and what is left; raise ``late`` when nothing is."""
    exchange = _current.get()
    if exchange is None:
        return timeout
    left = exchange.left_seconds
    if left <= 0:
        raise late("the time for the whole exchange is over")
    return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        exchange = _current.get()
        # in pieces, so that a peer that reads slowly is late as a whole and not piece by piece
        for start in range(0, len(buffer), _CHUNK_BYTES):
            left = _left(timeout, httpcore.WriteTimeout)
            if exchange is not None:
                exchange.wrote = True
            self._inner.write(buffer[start : start + _CHUNK_BYTES], left)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _left(timeout, httpcore.ConnectTimeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class DeadlineBackend(httpcore.NetworkBackend):
    """The network of httpcore, with the limit of the current exchange on every operation."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first of the host's addresses that answers; all together share the limit."""
        last: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in _addresses(host, port):
            left = _left(timeout, httpcore.ConnectTimeout)
            try:
                return _Stream(self._inner.connect_tcp(address, port, left, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
