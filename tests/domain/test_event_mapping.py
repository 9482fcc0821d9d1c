"""Columns, constants and key that do not fit the entity stop the run in sentences, before a row is read."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_bingads.domain.entity import Preparation
from airflow_provider_bingads.entities.offline_conversions import OFFLINE_CONVERSIONS
from airflow_provider_bingads.exceptions import FixConfiguration, FixSource
from tests.domain.bad_rows import NOW

COLUMNS = ("id", "goal", "sold_at", "msclkid", "mail", "mail_sha")
MAPPING = {"ConversionName": "goal", "ConversionTime": "sold_at", "MicrosoftClickId": "msclkid"}


def compiled(**settings: Any) -> Any:
    values: dict[str, Any] = {
        "columns": COLUMNS,
        "mapping": MAPPING,
        "constants": {},
        "source_key": ("id",),
        "account_id": "1",
        "source_timezone": "UTC",
        "lookback_days": 90,
        "value_decimals": 3,
        "phone_region": None,
        "currency_codes": frozenset({"USD"}),
        "options": {},
    }
    return OFFLINE_CONVERSIONS.compile(Preparation(**{**values, **settings}))


def without(name: str) -> dict[str, str]:
    return {field: column for field, column in MAPPING.items() if field != name}


def test_a_mapping_that_fits_reads_rows() -> None:
    rows = compiled()([(1, "Lead", "2026-11-01 00:00", "a" * 32, None, None)], NOW)

    assert rows[0].payload == {
        "ConversionName": "Lead",
        "ConversionTime": "2026-11-01T00:00:00Z",
        "MicrosoftClickId": "a" * 32,
    }


@pytest.mark.parametrize(
    ("settings", "sentences"),
    [
        ({"mapping": {**MAPPING, "ConversionValue": "amont"}}, ["no column 'amont' for ConversionValue"]),
        ({"mapping": {**MAPPING, "ConversionName": "gaol"}}, ["no column 'gaol'", "Did you mean 'goal'"]),
        ({"mapping": {**MAPPING, "ConversionName": "GOAL"}}, ["no column 'GOAL'", "Did you mean 'goal'"]),
        ({"mapping": {**MAPPING, "ConversionName": "g_o_a_l"}}, ["Did you mean 'goal'"]),
        ({"mapping": {**MAPPING, "ConversionName": "g______o_a_l"}}, ["Did you mean 'goal'"]),
        ({"mapping": {**MAPPING, "ConversionTime": "soldat"}}, ["Did you mean 'sold_at'"]),
        (
            {"mapping": {**MAPPING, "ConversionTime": "soldat"}, "columns": ("id", "goal", "s_______o_l_d_a_t", "x")},
            ["Did you mean 's_______o_l_d_a_t'"],
        ),
        ({"mapping": {**MAPPING, "ConversionTime": "salt"}}, ["no column 'salt' for ConversionTime. Name the column"]),
        (
            {"mapping": {"EmailAddress": "mail", "HashedEmailAddress": "mail_sha"}},
            ["both become HashedEmailAddress", "ConversionName is required"],
        ),
        ({"mapping": without("ConversionName")}, ["ConversionName is required", "conversion_name", "constant"]),
        ({"mapping": without("ConversionTime")}, ["ConversionTime is required"]),
        ({"mapping": without("MicrosoftClickId")}, ["MicrosoftClickId", "EmailAddress", "PhoneNumber"]),
        ({"columns": (*COLUMNS, "goal")}, ["'goal' 2 times", "alias"]),
        ({"source_key": ()}, ["no primary key", "source_key"]),
        ({"source_key": ("ID",)}, ["'ID'", "Did you mean 'id'"]),
        ({"source_key": ("id", "mail"), "mapping": {**MAPPING, "EmailAddress": "mail"}}, ["'mail'", "EmailAddress"]),
        ({"source_key": ("mail_sha",), "mapping": {**MAPPING, "HashedEmailAddress": "mail_sha"}}, ["personal data"]),
        ({"source_timezone": "Europe/Berln"}, ["source_timezone", "Europe/Berlin"]),
    ],
)
def test_a_source_that_does_not_fit_says_column_reason_and_remedy(
    settings: dict[str, Any], sentences: list[str]
) -> None:
    with pytest.raises(FixSource) as raised:
        compiled(**settings)
    for sentence in sentences:
        assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "sentences"),
    [
        ({"mapping": {**MAPPING, "ConversionNam": "mail"}}, ["'ConversionNam'", "Did you mean 'ConversionName'"]),
        ({"mapping": {**MAPPING, "conversion_value": "mail"}}, ["Did you mean 'ConversionValue'"]),
        ({"mapping": {**MAPPING, "Xyz": "mail"}}, ["'Xyz'", "Its fields: ConversionCurrencyCode"]),
        ({"mapping": {**MAPPING, "AccountId": "mail"}}, ["AccountId cannot be sent", "account_id_column"]),
        ({"mapping": {**MAPPING, "EmailAddress": "mail", "HashedEmailAddress": "mail_sha"}}, ["become Hashed", "None"]),
        ({"mapping": {**MAPPING, "ExternalAttributionModel": "goal"}}, ["'goal'", "ConversionName and ExternalAttri"]),
        ({"constants": {"ConversionName": "Lead"}}, ["both a column ('goal') and a constant"]),
        ({"constants": {"ConversionValue": "12,5"}}, ["constants['ConversionValue']", "plain number"]),
        ({"constants": {"ConversionValue": float("nan")}}, ["constants['ConversionValue']", "NaN"]),
        ({"constants": {"ConversionCurrencyCode": "EUR"}}, ["constants['ConversionCurrencyCode']", "ISO 4217"]),
        ({"constants": {"ConversionCurrencyCode": None}}, ["is empty"]),
        ({"constants": {"ConversionName": "a\x00"}, "mapping": without("ConversionName")}, ["control character"]),
        ({"constants": {"EmailAddress": "canary"}}, ["constants['EmailAddress']", "not an e-mail"]),
        ({"constants": {"Goal": "Lead"}}, ["'Goal' is not a field"]),
        ({"options": {"click_id_dashes": "drop"}}, ["click_id_dashes", "'accept'"]),
        ({"value_decimals": 9}, ["value_decimals", "0 to 6"]),
        ({"value_decimals": -1}, ["value_decimals"]),
        ({"lookback_days": 91}, ["lookback", "1 to 90"]),
        ({"lookback_days": 0}, ["lookback"]),
        ({"phone_region": "USA", "mapping": {**MAPPING, "PhoneNumber": "mail"}}, ["phone_region 'USA'"]),
    ],
)
def test_a_wrong_setting_says_name_reason_and_remedy(settings: dict[str, Any], sentences: list[str]) -> None:
    with pytest.raises(FixConfiguration) as raised:
        compiled(**settings)
    for sentence in sentences:
        assert sentence in str(raised.value)
    assert "canary" not in str(raised.value)
    assert not isinstance(raised.value, FixSource)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(FixSource) as raised:
        compiled(mapping={"Xyz": "mail", "ConversionTime": "when"}, source_key=())
    for part in ("'Xyz'", "'when'", "ConversionName is required", "No column identifies", "source_key"):
        assert part in str(raised.value)


def test_a_constant_holds_for_every_row_and_a_region_is_only_looked_at_for_phones() -> None:
    rows = compiled(
        mapping=without("ConversionName"),
        constants={"ConversionName": " Lead ", "ConversionValue": "5", "ConversionCurrencyCode": "usd"},
        phone_region="USA",
    )([(number, None, "2026-11-01T00:00:00Z", "a" * 32, None, None) for number in range(2)], NOW)

    assert [row.payload["ConversionName"] for row in rows if row.payload] == ["Lead", "Lead"]
    assert [(row.group_name, row.currency, str(row.amount)) for row in rows] == [("Lead", "USD", "5.000")] * 2
