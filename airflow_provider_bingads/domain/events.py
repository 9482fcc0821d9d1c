"""Compiles an event entity's rules into the function that reads its rows, chunk by chunk and field by field.

Nearly all rows are valid, so whole columns are read, encoded and hashed at once; what is wrong is kept aside by the
row's index and put into its candidate at the end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from airflow_provider_bingads.domain.entity import Preparation, PrepareRows
from airflow_provider_bingads.domain.event_checks import EventChecks, Values
from airflow_provider_bingads.domain.event_columns import EventColumn, Problems, compile_column
from airflow_provider_bingads.domain.event_rules import EventRules
from airflow_provider_bingads.domain.identity import contents, key_prefix, keys, raw_content, reference_key
from airflow_provider_bingads.domain.mapping import check_mapping
from airflow_provider_bingads.domain.money import round_money
from airflow_provider_bingads.domain.rows import Candidate
from airflow_provider_bingads.domain.source_refs import NULL_REFERENCE, SourceRefs
from airflow_provider_bingads.exceptions import FixConfiguration

__all__ = ["compile_rows"]

_RULES_VERSION: Final = "1"
"""Raised with each change of what is accepted, so that rows refused under the old rules are judged anew."""
_MOST_DECIMALS: Final = 6
_IN_WINDOW: Final = False


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
    """The row function of one run; it keeps nothing between chunks but what its readers remember."""

    def __init__(self, rules: EventRules, preparation: Preparation, columns: Sequence[EventColumn]) -> None:
        self._rules = rules
        self._columns = columns
        self._sent = [column for column in columns if column.rule.is_sent]
        self._step = Decimal(1).scaleb(-preparation.value_decimals)
        self._prefix = key_prefix(rules.entity, preparation.account_id)
        self._positions = [column.position for column in columns if column.position is not None]
        self._refer = SourceRefs(preparation.source_key, preparation.columns, self._prefix)
        self._settings = _settings_fingerprint(preparation)
        places = {column.rule.target: column.place for column in columns}
        self._checks = EventChecks(rules, places, timedelta(days=preparation.lookback_days))

    def __call__(self, rows: Sequence[Sequence[Any]], now: datetime) -> list[Candidate]:
        if not rows:
            return []
        problems: Problems = defaultdict(list)
        references, withheld = self._refer(rows)
        for index in withheld:
            problems[index].append(self._refer.withheld)
        values = {column.rule.target: column.values(rows, problems) for column in self._columns}
        outside = self._checks.outside_window(values, now, problems)
        self._checks.check_order(values, problems)
        self._checks.check_pair(values, problems)
        candidates = self._candidates(references, values, problems)
        self._mark_refused(candidates, rows, problems)
        for index in outside:
            row = candidates[index]
            row.out_of_window, row.payload, row.violations = True, None, ()
        return candidates

    def _candidates(self, references: list[str], values: Values, problems: Problems) -> list[Candidate]:
        rules = self._rules
        nothing: list[Any] = [None] * len(references)
        exact = values.get(rules.amount, nothing)
        step = self._step
        amounts = [None if amount is None else round_money(amount, step) for amount in exact]
        wire, spelled = self._wire(values if rules.amount not in values else {**values, rules.amount: amounts})
        identifiers = self._checks.identify(spelled, problems)
        made = zip(
            references,
            keys(self._prefix, identifiers, spelled[rules.group], spelled[rules.time]),
            contents(spelled),
            _payloads(wire),
            values[rules.time],
            values[rules.group],
            wire.get(rules.identifiers[0][1], nothing),
            exact,
            amounts,
            values.get(rules.currency, nothing),
            values.get(rules.not_before[0], nothing),
            strict=True,
        )
        return [
            # By position: thirteen names would cost every row a tenth of its time.
            Candidate(
                ref, key or "", sent, payload, (), _IN_WINDOW, raw != amount, time, group, who, amount, money, then
            )
            for ref, key, sent, payload, time, group, who, raw, amount, money, then in made
        ]

    def _wire(self, values: Values) -> tuple[Values, Values]:
        """Return the fields that are sent, as JSON takes them and in their canonical spelling."""
        wire = {column.rule.target: column.encoded(values[column.rule.target]) for column in self._sent}
        return wire, {column.rule.target: column.canonical(wire[column.rule.target]) for column in self._sent}

    def _mark_refused(self, candidates: list[Candidate], rows: Sequence[Sequence[Any]], problems: Problems) -> None:
        for index, violations in problems.items():
            row, cells = candidates[index], rows[index]
            row.payload = None
            row.violations = tuple(violations)
            row.content = raw_content(self._settings, [cells[position] for position in self._positions])
            if not row.key:
                # A NULL key names no row: the cells then have to tell it from the others.
                told_by = row.content if row.source_ref == NULL_REFERENCE else ""
                row.key = reference_key(self._prefix, row.source_ref + told_by)


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
            *(part for name in sorted(preparation.constants) for part in (name, preparation.constants[name])),
        ],
    )
