"""Works out, from an operator's arguments and the source's shape, what to select and how to read it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_bingads.domain.entity import EventEntity
from airflow_provider_bingads.domain.times import find_zone
from airflow_provider_bingads.exceptions import FixSource

if TYPE_CHECKING:
    from airflow_provider_bingads.warehouse import SourceRequest, SourceShape

__all__ = ["SourceArguments", "SourcePlan", "plan_source"]

CHUNK_ROWS = 5000
"""Rows judged at a time: enough to make one ledger look-up cheap, small against memory."""


class SourceArguments(Protocol):
    """The operator's arguments that say what to read."""

    sql: str | None
    table: str | Sequence[str] | None
    parameters: Mapping[str, Any] | None
    columns: Mapping[str, str | None] | None
    constants: Mapping[str, object] | None
    source_key: str | Sequence[str] | None
    source_timezone: str | None
    account_id_column: str | None
    customer_id_column: str | None


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """What is read, and where in each row things stand.

    :param mapping: API field -> column.
    :param request: what to select; its ``columns`` give the order of each row's values.
    """

    mapping: Mapping[str, str]
    source_key: tuple[str, ...]
    request: SourceRequest
    account_position: int | None
    customer_position: int | None


def plan_source(
    entity: EventEntity, arguments: SourceArguments, shape: SourceShape, now: datetime, lookback: timedelta
) -> SourcePlan:
    """Choose columns, key and time filter.

    :param shape: what reflection found.
    :raises FixSource: a column named in the arguments does not exist, the zone does not, or there is no key.
    """
    from airflow_provider_bingads.warehouse import SourceRequest

    mapping = _mapping(entity, arguments, shape)
    key = tuple(_required(column, shape) for column in _source_key(arguments, shape))
    account, customer = (
        _required(column, shape) if column else None
        for column in (arguments.account_id_column, arguments.customer_id_column)
    )
    routing = [column for column in (account, customer) if column]
    columns = tuple(dict.fromkeys([*mapping.values(), *key, *routing]))
    cutoff_column, cutoff = _cutoff(entity, mapping, arguments, shape, now - lookback - timedelta(days=1))
    table = arguments.table
    request = SourceRequest(
        table=table if table is None or isinstance(table, str) else tuple(table),
        sql=arguments.sql,
        parameters=arguments.parameters,
        columns=columns,
        account_column=account,
        cutoff_column=cutoff_column,
        cutoff=cutoff,
        chunk_size=CHUNK_ROWS,
    )
    return SourcePlan(
        mapping=mapping,
        source_key=key,
        request=request,
        account_position=_position(columns, account),
        customer_position=_position(columns, customer),
    )


def _position(columns: Sequence[str], column: str | None) -> int | None:
    return None if column is None else columns.index(column)


def _mapping(entity: EventEntity, arguments: SourceArguments, shape: SourceShape) -> dict[str, str]:
    fields = {field.name: field for field in entity.fields}
    named = dict(arguments.columns or {})
    # A name that is no field is kept: the entity knows why it is none, and says so when it reads the mapping.
    mapping = {name: column for name, column in named.items() if name not in fields and column is not None}
    for name, field in fields.items():
        if name in named:
            column = named[name]
            if column is not None:
                mapping[name] = _required(column, shape)
        elif name not in (arguments.constants or {}) and (found := _spelled(field.default_column, shape)):
            mapping[name] = found
    return mapping


def _required(column: str, shape: SourceShape) -> str:
    spelled = _spelled(column, shape)
    if spelled is None:
        raise FixSource(
            f"The source has no column {column!r}{_hint(column, shape.columns)} "
            f"It has: {', '.join(sorted(shape.columns)[:30])}"
        )
    return spelled


def _spelled(column: str, shape: SourceShape) -> str | None:
    """Return the column as the source spells it: exactly so, else the only one that differs in case."""
    if column in shape.columns:
        return column
    alike = [name for name in shape.columns if name.casefold() == column.casefold()]
    return alike[0] if len(alike) == 1 else None


def _hint(name: str, known: Mapping[str, object]) -> str:
    folded = {column.casefold(): column for column in known}
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    return f"; did you mean {folded[near[0]]!r}?" if near else "."


def _source_key(arguments: SourceArguments, shape: SourceShape) -> tuple[str, ...]:
    key = arguments.source_key
    if key:
        return (key,) if isinstance(key, str) else tuple(key)
    if shape.primary_key:
        return tuple(shape.primary_key)
    raise FixSource(
        "The source has no primary key, so its rows have no name in the ledger. "
        "Give source_key: the column, or columns, that tell one row from another"
    )


def _cutoff(
    entity: EventEntity, mapping: Mapping[str, str], arguments: SourceArguments, shape: SourceShape, oldest: datetime
) -> tuple[str | None, datetime | None]:
    column = mapping.get(entity.time_field)
    if column is None or not shape.columns[column].is_temporal:
        return None, None
    if shape.columns[column].has_timezone:
        return column, oldest
    if arguments.source_timezone is None:
        return None, None
    zone = find_zone(arguments.source_timezone)
    return column, oldest.astimezone(zone).replace(tzinfo=None)
