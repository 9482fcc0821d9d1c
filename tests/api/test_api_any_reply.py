"""Whatever a peer sends, reading it ends in a verdict and never in an exception, and never by chance in success."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_bingads.api.http import WireReply
from airflow_provider_bingads.api.inflate import BodyRefused, read_body
from airflow_provider_bingads.api.replies import Answer, Refusal, Unreadable
from airflow_provider_bingads.api.rest import read_rest
from airflow_provider_bingads.api.soap_reply import read_soap
from airflow_provider_bingads.api.token_reply import TokensGranted, TokensLater, TokensRefused, read_token_reply
from airflow_provider_bingads.contract import operation, service

APPLY = operation("CampaignManagement", "ApplyOfflineConversions")
CM = "https://bingads.microsoft.com/CampaignManagement/v13"
STATUS = st.sampled_from([200, 201, 204, 301, 400, 401, 403, 404, 413, 429, 500, 503])
NAMES = st.sampled_from(
    ["PartialErrors", "Errors", "OperationErrors", "BatchErrors", "Index", "Code", "ErrorCode", "Message", "TrackingId"]
) | st.text(max_size=3)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
READ = Answer | Refusal | Unreadable
ERRORS = "<BatchError><Code>5606</Code><ErrorCode>X</ErrorCode><Index>0</Index><Message>m</Message></BatchError>"
ENVELOPE = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body>'
    f'<ApplyOfflineConversionsResponse xmlns="{CM}"><PartialErrors>{ERRORS}</PartialErrors>'
    "</ApplyOfflineConversionsResponse></s:Body></s:Envelope>"
).encode()

calm = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@calm
@given(body=st.binary(max_size=60), status=STATUS)
def test_any_bytes(body: bytes, status: int) -> None:
    reply = WireReply(status, {}, body)
    assert isinstance(read_rest("CampaignManagement", reply, ("PartialErrors",)), Unreadable)
    assert isinstance(read_soap(service("CampaignManagement"), APPLY, reply), Unreadable)
    assert isinstance(read_token_reply(reply), TokensLater)


@calm
@given(body=VALUES, status=STATUS)
def test_any_json(body: Any, status: int) -> None:
    """Success needs status 200 and the field that was asked for."""
    reply = WireReply(status, {}, msgspec.json.encode(body))
    found = read_rest("CampaignManagement", reply, ("PartialErrors",))
    assert isinstance(found, READ)
    if isinstance(found, Answer):
        assert status == 200
        assert "PartialErrors" in body
    assert isinstance(read_token_reply(reply), TokensGranted | TokensRefused | TokensLater)


@calm
@given(position=st.integers(0, len(ENVELOPE)), replacement=st.binary(max_size=3), length=st.integers(0, 40))
def test_any_damage_to_an_envelope(position: int, replacement: bytes, length: int) -> None:
    damaged = ENVELOPE[:position] + replacement + ENVELOPE[position + length :]
    found = read_soap(service("CampaignManagement"), APPLY, WireReply(200, {}, damaged))
    assert isinstance(found, READ)
    if isinstance(found, Answer):
        assert found.body["PartialErrors"] is None or isinstance(found.body["PartialErrors"], list)


@calm
@given(cut=st.integers(0, len(ENVELOPE) - 1))
def test_half_an_envelope_is_never_success(cut: int) -> None:
    reply = WireReply(200, {}, ENVELOPE[:cut])
    assert isinstance(read_soap(service("CampaignManagement"), APPLY, reply), Unreadable)


@calm
@given(pieces=st.lists(st.binary(max_size=20), max_size=4), encoding=st.sampled_from(["", "gzip", "deflate", "br"]))
def test_any_packed_body(pieces: list[bytes], encoding: str) -> None:
    try:
        assert isinstance(read_body(pieces, encoding), bytes)
    except BodyRefused:
        assert encoding
