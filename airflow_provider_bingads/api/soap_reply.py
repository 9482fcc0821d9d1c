"""Reads SOAP replies ourselves, because zeep takes wrong ones for success (``delivery.md`` 5.1).

A reply counts only with exactly one envelope, one body and in it one element: the expected response, or a fault.
Elements nobody knows are passed over, since the service may learn new ones. The result has REST's shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from airflow_provider_bingads.api.http import WireReply
from airflow_provider_bingads.api.replies import (
    Answer,
    Reading,
    Refusal,
    Unreadable,
    read_answer,
    read_refusal,
    tracking_id_of,
)
from airflow_provider_bingads.api.transport import expected_fields
from airflow_provider_bingads.contract import DataType, Operation, Service
from airflow_provider_bingads.domain.calls import Fault

__all__ = ["ENVELOPE", "read_soap"]

ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
_INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance"
_OK: Final = 200
_PROLOGUE_BYTES: Final = 4096
_FORBIDDEN: Final = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
_OUR_FAULT: Final = frozenset({"Client", "DeserializationFailed", "ActionNotSupported", "MustUnderstand"})


class _Untrusted(Exception):  # says what the reply is; never leaves this module
    """The reply is not what a reply must be; the message says how and holds nothing of it."""


def read_soap(described: Service, operation: Operation, reply: WireReply) -> Reading:
    """Read a SOAP reply: a fault in any status, an answer only in 200."""
    try:
        return _read(described, operation, reply)
    except _Untrusted as error:
        return Unreadable(str(error))


def _read(described: Service, operation: Operation, reply: WireReply) -> Reading:
    root = _parse(reply.body)
    header_id = _header_tracking_id(root, described)
    content = _only_content(root)
    if content.tag == f"{{{ENVELOPE}}}Fault":
        return _fault(described, content, header_id)
    if content.tag != f"{{{described.namespace}}}{operation.response}":
        return Unreadable("the reply is not the one that belongs to the call")
    if reply.status != _OK:
        return Unreadable(f"the reply has status {reply.status} and yet no fault")
    body = _Decoder(described).object(operation.response or "", content, top=True)
    read = read_answer(body, expected_fields(operation))
    return replace(read, tracking_id=header_id) if isinstance(read, Answer) else read


def _parse(content: bytes) -> Any:
    from lxml import etree

    if _FORBIDDEN.search(content[:_PROLOGUE_BYTES]):
        raise _Untrusted("the reply declares a document type, which no reply may")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise _Untrusted("the reply is not XML, or only a part of it") from None
    # the same once more, for encodings that hide it from a search of bytes
    document: Any = root.getroottree().docinfo
    if document.doctype or any(isinstance(it, etree._Entity) for it in root.iter()):
        raise _Untrusted("the reply declares a document type, which no reply may")
    return root


def _only_content(root: Any) -> Any:
    if root.tag != f"{{{ENVELOPE}}}Envelope":
        raise _Untrusted("the reply is no SOAP envelope")
    bodies = root.findall(f"{{{ENVELOPE}}}Body")
    if len(bodies) != 1:
        raise _Untrusted("the reply's envelope does not hold exactly one body")
    elements = list(bodies[0])
    if len(elements) != 1:
        raise _Untrusted("the reply's body does not hold exactly one element")
    return elements[0]


def _header_tracking_id(root: Any, described: Service) -> str | None:
    return tracking_id_of(root.findtext(f"{{{ENVELOPE}}}Header/{{{described.namespace}}}TrackingId"))


def _fault(described: Service, fault: Any, header_id: str | None) -> Reading:
    decoder = _Decoder(described)
    for detail in fault.iterfind("detail/*"):
        name = _local(detail.tag)
        if name not in described.types:
            continue
        refusal = read_refusal(described.name, decoder.object(name, detail))
        if refusal is not None:
            return Refusal(refusal.fault, refusal.tracking_id or header_id)
    code = (fault.findtext("faultcode") or "").rpartition(":")[2]
    if code in _OUR_FAULT:
        return Refusal(Fault(described.name, None, code, "the service could not read the request"), header_id)
    return Unreadable("the reply is a fault that names no code")


class _Decoder:
    """Turns elements into REST's shape by the contract."""

    def __init__(self, described: Service) -> None:
        self._service = described

    def object(self, declared: str, element: Any, *, top: bool = False) -> dict[str, Any]:
        """Read an object; every field of its type is there afterwards, except at the top, where a lack matters."""
        data_type = self._actual(declared, element)
        fields = {tag: (name, kind) for tag, name, kind in self._tags(data_type.name)}
        read: dict[str, Any] = {} if top else {name: None for name, _ in fields.values()}
        seen = set()
        for child in element:
            if child.tag not in fields:
                continue
            if child.tag in seen:
                raise _Untrusted("the reply holds a field twice")
            seen.add(child.tag)
            name, kind = fields[child.tag]
            read[name] = self._value(kind, child)
        if data_type.rest_type is not None:
            read["Type"] = data_type.rest_type
        return read

    def _value(self, type_name: str, element: Any) -> Any:
        if element.get(f"{{{_INSTANCE}}}nil") in {"true", "1"}:
            return None
        item = self._service.item_of(type_name)
        if item is not None:
            return [self._value(item.type, child) for child in element if _local(child.tag) == item.name]
        data_type = self._service.types.get(type_name)
        if data_type is None:
            return self._scalar(type_name, element)
        if data_type.enum is None:
            return self.object(type_name, element)
        text = _text(element)
        return ", ".join(text.split()) if data_type.is_flags else text

    def _scalar(self, type_name: str, element: Any) -> Any:
        text = _text(element)
        try:
            return _SCALARS.get(type_name, str)(text)
        except (ValueError, KeyError):
            raise _Untrusted("the reply holds a value its field cannot have") from None

    def _actual(self, declared: str, element: Any) -> DataType:
        name = (element.get(f"{{{_INSTANCE}}}type") or "").rpartition(":")[2]
        below = self._service.derived_types(declared)
        return next((it for it in below if it.name == name), self._service.type(declared))

    def _tags(self, type_name: str) -> Iterator[tuple[str, str, str]]:
        data_type = self._service.type(type_name)
        if data_type.base is not None:
            yield from self._tags(data_type.base)
        for field in data_type.fields:
            yield f"{{{data_type.namespace}}}{field.name}", field.name, field.type


def _local(tag: Any) -> str:
    return str(tag).rpartition("}")[2]


def _text(element: Any) -> str:
    if len(element):
        raise _Untrusted("the reply holds elements where a value belongs")
    return element.text or ""


def _long(text: str) -> str:
    return str(int(text))


def _boolean(text: str) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}[text.strip()]


_SCALARS: Final[dict[str, Callable[[str], Any]]] = {
    "long": _long,
    "int": int,
    "short": int,
    "unsignedByte": int,
    "double": float,
    "float": float,
    "decimal": float,
    "boolean": _boolean,
}
