"""A query given as text, made fit to stand inside another: one statement, values bound, nothing interpreted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import BindParameter, TextClause, bindparam, text
from sqlalchemy.types import NullType

from airflow_provider_bingads.exceptions import FixSource

__all__ = ["bound", "one_statement"]

# Strings, quoted names, comments and dollar quotes, in which a semicolon ends nothing.
_TOKEN: Final = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*` | --[^\n]* | /\*.*?\*/ | (\$\w*\$).*?\1 | ;""",
    re.DOTALL | re.VERBOSE,
)
_READS: Final = re.compile(r"\s*\(*\s*(select|with|values|table|from)\b", re.IGNORECASE)
_NAMED: Final = re.compile(r"(?<![:\w$\\]):([\w$]+)(?![:\w$])")  # what sqlalchemy.text() takes for a parameter
_CAST: Final = re.compile(r"(?<![:\w$\\]):([\w$]+)(?=::)")
_PERCENT_NAMED: Final = re.compile(r"%\((\w+)\)s")


def one_statement(sql: str) -> str:
    """Return a query without what follows its end: semicolons and comments.

    :raises FixSource: it is empty, holds several statements or does not read.
    """
    end = None
    blank = list(sql)
    for token in _TOKEN.finditer(sql):
        if token.group() == ";":
            end = token.start() if end is None else end
        elif token.group().startswith(("--", "/*")):
            blank[token.start() : token.end()] = " " * len(token.group())
    bare = "".join(blank)
    if end is not None and bare[end:].strip("; \t\r\n"):
        raise FixSource(
            "sql holds several statements; it must be one query. Put the others into tasks before this one."
        )
    query = sql[:end] if end is not None else sql
    if not _READS.match(bare[: len(query)]):
        raise FixSource("sql must be one query that starts with SELECT or WITH.")
    return query


def bound(sql: str, parameters: Mapping[str, Any] | None) -> TextClause:
    """Return the query with its parameters bound.

    Only names in ``parameters`` are parameters, written ``:name`` or ``%(name)s``; every other colon, as in a
    literal or a cast, stays as it is.

    :raises FixSource: ``parameters`` is not a mapping, or has a name the query does not use.
    """
    values = {} if parameters is None else parameters
    if not isinstance(values, Mapping):
        raise FixSource("parameters must be a mapping; write the query's parameters as :name.")
    used: set[str] = set()

    def colon(match: re.Match[str]) -> str:
        if match.group(1) in values:
            used.add(match.group(1))
            return match.group()
        return f"\\{match.group()}"

    def percent(match: re.Match[str]) -> str:
        return f":{match.group(1)}" if match.group(1) in values else match.group()

    def cast(match: re.Match[str]) -> str:
        # sqlalchemy.text() takes no name for a parameter that PostgreSQL's cast follows, unless it stands alone.
        return f"({match.group()})" if match.group(1) in values else match.group()

    clause = text(_NAMED.sub(colon, _CAST.sub(cast, _PERCENT_NAMED.sub(percent, sql))))
    unused = sorted(set(values) - used)
    if unused:
        raise FixSource(f"parameters has {', '.join(unused)}, which the query does not use; write it there as :name.")
    return clause.bindparams(*(_parameter(name, value) for name, value in values.items()))


def _parameter(name: str, value: Any) -> BindParameter[Any]:
    # A text without a type is compared with a date or a number as a literal is; with one, psycopg casts it first.
    return bindparam(name, value, type_=NullType() if isinstance(value, str) else None)
