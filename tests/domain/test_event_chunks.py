"""A chunk is read column by column: what one row lacks must not be laid at another's door."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from airflow_provider_bingads.domain.rows import Candidate
from airflow_provider_bingads.entities.offline_conversions import OFFLINE_CONVERSIONS
from tests.domain.bad_rows import NOW, RAW, NoText, preparation

CLICK = "f894f652ea334e739002f7167ab8f8e3"
GOOD = {"conversion_name": "Lead", "conversion_time": "2026-11-01T02:03:04Z", "microsoft_click_id": CLICK}
TWO = ("conversion_name", "conversion_time", "email_address", "microsoft_click_id")


def read(*rows: dict[str, Any], columns: tuple[str, ...] = RAW, **settings: Any) -> list[Candidate]:
    prepared = preparation(columns, **settings)
    return OFFLINE_CONVERSIONS.compile(prepared)(
        [(number, *(cells.get(name) for name in columns)) for number, cells in enumerate(rows)], NOW
    )


def codes(*rows: dict[str, Any], **settings: Any) -> list[list[int | str | None]]:
    return [[violation.code or violation.error_code for violation in row.violations] for row in read(*rows, **settings)]


@pytest.mark.parametrize("columns", [RAW, TWO, ("conversion_name", "conversion_time", "microsoft_click_id")])
def test_a_row_without_identifier_spoils_no_other(columns: tuple[str, ...]) -> None:
    assert codes(GOOD, {**GOOD, "microsoft_click_id": None}, GOOD, columns=columns) == [[], [5603], []]


def test_the_second_best_identifier_of_two_is_taken_where_the_best_is_missing() -> None:
    """A key without it would be that of another event, or of none."""
    mail = {**GOOD, "microsoft_click_id": None, "email_address": "john@contoso.com"}
    both = {**GOOD, "email_address": "john@contoso.com"}
    by_mail, by_click, by_both = read(mail, GOOD, both, columns=TWO)

    assert by_mail.violations == ()
    assert by_both.key == by_click.key != by_mail.key


def test_problems_stay_with_their_rows() -> None:
    shares = {"external_attribution_credit": 0.5, "external_attribution_model": "Linear"}
    rows: list[tuple[dict[str, Any], list[int | str]]] = [
        ({}, []),
        ({"click_time": "2026-11-01T02:03:05Z"}, [5616]),
        ({"click_time": "2026-11-01T02:03:04Z"}, []),
        ({"conversion_time": None, "click_time": "2026-11-01T02:03:05Z"}, [5608]),
        ({"external_attribution_credit": 0.5}, ["ExternalAttributionRequiredFieldEmpty"]),
        ({"conversion_time": "2027-01-01T00:00:00Z"}, [5614]),
        ({"email_address": "john"}, ["EmailAddressInvalid"]),
        (shares, []),
        ({**shares, "external_attribution_credit": 0}, ["ExternalAttributionCreditValueInvalid"]),
        ({**shares, "external_attribution_model": "x" * 1000}, []),
        ({**shares, "external_attribution_model": "x" * 1001}, ["ExternalAttributionModelTooLong"]),
    ]

    assert codes(*({**GOOD, **cells} for cells, _ in rows)) == [found for _, found in rows]


@pytest.mark.parametrize(
    ("moment", "outside", "codes_found"),
    [
        (NOW, False, []),
        (NOW + timedelta(microseconds=1), False, [5614]),
        (NOW - timedelta(days=90), False, []),
        (NOW - timedelta(days=90, microseconds=1), True, []),
    ],
)
def test_the_window_holds_both_its_ends(moment: datetime, codes_found: list[int], *, outside: bool) -> None:
    (row,) = read({**GOOD, "conversion_time": moment})

    assert row.out_of_window is outside
    assert [violation.code for violation in row.violations] == codes_found


def test_a_future_constant_is_named_as_a_constant() -> None:
    columns = tuple(name for name in TWO if name != "conversion_time")
    (row,) = read(GOOD, columns=columns, constants={"ConversionTime": "2027-01-01T00:00:00Z"})

    assert [violation.column for violation in row.violations] == ["constant ConversionTime"]


def test_a_text_with_several_flaws_has_no_value() -> None:
    (row,) = read({**GOOD, "conversion_name": "x" * 101})

    assert row.group_name is None
    assert len(row.violations) == 1


def test_a_cell_that_cannot_be_looked_at_has_a_name_of_its_own() -> None:
    good, unreadable = read(GOOD, {**GOOD, "microsoft_click_id": NoText()})

    assert good.violations == ()
    assert "UnreadableValue" in [violation.error_code for violation in unreadable.violations]


def test_an_empty_row_leaves_no_nulls_in_the_payloads_of_others() -> None:
    empty, good = read({}, GOOD)

    assert empty.payload is None
    assert good.payload == {
        "ConversionName": "Lead",
        "ConversionTime": "2026-11-01T02:03:04Z",
        "MicrosoftClickId": CLICK,
    }


def test_key_and_content_of_a_refused_row_are_what_they_always_were() -> None:
    """Another content has every refused row of every ledger judged again: right only when the rules change."""
    (row,) = read({**GOOD, "microsoft_click_id": None}, columns=TWO, currency_codes=frozenset({"USD"}), options={})
    text = "bingads-key-v119:offline_conversions9:1480000016:source1:0"

    assert row.key == sha256(text.encode()).hexdigest()[:32]
    assert row.content == "83f024b71c597306"


@pytest.mark.parametrize(
    ("setting", "value"), [("lookback_days", 1), ("lookback_days", 90), ("value_decimals", 0), ("value_decimals", 6)]
)
def test_settings_may_be_as_small_and_as_large_as_they_say(setting: str, value: int) -> None:
    (row,) = read({**GOOD, "conversion_time": NOW, "conversion_value": "1.23456789"}, **{setting: value})

    assert row.violations == ()
    if setting == "value_decimals":
        assert str(row.amount) == {0: "1", 6: "1.234568"}[value]
