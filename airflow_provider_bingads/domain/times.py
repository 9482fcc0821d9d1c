"""Event times: every accepted form becomes one aware UTC time, and one text on the wire.

Accepted are times with an offset and, once ``source_timezone`` is declared, times without. In the hour that a zone
repeats when its clocks go back, the first occurrence is taken; a time that a zone skips when its clocks go forward
does not exist and is refused. Fractions of a second are kept to the microsecond; the API would take seven digits
(api-facts A.2), Python's times hold six, and further digits are cut.
"""

from __future__ import annotations

import difflib
import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from airflow_provider_bingads.domain.reading import Place, Read, Symbol
from airflow_provider_bingads.domain.text import cell_text
from airflow_provider_bingads.exceptions import FixSource

__all__ = ["EARLIEST", "LATEST", "find_zone", "read_time", "utc_text"]

EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
LATEST: Final = datetime.max.replace(tzinfo=UTC)

_NAIVE_START: Final = EARLIEST.replace(tzinfo=None)
_LONGEST_TIME: Final = 64
_MIDDLE_YEAR: Final = 5000
_ONE_DAY: Final = timedelta(days=1)
_NO_OFFSET: Final = timedelta(0)
_ISO: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ]((?:[01]\d|2[0-3]):\d\d(?::\d\d(?:\.\d{1,9})?)?)(?: ?([Zz]|UTC|[+-]\d\d(?::?\d\d)?))?",
    re.ASCII,
)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_UTC_NAMES: Final = frozenset({"Z", "z", "UTC"})
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
            f"source_timezone {name!r} is not a known time zone.{hint} "
            "Give an IANA name such as 'Europe/Berlin' or 'UTC'."
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
    return _TimeReader(place, wrong, zone)


class _TimeReader:
    __slots__ = ("_number", "_only_day", "_repeated", "_skipped", "_undeclared", "_unreadable", "_zone")

    def __init__(self, place: Place, wrong: Symbol, zone: tzinfo | None) -> None:
        self._zone = zone
        self._undeclared = place.await_setting(
            _NO_ZONE,
            "carries no time zone, and no source_timezone is declared",
            "declare source_timezone, the zone in which the source writes these times, such as 'Europe/Berlin'",
            undeclared=True,
        )
        self._skipped = place.refuse(
            wrong,
            f"does not exist in {zone}: the clocks were put forward over it",
            "correct the time, or declare the zone in which the source really writes its times",
        )
        self._repeated = place.refuse(
            wrong,
            f"occurs twice in {zone}: the clocks were put back over it",
            "store the time in UTC or with its offset; without one nobody can tell which of the two hours is meant",
        )
        self._unreadable = place.refuse(
            wrong,
            "is not a time such as 2026-11-01T02:03:04Z",
            "give a timestamp, or text in ISO 8601 with its offset",
        )
        self._only_day = place.refuse(
            wrong,
            "is a date without a time of day",
            "give the moment of the event: a guessed midnight may lie before the click, and would then not count",
        )
        self._number = place.refuse(
            wrong,
            "is a number, which does not say whether it counts seconds, milliseconds or microseconds",
            "convert it to a timestamp in the query",
        )

    def __call__(self, cell: Any) -> Any:
        if type(cell) is str:
            return self._parse(cell)
        return self._to_utc(cell) if type(cell) is datetime else self._read_other(cell)

    def _parse(self, text: str) -> Any:
        match = _ISO.fullmatch(text) if len(text) <= _LONGEST_TIME else None
        if match is None:
            return self._parse_loose(text)
        day, clock, offset = match.groups()
        if offset is None:
            offset = ""
        elif offset in _UTC_NAMES:
            offset = "Z"
        try:
            moment = datetime.fromisoformat(f"{day}T{clock}{offset}")
        except ValueError:
            return self._unreadable
        return self._to_utc(moment)

    def _parse_loose(self, text: str) -> Any:
        bare = text.strip()
        if not bare:
            return None
        if len(bare) > _LONGEST_TIME:
            return self._unreadable
        if len(bare) < len(text):
            return self._parse(bare)
        return self._only_day if _DAY.fullmatch(text) else self._unreadable

    def _to_utc(self, moment: datetime) -> Any:
        zone = moment.tzinfo
        if zone is UTC:
            return moment
        try:
            if zone is None:
                return self._localise(moment)
            # A zone may decline to give an offset; astimezone would then take this machine's.
            return self._localise(moment.replace(tzinfo=None)) if moment.utcoffset() is None else moment.astimezone(UTC)
        except OverflowError:
            return EARLIEST if moment.year < _MIDDLE_YEAR else LATEST

    def _localise(self, moment: datetime) -> Any:
        zone = self._zone
        if zone is None:
            return self._undeclared
        since_start = moment - _NAIVE_START  # sums are several times faster than datetime.replace
        if zone is UTC:
            return EARLIEST + since_start
        offset = zone.utcoffset(moment) or _NO_OFFSET
        # A new offset lasts longer than a day, so only a time whose morrow has another one can be near a change.
        if zone.utcoffset(moment + _ONE_DAY) != offset:
            if _is_skipped(moment, zone):
                return self._skipped
            if _is_repeated(moment, zone):
                return self._repeated
        return EARLIEST + (since_start - offset)

    def _read_other(self, cell: Any) -> Any:
        if isinstance(cell, datetime):
            is_nat = cell != cell  # noqa: PLR0124 - how pandas' NaT is known without pandas
            return None if is_nat else self._to_utc(_builtin(cell))
        if isinstance(cell, date):
            return self._only_day
        value = cell_text(cell)
        if type(value) in {str, datetime}:
            return self(value)
        return self._refused(value)

    def _refused(self, value: Any) -> Any:
        if value is None:
            return None
        is_number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
        return self._number if is_number else self._unreadable


def _is_skipped(moment: datetime, zone: tzinfo) -> bool:
    there_and_back = moment.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
    return there_and_back.replace(tzinfo=None) != moment


def _is_repeated(moment: datetime, zone: tzinfo) -> bool:
    return zone.utcoffset(moment.replace(fold=1)) != zone.utcoffset(moment)


def _builtin(moment: datetime) -> datetime:
    return datetime.combine(date(moment.year, moment.month, moment.day), moment.time(), tzinfo=moment.tzinfo)
