"""When ``ApplyOfflineConversions`` refuses a call or a conversion (api-facts A.1 to A.5)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from airflow_provider_bingads.emulator.rules.book import Certainty, RuleBook
from airflow_provider_bingads.emulator.rules.conversion_case import CallCase, ConversionCase, currency_codes

__all__ = ["MAXIMUM_AGE", "MAXIMUM_ITEMS", "MAXIMUM_VALUE", "RULES"]

RULES: Final[RuleBook[CallCase, ConversionCase]] = RuleBook("ApplyOfflineConversions")

MAXIMUM_ITEMS: Final = 1_000
MAXIMUM_AGE: Final = timedelta(days=90)
MAXIMUM_VALUE: Final = 999_999_999_999.0

_CODES: Final = "guides/operation-error-codes"
_OPERATION: Final = "campaign-management-service/applyofflineconversions"
_OBJECT: Final = "campaign-management-service/offlineconversion"
_REPORTS: Final = "campaign-management-service/dailysummary"
_HELP: Final = "https://help.ads.microsoft.com/#apex/3/en/56852/2"

_CLICK_ID: Final = re.compile(r"[0-9a-fA-F]{32}\Z")
_CLICK_ID_DASHED: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_DIGEST: Final = re.compile(r"[0-9a-fA-F]{64}\Z")


@RULES.call(
    5613,
    "OfflineConversionPilotNotEnabledForCustomer",
    message="Offline conversions are not enabled for this customer.",
    source=_CODES,
    certainty=Certainty.DOCUMENTED,
)
def _customer_not_enabled(case: CallCase) -> bool:
    return not case.settings.offline_conversions_enabled


@RULES.call(
    5600,
    "OfflineConversionsNullOrEmpty",
    message="The list of offline conversions is null or empty.",
    source=_CODES,
    certainty=Certainty.DOCUMENTED,
)
def _list_empty(case: CallCase) -> bool:
    return not case.conversions


@RULES.call(
    5601,
    "OfflineConversionsLimitExceeded",
    message="One request takes at most 1,000 offline conversions.",
    source=_OPERATION,
    certainty=Certainty.OBSERVED,
)
def _list_too_long(case: CallCase) -> bool:
    return case.conversions is not None and len(case.conversions) > MAXIMUM_ITEMS


@RULES.item(
    5602,
    "OfflineConversionIsNull",
    message="The offline conversion is null.",
    source=_CODES,
    certainty=Certainty.DOCUMENTED,
)
def _item_null(case: ConversionCase) -> bool:
    return case.row is None


@RULES.item(
    5603,
    "OfflineConversionMicrosoftClickIdNullOrEmpty",
    field="MicrosoftClickId",
    message="The conversion has neither a click id nor a hashed e-mail address or phone number.",
    source=_OBJECT,
    certainty=Certainty.DOCUMENTED,
)
def _no_identifier(case: ConversionCase) -> bool:
    row = case.row
    return row is not None and not (row.microsoft_click_id or row.hashed_email_address or row.hashed_phone_number)


@RULES.item(
    5604,
    "OfflineConversionMicrosoftClickIdInvalid",
    field="MicrosoftClickId",
    message="The click id is not 32 hexadecimal digits.",
    source=_HELP,
    certainty=Certainty.OBSERVED,
)
def _click_id_invalid(case: ConversionCase) -> bool:
    if case.row is None or not case.row.microsoft_click_id:
        return False
    click = case.row.microsoft_click_id
    dashed = case.settings.click_id_dashes == "accept" and _CLICK_ID_DASHED.match(click) is not None
    return not dashed and _CLICK_ID.match(click) is None


@RULES.item(
    5605,
    "OfflineConversionNameNullOrEmpty",
    field="ConversionName",
    message="The conversion names no goal.",
    source=_CODES,
    certainty=Certainty.DOCUMENTED,
)
def _name_missing(case: ConversionCase) -> bool:
    return case.row is not None and not case.row.conversion_name


@RULES.item(
    5606,
    "OfflineConversionNameInvalid",
    field="ConversionName",
    message="The account has no offline conversion goal of this name.",
    source=_CODES,
    certainty=Certainty.OBSERVED,
)
def _name_unknown(case: ConversionCase) -> bool:
    if case.row is None or not case.row.conversion_name:
        return False
    return case.goal is None and case.settings.unknown_goal == "refuse"


@RULES.item(
    5607,
    "OfflineConversionTimeInvalid",
    field="ConversionTime",
    message="The conversion time cannot be read.",
    source=_CODES,
    certainty=Certainty.ASSUMED,
)
def _time_invalid(case: ConversionCase) -> bool:
    return case.row is not None and bool(case.row.conversion_time) and case.at is None


@RULES.item(
    5608,
    "OfflineConversionTimeNullOrEmpty",
    field="ConversionTime",
    message="The conversion has no time.",
    source=_CODES,
    certainty=Certainty.DOCUMENTED,
)
def _time_missing(case: ConversionCase) -> bool:
    return case.row is not None and not case.row.conversion_time


@RULES.item(
    5609,
    "OfflineConversionTimeOutOfWindow",
    field="ConversionTime",
    message="The conversion is older than 90 days.",
    source=_OBJECT,
    certainty=Certainty.DOCUMENTED,
)
def _time_too_old(case: ConversionCase) -> bool:
    return case.at is not None and case.at < case.now - MAXIMUM_AGE


@RULES.item(
    5614,
    "FutureConversionTimeCannotBeSet",
    field="ConversionTime",
    message="The conversion time lies in the future.",
    source=_CODES,
    certainty=Certainty.DOCUMENTED,
)
def _time_in_future(case: ConversionCase) -> bool:
    return case.at is not None and case.at > case.now


@RULES.item(
    5610,
    "OfflineConversionValueInvalid",
    field="ConversionValue",
    message="The value is negative, above 999,999,999,999 or no number.",
    source=_REPORTS,
    certainty=Certainty.DOCUMENTED,
)
def _value_out_of_range(case: ConversionCase) -> bool:
    value = case.row.conversion_value if case.row is not None else None
    return value is not None and not 0.0 <= value <= MAXIMUM_VALUE


@RULES.item(
    5610,
    "OfflineConversionValueInvalid",
    field="ConversionValue",
    message="The value has more decimals than this emulator was told to accept.",
    source=_HELP,
    certainty=Certainty.ASSUMED,
)
def _value_too_precise(case: ConversionCase) -> bool:
    value, decimals = (case.row.conversion_value if case.row is not None else None), case.settings.value_decimals
    return value is not None and decimals is not None and _value_out_of_scale(value, decimals)


def _value_out_of_scale(value: float, decimals: int) -> bool:
    """Tell whether a number needs more decimals than given to be written."""
    return value != round(value, decimals)


@RULES.item(
    5611,
    "OfflineConversionCurrencyCodeInvalid",
    field="ConversionCurrencyCode",
    message="The currency is no ISO 4217 code.",
    source=_OBJECT,
    certainty=Certainty.DOCUMENTED,
)
def _currency_unknown(case: ConversionCase) -> bool:
    code = case.row.conversion_currency_code if case.row is not None else None
    return bool(code) and code not in currency_codes()


@RULES.item(
    5615,
    "OfflineConversionNotAcceptedForGoal",
    field="ConversionName",
    message="The goal is younger than two hours.",
    source=_OPERATION,
    certainty=Certainty.DOCUMENTED,
)
def _goal_too_young(case: ConversionCase) -> bool:
    if case.goal is None:
        return False
    return case.now.timestamp() - case.goal.created_at < case.settings.goal_settle_seconds


@RULES.item(
    5616,
    "ConversionTimeEarlierThanClickTime",
    field="ConversionTime",
    message="The conversion is not later than its click.",
    source=_CODES,
    certainty=Certainty.DOCUMENTED,
)
def _before_click(case: ConversionCase) -> bool:
    return case.at is not None and case.clicked_at is not None and case.at.timestamp() <= case.clicked_at


@RULES.item(
    5617,
    "ClickIdDateTimeOutsideGoalConversionWindow",
    field="ConversionTime",
    message="The conversion is later after its click than the goal's conversion window allows.",
    source=_CODES,
    certainty=Certainty.DOCUMENTED,
)
def _outside_goal_window(case: ConversionCase) -> bool:
    if case.at is None or case.clicked_at is None or case.goal is None:
        return False
    window_seconds: int = case.goal.fields["ConversionWindowInMinutes"] * 60
    return case.at.timestamp() > case.clicked_at + window_seconds


@RULES.item(
    0,
    "GoalNotEligibleForExternalAttribution",
    field="ExternalAttributionCredit",
    message="The goal takes no externally attributed conversions.",
    source=_OBJECT,
    certainty=Certainty.DOCUMENTED,
)
def _goal_not_external(case: ConversionCase) -> bool:
    if case.row is None or case.goal is None:
        return False
    external = case.row.external_attribution_credit is not None or bool(case.row.external_attribution_model)
    return external and not case.goal.fields.get("IsExternallyAttributed")


@RULES.item(
    0,
    "ExternalAttributionCreditValueInvalid",
    field="ExternalAttributionCredit",
    message="The attribution credit is not above 0 and at most 1.",
    source=_OBJECT,
    certainty=Certainty.DOCUMENTED,
)
def _credit_out_of_range(case: ConversionCase) -> bool:
    credit = case.row.external_attribution_credit if case.row is not None else None
    return credit is not None and not 0.0 < credit <= 1.0


@RULES.item(
    0,
    "ExternalAttributionRequiredFieldEmpty",
    field="ExternalAttributionModel",
    message="An externally attributed conversion needs both credit and model.",
    source=_REPORTS,
    certainty=Certainty.ASSUMED,
)
def _attribution_incomplete(case: ConversionCase) -> bool:
    if case.row is None or case.goal is None or not case.goal.fields.get("IsExternallyAttributed"):
        return False
    return (case.row.external_attribution_credit is None) != (not case.row.external_attribution_model)


@RULES.item(
    0,
    "ConversionEmailAddressIsNotHashed",
    field="HashedEmailAddress",
    message="The e-mail address is not a SHA-256 digest in hexadecimal.",
    source=_REPORTS,
    certainty=Certainty.ASSUMED,
)
def _email_not_hashed(case: ConversionCase) -> bool:
    return case.row is not None and _not_a_digest(case.row.hashed_email_address)


@RULES.item(
    0,
    "ConversionPhoneNumberIsNotHashed",
    field="HashedPhoneNumber",
    message="The phone number is not a SHA-256 digest in hexadecimal.",
    source=_REPORTS,
    certainty=Certainty.ASSUMED,
)
def _phone_not_hashed(case: ConversionCase) -> bool:
    return case.row is not None and _not_a_digest(case.row.hashed_phone_number)


@RULES.item(
    0,
    "NotEligibleForEnhancedConversions",
    field="ConversionName",
    message="A conversion without a click id needs a goal that is enabled for enhanced conversions.",
    source=_REPORTS,
    certainty=Certainty.ASSUMED,
)
def _goal_not_enhanced(case: ConversionCase) -> bool:
    if case.row is None or case.goal is None or case.settings.hashed_only == "accept":
        return False
    hashed = case.row.hashed_email_address or case.row.hashed_phone_number
    if case.row.microsoft_click_id or not hashed:
        return False
    return not case.goal.fields.get("IsEnhancedConversionsEnabled")


def _not_a_digest(text: str | None) -> bool:
    return bool(text) and _DIGEST.match(text or "") is None
