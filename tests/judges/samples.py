"""Makes a JSON body with a value in every field of a type, from the contract alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from airflow_provider_bingads.contract import Service

__all__ = ["full_body"]

SCALARS: Final = {
    "string": 'text with ä, & and "quotes"',
    "long": "9223372036854775807",
    "base64Binary": "AAAAAAAB",
    "int": 2147483647,
    "unsignedByte": 255,
    "double": 12.25,
    "decimal": 0.1,
    "boolean": True,
    "dateTime": "2026-02-28T23:59:59.1234567Z",
}


def full_body(service: Service, type_name: str) -> Any:
    """Return a value of the type; a list holds one item of each type that may stand in it."""
    data_type = service.types.get(type_name)
    if data_type is None:
        return SCALARS[type_name]
    if data_type.enum is not None:
        return ", ".join(data_type.enum) if data_type.is_flags else data_type.enum[-1]
    item = service.item_of(type_name)
    if item is not None:
        return [full_body(service, name) for name in _concrete(service, item.type)]
    body = {field.name: full_body(service, field.type) for field in service.all_fields(type_name)}
    return body | ({"Type": data_type.rest_type} if data_type.rest_type else {})


def _concrete(service: Service, type_name: str) -> list[str]:
    """Return the type and those below it, without a base that no object has: one without its own discriminator."""
    if type_name not in service.types:
        return [type_name]
    below = [found.name for found in service.derived_types(type_name)]
    abstract = below and service.types[type_name].rest_type is None
    return below if abstract else [type_name, *below]
