"""JSON of the REST interface from and to values by API field names, as the contract's types say (api-facts F.6).

Values are Python's own: 64-bit ids are ``int``, flags are tuples, money is ``Decimal``; an object whose type may be a
derived one carries that type under ``@type``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from airflow_provider_bingads.contract import DataType, Service

__all__ = ["TYPE", "ShapeError", "decode", "encode"]

TYPE: Final = "@type"


class ShapeError(ValueError):
    """A request is not of its contract's shape; the message has the place and the type, never the value."""


def decode(service: Service, type_name: str, value: Any, place: str = "$") -> Any:
    """Read a JSON value of a type.

    :param place: where in the request the value stands.
    :raises ShapeError: unknown property, wrong type, unknown enumeration value.
    """
    if value is None:
        return None
    data_type = service.types.get(type_name)
    if data_type is None:
        return _decode_simple(type_name, value, place)
    if data_type.enum is not None:
        return _decode_enum(data_type, value, place)
    item = service.item_of(type_name)
    if item is not None:
        if not isinstance(value, list):
            raise ShapeError(f"{place} is no list.")
        return [decode(service, item.type, one, f"{place}[{index}]") for index, one in enumerate(value)]
    return _decode_object(service, data_type, value, place)


def encode(service: Service, type_name: str, value: Any) -> Any:
    """Write a value of a type; every property of an object is there, null where nothing is known."""
    if value is None:
        return None
    data_type = service.types.get(type_name)
    if data_type is None:
        return _ENCODERS.get(type_name, _same)(value)
    if data_type.enum is not None:
        return ", ".join(value) if data_type.is_flags else value
    item = service.item_of(type_name)
    if item is not None:
        return [encode(service, item.type, one) for one in value]
    actual = service.type(value.get(TYPE, type_name))
    found = {
        field.name: encode(service, field.type, value.get(field.name)) for field in service.all_fields(actual.name)
    }
    return found if actual.rest_type is None else found | {"Type": actual.rest_type}


def _decode_object(service: Service, declared: DataType, value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ShapeError(f"{place} is no object.")
    actual = _actual_type(service, declared, value.get("Type"), place)
    types = {field.name: field for field in service.all_fields(actual.name)}
    found: dict[str, Any] = {TYPE: actual.name}
    for name, given in value.items():
        field = types.get(name)
        if field is not None:
            found[field.name] = decode(service, field.type, given, f"{place}.{name}")
        elif name != "Type" or actual.rest_type is None:
            raise ShapeError(f"{place} has a property that {actual.name} does not have.")
    return found


def _actual_type(service: Service, declared: DataType, given: object, place: str) -> DataType:
    candidates = (declared, *service.derived_types(declared.name))
    if len(candidates) == 1 or given is None:
        return declared
    for candidate in candidates:
        if candidate.rest_type == given:
            return candidate
    raise ShapeError(f"{place}.Type names no kind of {declared.name}.")


def _decode_enum(data_type: DataType, value: Any, place: str) -> Any:
    if not isinstance(value, str):
        raise ShapeError(f"{place} is no string.")
    parts = _flags(value) if data_type.is_flags else (value,)
    if any(part not in (data_type.enum or ()) for part in parts):
        raise ShapeError(f"{place} is no {data_type.name}.")
    return parts if data_type.is_flags else value


def _flags(text: str) -> tuple[str, ...]:
    # msads writes the name of the empty set before the others: "None, Url, Event" (observed)
    names = (part.strip() for part in text.split(","))
    return tuple(name for name in names if name not in {"", "None"})


def _decode_simple(type_name: str, value: Any, place: str) -> Any:
    decoder = _DECODERS.get(type_name)
    found = decoder(value) if decoder is not None else value
    if found is None:
        raise ShapeError(f"{place} is no {type_name}.")
    return found


def _long(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = value if isinstance(value, str) else ""
    return int(text) if text.removeprefix("-").isdecimal() else None


def _int(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _boolean(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _same(value: Any) -> Any:
    return value


_DECODERS: Final[Mapping[str, Callable[[object], Any]]] = {
    "long": _long,
    "int": _int,
    "unsignedByte": _int,
    "double": _number,
    "decimal": _decimal,
    "boolean": _boolean,
    "string": _text,
    "dateTime": _text,
    "base64Binary": _text,
}

_ENCODERS: Final[Mapping[str, Callable[[Any], Any]]] = {"long": str, "decimal": float, "double": float}
