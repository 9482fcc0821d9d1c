"""Turns a body in REST's shape into what zeep takes: lists inside their arrays, flags apart, derived types named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from airflow_provider_bingads.api.body import actual_type
from airflow_provider_bingads.contract import DataType, Service
from airflow_provider_bingads.exceptions import FixConfiguration

__all__ = ["SoapBody"]

MakeDerived = Callable[[DataType, dict[str, Any]], Any]
"""Makes zeep's object of a derived type, which alone is written with ``xsi:type``."""


class SoapBody:
    """Converts bodies of one service.

    :param make_derived: given a derived type and its fields, returns zeep's object.
    """

    def __init__(self, described: Service, make_derived: MakeDerived) -> None:
        self._service = described
        self._make_derived = make_derived
        self._plain: dict[str, bool] = {}

    def fields(self, type_name: str, value: Mapping[str, Any]) -> dict[str, Any]:
        """Convert the fields of an object; its ``Type`` stays out where the type has no such field.

        :raises FixConfiguration: a list is missing where the type has one.
        """
        types = {field.name: field.type for field in self._service.all_fields(type_name)}
        return {
            name: self._value(types[name], item, name) if name in types else item
            for name, item in value.items()
            if item is not None and (name in types or name != "Type")
        }

    def _value(self, type_name: str, value: Any, name: str) -> Any:
        item = self._service.item_of(type_name)
        if item is not None:
            # zeep would write a text given for a list letter by letter
            if not isinstance(value, Sequence) or isinstance(value, str | bytes):
                raise FixConfiguration(f"{name} must be a list.")
            if self._is_plain(item.type):
                return {item.name: value}
            return {item.name: [self._value(item.type, it, name) for it in value]}
        data_type = self._service.types.get(type_name)
        if data_type is None:
            # str() of a decimal may use an exponent, which xs:decimal forbids
            return format(value, "f") if isinstance(value, Decimal) else value
        if data_type.enum is not None:
            return [it.strip() for it in value.split(",")] if data_type.is_flags else value
        if value is None:
            return None
        return self._object(type_name, value)

    def _object(self, type_name: str, value: Mapping[str, Any]) -> Any:
        actual = actual_type(self._service, type_name, value.get("Type"))
        fields = self.fields(actual.name, value)
        return fields if actual.name == type_name else self._make_derived(actual, fields)

    def _is_plain(self, type_name: str) -> bool:
        """Tell whether objects of a type can be given to zeep as they are: no lists, flags, objects or derived types.

        A batch of 1,000 rows is then not copied.
        """
        if type_name not in self._plain:
            data_type = self._service.types.get(type_name)
            self._plain[type_name] = data_type is None or (
                data_type.enum is None
                and not self._service.derived_types(type_name)
                and data_type.rest_type is None
                and all(self._is_scalar(field.type) for field in self._service.all_fields(type_name))
            )
        return self._plain[type_name]

    def _is_scalar(self, type_name: str) -> bool:
        data_type = self._service.types.get(type_name)
        return (data_type is None and type_name != "decimal") or (
            data_type is not None and data_type.enum is not None and not data_type.is_flags
        )
