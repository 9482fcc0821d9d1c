"""Checks once a run that columns, constants and key fit the entity; a mapping error is the run's, not the rows'."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from airflow_provider_bingads.domain.entity import EventField, Preparation
from airflow_provider_bingads.exceptions import FixConfiguration, FixSource

__all__ = ["check_mapping"]


def check_mapping(
    fields: Sequence[EventField],
    preparation: Preparation,
    *,
    not_writable: Mapping[str, str],
    exclusive: Sequence[tuple[str, str]],
    one_of: Sequence[str],
) -> None:
    """Raise unless every column and constant goes to a field that takes it, and every row can be named.

    :param not_writable: names that people try and that are no fields of this operation -> what to do instead.
    :param exclusive: pairs of fields that become the same field of the API.
    :param one_of: fields of which at least one is needed.
    :raises FixSource: the source's columns do not fit.
    :raises FixConfiguration: a name in ``columns`` or ``constants`` is wrong, whatever the source.
    """
    used = {**preparation.constants, **preparation.mapping}
    configuration = [
        *_unknown_fields(fields, used, not_writable),
        *_conflicts(preparation, exclusive),
    ]
    source = [
        *_absent_columns(preparation),
        *_missing_fields(fields, used, one_of),
        *_key_problems(fields, preparation),
    ]
    if configuration or source:
        problem = FixSource if source else FixConfiguration
        raise problem(" ".join([*configuration, *source]))


def _near(name: str, names: Collection[str]) -> str:
    by_fold = {other.casefold().replace("_", ""): other for other in names}
    found = difflib.get_close_matches(name.casefold().replace("_", ""), by_fold, n=1, cutoff=0.7)
    return f" Did you mean {by_fold[found[0]]!r}?" if found else ""


def _unknown_fields(
    fields: Sequence[EventField], used: Collection[str], not_writable: Mapping[str, str]
) -> Iterator[str]:
    names = [field.name for field in fields]
    for name in used:
        if name in not_writable:
            yield f"{name} cannot be sent with this operation: {not_writable[name]}."
        elif name not in names:
            near = _near(name, names) or f" Its fields: {', '.join(names)}."
            yield f"{name!r} is not a field of this operation.{near}"


def _conflicts(preparation: Preparation, exclusive: Sequence[tuple[str, str]]) -> Iterator[str]:
    mapping, constants = preparation.mapping, preparation.constants
    for name in mapping.keys() & constants.keys():
        yield f"{name} has both a column ({mapping[name]!r}) and a constant. Keep one."
    for raw, hashed in exclusive:
        if {raw, hashed} <= {**mapping, **constants}.keys():
            yield f"{raw} and {hashed} both become {hashed}. Leave one out, such as columns={{{raw!r}: None}}."
    fields_of = defaultdict(list)
    for name, column in mapping.items():
        fields_of[column].append(name)
    for column, names in fields_of.items():
        if len(names) > 1:
            yield f"Column {column!r} is mapped to {' and '.join(sorted(names))}. Map it to one field."


def _absent_columns(preparation: Preparation) -> Iterator[str]:
    columns = preparation.columns
    for name, column in preparation.mapping.items():
        if column not in columns:
            yield (
                f"The source has no column {column!r} for {name}.{_near(column, columns)} "
                f"Name the column in columns={{{name!r}: ...}}."
            )
    for column in {*preparation.mapping.values(), *preparation.source_key}:
        if columns.count(column) > 1:
            yield f"The source returns column {column!r} {columns.count(column)} times. Give each its own alias."


def _missing_fields(fields: Sequence[EventField], used: Collection[str], one_of: Sequence[str]) -> Iterator[str]:
    for field in fields:
        if field.required and field.name not in used:
            yield (
                f"{field.name} is required and has neither a column nor a constant. Name its column in "
                f"columns={{{field.name!r}: ...}} (default {field.default_column!r}), or give a constant."
            )
    if not any(name in used for name in one_of):
        yield f"No column identifies whom a row is about. Map at least one of {', '.join(one_of)}."


def _key_problems(fields: Sequence[EventField], preparation: Preparation) -> Iterator[str]:
    if not preparation.source_key:
        yield "The source has no primary key that could name its rows. Give source_key, the columns that name a row."
    personal = {
        preparation.mapping[field.name]: field.name
        for field in fields
        if field.personal and field.name in preparation.mapping
    }
    for column in preparation.source_key:
        if column not in preparation.columns:
            near = _near(column, preparation.columns)
            yield f"source_key names column {column!r}, which the source does not have.{near} Name one that it has."
        elif column in personal:
            yield (
                f"source_key names column {column!r}, which is mapped to {personal[column]}: personal data would stand "
                f"in every audit table. Choose a technical key."
            )
