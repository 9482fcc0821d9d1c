"""How people name rows of the ledger, as conditions on its tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Connection, FromClause, and_, or_, select, tuple_

from airflow_provider_bingads.warehouse.ledger.kept import Scope
from airflow_provider_bingads.warehouse.ledger.schema import KEY_PREFIX, LedgerTables, key_prefix

__all__ = ["as_written", "chunks", "has_key", "in_scope", "is_among", "is_named"]

_Item = TypeVar("_Item")
_A_STATEMENT: Final = 240
"""Each may be four parameters: the three columns of a row's primary key, and the first of them once more."""
_ROW_KEY: Final = re.compile("[0-9a-f]{32}")


def is_named(row: FromClause, keys: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a record has one of these names: its ``source_ref``, or its row key.

    :param row: ``bingads_row`` or an alias of it.
    :param keys: at least one; a list of several key columns may be spelled with any spaces.
    """
    named = row.c.source_ref.in_(sorted({spelling for key in keys for spelling in (key, as_written(key))} - {""}))
    row_keys = sorted({key.lower() for key in keys if _ROW_KEY.fullmatch(key.lower())})
    return or_(named, has_key(row, row_keys)) if row_keys else named


def has_key(row: FromClause, row_keys: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a record has one of these row keys, in a form the key index serves."""
    prefixes = sorted({key[:KEY_PREFIX] for key in row_keys})
    # A list of one is an equation to SQLite, which then puts the constant into the index's expression and scans.
    several = [*row_keys, *row_keys] if len(row_keys) == 1 else row_keys
    return and_(key_prefix(row.c.row_key).in_(prefixes), row.c.row_key.in_(several))


def is_among(columns: Sequence[ColumnElement[Any]], values: Sequence[tuple[Any, ...]]) -> ColumnElement[bool]:
    """Return the condition that some columns together have one of these values.

    :param columns: an index begins with the first; SQLite uses one for nothing but a single column's values.
    """
    first = columns[0].in_(sorted({value[0] for value in values}))
    return first if len(columns) == 1 else and_(first, tuple_(*columns).in_(values))


def in_scope(
    connection: Connection, tables: LedgerTables, scope: Scope, row: FromClause, run: FromClause
) -> list[ColumnElement[bool]]:
    """Return the conditions of a scope.

    :param run: start of the record's run.
    """
    asked = {"dag_id": scope.dag_id, "task_id": scope.task_id}
    conditions: list[ColumnElement[bool]] = [run.c[name] == value for name, value in asked.items() if value is not None]
    streams = _streams(connection, tables, scope)
    return conditions if streams is None else [*conditions, row.c.stream_id.in_(streams)]


def _streams(connection: Connection, tables: LedgerTables, scope: Scope) -> Sequence[str] | None:
    wanted = {"stream_id": scope.stream_id, "account_id": scope.account_id, "operation": scope.operation}
    run: Any = tables.run
    conditions = [run.c[name] == value for name, value in wanted.items() if value is not None]
    if not conditions:
        return None
    query = select(run.c.stream_id).where(run.c.event == "start", *conditions).distinct()
    return sorted(connection.execute(query).scalars())


def chunks(items: Sequence[_Item], most: int = _A_STATEMENT) -> Iterator[list[_Item]]:
    """Yield lists short enough for one statement of any database (SQLite before 3.32 takes 999 parameters)."""
    for start in range(0, len(items), most):
        yield list(items[start : start + most])


def as_written(key: str) -> str:
    """Return a list of several key columns as the ledger writes it, whatever its spaces."""
    if not key.startswith("["):
        return key
    try:
        return json.dumps(json.loads(key), ensure_ascii=False)
    except ValueError:
        return key
