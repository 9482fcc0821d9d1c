"""The rules between the fields of an event: its window, its click, its identifier, and fields that belong together."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any

from airflow_provider_bingads.domain.event_columns import Problems
from airflow_provider_bingads.domain.event_rules import EventRules
from airflow_provider_bingads.domain.outcomes import Finality, Violation
from airflow_provider_bingads.domain.reading import Place

__all__ = ["EventChecks", "Values"]

Values = dict[str, list[Any]]
"""The values of a chunk by target field, one a row, None for NULL."""


class EventChecks:
    """Judges the fields of a chunk together; adds to its problems.

    :param places: where each mapped target field comes from.
    :param lookback: the age up to which an event is in the window.
    """

    def __init__(self, rules: EventRules, places: Mapping[str, Place], lookback: timedelta) -> None:
        self._rules = rules
        self._lookback = lookback
        self._future = _future(rules, places)
        self._too_early = _too_early(rules, places)
        self._halves = _halves(rules, places)
        self._identifiers = [(kind, name) for kind, name in rules.identifiers if name in places]
        self._identifying = frozenset(places[name].field for _, name in self._identifiers)
        self._no_identifier = _no_identifier(rules, [places[name] for _, name in self._identifiers])

    def outside_window(self, values: Values, now: datetime, problems: Problems) -> list[int]:
        """Return the rows that are older than the lookback; those in the future have a problem."""
        oldest = now - self._lookback
        outside = []
        for index, moment in enumerate(values[self._rules.time]):
            if moment is not None and not oldest <= moment <= now:
                if moment > now:
                    problems[index].append(self._future)
                else:
                    outside.append(index)
        return outside

    def check_order(self, values: Values, problems: Problems) -> None:
        """Add the problem of events that are earlier than what they followed."""
        earlier = values.get(self._rules.not_before[0])
        if earlier is None or self._too_early is None:
            return
        for index, (moment, before) in enumerate(zip(values[self._rules.time], earlier, strict=True)):
            if moment is not None and before is not None and moment < before:
                problems[index].append(self._too_early)

    def check_pair(self, values: Values, problems: Problems) -> None:
        """Add the problem of rows that give one of two fields that belong together."""
        for given, absent, half in self._halves:
            theirs = values.get(absent) or [None] * len(values[given])
            for index, (here, there) in enumerate(zip(values[given], theirs, strict=True)):
                if there is not None or _is_broken(problems, index, {absent}):
                    continue
                if here is not None or _is_broken(problems, index, {given}):
                    problems[index].append(half)

    def identify(self, spelled: Values, problems: Problems) -> list[str | None]:
        """Return the best identifier of each row, tagged with its kind.

        A row with a broken identifier has none: which one it was meant to have cannot be told.
        """
        tagged = [
            [None if value is None else f"{kind}:{value}" for value in spelled[name]]
            for kind, name in self._identifiers
        ]
        found: list[str | None] = tagged[0]
        if len(tagged) > 1:
            found = [next(filter(None, identifiers), None) for identifiers in zip(*tagged, strict=True)]
        broken = {index for index in problems if _is_broken(problems, index, self._identifying)}
        if None in found:
            for index, identifier in enumerate(found):
                if identifier is None and index not in broken:
                    problems[index].append(self._no_identifier)
        for index in broken:
            found[index] = None
        return found


def _is_broken(problems: Problems, index: int, fields: AbstractSet[str]) -> bool:
    return index in problems and any(violation.field in fields for violation in problems[index])


def _future(rules: EventRules, places: Mapping[str, Place]) -> Violation:
    place = places[rules.time]
    return Violation(
        error_code=rules.future.error_code,
        code=rules.future.code,
        field=place.field,
        column=place.column,
        reason="lies in the future",
        remedy="nothing if the event is still to come: a later run sends it; else correct the time or source_timezone",
        finality=Finality.DEFERRED,
    )


def _too_early(rules: EventRules, places: Mapping[str, Place]) -> Violation | None:
    earlier, symbol = rules.not_before
    if earlier not in places:
        return None
    return places[rules.time].refuse(
        symbol,
        f"is earlier than {places[earlier].column}",
        "correct one of the two times; a wrong time zone in one of the columns is the usual cause",
    )


def _halves(rules: EventRules, places: Mapping[str, Place]) -> list[tuple[str, str, Violation]]:
    one, other, symbol = rules.together
    return [
        (
            given,
            absent,
            Violation(
                error_code=symbol.error_code,
                code=symbol.code,
                field=absent,
                column=places[absent].column if absent in places else None,
                reason=f"is empty although {given} is given",
                remedy=f"give {one} and {other} together, or neither",
            ),
        )
        for given, absent in ((one, other), (other, one))
        if given in places
    ]


def _no_identifier(rules: EventRules, places: list[Place]) -> Violation:
    first = places[0]
    return Place(first.field, ", ".join(place.column for place in places)).refuse(
        rules.no_identifier,
        "is empty, and nothing else identifies whom the row is about",
        f"fill one of {', '.join(name for _, name in rules.identifiers)}, or leave the row out of the query",
    )
