"""What may be done with each field of an entity, by operation: what no schema says, kept by hand from the API's pages.

Every statement names its source and how sure it is. ``undocumented`` means what it says: such a value is not sent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FieldRight", "Meaning", "OperationRights", "Reading", "Right", "rights", "rights_names"]

_DATA: Final = Path(__file__).with_name("data")
_SUFFIX: Final = ".rights.json"


class Right(str, Enum):
    """What an operation lets a sender do with a field."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    READ_ONLY = "read-only"
    NOT_ALLOWED = "not allowed"


class Meaning(str, Enum):
    """How the service takes a null or an empty value."""

    REFUSED = "refused"
    """As an error; ``Reading.code`` is its number."""
    ABSENT = "absent"
    """As though the field had not been sent, without a value taking its place."""
    DEFAULT = "default"
    """By another value taking its place; ``Reading.default`` names it."""
    UNSENDABLE = "unsendable"
    """Not at all: the field's type has no such value, so the whole message would be malformed."""
    UNDOCUMENTED = "undocumented"


@dataclass(frozen=True, slots=True)
class Reading:
    """How one kind of value is taken.

    :param code: the error's number where it is refused.
    :param default: type and field whose value takes its place, such as ``ConversionGoal.Revenue.Value``.
    :param certainty: ``documented``, ``observed`` or ``assumed``.
    :param source: address of the page, None where there is none.
    """

    meaning: Meaning
    code: int | None
    default: str | None
    certainty: str
    source: str | None


@dataclass(frozen=True, slots=True)
class FieldRight:
    """One field in one operation.

    :param null: how null is taken; leaving the field out is the same.
    :param empty: how ``''`` is taken.
    :param empty_list: how a list without items is taken; None for a field that is no list.
    :param source: where ``right`` is written.
    """

    right: Right
    null: Reading
    empty: Reading
    empty_list: Reading | None
    source: str


@dataclass(frozen=True, slots=True)
class OperationRights:
    """One operation on the entity.

    :param list_element: element of the request that holds the items.
    :param limit: most items in one call.
    :param empty_list: how a call without items is taken.
    :param null_item: how a null among the items is taken.
    :param at_least_one_of: optional fields of which every item needs one.
    """

    list_element: str
    limit: int
    empty_list: Reading
    null_item: Reading
    at_least_one_of: tuple[str, ...]
    fields: Mapping[str, FieldRight]


def rights_names() -> tuple[str, ...]:
    """Return the names of all types whose rights are kept."""
    return tuple(sorted(path.name.removesuffix(_SUFFIX) for path in _DATA.glob(f"*{_SUFFIX}")))


@cache
def rights(type_name: str) -> Mapping[str, OperationRights]:
    """Return operation -> rights for one type of the contract, read on first use.

    :raises LookupError: no rights are kept for this type.
    """
    path = _DATA / f"{type_name}{_SUFFIX}"
    if not path.is_file():
        raise LookupError(f"No rights are kept for {type_name!r}; there are those of {', '.join(rights_names())}.")
    data = json.loads(path.read_bytes())
    pages: Mapping[str, str] = data["pages"]
    return MappingProxyType({name: _operation(entry, pages) for name, entry in data["operations"].items()})


def _operation(entry: Mapping[str, Any], pages: Mapping[str, str]) -> OperationRights:
    return OperationRights(
        list_element=entry["list"],
        limit=entry["limit"],
        empty_list=_reading(entry["empty_list"], pages),
        null_item=_reading(entry["null_item"], pages),
        at_least_one_of=tuple(entry["at_least_one_of"]),
        fields=MappingProxyType({name: _field(field, pages) for name, field in entry["fields"].items()}),
    )


def _field(entry: Mapping[str, Any], pages: Mapping[str, str]) -> FieldRight:
    empty_list = entry.get("empty_list")
    return FieldRight(
        right=Right(entry["right"]),
        null=_reading(entry["null"], pages),
        empty=_reading(entry["empty"], pages),
        empty_list=None if empty_list is None else _reading(empty_list, pages),
        source=_address(entry["source"], pages),
    )


def _reading(entry: Mapping[str, Any], pages: Mapping[str, str]) -> Reading:
    return Reading(
        meaning=Meaning(entry["meaning"]),
        code=entry.get("code"),
        default=entry.get("default"),
        certainty=entry["certainty"],
        source=None if entry["source"] is None else _address(entry["source"], pages),
    )


def _address(source: str, pages: Mapping[str, str]) -> str:
    """Put a page's address before the ``#`` of a short reference such as ``object#conversiontime``."""
    page, mark, anchor = source.partition("#")
    return f"{pages[page]}{mark}{anchor}"
