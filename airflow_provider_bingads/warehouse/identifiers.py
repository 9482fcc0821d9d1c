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

__all__ = ["TableName", "find_table", "parse_table", "quoted", "require_columns", "shown"]

_MOST_PARTS: Final = 3
_LONGEST: Final = 128
_PART: Final = re.compile(r'"((?:[^"]|"")+)"|`((?:[^`]|``)+)`|\[([^\]]+)\]|([^."`\[\]]+)')


@dataclass(frozen=True, slots=True)
class TableName:
    """A table that exists.

    :param name: as the database spells it.
    :param schema: schema, or ``catalog.schema`` where the dialect takes that; None for the default one.
    """

    name: str
    schema: str | None

    def __str__(self) -> str:
        """Return the name for messages."""
        return shown(self.name if self.schema is None else f"{self.schema}.{self.name}")


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
            double.replace('""', '"') if double else tick.replace("``", "`") if tick else bracket or bare.strip()
        )
        if match.end() == len(text):
            return tuple(parts)
        position = match.end() + 1


def quoted(connection: Connection, name: str) -> quoted_name:
    """Return a reflected name so that SQLAlchemy writes it as the database stores it.

    Databases that fold names (Snowflake, Oracle) reflect a folded name in lower case; quoting that would change it.
    """
    return quoted_name(name, None if connection.dialect.requires_name_normalize else True)


def find_table(connection: Connection, table: str | Sequence[str]) -> TableName:
    """Return the table, if it exists.

    :raises FixSource: no such table; the message offers the nearest names.
    """
    *outer, name = parse_table(table)
    inspector = inspect(connection)
    schema = _schema(connection, outer)
    try:
        exists = inspector.has_table(name, schema=schema)
    except SQLAlchemyError:  # SQLite raises for a schema it does not know
        exists = False
    found = TableName(name, schema)
    if exists:
        return found
    raise FixSource(
        f"There is no table {found}{_readable_schema(inspector, schema)}.{_nearest_table(inspector, found)}"
    )


def _schema(connection: Connection, outer: Sequence[str]) -> str | None:
    if not outer:
        return None
    if len(outer) == 1:
        return outer[0]
    catalog, schema = outer
    if connection.dialect.name in {"postgresql", "sqlite"}:
        here = connection.engine.url.database
        if catalog != here:
            raise FixSource(
                f"The connection reads one database; {shown(catalog)} is another. Leave the first part out, or use a "
                "connection to it."
            )
        return schema
    return f"{catalog}.{schema}"


def _readable_schema(inspector: Inspector, schema: str | None) -> str:
    default = inspector.default_schema_name
    return f" in the default schema {shown(default)}" if schema is None and default else ""


def _nearest_table(inspector: Inspector, table: TableName) -> str:
    try:
        names = [*inspector.get_table_names(table.schema), *inspector.get_view_names(table.schema)]
        if not names:
            return _nearest("schema", table.schema or "", inspector.get_schema_names())
    except SQLAlchemyError:  # the hint is not worth an error of its own
        return ""
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
