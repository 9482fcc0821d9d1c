"""Requests out of bytes, however they arrive."""

from __future__ import annotations

import gzip
import itertools
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bingads.emulator.http1 import (
    MAXIMUM_BODY,
    BodyProgress,
    HeadRead,
    RequestParser,
    RequestRead,
    UnreadableRequestError,
    reply_head,
)

PLAIN = b"POST /a%20b?q=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: t\r\n\r\n"
BARE = b"GET /g HTTP/1.1\r\nConnection: close\r\n\r\n"


def events(*parts: bytes) -> list[object]:
    parser, found = RequestParser(), []
    for part in parts:
        parser.feed(part)
        while (event := parser.next_event()) is not None:
            found.append(event)
    return found


def requests(*parts: bytes) -> list[RequestRead]:
    return [event for event in events(*parts) if isinstance(event, RequestRead)]


@given(st.lists(st.integers(0, len(PLAIN + CHUNKED + BARE)), max_size=8))
def test_requests_are_the_same_however_their_bytes_are_cut(cuts: list[int]) -> None:
    """Three requests on one connection, in any parts."""
    data = PLAIN + CHUNKED + BARE
    edges = [0, *sorted(cuts), len(data)]

    found = requests(*(data[start:end] for start, end in itertools.pairwise(edges)))

    assert [(one.request.method, one.request.path, one.request.body) for one in found] == [
        ("POST", "/a b", b"hello"),
        ("POST", "/c", b"hello"),
        ("GET", "/g", b""),
    ]
    assert [one.keep_alive for one in found] == [True, True, False]


def test_the_head_is_told_before_the_body_has_come() -> None:
    head, progress, whole = events(PLAIN[:-3], PLAIN[-3:])
    assert isinstance(head, HeadRead)
    assert isinstance(progress, BodyProgress)
    assert isinstance(whole, RequestRead)
    assert (head.request.path, head.request.query) == ("/a b", "q=1")


def test_a_client_may_ask_whether_to_go_on() -> None:
    (head,) = events(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
    assert isinstance(head, HeadRead)
    assert head.expects_continue


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_packed_bodies_are_unpacked(encoding: str, pack: object) -> None:
    body = pack(b"hello" * 100)  # type: ignore[operator]
    head = f"POST / HTTP/1.1\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
    (whole,) = requests(head.encode() + body)
    assert whole.request.body == b"hello" * 100


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET elsewhere HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAXIMUM_BODY + 1), 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n", 413),
        (b"POST / HTTP/1.1\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx", 415),
        (b"POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 400),
        (b"x" * (70 * 1024), 431),
    ],
)
def test_what_is_no_request_is_refused_with_a_status(data: bytes, status: int) -> None:
    with pytest.raises(UnreadableRequestError) as caught:
        events(data)
    assert caught.value.status == status


def test_a_body_that_explodes_is_refused() -> None:
    body = gzip.compress(b" " * (MAXIMUM_BODY + 1))
    head = f"POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    with pytest.raises(UnreadableRequestError) as caught:
        events(head.encode() + body)
    assert caught.value.status == 413


def test_a_reply_has_a_status_line_and_its_headers() -> None:
    assert reply_head(429, {"Retry-After": "1"}) == b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\n\r\n"
    assert reply_head(799, {}) == b"HTTP/1.1 799 Unknown\r\n\r\n"
