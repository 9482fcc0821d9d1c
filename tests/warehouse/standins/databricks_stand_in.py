"""Databricks' SQLAlchemy dialect over a connection that knows one empty table and keeps what it is asked.

Every query is taken apart by a parser of Databricks' SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Self

import sqlglot
from databricks.sql.exc import ServerOperationError
from databricks.sql.parameters.native import dbsql_parameter_from_primitive
from sqlalchemy import Engine, create_engine

_COLUMNS = {
    "order_id": "STRING",
    "account": "BIGINT",
    "zoned": "TIMESTAMP",
    "naive": "TIMESTAMP_NTZ",
    "day": "DATE",
    "Mixed": "DECIMAL(12,2)",
    "order": "STRING",
    "per % cent: 'x'": "STRING",
    "tick`": "STRING",
}
_DESCRIBE = re.compile(r"DESCRIBE TABLE EXTENDED (.*)")
Asked = list[tuple[str, Any]]


class Cursor:
    """What the dialect asks of a cursor."""

    arraysize = 1
    rowcount = -1

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._rows: list[Any] = []
        self.description: list[tuple[Any, ...]] = []

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Answer what is known of the table; take apart and keep everything else."""
        if sql == "SELECT 1":
            return
        described = _DESCRIBE.fullmatch(sql)
        if described:
            self._asked.append((sql, {}))
            try:
                table = sqlglot.to_table(described[1], dialect="databricks")
            except sqlglot.errors.SqlglotError:
                raise ServerOperationError("[PARSE_SYNTAX_ERROR] Syntax error at or near 'jane'") from None
            self._need(table.name)
            self._answer(("col_name", "data_type", "comment"), [("pk", "PRIMARY KEY (`order_id`)", None)])
            return
        if sql.startswith("SHOW "):
            self._answer(("tableName", "viewName"), [("offline_conversions", "")] if "TABLES" in sql else [])
            return
        types = {name: kind(value) for name, value in (parameters or {}).items()}
        try:
            tree = sqlglot.parse_one(sql, dialect="databricks")
        except sqlglot.errors.SqlglotError:
            raise ServerOperationError("[PARSE_SYNTAX_ERROR] Syntax error at or near 'jane'") from None
        self._asked.append((sql, types))
        for table in tree.find_all(sqlglot.exp.Table):
            self._need(table.name)
        inner = tree.find(sqlglot.exp.Subquery) if tree.is_star else None
        names = [one.alias_or_name for one in (inner.this if inner else tree).selects]
        names = list(_COLUMNS) if names == ["*"] else names
        self.description = [(name, _COLUMNS.get(name, "BIGINT").lower(), *[None] * 5) for name in names]
        self._rows = [(0,)] if names == ["count_1"] else []

    def columns(self, **_: Any) -> Cursor:
        """Return what the service lists as the table's columns."""
        about = {"NULLABLE": 1, "COLUMN_DEF": None, "REMARKS": ""}
        self._rows = [SimpleNamespace(COLUMN_NAME=n, TYPE_NAME=t, **about) for n, t in _COLUMNS.items()]
        return self

    def fetchall(self) -> list[Any]:
        """Return the rows left."""
        rows, self._rows = self._rows, []
        return rows

    def fetchmany(self, _size: int | None = None) -> list[Any]:
        """Return the rows left."""
        return self.fetchall()

    def fetchone(self) -> Any:
        """Return the next row."""
        return self._rows.pop(0) if self._rows else None

    def close(self) -> None:
        """Do nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing."""

    def _answer(self, names: tuple[str, ...], rows: list[Any]) -> None:
        self.description = [(name, "string", *[None] * 5) for name in names]
        self._rows = rows

    def _need(self, table: str) -> None:
        if not table.endswith("conversions"):
            raise ServerOperationError(f"[TABLE_OR_VIEW_NOT_FOUND] {table} cannot be found")


def kind(value: Any) -> str:
    """Return the type of a parameter as the service is told it."""
    return str(dbsql_parameter_from_primitive(value).as_tspark_param(True).type)


class Connection:
    """What SQLAlchemy asks of a connection."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def cursor(self) -> Cursor:
        """Return a cursor."""
        return Cursor(self._asked)

    def commit(self) -> None:
        """Do nothing."""

    rollback = close = commit


@contextmanager
def engine() -> Iterator[tuple[Engine, Asked]]:
    """Give the engine, and the list of what the service was asked."""
    asked: Asked = []
    url = "databricks://token:secret@host.example?http_path=/sql&catalog=main&schema=sales"
    engine = create_engine(url, creator=lambda: Connection(asked), hide_parameters=True)
    yield engine, asked
    engine.dispose()
