"""Records turned into what a driver stores, a column at a time: the hot path of every write.

A text that does not fit is cut and a character no database stores is replaced, because an outcome must never be
lost for the sake of a text that explains it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, Final

from sqlalchemy import Boolean, DateTime, Integer, Numeric, String, Table

from airflow_provider_bingads.warehouse.ledger.schema import Ascii

__all__ = ["copy_text", "encoded", "from_stored", "to_stored"]

Column = Sequence[Any]

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_COPY_NULL: Final = "\\N"


def to_stored(moment: datetime) -> str:
    """Return the text of a moment as the ledger stores it: UTC, naive, always with microseconds."""
    if moment.tzinfo is not None and moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    # Without its zone, and put together anew, a time is written in two thirds of the time.
    return datetime.combine(moment.date(), moment.time()).isoformat(" ", "microseconds")


def from_stored(stored: datetime | str) -> datetime:
    """Return the aware UTC time of a stored one; SQLite hands out texts."""
    moment = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    return moment.replace(tzinfo=UTC)


def _times(values: Column) -> Column:
    if values.count(None) == len(values):
        return values
    out: list[str | None] = []
    last: datetime | None = None
    text: str | None = None
    for value in values:
        if value is not last:  # the time of recording is one object for a whole batch
            last, text = value, None if value is None else to_stored(value)
        out.append(text)
    return out


def _decimals(values: Column) -> Column:
    return [None if value is None else str(value) for value in values]


def _texts(values: Column, *, limit: int, plain: bool) -> Column:
    present = [value for value in values if value is not None]
    joined = "".join(present)
    if joined.isascii() or not plain:
        fits = len(joined) <= limit or max(map(len, present)) <= limit
        if fits and (joined.isprintable() or not _UNSTORABLE.search(joined)):
            return values
    return [None if value is None else _clean(value, limit, plain=plain) for value in values]


def _clean(text: str, limit: int, *, plain: bool) -> str:
    text = _UNSTORABLE.sub("\ufffd", text)
    return (text.encode("ascii", "backslashreplace").decode("ascii") if plain else text)[:limit]


def _same(values: Column) -> Column:
    return values


@lru_cache(maxsize=64)
def _encoders(table: Table, *, plain: bool) -> tuple[Callable[[Column], Column], ...]:
    encoders: list[Callable[[Column], Column]] = []
    for column in table.columns:
        if isinstance(column.type, DateTime):
            encoders.append(_times)
        elif isinstance(column.type, Numeric):
            encoders.append(_decimals)
        elif isinstance(column.type, String) and column.type.length and not isinstance(column.type, Ascii):
            encoders.append(partial(_texts, limit=column.type.length, plain=plain))
        else:
            encoders.append(_same)
    return tuple(encoders)


def encoded(table: Table, records: Sequence[Sequence[Any]], *, plain: bool = False) -> list[Column]:
    """Return the records' columns, ready for any driver.

    :param table: its columns stand in the order of the records' fields.
    :param records: at least one.
    :param plain: escape everything beyond ASCII; for a database whose encoding cannot hold a text.
    """
    columns = zip(*records, strict=True)
    return [_encoded(encode, values) for encode, values in zip(_encoders(table, plain=plain), columns, strict=True)]


def _encoded(encode: Callable[[Column], Column], values: Column) -> Column:
    if values[0] is values[-1] and values.count(values[0]) == len(values):
        return list(encode(values[:1])) * len(values)
    return encode(values)


def _copy_number(value: Any) -> str:
    return _COPY_NULL if value is None else str(value)


def _copy_flag(value: Any) -> str:
    return _COPY_NULL if value is None else "t" if value else "f"


def _copy_texts(values: Column) -> Column:
    count = values.count(None)
    if count == len(values):
        return [_COPY_NULL] * count
    if count == 0:
        joined = "".join(values)
        if joined.isprintable() and "\\" not in joined:
            return values
    return [_COPY_NULL if value is None else value.translate(_ESCAPES) for value in values]


def copy_text(table: Table, columns: Sequence[Column]) -> bytes:
    """Return encoded columns as PostgreSQL's COPY text format in UTF-8."""
    texts: list[Column] = []
    for column, values in zip(table.columns, columns, strict=True):
        if isinstance(column.type, Boolean):
            texts.append([_copy_flag(value) for value in values])
        elif isinstance(column.type, Integer):
            texts.append([_copy_number(value) for value in values])
        else:
            texts.append(_copy_texts(values))
    lines = map("\t".join, zip(*texts, strict=True))
    return ("\n".join(lines) + "\n").encode()
