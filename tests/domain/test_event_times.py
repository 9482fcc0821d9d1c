"""Times in every form that sources hold them, and those that must not be guessed at."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_bingads.domain.outcomes import Finality, Violation
from airflow_provider_bingads.domain.reading import Place, Symbol
from airflow_provider_bingads.domain.times import EARLIEST, LATEST, find_zone, read_time, utc_text
from airflow_provider_bingads.exceptions import FixSource
from tests.domain.bad_rows import NumpyLike

WRONG = Symbol("Wrong", 5607)
BERLIN = ZoneInfo("Europe/Berlin")
EXPECTED = datetime(2026, 11, 1, 2, 3, 4, tzinfo=UTC)


class NoOffset(tzinfo):
    """A zone that declines to say its offset, as the documentation of tzinfo allows."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        return None

    def dst(self, moment: datetime | None) -> timedelta | None:
        return None


class DriverTime(datetime):
    """A subclass, as data frames return."""


def read(cell: Any, zone: tzinfo | None = None) -> Any:
    return read_time(Place("ConversionTime", "sold_at"), wrong=WRONG, zone=zone)(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "2026-11-01T02:03:04Z",
        "2026-11-01t02:03:04z",
        "2026-11-01 02:03:04+00:00",
        "2026-11-01 02:03:04+00",
        "2026-11-01 02:03:04 UTC",
        "2026-11-01 03:03:04 +0100",
        "2026-10-31T20:03:04-06:00",
        "  2026-11-01T02:03:04Z\n",
        "2026-11-01T02:03:04.0000000Z",
        datetime(2026, 11, 1, 2, 3, 4, tzinfo=UTC),
        datetime(2026, 11, 1, 3, 3, 4, tzinfo=BERLIN),
        datetime(2026, 11, 1, 7, 48, 4, tzinfo=timezone(timedelta(hours=5, minutes=45))),
        DriverTime(2026, 11, 1, 2, 3, 4, tzinfo=UTC),
        NumpyLike(datetime(2026, 11, 1, 2, 3, 4, tzinfo=UTC)),
        NumpyLike("2026-11-01T02:03:04Z"),
    ],
)
def test_every_spelling_of_a_moment_is_that_moment(cell: Any) -> None:
    moment = read(cell)

    assert moment == EXPECTED
    assert type(moment) is datetime
    assert moment.tzinfo is UTC


@pytest.mark.parametrize("cell", ["2026-11-01 03:03:04", "2026-11-01T03:03:04.000", datetime(2026, 11, 1, 3, 3, 4)])  # noqa: DTZ001
def test_a_time_without_offset_is_read_in_the_declared_zone(cell: Any) -> None:
    assert read(cell, BERLIN) == EXPECTED


@pytest.mark.parametrize("cell", ["2026-11-01 03:03:04", datetime(2026, 11, 1, 3, 3, 4), DriverTime(2026, 11, 1)])  # noqa: DTZ001
def test_a_time_without_offset_and_no_declared_zone_waits_for_the_setting(cell: Any) -> None:
    """Its cause is a setting that hits all rows: judged anew each run, and it stops a run whose rows all have it."""
    refused = read(cell)

    assert (refused.error_code, refused.finality, refused.systemic) == (
        "SourceTimezoneNotDeclared",
        Finality.DEFERRED,
        True,
    )
    assert refused.undeclared
    assert "sold_at" in refused.sentence
    assert "source_timezone" in refused.remedy


class NotATime(datetime):
    """As pandas writes NULL: a datetime that differs from itself."""

    def __ne__(self, other: object) -> bool:
        return True


def test_a_moment_that_differs_from_itself_is_null() -> None:
    assert read(NotATime(2026, 11, 1, tzinfo=UTC)) is None


def test_a_zone_that_gives_no_offset_does_not_borrow_that_of_the_machine() -> None:
    assert read(datetime(2026, 11, 1, 2, 3, 4, tzinfo=NoOffset())).error_code == "SourceTimezoneNotDeclared"
    assert read(datetime(2026, 11, 1, 3, 3, 4, tzinfo=NoOffset()), BERLIN) == EXPECTED


@pytest.mark.parametrize("cell", [None, "", "  \t"])
def test_an_empty_cell_is_null(cell: Any) -> None:
    assert read(cell) is None


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("2026-11-01", "without a time of day"),
        (date(2026, 11, 1), "without a time of day"),
        (1793498584, "is a number"),
        (1793498584.5, "is a number"),
        (Decimal(1793498584), "is a number"),
        (True, "is not a time"),
        (NumpyLike(1793498584000000000), "is a number"),
        (b"2026-11-01T02:03:04Z", "is not a time"),
        ("1793498584", "is not a time"),
        ("20261101T020304Z", "is not a time"),
        ("11/01/2026 02:03", "is not a time"),
        ("2026-11-01T02:03:04,5Z", "is not a time"),
        ("2026-11-01T02:03:04 Europe/Berlin", "is not a time"),
        ("2026-02-30T00:00:00Z", "is not a time"),
        ("2026-11-01T24:00:00Z", "is not a time"),
        ("2026-11-01T23:59:60Z", "is not a time"),
        ("2026-11-01T02:03:04+25:00", "is not a time"),
        ("\uff12026-11-01T02:03:04Z", "is not a time"),
        pytest.param("x" * 1_000_000, "is not a time", id="huge"),
    ],
)
def test_what_would_have_to_be_guessed_is_refused(cell: Any, reason: str) -> None:
    refused = read(cell, BERLIN)

    assert isinstance(refused, Violation)
    assert (refused.code, refused.finality) == (5607, Finality.FINAL)
    assert reason in refused.reason


@pytest.mark.parametrize(
    ("zone", "cell"),
    [
        ("Europe/Berlin", "2026-03-29 02:30:00"),
        ("America/New_York", "2026-03-08 02:00:00"),
        ("Australia/Lord_Howe", "2026-10-04 02:15:00"),
        ("America/Santiago", "2026-09-06 00:59:59"),
    ],
)
def test_a_time_that_the_zone_skipped_is_refused(zone: str, cell: str) -> None:
    refused = read(cell, ZoneInfo(zone))

    assert refused.code == 5607
    assert f"does not exist in {zone}" in refused.reason


@pytest.mark.parametrize(
    ("zone", "cell"),
    [
        ("Europe/Berlin", "2026-10-25 02:00:00"),
        ("Europe/Berlin", "2026-10-25 02:59:59.999999"),
        ("America/New_York", "2026-11-01 01:30:00"),
        ("Australia/Lord_Howe", "2026-04-05 01:45:00"),
    ],
)
def test_a_time_that_occurs_twice_is_refused_not_guessed(zone: str, cell: str) -> None:
    refused = read(cell, ZoneInfo(zone))

    assert (refused.code, refused.finality) == (5607, Finality.FINAL)
    assert "occurs twice" in refused.reason


def test_a_driver_that_tells_the_two_hours_apart_is_believed() -> None:
    second = datetime(2026, 10, 25, 2, 30, fold=1)  # noqa: DTZ001
    assert utc_text(read(second, BERLIN)) == "2026-10-25T01:30:00Z"


@pytest.mark.parametrize(
    ("zone", "cell", "expected"),
    [
        ("Europe/Berlin", "2026-03-29 01:59:59", "2026-03-29T00:59:59Z"),
        ("Europe/Berlin", "2026-03-29 03:00:00", "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "2026-10-25 01:59:59", "2026-10-24T23:59:59Z"),
        ("Europe/Berlin", "2026-10-25 03:00:00", "2026-10-25T02:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-05 01:29:00", "2026-04-04T14:29:00Z"),
        ("Asia/Kathmandu", "2026-11-01 00:00:00", "2026-10-31T18:15:00Z"),
    ],
)
def test_around_a_change_of_the_clocks_the_offset_of_its_side_is_taken(zone: str, cell: str, expected: str) -> None:
    assert utc_text(read(cell, ZoneInfo(zone))) == expected


def test_every_half_hour_of_a_year_agrees_with_the_zone_database() -> None:
    """The shortcut that spares most rows the exact test must not miss one skipped or repeated time."""
    for name in ("America/Santiago", "Australia/Lord_Howe", "Africa/Casablanca"):
        zone = ZoneInfo(name)
        reader = read_time(Place("f", "c"), wrong=WRONG, zone=zone)
        moment = datetime(2026, 1, 1)  # noqa: DTZ001
        while moment.year == 2026:
            utc = moment.replace(tzinfo=zone).astimezone(UTC)
            exists = utc.astimezone(zone).replace(tzinfo=None) == moment
            once = zone.utcoffset(moment) == zone.utcoffset(moment.replace(fold=1))
            plain = exists and once
            assert reader(moment) == utc if plain else isinstance(reader(moment), Violation), (name, moment)
            moment += timedelta(minutes=30)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("0001-01-01T00:00:00+14:00", EARLIEST),
        ("9999-12-31T23:59:59-12:00", LATEST),
        (datetime(1, 1, 1), EARLIEST),  # noqa: DTZ001
        (datetime(9999, 12, 31, 23, 59, 59), LATEST),  # noqa: DTZ001
    ],
)
def test_a_time_beyond_what_utc_can_express_is_the_nearest_that_it_can(cell: Any, expected: datetime) -> None:
    assert read(cell, timezone(timedelta(hours=1)) if cell == datetime(1, 1, 1) else BERLIN) == expected  # noqa: DTZ001


@pytest.mark.parametrize(
    ("microseconds", "expected"),
    [(0, "04Z"), (500_000, "04.5Z"), (1, "04.000001Z"), (685_379, "04.685379Z"), (120_000, "04.12Z")],
)
def test_the_wire_holds_fractions_without_trailing_zeros(microseconds: int, expected: str) -> None:
    assert utc_text(EXPECTED + timedelta(microseconds=microseconds)) == f"2026-11-01T02:03:{expected}"


def test_the_seventh_digit_of_a_fraction_is_cut() -> None:
    """The documents' own example has seven digits."""
    assert utc_text(read("2020-04-30T17:02:35.6853793Z")) == "2020-04-30T17:02:35.685379Z"


@pytest.mark.parametrize("name", ["UTC", "utc", "Etc/UTC"])
def test_utc_under_any_of_its_names_needs_no_zone_database(name: str) -> None:
    assert find_zone(name) is UTC


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("America/New_Yrk", "Near names: America/New_York"),
        ("W. Europe Standard Time", ""),
        ("../etc/passwd", ""),
        ("Europe", ""),
        ("", ""),
    ],
)
def test_an_unknown_zone_stops_the_run_with_near_names(name: str, hint: str) -> None:
    with pytest.raises(FixSource, match="source_timezone") as raised:
        find_zone(name)
    assert hint in str(raised.value)
    assert "IANA" in str(raised.value)


def test_a_zone_like_no_other_has_no_near_names() -> None:
    with pytest.raises(FixSource, match=r"is not a known time zone\. Give an IANA name"):
        find_zone("")
