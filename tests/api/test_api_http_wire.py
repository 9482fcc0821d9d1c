"""What happens on the wire is told apart: answered, not sent, or not known. All on real loopback sockets."""

from __future__ import annotations

import gzip
import socket
import ssl
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import httpcore
import httpx
import pytest

from airflow_provider_bingads.api.http import EFFECT, Effect, HttpStack, WireFailure, WireReply, WireRequest, renamed
from airflow_provider_bingads.api.inflate import BodyRefused, read_body
from tests.api.api_fakes import peer, read_request

Serve = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Seen: yes\r\n\r\nhi"


def send(serve: Serve, seconds: float = 2.0, content: bytes = b"x" * 10, **options: int) -> WireReply | WireFailure:
    with peer(serve) as (host, port):
        stack = HttpStack(frozenset({f"http://{host}:{port}"}), **options)
        try:
            return stack.send(WireRequest(f"http://{host}:{port}/call", {"X-A": "b"}, content), seconds)
        finally:
            stack.close()


def answering(*pieces: bytes, before: Callable[[socket.socket], object] = read_request) -> Serve:
    def serve(connection: socket.socket) -> None:
        before(connection)
        for piece in pieces:
            connection.sendall(piece)

    return serve


def test_a_whole_reply_is_returned() -> None:
    reply = send(answering(OK))
    assert isinstance(reply, WireReply)
    assert (reply.status, reply.body, reply.headers["x-seen"]) == (200, b"hi", "yes")


HEAD = b"HTTP/1.1 200 OK\r\n"
PACKED = gzip.compress(b"hello" * 100)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (b"", "closed the connection"),
        (b"\x16\x03\x01 no http at all\r\n\r\n", "closed the connection or sent something"),
        (HEAD + b"Content-Length: 100\r\n\r\nhalf", "closed the connection"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n", "closed the connection"),
        (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + PACKED[:20], "ends too early"),
        (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", "compression is broken"),
        (HEAD + b"Content-Encoding: br\r\nContent-Length: 4\r\n\r\nnope", "not asked for"),
    ],
)
def test_after_a_broken_reply_nobody_knows(reply: bytes, why: str) -> None:
    failure = send(answering(reply))
    assert isinstance(failure, WireFailure)
    assert failure.sent
    assert why in failure.sentence


def test_what_nobody_foresaw_after_sending_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr("airflow_provider_bingads.api.http.read_body", broken)
    failure = send(answering(OK))
    assert isinstance(failure, WireFailure)
    assert failure.sent


def test_what_nobody_foresaw_before_sending_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr("airflow_provider_bingads.api.http._http_request", broken)
    with pytest.raises(ZeroDivisionError):
        send(answering(OK))


def test_a_packed_reply_is_unpacked() -> None:
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(PACKED)
    reply = send(answering(head + PACKED))
    assert isinstance(reply, WireReply)
    assert reply.body == b"hello" * 100


def test_a_refused_connection_sent_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
    failure = HttpStack(frozenset({f"http://{host}:{port}"})).send(WireRequest(f"http://{host}:{port}/", {}), 1.0)
    assert isinstance(failure, WireFailure)
    assert not failure.sent
    assert "no connection" in failure.sentence


def test_an_unknown_host_sent_nothing() -> None:
    url = "http://nowhere.invalid"
    failure = HttpStack(frozenset({f"{url}:80"})).send(WireRequest(url, {}), 5.0)
    assert isinstance(failure, WireFailure)
    assert not failure.sent


def test_no_reply_in_time_is_not_known() -> None:
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.recv(1)

    started = time.monotonic()
    failure = send(serve, seconds=0.05)
    assert isinstance(failure, WireFailure)
    assert failure.sent
    assert "in time" in failure.sentence
    assert time.monotonic() - started < 1.0


def dribbling(head: bytes, pause_seconds: float) -> Serve:
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head)
        for _ in range(1000):
            time.sleep(pause_seconds)
            connection.sendall(b"x")

    return serve


@pytest.mark.parametrize("head", [HEAD + b"Content-Length: 1000\r\n\r\n", b"HTTP/1.1 200 O"])
def test_a_reply_byte_by_byte_is_cut_at_the_deadline(head: bytes) -> None:
    """Each single read is quick, so only a limit on the whole exchange ends it."""
    started = time.monotonic()
    failure = send(dribbling(head, 0.01), seconds=0.1)
    assert isinstance(failure, WireFailure)
    assert failure.sent
    assert time.monotonic() - started < 1.0


def test_a_peer_that_reads_slowly_is_cut_at_the_deadline() -> None:
    def serve(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for _ in range(1000):
            time.sleep(0.01)
            connection.recv(2048)

    started = time.monotonic()
    failure = send(serve, seconds=0.15, content=b"x" * 20_000_000)
    assert isinstance(failure, WireFailure)
    assert failure.sent
    assert time.monotonic() - started < 1.5


def test_the_deadline_of_one_exchange_does_not_shorten_the_next() -> None:
    """Both use the same pooled connection."""

    def serve(connection: socket.socket) -> None:
        for pause in (0.0, 0.1):
            read_request(connection)
            time.sleep(pause)
            connection.sendall(OK)

    with peer(serve) as (host, port):
        stack = HttpStack(frozenset({f"http://{host}:{port}"}))
        request = WireRequest(f"http://{host}:{port}/", {}, b"x")
        assert isinstance(stack.send(request, 0.08), WireReply)
        assert isinstance(stack.send(request, 2.0), WireReply)
        stack.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_reply_and_is_not_followed(status: int) -> None:
    """A followed 307 would carry the tokens to another host."""
    seen: list[bytes] = []
    reply = f"HTTP/1.1 {status} Go\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n".encode()

    def serve(connection: socket.socket) -> None:
        seen.append(read_request(connection))
        connection.sendall(reply)

    answer = send(serve)
    assert isinstance(answer, WireReply)
    assert answer.status == status
    assert len(seen) == 1


def test_a_reply_above_the_cap_is_refused() -> None:
    body = b"y" * 5000
    failure = send(answering(HEAD + b"Content-Length: 5000\r\n\r\n" + body), max_reply_bytes=4999)
    assert isinstance(failure, WireFailure)
    assert "larger than 4999" in failure.sentence


def test_a_gzip_bomb_is_refused_by_its_unpacked_size() -> None:
    """10 MB arrive as 10 KB; the count is after unpacking, and unpacking stops at the cap."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(b" " * 1_000_000) for _ in range(10)) + packer.flush()
    with pytest.raises(BodyRefused, match="larger than"):
        read_body([bomb], "gzip", max_bytes=3_000_000)


def test_what_was_sent_holds_the_whole_request() -> None:
    seen: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        seen.append(read_request(connection))
        connection.sendall(OK)

    send(serve, content=b"z" * 100_000)
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert body == b"z" * 100_000
    assert head.startswith(b"POST /call HTTP/1.1")
    assert b"X-A: b" in head
    assert b"Accept-Encoding: gzip" in head


def certificate(folder: Path) -> ssl.SSLContext:
    """Make a certificate that nobody has signed but itself."""
    from datetime import UTC, datetime, timedelta
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


@pytest.mark.parametrize("trusted", [False, True])
def test_tls_is_really_verified(trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same server, self-signed: refused, unless its certificate is named as an authority of this machine."""
    from airflow_provider_bingads.api import http

    context = certificate(tmp_path)
    http._tls.cache_clear()
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    received: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            received.append(read_request(secure))
            secure.sendall(OK)

    with peer(serve) as (host, port):
        stack = HttpStack(frozenset({f"https://{host}:{port}"}))
        answer = stack.send(WireRequest(f"https://{host}:{port}/", {}, b"secret"), 2.0)
        stack.close()
    http._tls.cache_clear()
    if trusted:
        assert isinstance(answer, WireReply)
    else:
        assert isinstance(answer, WireFailure)
        assert answer.permanent
        assert not answer.sent
        assert "SSL_CERT_FILE" in answer.sentence
        assert received == []


def test_old_tls_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_provider_bingads.api import http

    context = certificate(tmp_path)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    http._tls.cache_clear()

    def serve(connection: socket.socket) -> None:
        context.wrap_socket(connection, server_side=True)

    with peer(serve) as (host, port):
        stack = HttpStack(frozenset({f"https://{host}:{port}"}))
        answer = stack.send(WireRequest(f"https://{host}:{port}/", {}), 2.0)
        stack.close()
    http._tls.cache_clear()
    assert isinstance(answer, WireFailure)
    assert not answer.sent


def test_the_machines_proxy_is_used_but_never_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A company proxy is asked for a tunnel; when it refuses, nothing was sent."""
    asked: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        asked.append(read_request(connection))
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with peer(serve) as (host, port):
        monkeypatch.setenv("HTTPS_PROXY", f"http://{host}:{port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        stack = HttpStack(frozenset({"https://campaign.api.bingads.microsoft.com:443"}))
        answer = stack.send(WireRequest("https://campaign.api.bingads.microsoft.com/x", {}, b"secret"), 2.0)
        stack.close()
    assert isinstance(answer, WireFailure)
    assert not answer.sent
    assert asked[0].startswith(b"CONNECT campaign.api.bingads.microsoft.com:443")
    assert b"secret" not in asked[0]
    reply = send(answering(OK))
    assert isinstance(reply, WireReply)


def _all_below(kind: type[Exception]) -> set[type[Exception]]:
    return {kind}.union(*(_all_below(child) for child in kind.__subclasses__()))


def test_every_exception_of_httpx_has_a_meaning() -> None:
    """A new one in a later httpx fails here, not at a customer."""
    assert {it for it in _all_below(httpx.RequestError) if it.__module__.startswith("httpx")} == set(EFFECT)


def test_only_what_cannot_have_left_counts_as_not_sent() -> None:
    not_sent = {it.__name__ for it, effect in EFFECT.items() if effect is Effect.NOT_SENT}
    assert not_sent == {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"}


@pytest.mark.parametrize(
    "kind",
    [it for it in vars(httpcore).values() if isinstance(it, type) and issubclass(it, Exception)],
    ids=lambda kind: kind.__name__,
)
def test_every_exception_of_httpcore_becomes_one_of_httpx(kind: type[Exception]) -> None:
    error = renamed(kind("text"))
    assert type(error) in EFFECT
    if hasattr(httpx, kind.__name__):
        assert type(error).__name__ == kind.__name__


def test_other_exceptions_keep_their_class() -> None:
    error = KeyError("x")
    assert renamed(error) is error
