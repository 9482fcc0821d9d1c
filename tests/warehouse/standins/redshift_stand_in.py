"""Redshift's SQLAlchemy dialect over a connection that knows one empty table and keeps what it is asked.

Every query is taken apart by a parser of Redshift's SQL. What the dialect asks about tables goes to Redshift's own
system views, so that is answered in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import psycopg2
import sqlglot
from sqlalchemy import Engine, create_engine, types
from sqlalchemy_redshift.dialect import RedshiftDialect_psycopg2

_COLUMNS: dict[str, tuple[types.TypeEngine[Any], int]] = {
    "order_id": (types.String(), 1043),
    "account": (types.BigInteger(), 20),
    "zoned": (types.TIMESTAMP(timezone=True), 1184),
    "naive": (types.TIMESTAMP(), 1114),
    "day": (types.Date(), 1082),
    "Mixed": (types.Numeric(), 1700),
    "order": (types.String(), 1043),
    "per % cent: 'x'": (types.String(), 1043),
}
Asked = list[tuple[str, Any]]


class Cursor:
    """What SQLAlchemy asks of a cursor."""

    arraysize = 1
    itersize = 1
    rowcount = -1
    connection = SimpleNamespace(notices=[])

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._rows: list[Any] = []
        self.description: list[tuple[Any, ...]] = []

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Take the query apart and keep it."""
        sent = sql % dict.fromkeys(parameters, "NULL") if parameters else sql.replace("%%", "%")
        try:
            tree = sqlglot.parse_one(sent, dialect="redshift")
        except sqlglot.errors.SqlglotError:
            raise psycopg2.ProgrammingError("syntax error at or near 'jane'") from None
        self._asked.append((sql, {name: type(value).__name__ for name, value in (parameters or {}).items()}))
        inner = tree.find(sqlglot.exp.Subquery) if tree.is_star else None
        names = [one.alias_or_name for one in (inner.this if inner else tree).selects]
        self.description = [(name, _COLUMNS.get(name, (None, 20))[1], *[None] * 5) for name in names]
        self._rows = [(0,)] if names == ["count_1"] else []

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


class Connection:
    """What SQLAlchemy asks of a connection."""

    autocommit = False
    closed = 0
    notices: tuple[str, ...] = ()

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def cursor(self, _name: str | None = None, **_: Any) -> Cursor:
        """Return a cursor."""
        return Cursor(self._asked)

    def commit(self) -> None:
        """Do nothing."""

    rollback = close = commit


class Dialect(RedshiftDialect_psycopg2):  # type: ignore[misc]  # the package ships no types
    """Redshift's, with the table known."""

    supports_statement_cache = True

    def on_connect(self) -> None:
        """Have no adapters to register."""

    def initialize(self, connection: Any) -> None:
        """Ask the server nothing."""
        self.server_version_info = (8, 0, 2)
        self.default_schema_name = "public"

    def has_table(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> bool:
        """Know one table of every schema."""
        return table_name.endswith("conversions")

    def get_columns(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> list[Any]:
        """Return its columns."""
        return [{"name": name, "type": kind} for name, (kind, _) in _COLUMNS.items()]

    def get_pk_constraint(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> Any:
        """Return its key."""
        return {"constrained_columns": ["order_id"]}

    def get_table_names(self, connection: Any, schema: str | None = None, **_: Any) -> list[str]:
        """Return the one table."""
        return ["offline_conversions"]

    def get_view_names(self, connection: Any, schema: str | None = None, **_: Any) -> list[str]:
        """Return no view."""
        return []


@contextmanager
def engine() -> Iterator[tuple[Engine, Asked]]:
    """Give the engine, and the list of what the service was asked."""
    from sqlalchemy.dialects import registry

    registry.register("redshift.bingads", __name__, "Dialect")
    asked: Asked = []
    engine = create_engine(
        "redshift+bingads://somebody@host.example/dwh", creator=lambda: Connection(asked), hide_parameters=True
    )
    yield engine, asked
    engine.dispose()
