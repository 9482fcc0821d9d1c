"""AddConversionGoals and GetConversionGoalsByIds, each rule broken and kept, on both transports."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from emulator_kit import Caller

from airflow_provider_bingads.emulator.rules.conversion_goals import ADD_RULES, GET_RULES

FIXED = {"Type": "FixedValue", "Value": 12.5, "CurrencyCode": "USD"}

ADD_CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("id_given", {"Id": 7}, {"Id": None}),
    ("name_missing", {"Name": None}, {"Name": "N"}),
    ("name_missing", {"Name": ""}, {"Name": "N"}),
    ("name_invalid", {"Name": "n" * 101}, {"Name": "n" * 100}),
    ("name_twice", {"Name": "KEPT"}, {"Name": "Kept"}),
    ("name_taken", {"Name": "existing"}, {"Name": "Existing too"}),
    ("status_invalid", {"Status": "Deleted"}, {"Status": "Paused"}),
    ("window_invalid", {"ConversionWindowInMinutes": 0}, {"ConversionWindowInMinutes": 1}),
    ("window_invalid", {"ConversionWindowInMinutes": 129_601}, {"ConversionWindowInMinutes": 129_600}),
    ("category_missing", {"GoalCategory": None}, {"GoalCategory": "Signup"}),
    ("category_missing", {"GoalCategory": "Download"}, {"GoalCategory": "Other"}),
    ("revenue_value_invalid", {"Revenue": FIXED | {"Type": "NoValue"}}, {"Revenue": {"Type": "NoValue"}}),
    ("revenue_value_invalid", {"Revenue": FIXED | {"Value": -1}}, {"Revenue": FIXED | {"Value": 0}}),
    ("revenue_value_invalid", {"Revenue": FIXED | {"Value": None}}, {"Revenue": {"Type": "VariableValue"}}),
    ("currency_unknown", {"Revenue": FIXED | {"CurrencyCode": "XXZ"}}, {"Revenue": FIXED | {"CurrencyCode": "EUR"}}),
    (
        "currency_missing",
        {"Scope": "Customer", "Revenue": FIXED | {"CurrencyCode": None}},
        {"Revenue": FIXED | {"CurrencyCode": None}},
    ),
]


def goal(transport: str, **fields: Any) -> dict[str, Any]:
    """Return a goal as each transport writes it."""
    given = {"Name": "Kept", "GoalCategory": "Purchase"} | fields
    found = {name: value for name, value in given.items() if value is not None}
    if transport == "soap":
        return found | {"@type": "OfflineConversionGoal"}
    if isinstance(found.get("Type"), tuple):
        found["Type"] = ", ".join(found["Type"])
    return {"Type": "OfflineConversion"} | found


def add(caller: Caller, *goals: Any) -> Any:
    return caller.call("AddConversionGoals", {"ConversionGoals": list(goals)})


def query(caller: Caller, **fields: Any) -> Any:
    body: dict[str, Any] = {"ConversionGoalTypes": ("OfflineConversion",)} | fields
    if caller.transport == "rest":
        body = {name: ", ".join(value) if isinstance(value, tuple) else value for name, value in body.items()}
    return caller.call("GetConversionGoalsByIds", body)


@pytest.mark.parametrize(("name", "broken", "kept"), ADD_CASES)
def test_a_broken_rule_refuses_its_goal_and_no_other(
    name: str, broken: dict[str, Any], kept: dict[str, Any], caller: Caller
) -> None:
    """The refused goal has a null id at its place, its neighbour an id."""
    rule = next(rule for rule in ADD_RULES.item_rules if rule.violated.__name__ == f"_{name}")
    caller.goal("Existing")
    bad = goal(caller.transport, **({"Name": "Broken"} | broken))

    answer = add(caller, goal(caller.transport, **kept), bad)

    assert [code for index, code, _ in answer.codes if index == 1].count(rule.code) == 1
    assert {index for index, _, _ in answer.codes} == {1}
    first, second = answer.value["ConversionGoalIds"]
    assert first is not None
    assert second is None


def test_every_rule_on_a_goal_is_tested() -> None:
    tested = {name for name, *_ in ADD_CASES} | {"goal_null", "other_kind_of_goal", "type_differs"}
    assert {rule.violated.__name__.removeprefix("_") for rule in ADD_RULES.item_rules} == tested


def test_a_null_goal_and_another_kind_of_goal_are_refused(caller: Caller) -> None:
    other = {"Name": "Page", "GoalCategory": "Purchase", "Type": "Url", "UrlExpression": "/thanks"}
    if caller.transport == "soap":
        other = {"@type": "UrlGoal", "Name": "Page", "GoalCategory": "Purchase"}

    answer = add(caller, None, other)

    assert answer.codes == [(0, 5323, "ConversionGoalIsNull"), (1, 204, "OperationNotSupported")]
    assert answer.value["ConversionGoalIds"] == [None, None]


def test_a_goal_whose_type_field_names_another_kind_is_refused_in_xml() -> None:
    """In JSON the field Type is the kind itself."""
    caller = Caller("soap")

    answer = add(caller, goal("soap", Type=("OfflineConversion",)), goal("soap", Name="Other", Type=("Url",)))

    assert answer.codes == [(1, 5331, "ConversionGoalTypeNotMatched")]


def test_the_list_of_goals_has_one_to_a_hundred_items(caller: Caller) -> None:
    many = [goal(caller.transport, Name=f"Goal {number}") for number in range(101)]

    assert add(caller).fault_codes == [5321]
    assert add(caller, *many).fault_codes == [5322]
    assert add(caller, *many[:100]).codes == []


def test_a_new_goal_gets_the_documented_defaults_and_switches_auto_tagging_on(caller: Caller) -> None:
    """Window 30 days, every conversion counts, no revenue, scope account (offlineconversiongoal.md)."""
    add(caller, goal(caller.transport))

    (found,) = caller.state("conversion_goals")
    assert found["ConversionWindowInMinutes"] == 43_200
    assert (found["CountType"], found["Scope"], found["Status"]) == ("All", "Account", "Active")
    assert found["Revenue"] == {"CurrencyCode": None, "Type": "NoValue", "Value": 0.0}
    account_id = caller.emulator.credentials.account_id
    assert caller.state("account_properties") == [
        {"AccountId": account_id, "Name": "MSCLKIDAutoTaggingEnabled", "Value": "True"}
    ]


def test_a_goal_for_the_customer_switches_auto_tagging_on_for_every_account(
    caller_with: Callable[..., Caller],
) -> None:
    caller = caller_with(accounts=3)
    add(caller, goal(caller.transport, Scope="Customer"))
    assert len(caller.state("account_properties")) == 3


def test_a_query_without_ids_returns_all_goals_of_the_asked_types(caller: Caller) -> None:
    caller.goal("One")
    caller.goal("Two")

    both = query(caller)
    none = query(caller, ConversionGoalTypes=("Url", "Event"))

    assert [one["Name"] for one in both.value["ConversionGoals"]] == ["One", "Two"]
    assert none.value["ConversionGoals"] == []


def test_some_fields_come_back_only_when_asked_for(caller: Caller) -> None:
    caller.goal("One", IsExternallyAttributed=True)

    (plain,) = query(caller).value["ConversionGoals"]
    asked = query(caller, ReturnAdditionalFields=("IsExternallyAttributed", "GoalCategory"))

    assert plain.get("IsExternallyAttributed") is None
    assert asked.value["ConversionGoals"][0]["IsExternallyAttributed"] is True
    assert asked.value["ConversionGoals"][0]["GoalCategory"] == "Purchase"


def test_each_wrong_id_of_a_query_is_an_error_with_a_null_in_its_place(caller: Caller) -> None:
    caller.goal("One")
    known = int(caller.state("conversion_goals")[0]["Id"])

    answer = query(caller, ConversionGoalIds=[known, 5, known])

    assert [(index, code) for index, code, _ in answer.codes] == [(1, 5314), (2, 5315)]
    assert [one is None for one in answer.value["ConversionGoals"]] == [False, True, True]


def test_a_goal_of_another_type_than_asked_for_is_an_error(caller: Caller) -> None:
    caller.goal("One")
    known = int(caller.state("conversion_goals")[0]["Id"])

    answer = query(caller, ConversionGoalIds=[known], ConversionGoalTypes=("Url",))

    assert [code for _, code, _ in answer.codes] == [5347]


def test_a_query_names_types_and_at_most_a_hundred_ids(caller: Caller) -> None:
    assert query(caller, ConversionGoalTypes=None).fault_codes == [5329]
    assert query(caller, ConversionGoalIds=list(range(1, 102))).fault_codes == [5318]
    assert query(caller, ConversionGoalIds=list(range(1, 101))).fault is None


def test_every_rule_of_the_query_is_tested() -> None:
    assert {rule.code for rule in (*GET_RULES.call_rules, *GET_RULES.item_rules)} == {5314, 5315, 5318, 5329, 5347}


def test_money_of_a_goal_keeps_its_decimals(caller: Caller) -> None:
    value = Decimal("12.345") if caller.transport == "soap" else 12.345
    add(caller, goal(caller.transport, Revenue={"Type": "FixedValue", "Value": value, "CurrencyCode": "USD"}))
    (found,) = query(caller).value["ConversionGoals"]
    assert float(found["Revenue"]["Value"]) == 12.345
