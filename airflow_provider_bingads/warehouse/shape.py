"""What a source looks like before it is read: its columns' names, which of them hold native times, its key."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, Executable, inspect, select, table, text, types
from sqlalchemy.exc import DBAPIError, SAWarning

from airflow_provider_bingads.exceptions import FixSource
from airflow_provider_bingads.warehouse.failures import code_of
from airflow_provider_bingads.warehouse.filesystems import require_file
from airflow_provider_bingads.warehouse.identifiers import TableName, find_table, quoted, schema_of, shown
from airflow_provider_bingads.warehouse.refusals import refused
from airflow_provider_bingads.warehouse.statements import bound, one_statement

__all__ = ["ColumnShape", "SourceShape", "describe_on", "describe_source", "source_name"]


@dataclass(frozen=True, slots=True)
class ColumnShape:
    """One column.

    :param is_temporal: a native date or time type, so that comparing it in SQL means what it says.
    :param has_timezone: its values carry a zone, or the database converts them to one.
    """

    is_temporal: bool
    has_timezone: bool


@dataclass(frozen=True, slots=True)
class SourceShape:
    """A table or query.

    :param columns: name, as the database spells it, to shape; in the source's order.
    :param primary_key: names of the table's key columns; empty for a query, a view or a table without one.
    :param table: the table; None for a query.
    """

    columns: dict[str, ColumnShape]
    primary_key: tuple[str, ...]
    table: TableName | None = None


_UNKNOWN: Final = ColumnShape(is_temporal=False, has_timezone=False)
_NAIVE: Final = ColumnShape(is_temporal=True, has_timezone=False)
_AWARE: Final = ColumnShape(is_temporal=True, has_timezone=True)
# Types that hold a zone although their class does not say so in SQLAlchemy's way.
_ZONED: Final = frozenset({"TIMESTAMP_TZ", "TIMESTAMP_LTZ", "DATETIMEOFFSET"})
_MYSQL_TWICE: Final = "1060"
"""What MySQL calls a derived table with two columns of one name."""
_ZONED_TIMESTAMP: Final = frozenset({"bigquery", "databricks", "mysql", "mariadb"})
# Times whose class is none of SQLAlchemy's.
_UNZONED: Final = frozenset({"TIMESTAMP_NTZ"})
# What drivers tell of a query's columns: the codes of date, timestamp without and with a zone.
_POSTGRES_TYPES: Final[dict[Any, ColumnShape]] = {1082: _NAIVE, 1114: _NAIVE, 1184: _AWARE}
_MYSQL_TYPES: Final[dict[Any, ColumnShape]] = {7: _AWARE, 10: _NAIVE, 12: _NAIVE, 14: _NAIVE}
_DESCRIBED: Final[dict[str, dict[Any, ColumnShape]]] = {
    "postgresql": _POSTGRES_TYPES,
    "redshift": _POSTGRES_TYPES,
    "mysql": _MYSQL_TYPES,
    "mariadb": _MYSQL_TYPES,
    "snowflake": {3: _NAIVE, 6: _AWARE, 7: _AWARE, 8: _NAIVE},
    "bigquery": {"DATE": _NAIVE, "DATETIME": _NAIVE, "TIMESTAMP": _AWARE},
    "databricks": {"date": _NAIVE, "timestamp_ntz": _NAIVE, "timestamp": _AWARE},
}


def source_name(table: str | Sequence[str] | None) -> str:
    """Return what messages call a source."""
    return "the query" if table is None else f"table {shown(table if isinstance(table, str) else '.'.join(table))}"


def describe_source(
    engine: Engine,
    *,
    table: str | Sequence[str] | None = None,
    sql: str | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> SourceShape:
    """Return what a table or query looks like, reading no row of it.

    :param engine: engine of the source's database.
    :param table: one to three parts as text, or the parts; this or ``sql``.
    :param sql: one query.
    :param parameters: values of the query's ``:name`` parameters.
    :raises FixSource: it does not exist, is not readable or is not a query.
    :raises RetryLater: the database cannot be reached.
    """
    if (table is None) == (sql is None):
        raise FixSource("Give exactly one of table and sql.")
    require_file(engine)
    what = source_name(table)
    with refused(engine, what, quotable=not parameters), engine.connect() as connection:
        return describe_on(connection, table=table, sql=sql, parameters=parameters)


def describe_on(
    connection: Connection,
    *,
    table: str | Sequence[str] | None,
    sql: str | None,
    parameters: Mapping[str, Any] | None,
) -> SourceShape:
    """Return what a source looks like, on a connection at hand."""
    if sql is not None:
        return _query(connection, sql, parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # of a type that SQLAlchemy does not know: only names are asked for
        return _table(connection, find_table(connection, table or ()))


def _table(connection: Connection, name: TableName) -> SourceShape:
    if connection.dialect.name == "databricks" and name.catalog is not None:
        origin = table(quoted(connection, name.name), schema=schema_of(connection, name))
        return SourceShape(_described(connection, select(text("*")).select_from(origin).where(text("1 = 0"))), (), name)
    inspector = inspect(connection)
    schema = name.reflected_schema
    columns = {
        column["name"]: _column(connection, column["type"])
        for column in inspector.get_columns(name.name, schema=schema)
    }
    key = inspector.get_pk_constraint(name.name, schema=schema).get("constrained_columns") or ()
    return SourceShape(columns, tuple(key), name)


def _column(connection: Connection, kind: types.TypeEngine[Any]) -> ColumnShape:
    dialect = connection.dialect.name
    name = type(kind).__name__.upper()
    zoned = bool(getattr(kind, "timezone", False)) or name in _ZONED
    zoned = zoned or (name == "TIMESTAMP" and dialect in _ZONED_TIMESTAMP)
    # SQLite stores whatever it is given; a declared DATETIME says nothing about the cells.
    native = isinstance(kind, types.Date | types.DateTime) or name in _UNZONED
    temporal = dialect != "sqlite" and (zoned or native)
    return ColumnShape(is_temporal=temporal, has_timezone=temporal and zoned)


def _query(connection: Connection, sql: str, parameters: Mapping[str, Any] | None) -> SourceShape:
    inner = bound(f"SELECT * FROM (\n{one_statement(sql)}\n) bingads_source WHERE 1 = 0", parameters)  # noqa: S608 - the query is the DAG author's own
    return SourceShape(_described(connection, inner), ())


def _described(connection: Connection, statement: Executable) -> dict[str, ColumnShape]:
    """Return the columns of a statement that returns no rows, as the driver describes them."""
    try:
        result = connection.execute(statement)
    except DBAPIError as error:
        if code_of(error) != _MYSQL_TWICE:
            raise
        raise FixSource("The query returns a column twice; give each its own name with AS.") from None
    described = list(zip(result.keys(), result.cursor.description if result.cursor else (), strict=True))
    result.close()
    twice = _repeated([name for name, _ in described], numbered=connection.dialect.name == "sqlite")
    if twice:
        raise FixSource(f"The query returns the column {shown(twice[0])} twice; give each its own name with AS.")
    known = _DESCRIBED.get(connection.dialect.name, {})
    return {name: known.get(column[1], _UNKNOWN) for name, column in described}


def _repeated(names: Sequence[str], *, numbered: bool) -> list[str]:
    """Return the names that occur twice; SQLite numbers the second one (``id:1``)."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if numbered:
        parts = (name.rpartition(":") for name in names)
        repeated += [base for base, colon, number in parts if colon and number.isdigit() and base in names]
    return sorted(repeated)
