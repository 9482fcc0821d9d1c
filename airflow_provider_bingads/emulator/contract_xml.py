"""XML of the SOAP interface from and to values by API field names, as the contract's types say.

The values are those of ``contract_json``, so that an operation does not know how it was called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from airflow_provider_bingads.contract import DataType, FieldType, Service
from airflow_provider_bingads.emulator.contract_json import TYPE, ShapeError

__all__ = ["XSI", "decode", "encode", "is_nil"]

XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_NIL: Final = f"{{{XSI}}}nil"
_XSI_TYPE: Final = f"{{{XSI}}}type"


def is_nil(element: etree._Element) -> bool:
    """Tell whether an element is declared nil."""
    return element.get(_NIL) in {"true", "1"}


def decode(service: Service, type_name: str, element: etree._Element) -> Any:
    """Read an element of a type.

    :raises ShapeError: an element, a type or a value that the contract does not have.
    """
    if is_nil(element):
        return None
    data_type = service.types.get(type_name)
    if data_type is None:
        return _decode_simple(type_name, element)
    if data_type.enum is not None:
        text = (element.text or "").strip()
        return tuple(text.split()) if data_type.is_flags else text
    item = service.item_of(type_name)
    if item is not None:
        return [decode(service, item.type, child) for child in element]
    actual = _actual_type(service, data_type, element)
    fields = {field.name: field for field in service.all_fields(actual.name)}
    found: dict[str, Any] = {TYPE: actual.name}
    for child in element:
        name = etree.QName(child).localname
        if name not in fields:
            raise ShapeError(f"{actual.name} has no such element.")
        found[name] = decode(service, fields[name].type, child)
    return found


def encode(service: Service, name: str, namespace: str, type_name: str, value: Any, *, parent: str = "") -> str:
    """Write an element of a type.

    :param parent: default namespace around it; a declaration is written where it differs.
    """
    declared = f" xmlns={quoteattr(namespace)}" if namespace != parent else ""
    if value is None:
        return f'<{name}{declared} xmlns:i="{XSI}" i:nil="true"/>'
    data_type = service.types.get(type_name)
    if data_type is None or data_type.enum is not None:
        return f"<{name}{declared}>{_text(type_name, value)}</{name}>"
    item = service.item_of(type_name)
    if item is not None:
        children = "".join(
            encode(service, item.name, data_type.namespace, item.type, one, parent=namespace) for one in value
        )
        return f"<{name}{declared}>{children}</{name}>"
    actual = service.type(value.get(TYPE, type_name))
    if actual.name != type_name:
        declared += f' xmlns:i="{XSI}" xmlns:d={quoteattr(actual.namespace)} i:type="d:{actual.name}"'
    children = "".join(
        encode(service, field.name, owner.namespace, field.type, value.get(field.name), parent=namespace)
        for owner, field in _fields(service, actual)
        if value.get(field.name) is not None or field.nillable
    )
    return f"<{name}{declared}>{children}</{name}>"


def _fields(service: Service, data_type: DataType) -> Iterator[tuple[DataType, FieldType]]:
    if data_type.base is not None:
        yield from _fields(service, service.type(data_type.base))
    for field in data_type.fields:
        yield data_type, field


def _actual_type(service: Service, declared: DataType, element: etree._Element) -> DataType:
    given = element.get(_XSI_TYPE)
    if given is None:
        return declared
    name = given.rpartition(":")[2]
    if name == declared.name or any(name == derived.name for derived in service.derived_types(declared.name)):
        return service.type(name)
    raise ShapeError(f"An element's xsi:type is no kind of {declared.name}.")


def _decode_simple(type_name: str, element: etree._Element) -> Any:
    text = element.text or ""
    try:
        return _DECODERS.get(type_name, str)(text)
    except ArithmeticError:
        raise ShapeError(f"An element is no {type_name}.") from None
    except ValueError:
        raise ShapeError(f"An element is no {type_name}.") from None


def _boolean(text: str) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}[text.strip()]


def _text(type_name: str, value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if type_name == "decimal":
        return format(Decimal(value), "f")
    return escape(str(value))


_DECODERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "long": int,
    "int": int,
    "unsignedByte": int,
    "double": float,
    "decimal": Decimal,
    "boolean": _boolean,
}
