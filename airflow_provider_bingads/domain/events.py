"""Compiles an event entity's rules into the function that reads its rows, chunk by chunk and field by field.

Nearly all rows are valid, so whole columns are read, encoded and hashed at once, and what is wrong is kept aside by the
row's index and put into its candidate at the end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from airflow_provider_bingads.domain.entity import Preparation, PrepareRows
from airflow_provider_bingads.domain.event_columns import EventColumn, Problems, compile_column
from airflow_provider_bingads.domain.event_rules import EventRules
from airflow_provider_bingads.domain.identity import contents, key_prefix, keys, raw_content, reference_key
from airflow_provider_bingads.domain.mapping import check_mapping
from airflow_provider_bingads.domain.money import round_money
from airflow_provider_bingads.domain.outcomes import Finality, Violation
from airflow_provider_bingads.domain.reading import Place
from airflow_provider_bingads.domain.rows import Candidate
from airflow_provider_bingads.domain.source_refs import SourceRefs
from airflow_provider_bingads.exceptions import FixConfiguration

__all__ = ["compile_rows"]

_RULES_VERSION: Final = "1"
_MOST_DECIMALS: Final = 6
_NULL_REFERENCE: Final = "null"
_IN_WINDOW: Final = False

Values = dict[str, list[Any]]
"""The values of a chunk by target field, one a row, None for NULL."""


def compile_rows(rules: EventRules, preparation: Preparation) -> PrepareRows:
    """Check mapping, constants, key and settings, and return the function that reads rows.

    :raises FixSource: columns, key or zone do not fit.
    :raises FixConfiguration: a field's name, a constant or a setting is wrong.
    """
    identifying = {name for _, name in rules.identifiers}
    check_mapping(
        [rule.field for rule in rules.fields],
        preparation,
        not_writable=rules.not_writable,
        exclusive=rules.exclusive,
        one_of=[rule.field.name for rule in rules.fields if rule.target in identifying],
    )
    if not 0 <= preparation.value_decimals <= _MOST_DECIMALS:
        raise FixConfiguration(f"value_decimals is {preparation.value_decimals}. Give 0 to {_MOST_DECIMALS}.")
    if not 0 < preparation.lookback_days <= rules.longest_lookback_days:
        raise FixConfiguration(
            f"lookback is {preparation.lookback_days} days. Give 1 to {rules.longest_lookback_days}: "
            "the service takes no older events."
        )
    columns = [column for rule in rules.fields if (column := compile_column(rule, preparation)) is not None]
    return _EventRows(rules, preparation, columns)


class _EventRows:
    """The row function of one run; reads only what was given to it and may be called from one thread at a time."""

    def __init__(self, rules: EventRules, preparation: Preparation, columns: Sequence[EventColumn]) -> None:
        self._rules = rules
        self._columns = columns
        self._places = {column.rule.target: column.place for column in columns}
        self._sent = [column for column in columns if column.rule.is_sent]
        self._lookback = timedelta(days=preparation.lookback_days)
        self._step = Decimal(1).scaleb(-preparation.value_decimals)
        self._prefix = key_prefix(rules.entity, preparation.account_id)
        self._identifying = frozenset(self._places[name].field for _, name in rules.identifiers if name in self._places)
        self._positions = [column.position for column in columns if column.position is not None]
        key_positions = [preparation.columns.index(name) for name in preparation.source_key]
        self._refer = SourceRefs(preparation.source_key, key_positions, self._prefix)
        self._settings = _settings_fingerprint(preparation)
        self._no_identifier = self._violation_of_no_identifier()
        self._future, self._too_early = self._violations_of_time()

    def __call__(self, rows: Sequence[Sequence[Any]], now: datetime) -> list[Candidate]:
        if not rows:
            return []
        problems: Problems = defaultdict(list)
        references, withheld = self._refer(rows)
        for index in withheld:
            problems[index].append(self._refer.withheld)
        values = {column.rule.target: column.values(rows, problems) for column in self._columns}
        outside = self._check_times(values, now, problems)
        self._check_pair(values, problems)
        candidates = self._candidates(references, values, problems)
        self._mark_problems(candidates, rows, problems)
        for index in outside:
            candidates[index].out_of_window = True
            candidates[index].payload = None
            candidates[index].violations = ()
        return candidates

    def _check_times(self, values: Values, now: datetime, problems: Problems) -> list[int]:
        """Return the rows outside the window; add the problems of those in the future or before their click."""
        times = values[self._rules.time]
        oldest = now - self._lookback
        outside = []
        for index, moment in enumerate(times):
            if moment is not None and not oldest <= moment <= now:
                if moment > now:
                    problems[index].append(self._future)
                else:
                    outside.append(index)
        earlier = values.get(self._rules.not_before[0])
        if earlier is not None and self._too_early is not None:
            for index, (moment, before) in enumerate(zip(times, earlier, strict=True)):
                if moment is not None and before is not None and moment < before:
                    problems[index].append(self._too_early)
        return outside

    def _check_pair(self, values: Values, problems: Problems) -> None:
        """Add the problem of rows that give one of two fields that belong together."""
        one, other, symbol = self._rules.together
        nothing: list[Any] = [None] * len(values[self._rules.time])
        for given, absent in ((one, other), (other, one)):
            if given not in values:
                continue
            place = self._places.get(absent)
            half = Violation(
                symbol.error_code,
                symbol.code,
                absent,
                place.column if place else None,
                f"is empty although {given} is given",
                f"give {one} and {other} together, or neither",
            )
            for index, (here, there) in enumerate(zip(values[given], values.get(absent, nothing), strict=True)):
                if here is not None and there is None and not _has_problem(problems, index, {absent}):
                    problems[index].append(half)

    def _candidates(self, references: list[str], values: Values, problems: Problems) -> list[Candidate]:
        rules = self._rules
        nothing: list[Any] = [None] * len(references)
        exact = values.get(rules.amount, nothing)
        step = self._step
        amounts = [None if amount is None else round_money(amount, step) for amount in exact]
        if rules.amount in values:
            values[rules.amount] = amounts
        wire = {column.rule.target: column.encoded(values[column.rule.target]) for column in self._sent}
        spelled = {column.rule.target: column.canonical(wire[column.rule.target]) for column in self._sent}
        identifiers = self._identifiers(spelled, problems)
        made = zip(
            references,
            keys(self._prefix, identifiers, spelled[rules.group], wire[rules.time]),
            contents([_pieces(name, column) for name, column in spelled.items()]),
            _payloads(wire),
            values[rules.time],
            values[rules.group],
            wire.get(rules.identifiers[0][1], nothing),
            exact,
            amounts,
            values.get(rules.currency, nothing),
            strict=True,
        )
        return [
            # By position: naming twelve arguments would cost every row a tenth of its time.
            Candidate(
                reference, key or "", content, payload, (), _IN_WINDOW, raw != amount, time, group, who, amount, money
            )
            for reference, key, content, payload, time, group, who, raw, amount, money in made
        ]

    def _identifiers(self, spelled: Values, problems: Problems) -> list[str | None]:
        """Return the best identifier of each row, tagged with its kind; none for a row with a broken one."""
        tagged = [
            [None if value is None else f"{kind}:{value}" for value in spelled[name]]
            for kind, name in self._rules.identifiers
            if name in spelled
        ]
        found: list[str | None] = (
            tagged[0] if len(tagged) == 1 else [next(filter(None, row), None) for row in zip(*tagged, strict=True)]
        )
        broken = {index for index in problems if _has_problem(problems, index, self._identifying)}
        if None in found:
            for index, identifier in enumerate(found):
                if identifier is None and index not in broken:
                    problems[index].append(self._no_identifier)
        for index in broken:
            found[index] = None
        return found

    def _mark_problems(self, candidates: list[Candidate], rows: Sequence[Sequence[Any]], problems: Problems) -> None:
        for index, violations in problems.items():
            row = candidates[index]
            row.payload = None
            row.violations = tuple(violations)
            cells = rows[index]
            row.content = raw_content(self._settings, [cells[position] for position in self._positions])
            if not row.key:
                # A NULL key names no row: its cells then have to tell it from the others.
                told_by = row.content if row.source_ref == _NULL_REFERENCE else ""
                row.key = reference_key(self._prefix, row.source_ref + told_by)

    def _violation_of_no_identifier(self) -> Violation:
        symbol = self._rules.no_identifier
        places = [self._places[name] for _, name in self._rules.identifiers if name in self._places]
        columns = ", ".join(place.column for place in places)
        return Violation(
            symbol.error_code,
            symbol.code,
            places[0].field,
            columns,
            "is empty, and nothing else identifies whom the row is about",
            f"fill one of {', '.join(name for _, name in self._rules.identifiers)}, or leave the row out of the query",
        )

    def _violations_of_time(self) -> tuple[Violation, Violation | None]:
        rules = self._rules
        place = self._places[rules.time]
        future = Violation(
            rules.future.error_code,
            rules.future.code,
            place.field,
            place.column,
            "lies in the future",
            "nothing if the event is still to come: a later run sends it; else correct the time, or source_timezone",
            finality=Finality.DEFERRED,
        )
        earlier, symbol = rules.not_before
        before = self._places.get(earlier)
        if before is None:
            return future, None
        return future, Place(place.field, place.column).refuse(
            symbol,
            f"is earlier than {before.column}",
            "correct one of the two times; a wrong time zone in one of the columns is the usual cause",
        )


def _has_problem(problems: Problems, index: int, fields: set[str] | frozenset[str]) -> bool:
    return index in problems and any(violation.field in fields for violation in problems[index])


def _pieces(name: str, column: list[Any]) -> list[str | None]:
    return [None if value is None else f"{name}={value}" for value in column]


def _payloads(wire: Mapping[str, list[Any]]) -> list[dict[str, object]]:
    names = list(wire)
    rows = zip(*wire.values(), strict=True)
    if not any(None in column for column in wire.values()):
        return [dict(zip(names, row, strict=True)) for row in rows]
    return [{name: value for name, value in zip(names, row, strict=True) if value is not None} for row in rows]


def _settings_fingerprint(preparation: Preparation) -> str:
    """Fingerprint what a verdict depends on beside the row, so that a changed setting has refused rows judged anew."""
    return raw_content(
        _RULES_VERSION,
        [
            preparation.source_timezone,
            preparation.phone_region,
            repr(sorted(preparation.options.items())),
            repr(sorted(preparation.mapping.items())),
            repr(preparation.source_key),
            repr(sorted(preparation.currency_codes)),
            *(part for item in sorted(preparation.constants.items(), key=lambda item: item[0]) for part in item),
        ],
    )
