"""Properties over generated rows: reading never fails, and identity follows the meaning, not the spelling."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_bingads.domain.reading import Place, Symbol
from airflow_provider_bingads.domain.rows import Candidate
from airflow_provider_bingads.domain.times import read_time, utc_text
from airflow_provider_bingads.entities.offline_conversions import OFFLINE_CONVERSIONS
from tests.domain.bad_rows import HASHED, NOW, RAW, NoText, NumpyLike, preparation

PREPARE = {columns: OFFLINE_CONVERSIONS.compile(preparation(columns)) for columns in (RAW, HASHED)}

ANY_TEXT = st.text(st.characters(codec=None), max_size=40)
# half hours, jumps over midnight, a day left out, seconds in old offsets; drawing from all zones costs ten times more
ZONES = st.sampled_from(
    [
        UTC,
        *map(
            ZoneInfo,
            (
                "Europe/Berlin",
                "America/New_York",
                "America/Sao_Paulo",
                "Asia/Kolkata",
                "Asia/Kathmandu",
                "Australia/Lord_Howe",
                "Pacific/Apia",
                "Africa/Monrovia",
                "Africa/Casablanca",
                "Europe/Dublin",
                "America/St_Johns",
                "Etc/GMT+12",
            ),
        ),
    ]
)
ANY_NUMBER = st.integers() | st.floats() | st.decimals() | st.integers(min_value=10**4300, max_value=10**4400)
ANY_TIME = st.datetimes(timezones=st.none() | ZONES) | st.dates() | st.times() | st.timedeltas()
NEARLY_TIMES = st.from_regex(r"\A\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{0,10})?)?( ?[Z+\-].{0,6})?\Z")
NEARLY_CONTACTS = st.from_regex(r"\A\+?[\d ()\-]{0,20}\Z") | st.emails() | st.from_regex(r"\A[a-fA-F0-9]{63,65}\Z")
ANY_CELL = (
    st.none()
    | st.booleans()
    | ANY_TEXT
    | ANY_NUMBER
    | ANY_TIME
    | NEARLY_TIMES
    | NEARLY_CONTACTS
    | st.binary(max_size=20)
    | st.uuids()
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=2), st.integers(), max_size=2)
    | st.builds(NumpyLike, ANY_TEXT | ANY_NUMBER | ANY_TIME)
    | st.builds(NoText)
)


def read(columns: tuple[str, ...], *rows: tuple[Any, ...]) -> list[Candidate]:
    return PREPARE[columns](list(rows), NOW)


@settings(deadline=None)
@given(rows=st.lists(st.tuples(*[ANY_CELL] * (len(RAW) + 1)), min_size=1, max_size=2), raw=st.booleans())
def test_no_cell_of_any_type_makes_reading_fail(rows: list[tuple[Any, ...]], *, raw: bool) -> None:
    """Each row is exactly one of: sent, refused with reasons, out of the window; and it can be stored."""
    for row in read(RAW if raw else HASHED, *rows):
        assert (row.payload is not None) + bool(row.violations) + row.out_of_window == 1
        assert (len(row.key), len(row.content)) == (32, 16)
        assert len(row.source_ref) <= 128
        row.source_ref.encode()
        (row.group_name or "").encode()
        assert all(violation.reason and violation.remedy and violation.error_code for violation in row.violations)


CLICK_IDS = st.uuids()
GOALS = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=60).filter(
    lambda name: "@" not in name and not name.startswith(("+", "(")) and not name.isdecimal()
)
MOMENTS = st.datetimes(
    min_value=datetime(2026, 9, 1),  # noqa: DTZ001 - hypothesis wants the limits without zone
    max_value=datetime(2026, 11, 20),  # noqa: DTZ001
    timezones=st.just(UTC),
)
AMOUNTS = st.decimals(min_value=0, max_value=10**9, places=3)
EVENTS = st.tuples(CLICK_IDS, GOALS, MOMENTS, AMOUNTS)

Event = tuple[UUID, str, datetime, Decimal]


def spelled(event: Event, choose: Any) -> tuple[Any, ...]:
    """Write an event as one of the many ways a source may hold it."""
    click, goal, moment, amount = event
    zone = timezone(timedelta(minutes=choose.draw(st.integers(min_value=-14 * 60, max_value=14 * 60))))
    local = moment.astimezone(zone)
    ids = (click, click.hex, click.hex.upper(), str(click), str(click).upper(), f" {click} ")
    names = (goal, f" {goal}", f"{goal}\t")
    times = (
        moment,
        local,
        local.isoformat(),
        local.isoformat(" "),
        f"{moment.isoformat()[:-6]}Z",
        f" {moment.isoformat()}",
    )
    amounts = (amount, str(amount), float(amount), amount.normalize(), f" {amount}0")
    cells = {
        "microsoft_click_id": choose.draw(st.sampled_from(ids)),
        "conversion_name": choose.draw(st.sampled_from(names)),
        "conversion_time": choose.draw(st.sampled_from(times)),
        "conversion_value": choose.draw(st.sampled_from(amounts)),
    }
    return (1, *(cells.get(name) for name in RAW))


@settings(deadline=None)
@given(EVENTS, st.data())
def test_an_event_has_one_key_and_one_content_however_it_is_written(event: Event, choose: Any) -> None:
    one, other = read(RAW, spelled(event, choose), spelled(event, choose))

    assert one.violations == other.violations == ()
    assert (one.key, one.content) == (other.key, other.content)


@settings(deadline=None)
@given(EVENTS, EVENTS, st.sets(st.integers(min_value=0, max_value=3)), st.data())
def test_contents_are_equal_exactly_where_events_are(one: Event, two: Event, shared: set[int], choose: Any) -> None:
    other: Any = tuple(one[part] if part in shared else two[part] for part in range(4))
    first, second = read(RAW, spelled(one, choose), spelled(other, choose))
    same_goal = (first.payload or {})["ConversionName"] == (second.payload or {})["ConversionName"]
    same_event = one[0] == other[0] and same_goal and one[2] == other[2]

    assert (first.key == second.key) is same_event
    assert (first.content == second.content) is (same_event and one[3] == other[3])


@settings(deadline=None)
@given(st.datetimes(timezones=ZONES).filter(lambda moment: 1980 < moment.year < 9999))
def test_the_wire_gives_a_time_back(moment: datetime) -> None:
    reader = read_time(Place("f", "c"), wrong=Symbol("Wrong"), zone=None)
    utc = moment.astimezone(UTC)

    assert reader(utc_text(utc)) == reader(moment) == reader(moment.isoformat() if moment.utcoffset() else utc) == utc


@settings(deadline=None)
@given(st.dates())
def test_a_day_is_never_taken_for_a_moment(day: date) -> None:
    reader = read_time(Place("f", "c"), wrong=Symbol("Wrong", 5607), zone=UTC)

    assert reader(day).code == reader(day.isoformat()).code == 5607
