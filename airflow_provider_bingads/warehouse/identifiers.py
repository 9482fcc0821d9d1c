"""Names of tables and columns: taken verbatim, required to exist, quoted by SQLAlchemy alone.

A name never becomes part of a statement because it looks harmless, only because reflection found it
(``delivery.md`` 7).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from sqlalchemy import Connection, inspect
from sqlalchemy.engine import Inspector
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql import quoted_name

from airflow_provider_bingads.exceptions import FixSource

__all__ = ["TableName", "find_table", "parse_table", "quoted", "require_columns", "schema_of", "shown"]

_MOST_PARTS: Final = 3
_LONGEST: Final = 128
_PART: Final = re.compile(r'"((?:[^"]|"")+)"|`((?:[^`]|``)+)`|\[([^\]]+)\]|([^."`\[\]]+)')
_ONE_DATABASE: Final = frozenset({"postgresql", "redshift", "sqlite"})
_SPLIT_BY_DIALECT: Final = frozenset({"snowflake", "mssql"})
"""These take ``catalog.schema`` apart and quote each part; others would quote it as one name."""
_MISREAD: Final = {"snowflake": ".", "mssql": ".", "bigquery": ".`", "databricks": "`%", "mysql": "`", "mariadb": "`"}
"""Characters in a name that these dialects take for something else where they reflect a table."""


@dataclass(frozen=True, slots=True)
class TableName:
    """A table that exists.

    :param name: as the database spells it.
    :param schema: None for the default one.
    :param catalog: None for the connection's own.
    """

    name: str
    schema: str | None = None
    catalog: str | None = None

    def __str__(self) -> str:
        """Return the name for messages."""
        return shown(".".join(part for part in (self.catalog, self.schema, self.name) if part is not None))

    @property
    def reflected_schema(self) -> str | None:
        """The schema as reflection takes it."""
        return self.schema if self.catalog is None else f"{self.catalog}.{self.schema}"


def shown(name: str) -> str:
    """Return a name fit for a message: quoted, cut, with control characters escaped."""
    text = name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..."
    return '"' + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text) + '"'


def parse_table(table: str | Sequence[str]) -> tuple[str, ...]:
    """Split a table's name into one to three parts.

    :param table: ``table``, ``schema.table`` or ``catalog.schema.table``, each part quoted as the database does where
        it holds a dot; or the parts themselves, verbatim.
    :raises FixSource: it is not such a name.
    """
    parts = _split(table) if isinstance(table, str) else tuple(table)
    if not 1 <= len(parts) <= _MOST_PARTS:
        raise FixSource(f"A table has one to three parts (catalog, schema, table), {len(parts)} were given.")
    for part in parts:
        if not part or len(part) > _LONGEST or any(ord(c) < ord(" ") or c == "\x7f" for c in part):
            raise FixSource(
                f"{shown(part)} cannot name a table: 1 to {_LONGEST} characters, none of them a control one."
            )
    return parts


def _split(text: str) -> tuple[str, ...]:
    parts: list[str] = []
    position = 0
    while True:
        match = _PART.match(text, position)
        if match is None or (match.end() < len(text) and text[match.end()] != "."):
            raise FixSource(
                f"{shown(text)} is not a table's name. Write table, schema.table or catalog.schema.table; a part with "
                "dots or quotes in it stands in quotes, or the parts are given as a list."
            )
        double, tick, bracket, bare = match.groups()
        parts.append(
            quoted_name(double.replace('""', '"'), quote=True)  # so that no database folds it
            if double
            else tick.replace("``", "`")
            if tick
            else bracket or bare.strip()
        )
        if match.end() == len(text):
            return tuple(parts)
        position = match.end() + 1


def quoted(connection: Connection, name: str) -> quoted_name:
    """Return a reflected name so that SQLAlchemy writes it as the database stores it.

    Databases that fold names (Snowflake, Oracle) reflect a folded name in lower case; quoting that would change it.
    """
    return quoted_name(name, None if connection.dialect.requires_name_normalize else True)


def schema_of(connection: Connection, table: TableName) -> str | None:
    """Return a table's schema so that SQLAlchemy writes each part of it as one name."""
    if table.schema is None or table.catalog is None:
        return None if table.schema is None else quoted(connection, table.schema)
    if connection.dialect.name in _SPLIT_BY_DIALECT:
        return table.reflected_schema
    quote = connection.dialect.identifier_preparer.quote_identifier
    return quoted_name(f"{quote(table.catalog)}.{quote(table.schema)}", quote=False)


def find_table(connection: Connection, table: str | Sequence[str]) -> TableName:
    """Return the table, if it exists.

    One of another catalog on Databricks is returned unseen: its dialect reflects the connection's own catalog only.

    :raises FixSource: no such table; the message offers the nearest names.
    """
    found = _named(connection, parse_table(table))
    if connection.dialect.name == "databricks" and found.catalog is not None:
        return found
    inspector = inspect(connection)
    try:
        exists = inspector.has_table(found.name, schema=found.reflected_schema)
    except SQLAlchemyError:  # SQLite raises for a schema it does not know
        exists = False
    if exists:
        return found
    raise FixSource(
        f"There is no table {found}{_readable_schema(inspector, found.schema)}.{_nearest_table(inspector, found)}"
    )


def _named(connection: Connection, parts: Sequence[str]) -> TableName:
    dialect = connection.dialect.name
    for part in parts:
        if any(character in part for character in _MISREAD.get(dialect, "")):
            raise FixSource(
                f"SQLAlchemy's dialect for {dialect} misreads the name {shown(part)}. Read the table through sql, or "
                "through a view with a plain name."
            )
    *outer, name = parts
    schema = outer.pop() if outer else None
    catalog = outer.pop() if outer else None
    if dialect in {"mysql", "mariadb"} and catalog is not None:
        raise FixSource(
            f"A table here has a database and a name, and nothing above them; leave {shown(catalog)} out of its name."
        )
    if dialect in _ONE_DATABASE and catalog not in {None, connection.engine.url.database}:
        raise FixSource(
            f"The connection reads one database; {shown(catalog or '')} is another. Leave the first part out, or use "
            "a connection to it."
        )
    if dialect in _ONE_DATABASE or (dialect == "databricks" and catalog == getattr(connection.dialect, "catalog", "")):
        catalog = None
    return TableName(name, schema, catalog)


def _readable_schema(inspector: Inspector, schema: str | None) -> str:
    default = inspector.default_schema_name
    return f" in the default schema {shown(default)}" if schema is None and default else ""


def _nearest_table(inspector: Inspector, table: TableName) -> str:
    try:
        schema = table.reflected_schema
        names = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
        if not names:
            return _nearest("schema", table.schema or "", inspector.get_schema_names())
    except SQLAlchemyError:  # the hint is not worth an error of its own
        return ""
    if table.name in names:  # as the dialect tells a name that the database folds
        return " Without quotes there is one."
    return _nearest("table", table.name, names)


def _nearest(kind: str, name: str, names: Iterable[str]) -> str:
    folded = {candidate.casefold(): candidate for candidate in names}
    near = get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)
    if near:
        return f" Did you mean {' or '.join(shown(folded[n]) for n in near)}?"
    if not folded:
        return f" This connection sees no {kind} there."
    listed = ", ".join(shown(candidate) for candidate in sorted(folded.values())[:10])
    return f" There is {listed}{', ...' if len(folded) > 10 else ''}."  # noqa: PLR2004 - as many as fit a sentence


def require_columns(owner: str, wanted: Iterable[str], existing: Sequence[str]) -> dict[str, str]:
    """Return each wanted column's name as the database spells it.

    An exact match wins; else one that differs in case only, if there is exactly one.

    :param owner: the table or query, for the message.
    :raises FixSource: a column does not exist; the message names all that are missing, with the nearest names.
    """
    folded: dict[str, list[str]] = {}
    for name in existing:
        folded.setdefault(name.casefold(), []).append(name)
    spelled: dict[str, str] = {}
    missing: list[str] = []
    for name in wanted:
        alike = [name] if name in existing else folded.get(name.casefold(), [])
        if len(alike) == 1:
            spelled[name] = alike[0]
        else:
            missing.append(f"{owner} has no column {shown(name)}.{_nearest('column', name, existing)}")
    if missing:
        raise FixSource(" ".join(missing))
    return spelled
