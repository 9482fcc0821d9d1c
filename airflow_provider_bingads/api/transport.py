"""What REST and SOAP have in common: a call is prepared once, sent perhaps several times, and its reply is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from airflow_provider_bingads import __version__
from airflow_provider_bingads.api.http import WireReply, WireRequest
from airflow_provider_bingads.api.replies import Reading
from airflow_provider_bingads.contract import Operation, service

__all__ = ["API_REVISION", "Identity", "PreparedCall", "Transport", "expected_fields", "wire_headers"]

API_REVISION: Final = "2026-10-12"
"""Which fields the service returns; the newest date published when the contract was made (api-facts H.2)."""

_USER_AGENT: Final = f"airflow-provider-bingads/{__version__}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """As whom and for which account a call is made (api-facts F.3).

    :param account_id: None where the service takes no account.
    """

    access_token: str = field(repr=False)
    developer_token: str = field(repr=False)
    customer_id: str | None = None
    account_id: str | None = None


class PreparedCall(Protocol):
    """A call whose body is written; it must hold no token."""

    def request(self, identity: Identity) -> WireRequest:
        """Return the request of one attempt."""
        ...

    def read(self, reply: WireReply) -> Reading:
        """Tell what a whole HTTP reply says, by its content; must not raise for anything a peer may send."""
        ...


class Transport(Protocol):
    """One way to write calls."""

    def prepare(self, operation: Operation, body: Mapping[str, Any]) -> PreparedCall:
        """Write the body of a call in REST's shape (ids as text, flags as ``"A, B"``, ``Type``).

        :raises FixConfiguration: the body does not fit the operation.
        :raises FixRequest: the operation does not exist on this transport.
        """
        ...


def wire_headers(content_type: str) -> dict[str, str]:
    """Return the HTTP headers that say nothing about who calls."""
    return {
        "Accept": content_type,
        "Content-Type": content_type,
        "User-Agent": _USER_AGENT,
        "Api-Revision": API_REVISION,
    }


def expected_fields(operation: Operation) -> tuple[str, ...]:
    """Return the fields that a whole answer has; none for an operation of which only verb and path are known."""
    if operation.response is None:
        return ()
    return tuple(it.name for it in service(operation.service).all_fields(operation.response))
