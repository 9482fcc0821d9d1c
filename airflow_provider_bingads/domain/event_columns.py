"""One mapped field of a run: reads its cells of a whole chunk, and keeps aside what is wrong by the row's index."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from types import NoneType
from typing import Any, Final

from airflow_provider_bingads.domain.entity import Preparation
from airflow_provider_bingads.domain.event_rules import FieldRule
from airflow_provider_bingads.domain.outcomes import Violation
from airflow_provider_bingads.domain.reading import Place, Read, Symbol
from airflow_provider_bingads.exceptions import FixConfiguration

__all__ = ["EventColumn", "Problems", "compile_column"]

Problems = defaultdict[int, list[Violation]]
"""What is wrong, by the index of the row in its chunk."""

_UNREADABLE: Final = Symbol("UnreadableValue")


@dataclass(frozen=True, slots=True)
class EventColumn:
    """A field with its place in the source.

    :param place: the field and its column.
    :param position: of the column in a row; None for a constant.
    :param constant: the value of every row where there is no column.
    :param missing: added where a required field is NULL.
    :param unreadable: added where even looking at a cell raises.
    """

    rule: FieldRule
    place: Place
    position: int | None
    constant: Any
    read: Read
    missing: Violation | None
    unreadable: Violation

    def values(self, rows: Sequence[Sequence[Any]], problems: Problems) -> list[Any]:
        """Return the value of each row, None for NULL and where a problem was added."""
        if self.position is None:
            return [self.constant] * len(rows)
        cells = list(map(itemgetter(self.position), rows))
        try:
            values = list(map(self.read, cells))
        except Exception:  # noqa: BLE001 - the methods of a driver's own type may raise anything; find out which cell
            values = list(map(self._read_guarded, cells))
        kinds = set(map(type, values))
        if Violation in kinds or tuple in kinds or (self.missing is not None and NoneType in kinds):
            self._set_aside(values, problems)
        return values

    def encoded(self, values: list[Any]) -> list[Any]:
        """Return the values as JSON takes them."""
        encode = self.rule.encode
        return values if encode is None else [None if value is None else encode(value) for value in values]

    def canonical(self, encoded: list[Any]) -> list[Any]:
        """Return the values in the spelling that identity and content are built from."""
        spell = self.rule.canonical
        return encoded if spell is None else [None if value is None else spell(value) for value in encoded]

    def _read_guarded(self, cell: Any) -> Any:
        try:
            return self.read(cell)
        except Exception:  # noqa: BLE001 - see values
            return self.unreadable

    def _set_aside(self, values: list[Any], problems: Problems) -> None:
        for index, value in enumerate(values):
            if value is None:
                if self.missing is not None:
                    problems[index].append(self.missing)
            elif type(value) is Violation:
                problems[index].append(value)
                values[index] = None
            elif type(value) is tuple:
                problems[index].extend(value)
                values[index] = None


def compile_column(rule: FieldRule, preparation: Preparation) -> EventColumn | None:
    """Return the column of a field, None where neither a column nor a constant gives it.

    :raises FixConfiguration: its constant is not a valid value.
    """
    name = rule.field.name
    column = preparation.mapping.get(name)
    if column is None and name not in preparation.constants:
        return None
    place = Place(name, f"constant {name}" if column is None else column)
    read = rule.read(place, preparation)
    return EventColumn(
        rule=rule,
        place=place,
        position=None if column is None else preparation.columns.index(column),
        constant=_constant(place, read, preparation.constants[name]) if column is None else None,
        read=read,
        missing=place.refuse(rule.missing, "is empty", "fill it in the source, or leave the row out of the query")
        if rule.missing
        else None,
        unreadable=place.refuse(
            _UNREADABLE, "cannot be read", "cast the column to text, a number or a time in the query"
        ),
    )


def _constant(place: Place, read: Read, given: object) -> Any:
    value = read(given)
    if value is None:
        raise FixConfiguration(f"constants[{place.field!r}] is empty. Give a value, or leave it out.")
    first = value[0] if type(value) is tuple else value
    if type(first) is Violation:
        raise FixConfiguration(f"constants[{place.field!r}] {first.reason}. Remedy: {first.remedy}.")
    return value
