"""REST: JSON in and out, identity in HTTP headers (api-facts F.3, F.6, F.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from airflow_provider_bingads.api.endpoints import rest_url
from airflow_provider_bingads.api.http import WireReply, WireRequest
from airflow_provider_bingads.api.replies import Reading, Unreadable, read_answer, read_refusal
from airflow_provider_bingads.api.settings import ConnectionSettings
from airflow_provider_bingads.api.transport import Identity, expected_fields, wire_headers
from airflow_provider_bingads.contract import Operation
from airflow_provider_bingads.exceptions import FixConfiguration

__all__ = ["RestTransport", "read_rest"]

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_DECODER: Final = msgspec.json.Decoder()
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class _RestCall:
    operation: Operation
    url: str
    content: bytes
    expected: tuple[str, ...]

    def request(self, identity: Identity) -> WireRequest:
        headers = wire_headers("application/json")
        headers["Authorization"] = f"Bearer {identity.access_token}"
        headers["DeveloperToken"] = identity.developer_token
        if identity.customer_id:
            headers["CustomerId"] = identity.customer_id
        if identity.account_id:
            headers["CustomerAccountId"] = identity.account_id
        return WireRequest(self.url, headers, self.content, self.operation.http_method or "POST")

    def read(self, reply: WireReply) -> Reading:
        return read_rest(self.operation.service, reply, self.expected)


class RestTransport:
    """Writes calls as JSON."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._settings = settings

    def prepare(self, operation: Operation, body: Mapping[str, Any]) -> _RestCall:
        """Write a call's body; see :class:`airflow_provider_bingads.api.transport.Transport`."""
        url = rest_url(self._settings, operation)
        try:
            content = _ENCODER.encode(body)
        except (TypeError, ValueError, msgspec.MsgspecError) as error:
            kind = type(error).__name__
            raise FixConfiguration(
                f"The body of {operation.service}.{operation.name} holds something JSON has no form for ({kind})."
            ) from None
        return _RestCall(operation, url, content, expected_fields(operation))


def read_rest(service: str, reply: WireReply, expected: tuple[str, ...]) -> Reading:
    """Read a REST reply: a fault in any status, an answer only in 200."""
    try:
        body = _DECODER.decode(reply.body)
    except msgspec.MsgspecError:
        return Unreadable(f"the reply (HTTP {reply.status}) is not JSON")
    except RecursionError:
        return Unreadable(f"the reply (HTTP {reply.status}) is nested too deeply")
    answered = reply.status == _OK and bool(expected) and isinstance(body, dict) and all(it in body for it in expected)
    refusal = None if answered else read_refusal(service, body)
    if refusal is not None:
        return refusal
    if reply.status != _OK:
        return Unreadable(f"the reply has status {reply.status} and no fault that names a code")
    return read_answer(body, expected)
