"""SOAP until it ends: zeep writes the body from the contract's WSDL, everything else is ours.

zeep sees no token and no network: the header is added here, and the only file it may load is the contract's.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from airflow_provider_bingads.api.endpoints import soap_url
from airflow_provider_bingads.api.http import WireReply, WireRequest
from airflow_provider_bingads.api.replies import Reading
from airflow_provider_bingads.api.settings import ConnectionSettings
from airflow_provider_bingads.api.soap_body import SoapBody
from airflow_provider_bingads.api.soap_reply import ENVELOPE, read_soap
from airflow_provider_bingads.api.transport import Identity, wire_headers
from airflow_provider_bingads.contract import DataType, Operation, Service, service, wsdl_path
from airflow_provider_bingads.exceptions import FixConfiguration, FixRequest

__all__ = ["SOAP_ENDS", "SoapTransport", "sunset_warning"]

_LOG: Final = logging.getLogger(__name__)
SOAP_ENDS: Final = date(2027, 1, 31)
"""The day Microsoft ends SOAP (api-facts H.1)."""


def sunset_warning(now: datetime) -> str:
    """Return what choosing SOAP means today."""
    days = (SOAP_ENDS - now.date()).days
    if days < 0:
        return (
            f"transport=soap: Microsoft ended the SOAP API on {SOAP_ENDS}, {-days} days ago; calls may fail. Set"
            " transport=rest in the connection; nothing else changes."
        )
    return (
        f"transport=soap: Microsoft ends the SOAP API on {SOAP_ENDS}, in {days} days. Set transport=rest in the"
        " connection; nothing else changes."
    )


@dataclass(frozen=True, slots=True)
class _SoapCall:
    operation: Operation
    described: Service
    url: str
    envelope: Any
    """lxml element of the whole envelope but its header; belongs to this call alone."""

    def request(self, identity: Identity) -> WireRequest:
        from lxml import etree

        header = etree.Element(f"{{{ENVELOPE}}}Header", nsmap=cast(Any, {None: self.described.namespace}))
        for name, value in _header_values(identity).items():
            if value and name in self.described.soap_headers:
                etree.SubElement(header, f"{{{self.described.namespace}}}{name}").text = value
        for old in self.envelope.findall(f"{{{ENVELOPE}}}Header"):
            self.envelope.remove(old)
        self.envelope.insert(0, header)
        content = etree.tostring(self.envelope, xml_declaration=True, encoding="utf-8")
        headers = {**wire_headers("text/xml; charset=utf-8"), "Accept": "text/xml"}
        headers["SOAPAction"] = f'"{self.operation.name}"'
        return WireRequest(self.url, headers, content)

    def read(self, reply: WireReply) -> Reading:
        return read_soap(self.described, self.operation, reply)


class SoapTransport:
    """Writes calls as SOAP 1.1."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._settings = settings
        _LOG.warning("%s", sunset_warning(datetime.now(UTC)))

    def prepare(self, operation: Operation, body: Mapping[str, Any]) -> _SoapCall:
        """Write a call's body; see :class:`airflow_provider_bingads.api.transport.Transport`."""
        name = f"{operation.service}.{operation.name}"
        if operation.request is None:
            raise FixRequest(
                f"{name} is not described for SOAP here; set transport=rest in the connection.",
                service=operation.service,
                operation=operation.name,
            )
        try:
            envelope = _writer(operation.service).write(operation, body)
        except FixConfiguration:
            raise
        except Exception as error:  # noqa: BLE001 - zeep raises many kinds, and their texts repeat values
            kind = type(error).__name__
            raise FixConfiguration(f"The body of {name} does not fit its SOAP description ({kind}).") from None
        url = soap_url(self._settings, operation.service)
        return _SoapCall(operation, service(operation.service), url, envelope)


def _header_values(identity: Identity) -> dict[str, str | None]:
    return {
        "AuthenticationToken": identity.access_token,
        "CustomerAccountId": identity.account_id,
        "CustomerId": identity.customer_id,
        "DeveloperToken": identity.developer_token,
    }


class _Writer:
    """zeep's view of one service."""

    def __init__(self, service_name: str) -> None:
        import zeep

        described = service(service_name)
        settings = zeep.Settings(strict=True, forbid_dtd=True, forbid_entities=True, forbid_external=True)
        path = str(wsdl_path(service_name))
        # zeep ships no types
        self._client: Any = cast(Any, zeep.Client)(path, transport=_OwnFileOnly(path), settings=settings)
        self._body = SoapBody(described, self._derived)
        # zeep promises nothing about threads
        self._lock = threading.Lock()

    def write(self, operation: Operation, body: Mapping[str, Any]) -> Any:
        with self._lock:
            fields = self._body.fields(operation.request or "", body)
            return self._client.create_message(self._client.service, operation.name, **fields)

    def _derived(self, data_type: DataType, fields: dict[str, Any]) -> Any:
        return self._client.get_type(f"{{{data_type.namespace}}}{data_type.name}")(**fields)


class _OwnFileOnly:
    """Stands where zeep expects its HTTP transport, and opens one file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def load(self, url: str) -> bytes:
        if url != self._path:
            raise PermissionError("zeep may load nothing but the contract's own WSDL")
        return Path(url).read_bytes()


@cache
def _writer(service_name: str) -> _Writer:
    return _Writer(service_name)
