"""What is read from the vendor's packages, before it is written anywhere."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FaultFacts", "FieldFacts", "OperationFacts", "RestOperation", "SoapService", "TypeFacts"]


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """One element of a sequence; ``type`` is a local name of XSD or of the same WSDL."""

    name: str
    type: str
    nillable: bool
    is_list: bool
    required: bool


@dataclass(frozen=True, slots=True)
class TypeFacts:
    """One complex type, enumeration, or anonymous type of a request or response element."""

    name: str
    namespace: str
    base: str | None
    fields: tuple[FieldFacts, ...]
    enum: tuple[str, ...] | None
    is_flags: bool
    is_element: bool
    """A global element of its own: requests, responses and faults."""


@dataclass(frozen=True, slots=True)
class FaultFacts:
    """One declared fault: the name of its element and type, and the element's namespace, not always the type's own."""

    name: str
    namespace: str


@dataclass(frozen=True, slots=True)
class OperationFacts:
    """One SOAP operation; request and response are names of types."""

    name: str
    request: str
    response: str
    faults: tuple[FaultFacts, ...]
    request_headers: tuple[str, ...]
    response_headers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SoapService:
    """One WSDL."""

    name: str
    namespace: str
    address: str
    operations: dict[str, OperationFacts]
    types: dict[str, TypeFacts]


@dataclass(frozen=True, slots=True)
class RestOperation:
    """Verb and full path of one operation."""

    http_method: str
    path: str
