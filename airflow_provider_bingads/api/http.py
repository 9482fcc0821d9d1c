"""The one way out of the process: a request goes to an allowed host, is sent once, and is answered in time or not.

It follows no redirect, repeats nothing, keeps no cookie and logs nothing. TLS is always verified.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Final, cast
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from airflow_provider_bingads.api.deadline import DeadlineBackend, exchange_limit
from airflow_provider_bingads.api.endpoints import origin
from airflow_provider_bingads.api.inflate import MAX_REPLY_BYTES, BodyRefused, read_body
from airflow_provider_bingads.exceptions import FixConfiguration

__all__ = ["EFFECT", "Effect", "HttpStack", "WireFailure", "WireReply", "WireRequest"]

CONNECT_SECONDS: Final = 10.0
_IDLE_SECONDS: Final = 20.0
_CONNECTIONS: Final = 16


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One HTTP request.

    :param headers: without those that HTTP itself needs.
    """

    url: str
    headers: Mapping[str, str]
    content: bytes = b""
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class WireReply:
    """A whole HTTP reply.

    :param headers: names in lower case.
    :param body: unpacked.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    latency_ms: int = 0


@dataclass(frozen=True, slots=True)
class WireFailure:
    """No whole reply came back.

    :param sent: the peer may have received the request.
    :param sentence: what happened, for people; holds nothing of request or reply.
    :param permanent: trying again at once cannot help.
    """

    sent: bool
    sentence: str
    permanent: bool = False
    latency_ms: int = 0


class Effect(Enum):
    """What an exception says about the request."""

    NOT_SENT = "not sent"
    UNKNOWN = "unknown"


EFFECT: Final[dict[type[Exception], Effect]] = {
    httpx.ConnectError: Effect.NOT_SENT,
    httpx.ConnectTimeout: Effect.NOT_SENT,
    httpx.PoolTimeout: Effect.NOT_SENT,
    httpx.ProxyError: Effect.NOT_SENT,
    httpx.UnsupportedProtocol: Effect.NOT_SENT,
    httpx.ReadError: Effect.UNKNOWN,
    httpx.ReadTimeout: Effect.UNKNOWN,
    httpx.WriteError: Effect.UNKNOWN,
    httpx.WriteTimeout: Effect.UNKNOWN,
    httpx.CloseError: Effect.UNKNOWN,
    httpx.RemoteProtocolError: Effect.UNKNOWN,
    httpx.LocalProtocolError: Effect.UNKNOWN,
    httpx.DecodingError: Effect.UNKNOWN,
    httpx.TooManyRedirects: Effect.UNKNOWN,
    httpx.TimeoutException: Effect.UNKNOWN,
    httpx.NetworkError: Effect.UNKNOWN,
    httpx.ProtocolError: Effect.UNKNOWN,
    httpx.TransportError: Effect.UNKNOWN,
    httpx.RequestError: Effect.UNKNOWN,
}
"""Whether a request may have had an effect, by what httpx raised; each class of the tree stands here by itself."""

_SENTENCES: Final[dict[type[Exception], str]] = {
    httpx.ConnectError: "no connection to {host}",
    httpx.ConnectTimeout: "no connection to {host} in time",
    httpx.PoolTimeout: "no free connection to {host} in time",
    httpx.ProxyError: "the proxy refused a connection to {host}",
    httpx.ReadTimeout: "no whole reply from {host} in time",
    httpx.WriteTimeout: "{host} did not take the request in time",
    httpx.ReadError: "the connection to {host} broke before the whole reply was there",
    httpx.WriteError: "the connection to {host} broke while the request was sent",
    httpx.RemoteProtocolError: "{host} closed the connection or sent something that is no whole HTTP reply",
}


class HttpStack:
    """Sends requests; safe to use from several threads.

    :param origins: ``scheme://host:port`` that may be called (``endpoints.allowed_origins``).
    :param transport: replaces sockets, in tests.
    :param max_reply_bytes: cap on an unpacked reply.
    """

    def __init__(
        self,
        origins: frozenset[str],
        *,
        transport: httpx.BaseTransport | None = None,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._origins = origins
        self._max_reply_bytes = max_reply_bytes
        self._monotonic = monotonic
        self._given = transport
        self._pools: dict[str | None, httpx.BaseTransport] = {}
        self._lock = threading.Lock()

    def send(self, request: WireRequest, seconds: float) -> WireReply | WireFailure:
        """Send once and read the whole reply.

        :param seconds: for everything from name lookup to the last byte.
        :raises FixConfiguration: the address is none of this connection's.
        """
        where = origin(request.url)
        if where not in self._origins:
            raise FixConfiguration(f"Refused to call {where}: it is no address of this connection's environment.")
        started = self._monotonic()
        with exchange_limit(seconds) as exchange:
            try:
                reply = self._exchange(self._transport(where), request, seconds)
            except (httpx.RequestError, BodyRefused) as error:
                wrote = exchange.wrote or self._given is not None
                sent = wrote and EFFECT.get(type(error)) is not Effect.NOT_SENT
                return WireFailure(sent, _sentence(error, where), _is_certificate(error), self._ms(started))
            except Exception as error:
                # nobody foresaw it, but what has left the process must not look unsent
                if not exchange.wrote:
                    raise
                return WireFailure(sent=True, sentence=_sentence(error, where), latency_ms=self._ms(started))
        return WireReply(reply.status, reply.headers, reply.body, self._ms(started))

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for transport in self._pools.values():
                transport.close()

    def _transport(self, where: str) -> httpx.BaseTransport:
        if self._given is not None:
            return self._given
        proxy = _proxy_for(where)
        with self._lock:
            if proxy not in self._pools:
                self._pools[proxy] = _pool(proxy, secure=where.startswith("https:"))
            return self._pools[proxy]

    def _ms(self, started: float) -> int:
        return round((self._monotonic() - started) * 1000)

    def _exchange(self, transport: httpx.BaseTransport, request: WireRequest, seconds: float) -> WireReply:
        response = transport.handle_request(_http_request(request, seconds))
        try:
            headers = {name.lower(): value for name, value in response.headers.items()}
            pieces = cast(httpx.SyncByteStream, response.stream)
            body = read_body(pieces, headers.get("content-encoding", ""), self._max_reply_bytes)
        finally:
            response.close()
        return WireReply(response.status_code, headers, body)


def _http_request(request: WireRequest, seconds: float) -> httpx.Request:
    timeout = httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds))
    return httpx.Request(
        request.method,
        request.url,
        headers={**request.headers, "Accept-Encoding": "gzip"},
        content=request.content,
        extensions={"timeout": timeout.as_dict()},
    )


def _sentence(error: Exception, where: str) -> str:
    host = where.partition("//")[2]
    if isinstance(error, BodyRefused):
        return f"the reply of {host} cannot be trusted: {error}"
    if _is_certificate(error):
        return (
            f"the certificate of {host} is not valid for this machine, so nothing was sent; if a proxy inspects TLS"
            " here, name its authority in SSL_CERT_FILE (checking cannot be switched off)"
        )
    return _SENTENCES.get(type(error), f"the exchange with {{host}} failed ({type(error).__name__})").format(host=host)


def _is_certificate(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _proxy_for(where: str) -> str | None:
    """Return the machine's proxy for a host (``HTTPS_PROXY``, ``NO_PROXY``); loopback is always reached directly."""
    if not where.startswith("https:"):
        return None
    proxies = getproxies()
    host = where.partition("//")[2].rpartition(":")[0]
    return None if proxy_bypass(host) else proxies.get("https") or proxies.get("all")


def _pool(proxy: str | None, *, secure: bool) -> httpx.BaseTransport:
    return _Pooled(
        httpcore.ConnectionPool(
            ssl_context=_tls() if secure else None,
            proxy=_proxy(proxy) if proxy else None,
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_CONNECTIONS,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=DeadlineBackend(),
        )
    )


@cache
def _tls() -> ssl.SSLContext:
    context = httpx.create_ssl_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _proxy(url: str) -> httpcore.Proxy:
    parts = httpx.Proxy(url)
    return httpcore.Proxy(url=str(parts.url), auth=parts.raw_auth, headers=parts.headers.raw)


class _Pooled(httpx.BaseTransport):
    """A pool of httpcore as a transport of httpx; httpx's own gives no way to put a network below it."""

    def __init__(self, pool: httpcore.ConnectionPool) -> None:
        self._pool = pool

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            response = self._pool.handle_request(
                httpcore.Request(
                    request.method,
                    str(request.url),
                    headers=request.headers.raw,
                    content=request.read(),
                    extensions=request.extensions,
                )
            )
        except Exception as error:
            raise renamed(error) from error
        return httpx.Response(response.status, headers=response.headers, stream=_Body(response))

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._response.iter_stream()
        except Exception as error:
            raise renamed(error) from error

    def close(self) -> None:
        self._response.close()


def renamed(error: Exception) -> Exception:
    """Return httpx's exception of the same name as httpcore's; any other exception as it is."""
    if type(error).__module__.partition(".")[0] != "httpcore":
        return error
    kind = getattr(httpx, type(error).__name__, httpx.TransportError)
    return kind(str(error)) if issubclass(kind, httpx.RequestError) else httpx.TransportError(str(error))
