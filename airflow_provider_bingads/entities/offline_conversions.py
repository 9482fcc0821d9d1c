"""Offline conversions: sales, leads and calls that followed an ad click, sent so that bidding can learn from them.

**Source table.** One row is one conversion. Columns are found by the default names below, or named in ``columns``::

    conversion_name   microsoft_click_id                 conversion_time        conversion_value  conversion_currency_code
    Purchase          f894f652ea334e739002f7167ab8f8e3   2026-11-01T02:03:04Z   12.50             USD

**Required.** ``ConversionName`` (the name of a goal of the account), ``ConversionTime``, and one of click id, e-mail and
phone. Raw e-mail and phone are normalised and hashed before anything else sees them.

**Checked here.** Every rule that Microsoft documents, before a row is sent; a refused row names its column and its remedy.
Rows older than 90 days are counted as out of window. A time without zone needs ``source_timezone``; a date without a time of
day is refused. An amount has a dot before its decimals and is rounded, half to even, to ``value_decimals``. Blank
text is NULL. A goal that is unknown or paused, and a time in the future, defer the row to a later run.

**Same conversion.** Account, identifier (click id, else e-mail, else phone), goal and time. The service keeps the first
it was sent, so a later change of the value is reported as superseded, never sent again: use an adjustment.

**Not known here.** Whether a click id belongs to the account: the service accepts any that is well-formed and drops it later.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Final

from airflow_provider_bingads.domain.click_ids import canonical_click_id, dashes_setting, read_click_id
from airflow_provider_bingads.domain.entity import EventEntity, ReferenceCheck
from airflow_provider_bingads.domain.event_rules import EventRules, FieldRule, event_field
from airflow_provider_bingads.domain.events import compile_rows
from airflow_provider_bingads.domain.goals import GOALS_BODY, goal_judge
from airflow_provider_bingads.domain.money import read_currency, read_number
from airflow_provider_bingads.domain.pii import find_region, read_digest, read_email, read_phone
from airflow_provider_bingads.domain.reading import Symbol
from airflow_provider_bingads.domain.text import read_text
from airflow_provider_bingads.domain.times import find_zone, read_time, utc_text

__all__ = ["OFFLINE_CONVERSIONS"]

# Codes and symbols: api-facts, Appendix 1.2; those without a number appear only in the status of upload reports (A.5).
_NO_CLICK_ID: Final = Symbol("OfflineConversionMicrosoftClickIdNullOrEmpty", 5603)
_CLICK_ID: Final = Symbol("OfflineConversionMicrosoftClickIdInvalid", 5604)
_NO_NAME: Final = Symbol("OfflineConversionNameNullOrEmpty", 5605)
_NAME: Final = Symbol("OfflineConversionNameInvalid", 5606)
_TIME: Final = Symbol("OfflineConversionTimeInvalid", 5607)
_NO_TIME: Final = Symbol("OfflineConversionTimeNullOrEmpty", 5608)
_VALUE: Final = Symbol("OfflineConversionValueInvalid", 5610)
_CURRENCY: Final = Symbol("OfflineConversionCurrencyCodeInvalid", 5611)
_FUTURE: Final = Symbol("FutureConversionTimeCannotBeSet", 5614)
_BEFORE_CLICK: Final = Symbol("ConversionTimeEarlierThanClickTime", 5616)
_CREDIT: Final = Symbol("ExternalAttributionCreditValueInvalid")
_MODEL: Final = Symbol("ExternalAttributionModelInvalid")
_MODEL_TOO_LONG: Final = Symbol("ExternalAttributionModelTooLong")
_HALF_ATTRIBUTED: Final = Symbol("ExternalAttributionRequiredFieldEmpty")
_EMAIL: Final = Symbol("EmailAddressInvalid")
_PHONE: Final = Symbol("PhoneNumberInvalid")
_EMAIL_NOT_HASHED: Final = Symbol("ConversionEmailAddressIsNotHashed")
_PHONE_NOT_HASHED: Final = Symbol("ConversionPhoneNumberIsNotHashed")

_CLICK_TIME: Final = Symbol("ClickTimeInvalid")

# The digests of the examples of the two raw fields (api-facts A.4).
_EMAIL_EXAMPLE: Final = "ec81f3ac7b2b19675bab9d54cf416f9f18cff87c97da5cca82c0f0891bc40602"
_PHONE_EXAMPLE: Final = "c59475d96e9f01d7d18d06cfad84dd02333207f02c0c2c5663ef2782cda0390e"
_HIGHEST_VALUE: Final = Decimal(999_999_999_999)
_LONGEST_NAME: Final = 100
_LONGEST_MODEL: Final = 1000  # Microsoft's limit is not documented; this one only keeps a batch from being swamped
_LOOKBACK_DAYS: Final = 90

_FIELDS: Final = (
    FieldRule(
        event_field(
            "ConversionCurrencyCode", "CHAR(3)", "Currency of the value (ISO 4217); the goal's if NULL.", "USD"
        ),
        read=lambda place, run: read_currency(place, wrong=_CURRENCY, codes=run.currency_codes),
    ),
    FieldRule(
        event_field(
            "ConversionName", "VARCHAR(100)", "Name of the conversion goal, exactly.", "Purchase", required=True
        ),
        read=lambda place, _: read_text(place, wrong=_NAME, longest=_LONGEST_NAME),
        missing=_NO_NAME,
    ),
    FieldRule(
        event_field(
            "ConversionTime",
            "TIMESTAMP",
            "When it happened; with an offset, or in source_timezone.",
            "2026-11-01T02:03:04Z",
            required=True,
        ),
        read=lambda place, run: read_time(place, wrong=_TIME, zone=find_zone(run.source_timezone)),
        missing=_NO_TIME,
        encode=utc_text,
    ),
    FieldRule(
        event_field("ConversionValue", "NUMERIC(18, 3)", "Worth, 0 to 999,999,999,999; the goal's if NULL.", "12.50"),
        read=lambda place, _: read_number(place, wrong=_VALUE, low=Decimal(0), high=_HIGHEST_VALUE),
        encode=float,
    ),
    FieldRule(
        event_field(
            "ExternalAttributionCredit", "NUMERIC(9, 8)", "Share credited by your own model, above 0 to 1.", "0.5"
        ),
        read=lambda place, _: read_number(place, wrong=_CREDIT, low=Decimal(0), high=Decimal(1), without_low=True),
        encode=float,
    ),
    FieldRule(
        event_field("ExternalAttributionModel", "VARCHAR(100)", "Name of your own attribution model.", "Linear"),
        read=lambda place, _: read_text(place, wrong=_MODEL, longest=_LONGEST_MODEL, too_long=_MODEL_TOO_LONG),
    ),
    FieldRule(
        event_field(
            "HashedEmailAddress",
            "CHAR(64)",
            "SHA-256 of the normalised e-mail, 64 hex digits.",
            _EMAIL_EXAMPLE,
            personal=True,
        ),
        read=lambda place, _: read_digest(place, wrong=_EMAIL_NOT_HASHED, raw_field="EmailAddress"),
    ),
    FieldRule(
        event_field(
            "EmailAddress", "VARCHAR(320)", "Raw e-mail; normalised and hashed here.", "john@contoso.com", personal=True
        ),
        read=lambda place, _: read_email(place, wrong=_EMAIL, hashed_field="HashedEmailAddress"),
        becomes="HashedEmailAddress",
    ),
    FieldRule(
        event_field(
            "HashedPhoneNumber",
            "CHAR(64)",
            "SHA-256 of the phone number in E.164, 64 hex digits.",
            _PHONE_EXAMPLE,
            personal=True,
        ),
        read=lambda place, _: read_digest(place, wrong=_PHONE_NOT_HASHED, raw_field="PhoneNumber"),
    ),
    FieldRule(
        event_field(
            "PhoneNumber",
            "VARCHAR(32)",
            "Raw phone number; without + it needs phone_region.",
            "+14255551234",
            personal=True,
        ),
        read=lambda place, run: read_phone(
            place, wrong=_PHONE, hashed_field="HashedPhoneNumber", region=find_region(run.phone_region)
        ),
        becomes="HashedPhoneNumber",
    ),
    FieldRule(
        event_field("MicrosoftClickId", "CHAR(32)", "The msclkid of the click.", "f894f652ea334e739002f7167ab8f8e3"),
        read=lambda place, run: read_click_id(place, wrong=_CLICK_ID, dashes=dashes_setting(run.options)),
        canonical=canonical_click_id,
    ),
    FieldRule(
        event_field(
            "click_time", "TIMESTAMP", "When the ad was clicked; only checked, never sent.", "2026-10-31T20:00:00Z"
        ),
        read=lambda place, run: read_time(place, wrong=_CLICK_TIME, zone=find_zone(run.source_timezone)),
        is_sent=False,
    ),
)

_RULES: Final = EventRules(
    entity="offline_conversions",
    fields=_FIELDS,
    identifiers=(("click", "MicrosoftClickId"), ("email", "HashedEmailAddress"), ("phone", "HashedPhoneNumber")),
    no_identifier=_NO_CLICK_ID,
    time="ConversionTime",
    group="ConversionName",
    amount="ConversionValue",
    currency="ConversionCurrencyCode",
    future=_FUTURE,
    not_before=("click_time", _BEFORE_CLICK),
    together=("ExternalAttributionModel", "ExternalAttributionCredit", _HALF_ATTRIBUTED),
    exclusive=(("EmailAddress", "HashedEmailAddress"), ("PhoneNumber", "HashedPhoneNumber")),
    not_writable={
        "AccountId": "give account_id, or account_id_column to route rows by a column",
        "AdjustmentType": "changes of a conversion are sent with the adjustments operator",
    },
    longest_lookback_days=_LOOKBACK_DAYS,
)

OFFLINE_CONVERSIONS: Final = EventEntity(
    name=_RULES.entity,
    service="CampaignManagement",
    operation="ApplyOfflineConversions",
    list_element="OfflineConversions",
    batch_limit=1000,
    fields=tuple(rule.field for rule in _FIELDS),
    time_field=_RULES.time,
    lookback_days=_LOOKBACK_DAYS,
    compile=partial(compile_rows, _RULES),
    reference=ReferenceCheck(
        service="CampaignManagement",
        operation="GetConversionGoalsByIds",
        body=GOALS_BODY,
        judge=goal_judge(field=_RULES.group, unknown=_NAME),
    ),
)
