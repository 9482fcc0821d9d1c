"""``AddConversionGoals`` and ``GetConversionGoalsByIds``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from airflow_provider_bingads.emulator.operations.call import Call
from airflow_provider_bingads.emulator.refusals import ItemError
from airflow_provider_bingads.emulator.rules.conversion_goals import (
    ADD_RULES,
    GET_RULES,
    OFFLINE_GOAL,
    AddCase,
    GetCase,
    GetItemCase,
    GoalCase,
)
from airflow_provider_bingads.emulator.store import Goal

__all__ = ["add_conversion_goals", "get_conversion_goals_by_ids"]

_TYPE: Final = "OfflineConversion"
_ON_REQUEST: Final = frozenset(
    {
        "AttributionModelType",
        "GoalCategory",
        "IsAutoGoal",
        "IsEnhancedConversionsEnabled",
        "IsExternallyAttributed",
        "ViewThroughConversionWindowInMinutes",
    }
)
"""Fields that come back only when ``ReturnAdditionalFields`` names them (api-facts A.8)."""


def add_conversion_goals(call: Call) -> dict[str, Any]:
    """Add goals, each on its own.

    Adding one switches auto-tagging on: for the account, or for all accounts of the customer with that scope.

    :returns: ``ConversionGoalIds``, null where a goal was refused, and ``PartialErrors``.
    :raises RefusalError: 5321, 5322.
    """
    goals = call.body.get("ConversionGoals")
    call.record.rows = len(goals or ())
    ADD_RULES.admit(AddCase(goals))
    taken = frozenset(goal.fields["Name"].casefold() for goal in call.store.goals_of_customer(call.customer_id))
    names: Counter[str] = Counter()
    ids: list[int | None] = []
    errors: list[ItemError] = []
    for index, goal in enumerate(goals or ()):
        if goal and goal.get("Name"):
            names[goal["Name"].casefold()] += 1
        found = ADD_RULES.errors(GoalCase(goal, taken, names), index)
        if call.refuse_last_item and index == len(goals or ()) - 1:
            found = [ItemError(5612, "OfflineConversionsApplyFailed", "The goal did not reach its server.", index)]
        errors += found
        ids.append(None if found else _add(call, goal))
    call.record.applied += len(ids) - ids.count(None)
    call.record.rejected = ids.count(None)
    return {"ConversionGoalIds": ids, "PartialErrors": errors}


def get_conversion_goals_by_ids(call: Call) -> dict[str, Any]:
    """Return goals by id, or all of the account that have one of the types.

    :returns: ``ConversionGoals``, null for each id that is in error, and ``PartialErrors``.
    :raises RefusalError: 5318, 5329.
    """
    ids = call.body.get("ConversionGoalIds") or ()
    types = call.body.get("ConversionGoalTypes") or ()
    wanted = frozenset(call.body.get("ReturnAdditionalFields") or ())
    GET_RULES.admit(GetCase(ids, types))
    goals = {goal.fields["Id"]: goal for goal in call.store.goals_of(call.account_id, call.customer_id)}
    if not ids:
        found = [_shown(goal, wanted) for goal in goals.values() if _TYPE in types]
        return {"ConversionGoals": found, "PartialErrors": []}
    shown: list[dict[str, Any] | None] = []
    errors: list[ItemError] = []
    for index, goal_id in enumerate(ids):
        known = goal_id in goals
        case = GetItemCase(known, goal_id in ids[:index], _TYPE if known else None, types)
        broken = GET_RULES.errors(case, index)
        errors += broken
        shown.append(None if broken else _shown(goals[goal_id], wanted))
    return {"ConversionGoals": shown, "PartialErrors": errors}


def _add(call: Call, given: Mapping[str, Any]) -> int:
    revenue = given.get("Revenue") or {}
    fields = {
        "@type": OFFLINE_GOAL,
        "AttributionModelType": given.get("AttributionModelType") or "LastClick",
        "ConversionWindowInMinutes": given.get("ConversionWindowInMinutes") or 43_200,
        "CountType": given.get("CountType") or "All",
        "ExcludeFromBidding": bool(given.get("ExcludeFromBidding")),
        "GoalCategory": given["GoalCategory"],
        "IsAutoGoal": False,
        "IsEnhancedConversionsEnabled": bool(given.get("IsEnhancedConversionsEnabled")),
        "IsExternallyAttributed": bool(given.get("IsExternallyAttributed")),
        "Name": given["Name"],
        "Revenue": {
            "CurrencyCode": revenue.get("CurrencyCode"),
            "Type": revenue.get("Type") or "NoValue",
            "Value": revenue.get("Value") or Decimal(0),
        },
        "Scope": given.get("Scope") or "Account",
        "Status": given.get("Status") or "Active",
        "TagId": None,
        "TrackingStatus": None,
        "Type": (_TYPE,),
        "ViewThroughConversionWindowInMinutes": given.get("ViewThroughConversionWindowInMinutes"),
    }
    goal = Goal(fields, call.account_id, call.customer_id, call.now)
    accounts = call.store.world.accounts if fields["Scope"] == "Customer" else (call.account_id,)
    for account_id in accounts:
        call.store.account_properties[account_id, "MSCLKIDAutoTaggingEnabled"] = "True"
    return call.store.add_goal(goal)


def _shown(goal: Goal, wanted: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in goal.fields.items() if name not in _ON_REQUEST or name in wanted}
