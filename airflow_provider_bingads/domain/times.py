"""Event times: every accepted form becomes one aware UTC time, and one text on the wire.

Accepted are times with an offset and, once ``source_timezone`` is declared, times without. In the hour that a zone
repeats when its clocks go back, the first occurrence is taken; a time that a zone skips when its clocks go forward does
not exist and is refused. Fractions of a second are kept to the microsecond; the API would take seven digits (api-facts
A.2), Python's times hold six, and further digits are cut.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from airflow_provider_bingads.domain.outcomes import Violation
from airflow_provider_bingads.domain.reading import Place, Read, Symbol
from airflow_provider_bingads.domain.text import cell_text
from airflow_provider_bingads.exceptions import FixSource

__all__ = ["EARLIEST", "LATEST", "find_zone", "read_time", "utc_text"]

EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
LATEST: Final = datetime.max.replace(tzinfo=UTC)

_LONGEST_TIME: Final = 64
_MIDDLE_YEAR: Final = 5000
_ISO: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ]((?:[01]\d|2[0-3]):\d\d(?::\d\d(?:\.\d{1,9})?)?)(?: ?([Zz]|UTC|[+-]\d\d(?::?\d\d)?))?",
    re.ASCII,
)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NO_ZONE: Final = Symbol("SourceTimezoneNotDeclared")


def find_zone(name: str | None) -> tzinfo | None:
    """Return the declared zone, None where none is declared.

    :raises FixSource: no zone of that name is known.
    """
    if name is None:
        return None
    try:
        return UTC if name.upper() in {"UTC", "ETC/UTC"} else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = difflib.get_close_matches(name, available_timezones(), n=3, cutoff=0.5)
        hint = f" Near names: {', '.join(sorted(near))}." if near else ""
        raise FixSource(
            f"source_timezone {name!r} is not a known time zone.{hint} Give an IANA name such as 'Europe/Berlin' or 'UTC'."
        ) from None


def utc_text(moment: datetime) -> str:
    """Write an aware UTC time as the API takes it: ``2026-11-01T02:03:04Z``, fractions without trailing zeros."""
    text = moment.isoformat()[:-6]
    return f"{text.rstrip('0')}Z" if moment.microsecond else f"{text}Z"


def read_time(place: Place, *, wrong: Symbol, zone: tzinfo | None) -> Read:
    """Build the reader of a time; it returns an aware UTC ``datetime``.

    Times that UTC cannot express, in the years 1 and 9999, become the nearest that it can.

    :param wrong: what an unreadable time is called.
    :param zone: zone of times without an offset; None refuses them.
    """
    localise = _localiser(place, wrong, zone)
    unreadable = place.refuse(
        wrong, "is not a time such as 2026-11-01T02:03:04Z", "give a timestamp, or text in ISO 8601 with its offset"
    )
    only_day = place.refuse(
        wrong,
        "is a date without a time of day",
        "give the moment of the event; a guessed midnight can lie before the click, and the service would not count it",
    )
    number = place.refuse(
        wrong,
        "is a number, which does not say whether it counts seconds, milliseconds or microseconds",
        "convert it to a timestamp in the query",
    )

    def to_utc(moment: datetime) -> Any:
        zone_of_moment = moment.tzinfo
        if zone_of_moment is UTC:
            return moment
        try:
            return localise(moment) if zone_of_moment is None else moment.astimezone(UTC)
        except OverflowError:
            return EARLIEST if moment.year < _MIDDLE_YEAR else LATEST

    def parse(text: str) -> Any:
        match = _ISO.fullmatch(text) if len(text) <= _LONGEST_TIME else None
        if match is None:
            return only_day if len(text) <= _LONGEST_TIME and _DAY.fullmatch(text) else unreadable
        day, clock, offset = match.groups()
        if offset is not None and offset in "zUTC":
            offset = "Z"
        try:
            moment = datetime.fromisoformat(f"{day}T{clock}{offset or ''}")
        except ValueError:
            return unreadable
        return to_utc(moment)

    def read_other(cell: Any) -> Any:
        if isinstance(cell, datetime):
            return None if cell != cell else to_utc(_builtin(cell))  # noqa: PLR0124 - how pandas' NaT is known
        if isinstance(cell, date):
            return only_day
        value = cell_text(cell)
        if value is None:
            return None
        if type(value) is datetime:
            return to_utc(value)
        if type(value) is str:
            return parse(value)
        return (
            number
            if isinstance(value, (int, float, Decimal)) and value is not True and value is not False
            else unreadable
        )

    def read(cell: Any) -> Any:
        if type(cell) is datetime:
            return to_utc(cell)
        return parse(cell.strip()) if type(cell) is str and cell and not cell.isspace() else read_other(cell)

    return read


def _localiser(place: Place, wrong: Symbol, zone: tzinfo | None) -> Callable[[datetime], datetime | Violation]:
    if zone is None:
        undeclared = place.await_setting(
            _NO_ZONE,
            f"the times in {place.column} carry no time zone, and no source_timezone is declared",
            "declare source_timezone, such as 'UTC' or 'Europe/Berlin': the zone in which the source writes these times",
        )
        return lambda _: undeclared
    if zone is UTC:
        return lambda moment: moment.replace(tzinfo=UTC)
    skipped = place.refuse(
        wrong,
        f"does not exist in {zone}: the clocks were put forward over it",
        "correct the time, or declare the zone in which the source really writes its times",
    )

    def localise(moment: datetime) -> datetime | Violation:
        utc = moment.replace(tzinfo=zone).astimezone(UTC)
        return utc if utc.astimezone(zone).replace(tzinfo=None) == moment else skipped

    return localise


def _builtin(moment: datetime) -> datetime:
    return datetime.combine(
        date(moment.year, moment.month, moment.day),
        moment.time(),
        tzinfo=moment.tzinfo,
    )
