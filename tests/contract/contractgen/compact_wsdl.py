"""Writes a WSDL of our own for the operations in scope: the same messages, without policies and annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import quoteattr

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from contractgen.facts import FieldFacts, OperationFacts, SoapService, TypeFacts

__all__ = ["compact_wsdl"]

XSD_NAMESPACE: Final = "http://www.w3.org/2001/XMLSchema"


def compact_wsdl(soap: SoapService, type_names: Sequence[str], operation_names: Sequence[str]) -> str:
    """Return the text of a WSDL 1.1 document with exactly these types and operations.

    Every prefix is declared on the root, and again on each schema, so that a schema can be lifted out on its own.
    """
    return "\n".join(_Writer(soap, type_names, operation_names).lines()) + "\n"


class _Writer:
    def __init__(self, soap: SoapService, type_names: Sequence[str], operation_names: Sequence[str]) -> None:
        self.soap = soap
        self.types = [soap.types[name] for name in type_names]
        self.operations = [soap.operations[name] for name in operation_names]
        others = sorted({facts.namespace for facts in self.types} - {soap.namespace})
        self.faults = sorted(
            {fault for operation in self.operations for fault in operation.faults}, key=lambda fault: fault.name
        )
        self.prefixes = {soap.namespace: "tns"} | {space: f"n{number}" for number, space in enumerate(others, start=1)}

    def lines(self) -> Iterator[str]:
        declared = " ".join(f"xmlns:{prefix}={quoteattr(space)}" for space, prefix in self.prefixes.items())
        name = f"{self.soap.name}Service"
        yield '<?xml version="1.0" encoding="utf-8"?>'
        yield (
            f'<wsdl:definitions name="{name}" targetNamespace="{self.soap.namespace}" {declared}'
            ' xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/">'
        )
        yield "<wsdl:types>"
        for namespace in self.prefixes:
            yield from self._schema(namespace, declared)
        yield "</wsdl:types>"
        for operation in self.operations:
            yield from self._messages(operation)
        yield f'<wsdl:portType name="I{name}">'
        for operation in self.operations:
            yield from self._port_type_operation(operation)
        yield "</wsdl:portType>"
        yield f'<wsdl:binding name="BasicHttpBinding_I{name}" type="tns:I{name}">'
        yield '<soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>'
        for operation in self.operations:
            yield from _binding_operation(operation)
        yield "</wsdl:binding>"
        yield f'<wsdl:service name="{name}">'
        yield f'<wsdl:port name="BasicHttpBinding_I{name}" binding="tns:BasicHttpBinding_I{name}">'
        yield f"<soap:address location={quoteattr(self.soap.address)}/></wsdl:port></wsdl:service></wsdl:definitions>"

    def _schema(self, namespace: str, declared: str) -> Iterator[str]:
        yield (
            f'<xs:schema xmlns:xs="{XSD_NAMESPACE}" {declared} elementFormDefault="qualified"'
            f' targetNamespace="{namespace}">'
        )
        for other in self._imported_by(namespace):
            yield f'<xs:import namespace="{other}"/>'
        for facts in self.types:
            if facts.namespace == namespace:
                yield self._type(facts)
        for fault in self.faults:
            if fault.namespace == namespace:
                yield f'<xs:element name="{fault.name}" nillable="true" type="{self._qualified(fault.name)}"/>'
        if namespace == self.soap.namespace:
            for header in self._headers():
                yield f'<xs:element name="{header}" nillable="true" type="xs:string"/>'
        yield "</xs:schema>"

    def _imported_by(self, namespace: str) -> list[str]:
        used = {
            self.soap.types[name].namespace
            for facts in self.types
            if facts.namespace == namespace
            for name in (facts.base, *(field.type for field in facts.fields))
            if name in self.soap.types
        }
        used |= {self.soap.types[fault.name].namespace for fault in self.faults if fault.namespace == namespace}
        return sorted(used - {namespace})

    def _headers(self) -> list[str]:
        return sorted({name for facts in self.operations for name in (*facts.request_headers, *facts.response_headers)})

    def _type(self, facts: TypeFacts) -> str:
        if facts.enum is not None:
            return _simple_type(facts)
        sequence = f"<xs:sequence>{''.join(map(self._element, facts.fields))}</xs:sequence>"
        if facts.base is not None:
            extension = f'<xs:extension base="{self._qualified(facts.base)}">{sequence}</xs:extension>'
            sequence = f"<xs:complexContent>{extension}</xs:complexContent>"
        if facts.is_element:
            return f'<xs:element name="{facts.name}"><xs:complexType>{sequence}</xs:complexType></xs:element>'
        return f'<xs:complexType name="{facts.name}">{sequence}</xs:complexType>'

    def _element(self, field: FieldFacts) -> str:
        marks = "" if field.required else ' minOccurs="0"'
        marks += ' maxOccurs="unbounded"' if field.is_list else ""
        marks += ' nillable="true"' if field.nillable else ""
        return f'<xs:element name="{field.name}" type="{self._qualified(field.type)}"{marks}/>'

    def _qualified(self, name: str) -> str:
        known = self.soap.types.get(name)
        return f"xs:{name}" if known is None else f"{self.prefixes[known.namespace]}:{name}"

    def _messages(self, facts: OperationFacts) -> Iterator[str]:
        for name, headers in ((facts.request, facts.request_headers), (facts.response, facts.response_headers)):
            yield f'<wsdl:message name="{name}"><wsdl:part name="parameters" element="tns:{name}"/></wsdl:message>'
            parts = "".join(f'<wsdl:part name="{header}" element="tns:{header}"/>' for header in headers)
            yield f'<wsdl:message name="{name}_Headers">{parts}</wsdl:message>'
        for fault in facts.faults:
            element = f"{self.prefixes[fault.namespace]}:{fault.name}"
            part = f'<wsdl:part name="detail" element="{element}"/>'
            yield f'<wsdl:message name="{facts.name}_{fault.name}">{part}</wsdl:message>'

    def _port_type_operation(self, facts: OperationFacts) -> Iterator[str]:
        yield f'<wsdl:operation name="{facts.name}">'
        yield f'<wsdl:input message="tns:{facts.request}"/><wsdl:output message="tns:{facts.response}"/>'
        for fault in facts.faults:
            yield f'<wsdl:fault name="{fault.name}" message="tns:{facts.name}_{fault.name}"/>'
        yield "</wsdl:operation>"


def _simple_type(facts: TypeFacts) -> str:
    values = "".join(f"<xs:enumeration value={quoteattr(value)}/>" for value in facts.enum or ())
    restriction = f'<xs:restriction base="xs:{facts.base}">{values}</xs:restriction>'
    if facts.is_flags:
        restriction = f"<xs:list><xs:simpleType>{restriction}</xs:simpleType></xs:list>"
    return f'<xs:simpleType name="{facts.name}">{restriction}</xs:simpleType>'


def _binding_operation(facts: OperationFacts) -> Iterator[str]:
    yield f'<wsdl:operation name="{facts.name}"><soap:operation soapAction="{facts.name}" style="document"/>'
    sides = (("input", facts.request, facts.request_headers), ("output", facts.response, facts.response_headers))
    for side, message, headers in sides:
        yield (
            f"<wsdl:{side}>"
            + "".join(
                f'<soap:header message="tns:{message}_Headers" part="{header}" use="literal"/>' for header in headers
            )
            + f'<soap:body use="literal"/></wsdl:{side}>'
        )
    for fault in facts.faults:
        yield f'<wsdl:fault name="{fault.name}"><soap:fault use="literal" name="{fault.name}"/></wsdl:fault>'
    yield "</wsdl:operation>"
