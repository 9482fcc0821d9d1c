"""Each rule of ApplyOfflineConversions, broken and kept, on both transports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from emulator_kit import CLICK, DIGEST, NOON, Caller, conversion

from airflow_provider_bingads.contract import service
from airflow_provider_bingads.emulator.rules.conversion_case import OfflineConversion
from airflow_provider_bingads.emulator.rules.offline_conversions import RULES
from airflow_provider_bingads.emulator.store import CONVERSION_FIELDS

EXTERNAL = {"name": "External", "IsExternallyAttributed": True}
ENHANCED = {"name": "Enhanced", "IsEnhancedConversionsEnabled": True}
ATTRIBUTED = {"ConversionName": "External", "ExternalAttributionCredit": 0.5, "ExternalAttributionModel": "Own"}
HASHED = {"MicrosoftClickId": None, "HashedEmailAddress": DIGEST}

# rule, what breaks it, what keeps it, settings, symbols that come along
ITEM_RULES: list[tuple[str, Any, Any, dict[str, Any]]] = [
    ("no_identifier", {"MicrosoftClickId": None}, HASHED, {}),
    ("no_identifier", {"MicrosoftClickId": ""}, {"HashedPhoneNumber": DIGEST}, {}),
    ("click_id_invalid", {"MicrosoftClickId": "short"}, {"MicrosoftClickId": CLICK.upper()}, {}),
    ("click_id_invalid", {"MicrosoftClickId": CLICK + "0"}, {"MicrosoftClickId": CLICK[::-1]}, {}),
    (
        "click_id_invalid",
        {"MicrosoftClickId": "f894f652ea33-4e73-9002-f716-7ab8f8e3"},
        {"MicrosoftClickId": "f894f652-ea33-4e73-9002-f7167ab8f8e3"},
        {},
    ),
    (
        "click_id_invalid",
        {"MicrosoftClickId": "f894f652-ea33-4e73-9002-f7167ab8f8e3"},
        {"MicrosoftClickId": CLICK},
        {"click_id_dashes": "refuse"},
    ),
    ("name_missing", {"ConversionName": None}, {}, {}),
    ("name_missing", {"ConversionName": ""}, {}, {}),
    ("name_unknown", {"ConversionName": "lead"}, {"ConversionName": "Lead"}, {}),
    ("time_missing", {"ConversionTime": None}, {}, {}),
    ("time_too_old", {"ConversionTime": "2026-08-23T11:59:59Z"}, {"ConversionTime": "2026-08-23T12:00:00Z"}, {}),
    ("time_too_old", {"ConversionTime": "0001-01-01T00:00:00Z"}, {"ConversionTime": "2026-10-01T00:00:00Z"}, {}),
    ("time_in_future", {"ConversionTime": "2026-11-21T12:00:01Z"}, {"ConversionTime": "2026-11-21T12:00:00Z"}, {}),
    ("time_in_future", {"ConversionTime": "9999-12-31T23:59:59"}, {"ConversionTime": "2026-11-21T11:00:00"}, {}),
    (
        "time_in_future",
        {"ConversionTime": "2026-11-21T11:30:00-02:00"},
        {"ConversionTime": "2026-11-21T13:30:00.1234567+02:00"},
        {},
    ),
    ("value_out_of_range", {"ConversionValue": -0.01}, {"ConversionValue": 0}, {}),
    ("value_out_of_range", {"ConversionValue": 1e12}, {"ConversionValue": 999_999_999_999}, {}),
    ("value_too_precise", {"ConversionValue": 1.2345}, {"ConversionValue": 1.234}, {"value_decimals": 3}),
    ("currency_unknown", {"ConversionCurrencyCode": "XXZ"}, {"ConversionCurrencyCode": "JPY"}, {}),
    ("currency_unknown", {"ConversionCurrencyCode": "usd"}, {"ConversionCurrencyCode": "USD"}, {}),
    ("goal_too_young", {"ConversionName": "Young"}, {"ConversionName": "Lead"}, {}),
    ("before_click", {"ConversionTime": "2026-11-10T11:59:59Z"}, {"ConversionTime": "2026-11-10T12:00:01Z"}, {}),
    ("outside_goal_window", {"ConversionName": "Short"}, {"ConversionName": "Lead"}, {}),
    ("goal_not_external", {"ExternalAttributionCredit": 0.5, "ExternalAttributionModel": "Own"}, ATTRIBUTED, {}),
    ("credit_out_of_range", ATTRIBUTED | {"ExternalAttributionCredit": 0}, ATTRIBUTED, {}),
    (
        "credit_out_of_range",
        ATTRIBUTED | {"ExternalAttributionCredit": 1.01},
        ATTRIBUTED | {"ExternalAttributionCredit": 1},
        {},
    ),
    ("attribution_incomplete", ATTRIBUTED | {"ExternalAttributionModel": None}, {"ConversionName": "External"}, {}),
    ("email_not_hashed", {"HashedEmailAddress": "somebody at example"}, {"HashedEmailAddress": DIGEST}, {}),
    ("phone_not_hashed", {"HashedPhoneNumber": "+1425"}, {"HashedPhoneNumber": DIGEST.upper()}, {}),
    ("goal_not_enhanced", HASHED, HASHED | {"ConversionName": "Enhanced"}, {"hashed_only": "refuse"}),
]


def prepared(make: Callable[..., Caller], settings: dict[str, Any], rule: str) -> Caller:
    caller = make(**settings)
    for goal in (EXTERNAL, ENHANCED, {"name": "Lead"}, {"name": "Short", "ConversionWindowInMinutes": 60}):
        caller.goal(**goal)
    caller.goal("Young", age_hours=1.99)
    if rule in {"before_click", "outside_goal_window"}:
        caller.control("POST", "clicks", {CLICK.upper(): NOON - 11 * 86_400.0})
    return caller


def rule_named(name: str) -> Any:
    return next(rule for rule in RULES.item_rules if rule.violated.__name__ == f"_{name}")


@pytest.mark.parametrize(("name", "broken", "kept", "settings"), ITEM_RULES)
def test_a_broken_rule_refuses_its_row_and_no_other(
    name: str, broken: Any, kept: Any, settings: dict[str, Any], caller_with: Callable[..., Caller]
) -> None:
    """The row that breaks a rule is refused with the rule's code, its neighbour is applied."""
    caller = prepared(caller_with, settings, name)
    rule = rule_named(name)

    answer = caller.apply(conversion(**kept), conversion(**broken))

    assert (1, rule.code, rule.symbol) in answer.codes
    assert {index for index, _, _ in answer.codes} == {1}
    assert len(caller.state("offline_conversions")) == 1


def test_every_item_rule_is_tested_both_ways() -> None:
    tested = {name for name, *_ in ITEM_RULES} | {"item_null", "time_invalid"}
    assert {rule.violated.__name__.removeprefix("_") for rule in RULES.item_rules} == tested


def test_a_null_row_is_refused_alone(caller: Caller) -> None:
    caller.goal()

    answer = caller.apply(None, conversion())

    assert answer.codes == [(0, 5602, "OfflineConversionIsNull")]
    assert len(caller.state("offline_conversions")) == 1


@pytest.mark.parametrize("time", ["yesterday", "2026-13-01T00:00:00Z", "2026-11-20", "2026-11-20T25:00:00Z", "1e9"])
def test_an_unreadable_time_is_an_error_of_its_row_in_json(time: str) -> None:
    """XML cannot carry it: there the schema refuses the message."""
    caller = Caller("rest")
    caller.goal()

    answer = caller.apply(conversion(ConversionTime=time), conversion())

    assert answer.codes == [(0, 5607, "OfflineConversionTimeInvalid")]


def test_an_unreadable_time_breaks_the_whole_message_in_xml() -> None:
    caller = Caller("soap")
    caller.goal()

    answer = caller.apply(conversion(ConversionTime="yesterday"), conversion())

    assert answer.fault == {}
    assert caller.state("offline_conversions") == []


@pytest.mark.parametrize("value", ["NaN", "INF", "-INF"])
def test_a_value_that_is_no_number_is_refused_in_xml(value: str) -> None:
    caller = Caller("soap")
    caller.goal()

    answer = caller.apply(conversion(ConversionValue=value), conversion())

    assert answer.codes == [(0, 5610, "OfflineConversionValueInvalid")]


@pytest.mark.parametrize("rows", [[], None])
def test_an_empty_list_is_refused(rows: Any, caller: Caller) -> None:
    answer = caller.call("ApplyOfflineConversions", {"OfflineConversions": rows})
    assert answer.fault_codes == [5600]


def test_a_thousand_rows_are_taken_and_one_more_is_not(caller: Caller) -> None:
    """Limit of the documentation; a longer list is refused as a whole and applies nothing."""
    caller.goal()
    rows = [conversion(MicrosoftClickId=f"{number:032x}") for number in range(1_001)]

    assert caller.apply(*rows).fault_codes == [5601]
    assert caller.state("offline_conversions") == []
    assert caller.apply(*rows[:1_000]).codes == []
    assert len(caller.state("offline_conversions")) == 1_000


def test_a_customer_without_the_feature_is_refused(caller_with: Callable[..., Caller]) -> None:
    caller = caller_with(offline_conversions_enabled=False)
    assert caller.apply(conversion()).fault_codes == [5613]


def test_all_broken_rules_of_a_row_are_told_in_one_reply(caller: Caller) -> None:
    caller.goal()

    answer = caller.apply(conversion(ConversionName="Other", ConversionValue=-1, ConversionCurrencyCode="???"))

    assert [code for _, code, _ in answer.codes] == [5606, 5610, 5611]


def test_the_first_of_equal_conversions_wins_and_the_others_are_ignored_in_silence(caller: Caller) -> None:
    """api-facts A.1: a later value for the same key changes nothing and is no error."""
    caller.goal()

    first = caller.apply(conversion(ConversionValue=1), conversion(ConversionValue=2))
    second = caller.apply(conversion(ConversionValue=3, ConversionCurrencyCode="EUR"))

    assert first.codes == second.codes == []
    assert [row["ConversionValue"] for row in caller.state("offline_conversions")] == [1.0]
    assert caller.control("GET", "stats")["keys_received_again"] == 2


@pytest.mark.parametrize(
    "other",
    [
        {"MicrosoftClickId": CLICK[::-1]},
        {"ConversionName": "Sale"},
        {"ConversionTime": "2026-11-20T12:00:00.0000001Z"},
        {"HashedEmailAddress": DIGEST},
        {"HashedPhoneNumber": DIGEST},
    ],
)
def test_a_conversion_that_differs_in_one_field_of_the_key_is_another_one(
    other: dict[str, Any], caller: Caller
) -> None:
    """The five fields of api-facts A.6."""
    caller.goal()
    caller.goal("Sale")

    caller.apply(conversion(), conversion(**other))

    assert len(caller.state("offline_conversions")) == 2


@pytest.mark.parametrize(
    "same",
    [
        {"MicrosoftClickId": CLICK.upper()},
        {"MicrosoftClickId": "f894f652-ea33-4e73-9002-f7167ab8f8e3"},
        {"ConversionTime": "2026-11-20T14:00:00+02:00"},
        {"ConversionTime": "2026-11-20T12:00:00.000Z"},
        {"ConversionTime": "2026-11-20T12:00:00"},
    ],
)
def test_another_spelling_of_a_key_is_the_same_key(same: dict[str, Any], caller: Caller) -> None:
    caller.goal()

    caller.apply(conversion(), conversion(**same))

    assert len(caller.state("offline_conversions")) == 1


def test_an_unknown_goal_may_also_be_ignored_in_silence(caller_with: Callable[..., Caller]) -> None:
    """The vendor's sample says so, the code table says 5606 (api-facts I.1)."""
    caller = caller_with(unknown_goal="ignore")

    assert caller.apply(conversion()).codes == []
    assert caller.state("offline_conversions") == []


def test_an_account_takes_conversions_only_for_its_own_goals(caller_with: Callable[..., Caller]) -> None:
    """A goal of one account is unknown to another, unless its scope is the customer."""
    caller = caller_with(accounts=2)
    caller.goal("Lead")
    caller.goal("Everywhere", Scope="Customer")
    other = str(int(caller.emulator.credentials.account_id) + 1)
    body = {"OfflineConversions": [conversion(), conversion(ConversionName="Everywhere")]}

    answer = caller.call("ApplyOfflineConversions", body, CustomerAccountId=other)

    assert [(index, code) for index, code, _ in answer.codes] == [(0, 5606)]
    assert [row["AccountId"] for row in caller.state("offline_conversions")] == [other]


def test_the_state_holds_all_fields_as_sent(caller: Caller) -> None:
    caller.goal("External", IsExternallyAttributed=True)
    row = conversion(
        **ATTRIBUTED,
        ConversionCurrencyCode="EUR",
        ConversionValue=12.345,
        HashedEmailAddress=DIGEST,
        HashedPhoneNumber=DIGEST[::-1],
    )

    caller.apply(row)

    assert caller.state("offline_conversions") == [{"AccountId": caller.emulator.credentials.account_id} | row]


def test_the_typed_conversion_has_exactly_the_fields_of_the_contract() -> None:
    fields = [field.name for field in service("CampaignManagement").all_fields("OfflineConversion")]
    assert list(OfflineConversion.__struct_encode_fields__) == fields == list(CONVERSION_FIELDS)
