"""Offline conversions: sales, leads and calls that followed an ad click, sent so that bidding can learn from them.

**Source table.** One row is one conversion. Columns are found by their default names, or named in ``columns``::

    conversion_name  microsoft_click_id                conversion_time       conversion_value  conversion_currency_code
    Purchase         f894f652ea334e739002f7167ab8f8e3  2026-11-01T02:03:04Z  12.50             USD

**Required.** ``ConversionName`` (the name of a goal of the account), ``ConversionTime``, and one of click id, e-mail
and phone. Raw e-mail and phone are normalised and hashed before anything else sees them.

**Checked here.** Every rule that Microsoft documents, before a row is sent; a refused row names its column and its
remedy. Rows older than ``lookback`` are counted as out of window. A time without zone needs ``source_timezone``; a date
without a time of day is refused. An amount has a dot before its decimals and is rounded, half to even, to
``value_decimals``. Blank text is NULL. A goal that is unknown, paused or (with ``click_time``) counts no conversion so
late after its click defers the row, as does a time in the future.

**Same conversion.** Account, identifier (click id, else e-mail, else phone), goal and time. The service keeps the first
it was sent, so a later change of the value is reported as superseded and never sent: use an adjustment.

**Not known here.** Whether a click id belongs to the account: the service accepts foreign ones and drops them later.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from airflow_provider_bingads.domain import event_readers as read
from airflow_provider_bingads.domain.click_ids import canonical_click_id
from airflow_provider_bingads.domain.entity import EventEntity, ReferenceCheck
from airflow_provider_bingads.domain.event_rules import EventRules, FieldRule, event_field
from airflow_provider_bingads.domain.events import compile_rows
from airflow_provider_bingads.domain.goals import GOALS_BODY, goal_judge
from airflow_provider_bingads.domain.pii import hexdigest
from airflow_provider_bingads.domain.reading import Symbol
from airflow_provider_bingads.domain.times import utc_text

__all__ = ["OFFLINE_CONVERSIONS"]

# Symbols and codes: api-facts, Appendix 1.2; those without a number stand in upload reports (A.5) or are ours. Ranges
# and lengths: A.2, A.8. The model's length limit is not documented; ours only keeps a batch sendable.
_NAME_UNKNOWN: Final = Symbol("OfflineConversionNameInvalid", 5606)
_AFTER_WINDOW: Final = Symbol("ClickIdDateTimeOutsideGoalConversionWindow", 5617)
_MODEL_TOO_LONG: Final = Symbol("ExternalAttributionModelTooLong")
_EMAIL_EXAMPLE: Final = hexdigest("john@contoso.com")
_PHONE_EXAMPLE: Final = hexdigest("+14255551234")

_FIELDS: Final = (
    FieldRule(
        event_field("ConversionCurrencyCode", "CHAR(3)", "Currency of the value (ISO 4217); NULL: the goal's.", "USD"),
        read=read.currency(Symbol("OfflineConversionCurrencyCodeInvalid", 5611)),
    ),
    FieldRule(
        event_field("ConversionName", "VARCHAR(100)", "Name of the goal, exactly.", "Purchase", required=True),
        read=read.text(_NAME_UNKNOWN, longest=100),
        missing=Symbol("OfflineConversionNameNullOrEmpty", 5605),
    ),
    FieldRule(
        event_field("ConversionTime", "TIMESTAMP", "When it happened.", "2026-11-01T02:03:04Z", required=True),
        read=read.time(Symbol("OfflineConversionTimeInvalid", 5607)),
        missing=Symbol("OfflineConversionTimeNullOrEmpty", 5608),
        encode=utc_text,
    ),
    FieldRule(
        event_field("ConversionValue", "NUMERIC(18, 3)", "Worth, 0 to 999,999,999,999; NULL: the goal's.", "12.50"),
        read=read.number(Symbol("OfflineConversionValueInvalid", 5610), 0, 999_999_999_999),
        encode=float,
    ),
    FieldRule(
        event_field("ExternalAttributionCredit", "NUMERIC(9, 8)", "Share your own model credits, above 0 to 1.", "0.5"),
        read=read.number(Symbol("ExternalAttributionCreditValueInvalid"), 0, 1, without_low=True),
        encode=float,
    ),
    FieldRule(
        event_field("ExternalAttributionModel", "VARCHAR(100)", "Name of your own attribution model.", "Linear"),
        read=read.text(Symbol("ExternalAttributionModelInvalid"), 1000, _MODEL_TOO_LONG),
    ),
    FieldRule(
        event_field("HashedEmailAddress", "CHAR(64)", "SHA-256 of the e-mail, in hex.", _EMAIL_EXAMPLE, personal=True),
        read=read.digest(Symbol("ConversionEmailAddressIsNotHashed"), raw_field="EmailAddress"),
    ),
    FieldRule(
        event_field("EmailAddress", "VARCHAR(320)", "Raw e-mail; hashed here.", "john@contoso.com", personal=True),
        read=read.email(Symbol("EmailAddressInvalid"), hashed_field="HashedEmailAddress"),
        becomes="HashedEmailAddress",
    ),
    FieldRule(
        event_field("HashedPhoneNumber", "CHAR(64)", "SHA-256 of the E.164 number.", _PHONE_EXAMPLE, personal=True),
        read=read.digest(Symbol("ConversionPhoneNumberIsNotHashed"), raw_field="PhoneNumber"),
    ),
    FieldRule(
        event_field("PhoneNumber", "VARCHAR(32)", "Raw phone number; hashed here.", "+14255551234", personal=True),
        read=read.phone(Symbol("PhoneNumberInvalid"), hashed_field="HashedPhoneNumber"),
        becomes="HashedPhoneNumber",
    ),
    FieldRule(
        event_field("MicrosoftClickId", "CHAR(32)", "The msclkid of the click.", "f894f652ea334e739002f7167ab8f8e3"),
        read=read.click_id(Symbol("OfflineConversionMicrosoftClickIdInvalid", 5604)),
        canonical=canonical_click_id,
    ),
    FieldRule(
        event_field("click_time", "TIMESTAMP", "When the ad was clicked; checked, never sent.", "2026-10-31T20:00:00Z"),
        read=read.time(Symbol("ClickTimeInvalid")),
        is_sent=False,
    ),
)

_RULES: Final = EventRules(
    entity="offline_conversions",
    fields=_FIELDS,
    identifiers=(("click", "MicrosoftClickId"), ("email", "HashedEmailAddress"), ("phone", "HashedPhoneNumber")),
    no_identifier=Symbol("OfflineConversionMicrosoftClickIdNullOrEmpty", 5603),
    time="ConversionTime",
    group="ConversionName",
    amount="ConversionValue",
    currency="ConversionCurrencyCode",
    future=Symbol("FutureConversionTimeCannotBeSet", 5614),
    not_before=("click_time", Symbol("ConversionTimeEarlierThanClickTime", 5616)),
    together=("ExternalAttributionModel", "ExternalAttributionCredit", Symbol("ExternalAttributionRequiredFieldEmpty")),
    exclusive=(("EmailAddress", "HashedEmailAddress"), ("PhoneNumber", "HashedPhoneNumber")),
    not_writable={
        "AccountId": "give account_id, or account_id_column to route rows by a column",
        "AdjustmentType": "a sent conversion is changed with the adjustments operator",
    },
    longest_lookback_days=90,
)

OFFLINE_CONVERSIONS: Final = EventEntity(
    name=_RULES.entity,
    service="CampaignManagement",
    operation="ApplyOfflineConversions",
    list_element="OfflineConversions",
    batch_limit=1000,
    fields=tuple(rule.field for rule in _FIELDS),
    time_field=_RULES.time,
    lookback_days=_RULES.longest_lookback_days,
    compile=partial(compile_rows, _RULES),
    reference=ReferenceCheck(
        service="CampaignManagement",
        operation="GetConversionGoalsByIds",
        body=GOALS_BODY,
        judge=goal_judge(field=_RULES.group, unknown=_NAME_UNKNOWN, too_late=(_RULES.time, _AFTER_WINDOW)),
    ),
    field_of_code={
        **dict.fromkeys((5603, 5604), "MicrosoftClickId"),
        **dict.fromkeys((5605, 5606, 5615), "ConversionName"),
        **dict.fromkeys((5607, 5608, 5609, 5614, 5616, 5617), "ConversionTime"),
        5610: "ConversionValue",
        5611: "ConversionCurrencyCode",
    },
)
