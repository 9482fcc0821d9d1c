"""Brings a caller's request body into REST's shape, checked against the contract (api-facts F.6)."""

from __future__ import annotations

import base64
import difflib
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from airflow_provider_bingads.contract import DataType, Operation, Service, service
from airflow_provider_bingads.exceptions import FixConfiguration

__all__ = ["actual_type", "conformed"]


def conformed(operation: Operation, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the body with ids as text, flags as ``"A, B"``, times in UTC with ``Z`` and plain numbers.

    An operation of which the contract knows only verb and path is passed as it is.

    :raises FixConfiguration: a field the type does not have (the service would ignore it without a word), or a value
        it cannot hold.
    """
    if operation.request is None:
        return body
    checker = _Checker(service(operation.service), f"{operation.service}.{operation.name}")
    fields: Mapping[str, Any] = checker.object(operation.request, body, operation.name)
    return fields


def actual_type(described: Service, declared: str, discriminator: Any) -> DataType:
    """Return the type that ``Type`` names: the declared one or one below it; the declared one where it names none."""
    candidates = (described.type(declared), *described.derived_types(declared))
    return next((it for it in candidates if it.rest_type is not None and it.rest_type == discriminator), candidates[0])


class _Checker:
    def __init__(self, described: Service, call: str) -> None:
        self._service = described
        self._call = call

    def object(self, declared: str, value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise self._wrong(path, "an object (a dict)")
        data_type = actual_type(self._service, declared, value.get("Type"))
        fields = {field.name: field.type for field in self._service.all_fields(data_type.name)}
        checked = {}
        for name, item in value.items():
            if name in fields:
                checked[name] = self.value(fields[name], item, f"{path}.{name}")
            elif name == "Type" and isinstance(item, str):
                checked[name] = item
            else:
                raise self._unknown(data_type.name, str(name), list(fields), path)
        return checked

    def value(self, type_name: str, value: Any, path: str) -> Any:
        if value is None:
            return None
        item = self._service.item_of(type_name)
        if item is not None:
            if not isinstance(value, list | tuple):
                raise self._wrong(path, "a list")
            return [self.value(item.type, it, f"{path}[{index}]") for index, it in enumerate(value)]
        data_type = self._service.types.get(type_name)
        if data_type is None:
            return self._scalar(type_name, value, path)
        if data_type.enum is None:
            return self.object(type_name, value, path)
        if data_type.is_flags and isinstance(value, list | tuple) and all(isinstance(it, str) for it in value):
            return ", ".join(value)
        if not isinstance(value, str):
            raise self._wrong(path, "a text" if not data_type.is_flags else "a text such as 'A, B'")
        return value

    def _scalar(self, type_name: str, value: Any, path: str) -> Any:
        convert, wanted = _SCALARS.get(type_name, (_text, "a text"))
        try:
            return convert(value)
        except (TypeError, ValueError, OverflowError):
            raise self._wrong(path, wanted) from None

    def _wrong(self, path: str, wanted: str) -> FixConfiguration:
        return FixConfiguration(f"{self._call} was not sent: {path} must be {wanted}.")

    def _unknown(self, type_name: str, name: str, known: list[str], path: str) -> FixConfiguration:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {close[0]}?" if close else f" It has {', '.join(known)}."
        return FixConfiguration(f"{self._call} was not sent: {path} ({type_name}) has no field {name!r}.{hint}")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError
    return int(value)


def _long(value: Any) -> str:
    return str(_whole(value))


def _number(value: Any) -> int | float | Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not math.isfinite(value):
        raise TypeError
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _time(value: Any) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise TypeError
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _binary(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else _text(value)


_SCALARS: Final[dict[str, tuple[Callable[[Any], Any], str]]] = {
    "long": (_long, "a whole number"),
    "int": (_whole, "a whole number"),
    "short": (_whole, "a whole number"),
    "unsignedByte": (_whole, "a whole number"),
    "double": (_number, "a finite number"),
    "float": (_number, "a finite number"),
    "decimal": (_number, "a finite number"),
    "boolean": (_boolean, "true or false"),
    "dateTime": (_time, "an aware datetime or a text such as 2026-11-01T02:03:04Z"),
    "base64Binary": (_binary, "bytes or base64 text"),
}
