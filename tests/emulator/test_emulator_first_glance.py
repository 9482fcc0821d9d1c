"""The fast way to accept a conversion never accepts what a rule refuses."""

from __future__ import annotations

from datetime import UTC, datetime

from emulator_kit import CLICK, DIGEST, NOON
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bingads.emulator.operations.offline_conversions import FirstGlance
from airflow_provider_bingads.emulator.rules.conversion_case import ConversionCase, OfflineConversion
from airflow_provider_bingads.emulator.rules.offline_conversions import RULES
from airflow_provider_bingads.emulator.settings import Settings
from airflow_provider_bingads.emulator.store import Goal

GOALS = {
    "Lead": Goal({"Name": "Lead", "ConversionWindowInMinutes": 60}, 1, 1, NOON - 7_200),
    "Young": Goal({"Name": "Young", "ConversionWindowInMinutes": 60}, 1, 1, NOON - 7_199),
}
NOW = datetime.fromtimestamp(NOON, UTC)

times = st.one_of(
    st.integers(-100 * 86_400, 86_400).map(
        lambda ago: datetime.fromtimestamp(NOON + ago, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ),
    st.sampled_from(["2026-W44-7T02:03:04Z", "2026-11-31T02:03:04Z", "2026-11-21T12:00:00z", "", None]),
    st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[Z+]", fullmatch=True),
)
conversions = st.builds(
    OfflineConversion,
    conversion_currency_code=st.sampled_from([None, "USD", "usd", "", "XXZ"]),
    conversion_name=st.sampled_from([None, "", "Lead", "Young", "Other"]),
    conversion_time=times,
    conversion_value=st.one_of(st.none(), st.floats()),
    external_attribution_credit=st.sampled_from([None, None, 0.0, 0.5]),
    external_attribution_model=st.sampled_from([None, None, "Own"]),
    hashed_email_address=st.sampled_from([None, None, DIGEST, "raw"]),
    hashed_phone_number=st.sampled_from([None, None, DIGEST, "raw"]),
    microsoft_click_id=st.one_of(st.sampled_from([CLICK, CLICK.upper(), "", None]), st.text(max_size=33)),
)


@given(conversions)
def test_what_is_accepted_at_a_glance_breaks_no_rule(row: OfflineConversion) -> None:
    glance = FirstGlance.of(GOALS, {}, now=NOON, settings=Settings())
    case = ConversionCase.of(row, goals=GOALS, clicks={}, now=NOW, settings=Settings())

    if glance.accepts(row):
        assert RULES.errors(case, 0) == []


def test_an_ordinary_conversion_is_accepted_at_a_glance() -> None:
    row = OfflineConversion("USD", "Lead", "2026-11-20T12:00:00Z", 12.5, microsoft_click_id=CLICK)
    assert FirstGlance.of(GOALS, {}, now=NOON, settings=Settings()).accepts(row)


def test_nothing_is_accepted_at_a_glance_where_a_click_or_a_setting_may_say_no() -> None:
    row = OfflineConversion("USD", "Lead", "2026-11-20T12:00:00Z", 12.5, microsoft_click_id=CLICK)
    assert not FirstGlance.of(GOALS, {CLICK: NOON}, now=NOON, settings=Settings()).accepts(row)
    assert not FirstGlance.of(GOALS, {}, now=NOON, settings=Settings(value_decimals=3)).accepts(row)
