"""Whole rows: the rules between fields, every reason at once, and no cell on which reading fails."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_bingads.domain.outcomes import Finality
from airflow_provider_bingads.domain.rows import Candidate
from airflow_provider_bingads.entities.offline_conversions import OFFLINE_CONVERSIONS
from tests.domain.bad_rows import (
    CANARIES,
    HASHED,
    NOW,
    RAW,
    bad_rows,
    flaws,
    hostile_but_valid_rows,
    is_storable,
    preparation,
)

CLICK = "f894f652ea334e739002f7167ab8f8e3"
TIME = "2026-11-01T02:03:04Z"
GOOD = {"conversion_name": "Lead", "conversion_time": TIME, "microsoft_click_id": CLICK}


def read(cells: dict[str, Any], columns: tuple[str, ...] = RAW, row_id: Any = 1, **settings: Any) -> Candidate:
    row = (row_id, *(cells.get(name) for name in columns))
    return OFFLINE_CONVERSIONS.compile(preparation(columns, **settings))([row], NOW)[0]


def codes(row: Candidate) -> list[tuple[str, int | None]]:
    return [(violation.column or "", violation.code) for violation in row.violations]


def test_a_valid_row_carries_what_is_sent_and_what_is_recorded() -> None:
    row = read({**GOOD, "conversion_value": "12.34567", "conversion_currency_code": "usd"})

    assert row.payload == {
        "ConversionCurrencyCode": "USD",
        "ConversionName": "Lead",
        "ConversionTime": TIME,
        "ConversionValue": 12.346,
        "MicrosoftClickId": CLICK,
    }
    assert list(row.payload) == sorted(row.payload), "the order of the wire is alphabetical in this type"
    assert (row.violations, row.out_of_window, row.rounded) == ((), False, True)
    assert (row.source_ref, row.group_name, row.remote_key, row.currency) == ("1", "Lead", CLICK, "USD")
    assert row.amount == Decimal("12.346")
    assert row.event_time is not None
    assert row.event_time.isoformat() == "2026-11-01T02:03:04+00:00"
    assert (len(row.key), len(row.content)) == (32, 16)


@pytest.mark.parametrize(
    ("click_time", "expected"),
    [("2026-10-31T20:00:00+02:00", "2026-10-31T18:00:00+00:00"), (None, "None"), ("soon", "None")],
)
def test_a_row_tells_when_its_click_was_but_never_sends_it(click_time: str | None, expected: str) -> None:
    """The goal's window is judged from it; the service has no field for it."""
    row = read({**GOOD, "click_time": click_time})

    assert str(row.preceding_time and row.preceding_time.isoformat()) == expected
    assert "click_time" not in (row.payload or {})


def test_a_source_without_click_times_has_none() -> None:
    columns = tuple(name for name in RAW if name != "click_time")

    assert read(GOOD, columns).preceding_time is None


def test_no_rows_give_no_candidates() -> None:
    assert OFFLINE_CONVERSIONS.compile(preparation())([], NOW) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"conversion_name": None}, [("conversion_name", 5605)]),
        ({"conversion_name": " "}, [("conversion_name", 5605)]),
        ({"conversion_name": "x" * 101}, [("conversion_name", 5606)]),
        ({"conversion_time": None}, [("conversion_time", 5608)]),
        ({"conversion_time": "yesterday"}, [("conversion_time", 5607)]),
        ({"conversion_value": "12,5"}, [("conversion_value", 5610)]),
        ({"conversion_currency_code": "ZZZ"}, [("conversion_currency_code", 5611)]),
        ({"microsoft_click_id": "abc"}, [("microsoft_click_id", 5604)]),
        ({"microsoft_click_id": None}, [("microsoft_click_id, email_address, phone_number", 5603)]),
        ({"microsoft_click_id": None, "email_address": "john"}, [("email_address", None)]),
        ({"email_address": "john"}, [("email_address", None)]),
        ({"external_attribution_model": "Linear"}, [("external_attribution_credit", None)]),
        ({"external_attribution_credit": 0.5}, [("external_attribution_model", None)]),
        (
            {"external_attribution_credit": 2},
            [("external_attribution_credit", None), ("external_attribution_model", None)],
        ),
        (
            {"external_attribution_credit": 2, "external_attribution_model": "L"},
            [("external_attribution_credit", None)],
        ),
        ({"click_time": "2026-11-01T02:03:05Z"}, [("conversion_time", 5616)]),
        ({"click_time": "soon"}, [("click_time", None)]),
    ],
)
def test_each_rule_has_its_code_and_names_its_column(
    change: dict[str, Any], expected: list[tuple[str, int | None]]
) -> None:
    row = read({**GOOD, **change})

    assert codes(row) == expected
    assert row.payload is None
    assert all(violation.finality is Finality.FINAL for violation in row.violations)
    assert all(violation.remedy and violation.reason for violation in row.violations)


@pytest.mark.parametrize(
    "change",
    [
        {"click_time": TIME},
        {"click_time": "2026-08-01T00:00:00Z"},
        {"microsoft_click_id": None, "email_address": "john@contoso.com"},
        {"microsoft_click_id": "", "phone_number": "+14255551234"},
        {"external_attribution_model": "Linear", "external_attribution_credit": 1},
        {"conversion_value": 0},
    ],
)
def test_what_satisfies_the_rules_between_fields_is_sent(change: dict[str, Any]) -> None:
    assert read({**GOOD, **change}).violations == ()


def test_all_reasons_of_a_row_are_told_at_once() -> None:
    row = read(
        {"conversion_value": "12,5", "conversion_currency_code": "X", "conversion_time": "x", "phone_number": "1"}
    )

    assert [code for _, code in codes(row)] == [5611, 5605, 5607, 5610, None]


def test_half_of_a_pair_whose_other_half_has_no_column_names_the_field() -> None:
    columns = tuple(name for name in RAW if name != "external_attribution_model")
    row = read({**GOOD, "external_attribution_credit": 0.5}, columns)

    assert [(violation.field, violation.column) for violation in row.violations] == [("ExternalAttributionModel", None)]


def aged(**age: float) -> dict[str, Any]:
    return {**GOOD, "conversion_time": (NOW - timedelta(**age)).isoformat()}


@pytest.mark.parametrize(
    ("cells", "lookback", "outside"),
    [
        (aged(days=90), 90, False),
        (aged(days=90, microseconds=1), 90, True),
        (aged(days=8), 7, True),
        (aged(days=6), 7, False),
        ({**GOOD, "conversion_time": "0001-01-01T00:00:00Z"}, 90, True),
    ],
)
def test_what_is_older_than_the_lookback_is_out_of_the_window(
    cells: dict[str, Any], lookback: int, *, outside: bool
) -> None:
    row = read(cells, lookback_days=lookback)

    assert row.out_of_window is outside
    assert (row.payload is None) is outside


def test_a_row_out_of_the_window_is_never_a_violation_whatever_else_is_wrong_with_it() -> None:
    row = read({**aged(days=91), "conversion_value": "12,5", "microsoft_click_id": None})

    assert (row.out_of_window, row.violations, row.payload) == (True, (), None)


@pytest.mark.parametrize(("cells", "future"), [(aged(microseconds=-1), True), (aged(microseconds=0), False)])
def test_an_event_in_the_future_waits_for_its_time(cells: dict[str, Any], *, future: bool) -> None:
    row = read(cells)

    assert [(violation.code, violation.finality) for violation in row.violations] == [
        (5614, Finality.DEFERRED)
    ] * future
    assert (row.payload is None) is future
    assert not row.out_of_window


def test_naive_times_of_all_columns_wait_for_the_declared_zone() -> None:
    cells = {**GOOD, "conversion_time": "2026-11-01 03:03:04", "click_time": "2026-11-01 03:00:00"}

    assert [violation.systemic for violation in read(cells).violations] == [True, True]
    row = read(cells, source_timezone="Europe/Berlin")
    assert row.payload is not None
    assert row.payload["ConversionTime"] == TIME


SPELLINGS: tuple[dict[str, Any], ...] = (
    {"conversion_time": "2026-11-01T03:03:04.000+01:00"},
    {"microsoft_click_id": CLICK.upper()},
    {"microsoft_click_id": f"{CLICK[:8]}-{CLICK[8:12]}-{CLICK[12:16]}-{CLICK[16:20]}-{CLICK[20:]}"},
    {"conversion_name": " Lead "},
    {"conversion_value": Decimal("5.00")},
    {"conversion_value": "5"},
    {"conversion_value": 5.0004},
    {"conversion_currency_code": " usd"},
    {"email_address": "J.Ohn+x@Contoso.com "},
)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spelling_changes_neither_key_nor_content(spelling: dict[str, Any]) -> None:
    cells = {**GOOD, "conversion_value": 5, "conversion_currency_code": "USD", "email_address": "john@contoso.com"}
    one, other = read(cells), read({**cells, **spelling})

    assert (one.key, one.content) == (other.key, other.content)


@pytest.mark.parametrize(
    ("change", "same_key"),
    [
        ({"conversion_value": 6}, True),
        ({"conversion_currency_code": "EUR"}, True),
        ({"email_address": "jane@contoso.com"}, True),
        ({"email_address": None}, True),
        ({"external_attribution_model": "L", "external_attribution_credit": 1}, True),
        ({"conversion_name": "lead"}, False),
        ({"conversion_time": "2026-11-01T02:03:05Z"}, False),
        ({"microsoft_click_id": "a" * 32}, False),
        ({"microsoft_click_id": None}, False),
    ],
)
def test_a_real_change_shows_in_the_content_and_a_new_event_in_the_key(
    change: dict[str, Any], *, same_key: bool
) -> None:
    cells = {**GOOD, "conversion_value": 5, "conversion_currency_code": "USD", "email_address": "john@contoso.com"}
    one, other = read(cells), read({**cells, **change})

    assert one.content != other.content
    assert (one.key == other.key) is same_key


def test_raw_and_hashed_sources_of_the_same_person_give_the_same_event() -> None:
    digest = "ec81f3ac7b2b19675bab9d54cf416f9f18cff87c97da5cca82c0f0891bc40602"
    times = {"conversion_name": "Lead", "conversion_time": TIME}
    raw = read({**times, "email_address": "john@contoso.com"})
    hashed = read({**times, "hashed_email_address": digest.upper()}, HASHED)

    assert (
        raw.payload
        == hashed.payload
        == {"ConversionName": "Lead", "ConversionTime": TIME, "HashedEmailAddress": digest}
    )
    assert (raw.key, raw.content) == (hashed.key, hashed.content)
    assert raw.remote_key is None


def test_another_account_is_another_event() -> None:
    assert read(GOOD).key != read(GOOD, account_id="2").key


def test_a_refused_row_with_an_identity_keeps_its_key_once_it_is_mended() -> None:
    refused, mended = read({**GOOD, "conversion_value": "12,5"}), read({**GOOD, "conversion_value": "12.5"})

    assert refused.key == mended.key
    assert refused.content != mended.content


@pytest.mark.parametrize("change", [{"conversion_time": "x"}, {"conversion_name": None}, {"microsoft_click_id": "x"}])
def test_a_row_whose_identity_cannot_be_told_is_told_by_its_source_key(change: dict[str, Any]) -> None:
    """A broken click id hides the identity even where an e-mail stands beside it."""
    cells = {**GOOD, "email_address": "john@contoso.com", **change}

    assert read(cells).key == read({**cells, "conversion_value": 5}).key
    assert read(cells).content != read({**cells, "conversion_value": 5}).content
    assert read(cells).key != read(cells, row_id=2).key
    assert read(cells).content == read(cells, row_id=2).content


def test_rows_without_a_key_are_told_apart_by_their_cells() -> None:
    one = read({**GOOD, "conversion_time": "x"}, row_id=None)
    other = read({**GOOD, "conversion_time": "y"}, row_id=None)

    assert (one.source_ref, other.source_ref) == ("null", "null")
    assert one.key != other.key


@pytest.mark.parametrize(
    "settings",
    [
        {"source_timezone": "Asia/Tokyo"},
        {"phone_region": "US"},
        {"currency_codes": frozenset({"ZZZ"})},
        {"options": {"click_id_dashes": "remove"}},
        {"constants": {}, "source_key": ("id", "click_time")},
    ],
)
def test_under_another_setting_a_refused_row_counts_as_new(settings: dict[str, Any]) -> None:
    """Else a row refused for its setting would stay refused after the setting was corrected."""
    refused = {**GOOD, "conversion_value": "12,5"}

    assert read(refused).content != read(refused, **settings).content
    assert read(refused).content == read(refused).content


def test_a_personal_key_is_withheld_and_the_row_waits() -> None:
    row = read(GOOD, row_id="canary-person@example.com")

    assert row.source_ref.startswith("withheld:")
    assert row.payload is None
    assert [violation.error_code for violation in row.violations] == ["PersonalDataInSourceKey"]


def test_a_chunk_keeps_good_rows_apart_from_bad_ones() -> None:
    columns = ("id", *RAW)
    bad = [row.values(columns) for row in bad_rows(count=50)]
    good = [(f"g{number}", *(GOOD.get(name) for name in RAW)) for number in range(50)]
    mixed = [row for pair in zip(good, bad, strict=True) for row in pair]
    alone = OFFLINE_CONVERSIONS.compile(preparation())(good, NOW)
    together = OFFLINE_CONVERSIONS.compile(preparation())(mixed, NOW)

    assert [(row.source_ref, row.key, row.content, row.payload) for row in together[::2]] == [
        (row.source_ref, row.key, row.content, row.payload) for row in alone
    ]
    assert all(row.violations for row in together[1::2])


@pytest.mark.parametrize("columns", [RAW, HASHED], ids=["raw", "hashed"])
def test_ten_thousand_bad_rows_each_name_every_column_at_fault_and_show_no_value(columns: tuple[str, ...]) -> None:
    bad = list(bad_rows(columns))
    rows = OFFLINE_CONVERSIONS.compile(preparation(columns))([row.values(("id", *columns)) for row in bad], NOW)

    assert len(bad) == len(rows) == 10_000
    for expected, row in zip(bad, rows, strict=True):
        named = {name for violation in row.violations for name in (violation.column or "").split(", ")}
        assert expected.columns <= named, (expected.kind, named)
        assert (row.payload, row.out_of_window, row.source_ref) == (None, False, str(expected.cells["id"]))
        assert (len(row.key), len(row.content)) == (32, 16)
    told = {f"{v.reason} {v.remedy} {v.error_code}" for row in rows for v in row.violations}
    shown = {str(part) for row in rows for part in (row.source_ref, row.group_name, row.remote_key, row.currency)}
    for canary in CANARIES:
        assert not any(canary in text for text in told | shown)
    assert len(Counter(row.key for row in rows)) == 10_000


@pytest.mark.parametrize("columns", [RAW, HASHED], ids=["raw", "hashed"])
def test_what_only_looks_broken_arrives_with_its_meaning(columns: tuple[str, ...]) -> None:
    hostile = list(hostile_but_valid_rows(columns))
    rows = OFFLINE_CONVERSIONS.compile(preparation(columns))(
        [tuple(row[name] for name in ("id", *columns)) for row in hostile], NOW
    )

    assert [row.violations for row in rows] == [()] * len(hostile)
    for cells, row in zip(hostile, rows, strict=True):
        assert row.payload is not None
        if type(cells["conversion_name"]) is str and cells["conversion_name"].isascii():
            assert row.payload["ConversionName"] == cells["conversion_name"].strip()
        if isinstance(cells["conversion_value"], (int, float, Decimal)):
            assert abs(Decimal(str(row.payload["ConversionValue"])) - Decimal(cells["conversion_value"])) < Decimal(
                "0.001"
            )


def test_the_bad_rows_cover_every_column_and_most_fit_into_a_database() -> None:
    everything = flaws(RAW) + flaws(HASHED)

    assert {flaw.column for flaw in everything} == set(RAW) | set(HASHED)
    assert sum(is_storable(flaw.cell) for flaw in everything) > len(everything) / 2
    assert all(row.storable for row in bad_rows(count=2000, storable_only=True))


def test_one_function_serves_chunk_after_chunk() -> None:
    """What its readers remember of one chunk must not leak into the next."""
    prepare = OFFLINE_CONVERSIONS.compile(preparation())
    row = (1, *(GOOD.get(name) for name in RAW))
    late = (1, *({**GOOD, "conversion_name": "x" * 101}.get(name) for name in RAW))
    first, second, third = prepare([row], NOW)[0], prepare([late], NOW)[0], prepare([row], NOW)[0]

    assert second.violations
    assert replace(first) is not first
    assert (first.key, first.content, first.payload) == (third.key, third.content, third.payload)


@pytest.mark.parametrize(("decimals", "sent"), [(0, 12.0), (2, 12.35), (6, 12.345678)])
def test_money_has_as_many_decimals_as_asked_for(decimals: int, sent: float) -> None:
    row = read({**GOOD, "conversion_value": "12.3456780"}, value_decimals=decimals)

    assert (row.payload or {})["ConversionValue"] == sent
    assert row.rounded is (decimals < 6)


def test_time_passes_between_chunks() -> None:
    prepare = OFFLINE_CONVERSIONS.compile(preparation())
    row = (1, *({**GOOD, "conversion_time": NOW + timedelta(hours=1)}.get(name) for name in RAW))

    assert prepare([row], NOW)[0].violations
    later: datetime = NOW + timedelta(hours=2)
    assert not prepare([row], later)[0].violations
