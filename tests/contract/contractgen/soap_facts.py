"""Reads one WSDL of the vendor's ``bingads`` package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contractgen.facts import FaultFacts, FieldFacts, OperationFacts, SoapService, TypeFacts
from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["read_wsdl"]

XS: Final = "{http://www.w3.org/2001/XMLSchema}"
WSDL: Final = "{http://schemas.xmlsoap.org/wsdl/}"
SOAP: Final = "{http://schemas.xmlsoap.org/wsdl/soap/}"
SERIALIZATION: Final = "http://schemas.microsoft.com/2003/10/Serialization/"
"""Helper types that no operation uses; a field of one of them would fail the look-up of its type."""


def read_wsdl(path: Path, service: str) -> SoapService:
    """Return everything the WSDL says of operations and types.

    :raises ValueError: it holds a construct that this reader does not know, so that nothing is dropped silently.
    """
    root = etree.parse(
        str(path), etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    ).getroot()
    types: dict[str, TypeFacts] = {}
    elements: dict[str, str] = {}
    for schema in root.iterfind(f"{WSDL}types/{XS}schema"):
        if schema.get("targetNamespace") != SERIALIZATION:
            for facts in _types_of(schema, elements):
                if types.setdefault(facts.name, facts) != facts:
                    raise ValueError(f"{service}: the type name {facts.name} stands in two namespaces")
    address = root.find(f"{WSDL}service/{WSDL}port/{SOAP}address")
    return SoapService(
        name=service,
        namespace=root.get("targetNamespace"),
        address=address.get("location"),
        operations={facts.name: facts for facts in _operations(root, elements)},
        types=types,
    )


def _types_of(schema: etree._Element, elements: dict[str, str]) -> Iterator[TypeFacts]:
    namespace = schema.get("targetNamespace")
    for node in schema:
        kind, name = etree.QName(node).localname, node.get("name")
        if kind == "complexType":
            yield from _complex(node, name, namespace)
        elif kind == "simpleType":
            yield _simple(node, name, namespace)
        elif kind == "element" and node.get("type") is None:
            elements[name] = name
            yield from _complex(node.find(f"{XS}complexType"), name, namespace, is_element=True)
        elif kind == "element":
            elements[name] = _local(node.get("type"))
        elif kind != "import":
            raise ValueError(f"unknown construct {kind} {name} in the schema of {namespace}")


def _complex(node: etree._Element, name: str, namespace: str, *, is_element: bool = False) -> Iterator[TypeFacts]:
    extension = node.find(f"{XS}complexContent/{XS}extension")
    sequence = (node if extension is None else extension).find(f"{XS}sequence")
    fields = []
    for element in sequence:
        inline = element.find(f"{XS}complexType")
        if inline is not None:
            yield from _complex(inline, element.get("name"), namespace)
        fields.append(_field(element))
    yield TypeFacts(
        name=name,
        namespace=namespace,
        base=None if extension is None else _local(extension.get("base")),
        fields=tuple(fields),
        enum=None,
        is_flags=False,
        is_element=is_element,
    )


def _field(element: etree._Element) -> FieldFacts:
    if element.tag != f"{XS}element":
        raise ValueError(f"unknown construct {element.tag} in a sequence")
    return FieldFacts(
        name=element.get("name"),
        type=_local(element.get("type", element.get("name"))),
        nillable=element.get("nillable") == "true",
        is_list=element.get("maxOccurs") == "unbounded",
        required=element.get("minOccurs", "1") != "0",
    )


def _simple(node: etree._Element, name: str, namespace: str) -> TypeFacts:
    flags = node.find(f"{XS}list")
    restriction = node.find(f"{XS}restriction") if flags is None else flags.find(f"{XS}simpleType/{XS}restriction")
    return TypeFacts(
        name=name,
        namespace=namespace,
        base=_local(restriction.get("base")),
        fields=(),
        enum=tuple(value.get("value") for value in restriction.iterfind(f"{XS}enumeration")),
        is_flags=flags is not None,
        is_element=False,
    )


def _operations(root: etree._Element, elements: dict[str, str]) -> Iterator[OperationFacts]:
    messages = {message.get("name"): message.findall(f"{WSDL}part") for message in root.iterfind(f"{WSDL}message")}

    def type_of(node: etree._Element) -> str:
        (part,) = messages[_local(node.get("message"))]
        return elements[_local(part.get("element"))]

    def fault_of(node: etree._Element) -> FaultFacts:
        (part,) = messages[_local(node.get("message"))]
        prefix, _, element = part.get("element").rpartition(":")
        if elements[element] != element:
            raise ValueError(f"fault element {element} is of another type, {elements[element]}")
        return FaultFacts(name=element, namespace=part.nsmap[prefix])

    def headers_of(node: etree._Element) -> tuple[str, ...]:
        return tuple(part.get("name") for part in messages[f"{_local(node.get('message'))}_Headers"])

    for node in root.iterfind(f"{WSDL}portType/{WSDL}operation"):
        request, response = node.find(f"{WSDL}input"), node.find(f"{WSDL}output")
        yield OperationFacts(
            name=node.get("name"),
            request=type_of(request),
            response=type_of(response),
            faults=tuple(fault_of(fault) for fault in node.iterfind(f"{WSDL}fault")),
            request_headers=headers_of(request),
            response_headers=headers_of(response),
        )


def _local(name: str) -> str:
    return name.rpartition(":")[2]
