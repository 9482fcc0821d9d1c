"""Operations and types of the Microsoft Advertising API, as the vendor's own packages declare them.

The data beside this module is generated (``tests/contract/generate_contract.py``); nothing here knows an entity.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DataType", "FieldType", "Operation", "Service", "operation", "service", "service_names", "wsdl_path"]

_DATA: Final = Path(__file__).with_name("data")
_SERVICES: Final = ("CampaignManagement", "CustomerManagement", "CustomerBilling", "Bulk", "Reporting", "AdInsight")


@dataclass(frozen=True, slots=True)
class FieldType:
    """One element of a type.

    :param name: as on the wire, the same in XML and JSON.
    :param type: local name of an XSD type (``long``, ``dateTime``) or the name of a :class:`DataType`.
    :param nillable: null may be sent and may come back.
    :param is_list: the element repeats; true only inside an ``ArrayOf...`` type, which JSON writes as a bare array.
    :param required: the schema demands the element; the API's own demands stand in the rights (``contract.rights``).
    """

    name: str
    type: str
    nillable: bool
    is_list: bool
    required: bool


@dataclass(frozen=True, slots=True)
class DataType:
    """One type of a service.

    :param namespace: XML namespace of the type and of its own elements; inherited ones keep that of their base.
    :param base: type whose fields come first, None without one.
    :param fields: its own fields in wire order; SOAP ignores or refuses elements in any other order.
    :param enum: the allowed values, None for a type with fields.
    :param is_flags: several values at once: an ``xs:list`` in XML, one string ``"A, B"`` in JSON.
    :param rest_type: what JSON objects of this type carry in ``Type``; None where they carry nothing.
    """

    name: str
    namespace: str
    base: str | None
    fields: tuple[FieldType, ...]
    enum: tuple[str, ...] | None
    is_flags: bool
    rest_type: str | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    :param http_method: REST verb; None for an operation that exists on SOAP only.
    :param path: full REST path, such as ``/CampaignManagement/v13/OfflineConversions/Apply``; None as above.
    :param request: name of its :class:`DataType`, None where the contract describes only verb and path.
    :param response: the same.
    :param faults: the same, for each declared fault.
    """

    service: str
    name: str
    http_method: str | None
    path: str | None
    request: str | None
    response: str | None
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Service:
    """One web service.

    :param namespace: XML namespace of its messages and headers.
    :param soap_path: path of its SOAP endpoint.
    :param soap_headers: names of the SOAP request header elements, all strings in ``namespace``.
    :param rest_hosts: scheme and host by environment, ``production`` and ``sandbox``.
    :param soap_hosts: the same for SOAP.
    :param fault_elements: fault type -> XML namespace of its element in a SOAP fault's detail, which is not always that
        of the type: ``ApiFault`` of the customer services stands in the namespace of the messages.
    :param vendor: package -> version the data was generated from.
    """

    name: str
    namespace: str
    soap_path: str
    soap_headers: tuple[str, ...]
    rest_hosts: Mapping[str, str]
    soap_hosts: Mapping[str, str]
    types: Mapping[str, DataType]
    operations: Mapping[str, Operation]
    fault_elements: Mapping[str, str]
    vendor: Mapping[str, str]

    def all_fields(self, type_name: str) -> tuple[FieldType, ...]:
        """Return the fields of a type in wire order: those of its base first.

        :raises LookupError: the service has no such type.
        """
        data_type = self.type(type_name)
        inherited = () if data_type.base is None else self.all_fields(data_type.base)
        return (*inherited, *data_type.fields)

    def type(self, type_name: str) -> DataType:
        """Return a type by name.

        :raises LookupError: the service has no such type.
        """
        try:
            return self.types[type_name]
        except KeyError:
            raise LookupError(f"The contract of {self.name} has no type {type_name}.") from None

    def item_of(self, type_name: str) -> FieldType | None:
        """Return the repeated element of an ``ArrayOf...`` type; None for any other type, XSD types included."""
        data_type = self.types.get(type_name)
        if data_type is None or data_type.base is not None or len(data_type.fields) != 1:
            return None
        field = data_type.fields[0]
        return field if field.is_list else None

    def derived_types(self, type_name: str) -> tuple[DataType, ...]:
        """Return all types below a type, however deep; what ``xsi:type`` or ``Type`` may name in its place."""
        below = [data_type for data_type in self.types.values() if data_type.base == type_name]
        return tuple(found for child in below for found in (child, *self.derived_types(child.name)))


def service_names() -> tuple[str, ...]:
    """Return the names of all services of the API."""
    return _SERVICES


@cache
def service(name: str) -> Service:
    """Return one service, read from its file on first use.

    :raises LookupError: there is no service of this name.
    """
    if name not in _SERVICES:
        raise LookupError(f"There is no service {name!r}; the services are {', '.join(_SERVICES)}.")
    return _build(name, json.loads((_DATA / f"{name}.json").read_bytes()))


def operation(service_name: str, operation_name: str) -> Operation:
    """Return one operation of the API, in scope or not.

    :raises LookupError: there is no such service or operation.
    """
    found = service(service_name).operations.get(operation_name)
    if found is None:
        raise LookupError(f"{service_name} has no operation {operation_name!r}.")
    return found


def wsdl_path(service_name: str) -> Path:
    """Return the WSDL of a service's operations in scope.

    :raises LookupError: no operation of this service is in scope, so that there is no WSDL of it.
    """
    path = _DATA / f"{service_name}.wsdl"
    if not path.is_file():
        raise LookupError(f"No operation of {service_name!r} is described for SOAP.")
    return path


def _build(name: str, data: Mapping[str, Any]) -> Service:
    return Service(
        name=name,
        namespace=data["namespace"],
        soap_path=data["soap_path"],
        soap_headers=tuple(data["soap_headers"]),
        rest_hosts=MappingProxyType(data["rest_hosts"]),
        soap_hosts=MappingProxyType(data["soap_hosts"]),
        types=MappingProxyType({key: _data_type(key, entry) for key, entry in data["types"].items()}),
        operations=MappingProxyType({key: _operation(name, key, entry) for key, entry in data["operations"].items()}),
        fault_elements=MappingProxyType(data["fault_elements"]),
        vendor=MappingProxyType(data["vendor"]),
    )


def _operation(service_name: str, name: str, entry: Mapping[str, Any]) -> Operation:
    return Operation(
        service=service_name,
        name=name,
        http_method=entry["method"],
        path=entry["path"],
        request=entry.get("request"),
        response=entry.get("response"),
        faults=tuple(entry.get("faults", ())),
    )


def _data_type(name: str, entry: Mapping[str, Any]) -> DataType:
    return DataType(
        name=name,
        namespace=entry["namespace"],
        base=entry.get("base"),
        fields=tuple(_field(field) for field in entry.get("fields", ())),
        enum=tuple(entry["enum"]) if "enum" in entry else None,
        is_flags=entry.get("flags", False),
        rest_type=entry.get("rest_type"),
    )


def _field(entry: Mapping[str, Any]) -> FieldType:
    return FieldType(
        name=entry["name"],
        type=entry["type"],
        nillable=entry.get("nillable", False),
        is_list=entry.get("list", False),
        required=entry.get("required", False),
    )
