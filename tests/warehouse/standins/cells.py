"""Cells of a row as JSON, there and back, with their types: the two ends have different packages."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

__all__ = ["decoded", "encoded"]

_TEXTS = {Decimal: str, datetime: datetime.isoformat, date: date.isoformat}
_VALUES = {"Decimal": Decimal, "datetime": datetime.fromisoformat, "date": date.fromisoformat}


def encoded(value: Any) -> Any:
    """Return what JSON can hold of a value."""
    if isinstance(value, list | tuple):
        return [encoded(one) for one in value]
    if isinstance(value, dict):
        return {str(name): encoded(one) for name, one in value.items()}
    if value is None or type(value) in {bool, int, float, str}:
        return value
    kind = type(value)
    return {"type": kind.__name__, "text": _TEXTS.get(kind, str)(value)}


def decoded(value: Any) -> Any:
    """Return the value; one of a type that is not known here comes as its text."""
    if isinstance(value, list):
        return [decoded(one) for one in value]
    if isinstance(value, dict) and value.keys() == {"type", "text"}:
        return _VALUES.get(value["type"], str)(value["text"])
    if isinstance(value, dict):
        return {name: decoded(one) for name, one in value.items()}
    return value
