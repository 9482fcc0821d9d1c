"""When ``AddConversionGoals`` and ``GetConversionGoalsByIds`` refuse (api-facts A.8, Appendix 1.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from airflow_provider_bingads.emulator.rules.book import Certainty, RuleBook
from airflow_provider_bingads.emulator.rules.conversion_case import currency_codes

__all__ = ["ADD_RULES", "GET_RULES", "OFFLINE_GOAL", "AddCase", "GetCase", "GetItemCase", "GoalCase"]

OFFLINE_GOAL: Final = "OfflineConversionGoal"
MAXIMUM_ITEMS: Final = 100
MAXIMUM_NAME: Final = 100
WINDOW_MINUTES: Final = range(1, 129_600 + 1)
CATEGORIES: Final = frozenset(
    {
        "AddToCart",
        "BeginCheckout",
        "BookAppointment",
        "Contact",
        "GetDirections",
        "Other",
        "OutboundClick",
        "PageView",
        "Purchase",
        "RequestQuote",
        "Signup",
        "SubmitLeadForm",
        "Subscribe",
    }
)

_CODES: Final = "guides/operation-error-codes"
_ADD: Final = "campaign-management-service/addconversiongoals"
_GET: Final = "campaign-management-service/getconversiongoalsbyids"
_GOAL: Final = "campaign-management-service/offlineconversiongoal"
_REVENUE: Final = "campaign-management-service/conversiongoalrevenue"


@dataclass(frozen=True, slots=True)
class AddCase:
    """The call as its own rules see it."""

    goals: Sequence[Mapping[str, Any] | None] | None


@dataclass(frozen=True, slots=True)
class GoalCase:
    """One goal to add.

    :param goal: by API field names, its type under ``@type``; None for a null item.
    :param taken: names of the customer's goals, folded.
    :param names: how often each folded name stands in this request up to and with this item.
    """

    goal: Mapping[str, Any] | None
    taken: frozenset[str]
    names: Counter[str]

    def get(self, name: str) -> Any:
        """Return a field, None where the goal or the field is not given."""
        return None if self.goal is None else self.goal.get(name)

    def revenue(self, name: str) -> Any:
        """Return a field of the goal's revenue."""
        return (self.get("Revenue") or {}).get(name)


@dataclass(frozen=True, slots=True)
class GetCase:
    """The query as its own rules see it."""

    ids: Sequence[int]
    types: Sequence[str]


@dataclass(frozen=True, slots=True)
class GetItemCase:
    """One id of a query.

    :param known: the account's goals have it.
    :param earlier: the ids before it.
    :param type: the goal's type in the API's short form, None for an unknown id.
    :param types: the types asked for.
    """

    known: bool
    repeated: bool
    type: str | None
    types: Sequence[str]


ADD_RULES: Final[RuleBook[AddCase, GoalCase]] = RuleBook("AddConversionGoals")
GET_RULES: Final[RuleBook[GetCase, GetItemCase]] = RuleBook("GetConversionGoalsByIds")


@ADD_RULES.call(
    5321,
    "ConversionGoalsNotPassed",
    message="The list of goals is null or empty.",
    source=_CODES,
    certainty=Certainty.DOCUMENTED,
)
def _list_empty(case: AddCase) -> bool:
    return not case.goals


@ADD_RULES.call(
    5322,
    "ConversionGoalArrayExceedsLimit",
    message="One request takes at most 100 goals.",
    source=_ADD,
    certainty=Certainty.DOCUMENTED,
)
def _list_too_long(case: AddCase) -> bool:
    return case.goals is not None and len(case.goals) > MAXIMUM_ITEMS


@ADD_RULES.item(
    5323,
    "ConversionGoalIsNull",
    message="The goal is null.",
    source=_CODES,
    certainty=Certainty.DOCUMENTED,
)
def _goal_null(case: GoalCase) -> bool:
    return case.goal is None


@ADD_RULES.item(
    204,
    "OperationNotSupported",
    message="This emulator keeps offline conversion goals only.",
    source="none: a limit of this emulator",
    certainty=Certainty.ASSUMED,
)
def _other_kind_of_goal(case: GoalCase) -> bool:
    return case.goal is not None and case.get("@type") != OFFLINE_GOAL


@ADD_RULES.item(
    5324,
    "ConversionGoalIdIsNotNull",
    field="Id",
    message="A new goal has no id yet.",
    source=_GOAL,
    certainty=Certainty.DOCUMENTED,
)
def _id_given(case: GoalCase) -> bool:
    return case.get("Id") is not None


@ADD_RULES.item(
    5319,
    "ConversionGoalNameNotPassed",
    field="Name",
    message="The goal has no name.",
    source=_GOAL,
    certainty=Certainty.DOCUMENTED,
)
def _name_missing(case: GoalCase) -> bool:
    return case.goal is not None and not case.get("Name")


@ADD_RULES.item(
    5320,
    "InvalidConversionGoalName",
    field="Name",
    message="The name is longer than 100 characters or blank.",
    source=_GOAL,
    certainty=Certainty.DOCUMENTED,
)
def _name_invalid(case: GoalCase) -> bool:
    name = case.get("Name")
    return bool(name) and (len(name) > MAXIMUM_NAME or not name.strip())


@ADD_RULES.item(
    5316,
    "DuplicateConversionGoalName",
    field="Name",
    message="An earlier goal of this request has the same name.",
    source=_CODES,
    certainty=Certainty.DOCUMENTED,
)
def _name_twice(case: GoalCase) -> bool:
    return bool(case.get("Name")) and case.names[str(case.get("Name")).casefold()] > 1


@ADD_RULES.item(
    5317,
    "ConversionGoalNameAlreadyExists",
    field="Name",
    message="The customer has a goal of this name.",
    source=_GOAL,
    certainty=Certainty.DOCUMENTED,
)
def _name_taken(case: GoalCase) -> bool:
    return bool(case.get("Name")) and str(case.get("Name")).casefold() in case.taken


@ADD_RULES.item(
    5331,
    "ConversionGoalTypeNotMatched",
    field="Type",
    message="The goal's Type names another kind of goal.",
    source=_CODES,
    certainty=Certainty.DOCUMENTED,
)
def _type_differs(case: GoalCase) -> bool:
    offline = case.get("@type") == OFFLINE_GOAL
    return offline and bool(case.get("Type")) and tuple(case.get("Type")) != ("OfflineConversion",)


@ADD_RULES.item(
    5328,
    "InvalidConversionGoalStatus",
    field="Status",
    message="A new goal is Active or Paused.",
    source=_CODES,
    certainty=Certainty.ASSUMED,
)
def _status_invalid(case: GoalCase) -> bool:
    return bool(case.get("Status") == "Deleted")


@ADD_RULES.item(
    5337,
    "InvalidConversionGoalConversionWindow",
    field="ConversionWindowInMinutes",
    message="The conversion window is not between 1 minute and 90 days.",
    source=_GOAL,
    certainty=Certainty.DOCUMENTED,
)
def _window_invalid(case: GoalCase) -> bool:
    window = case.get("ConversionWindowInMinutes")
    return window is not None and window not in WINDOW_MINUTES


@ADD_RULES.item(
    3347,
    "InvalidGoalCategory",
    field="GoalCategory",
    message="An offline conversion goal needs one of its categories.",
    source="https://techcommunity.microsoft.com/blog/adsapiblog/conversion-goal-category-requirements/2420707",
    certainty=Certainty.OBSERVED,
)
def _category_missing(case: GoalCase) -> bool:
    return case.goal is not None and case.get("GoalCategory") not in CATEGORIES


@ADD_RULES.item(
    5333,
    "InvalidConversionGoalRevenueValue",
    field="Revenue.Value",
    message="The revenue is negative, missing where it is fixed, or given where the type is NoValue.",
    source=_REVENUE,
    certainty=Certainty.ASSUMED,
)
def _revenue_value_invalid(case: GoalCase) -> bool:
    value, kind = case.revenue("Value"), case.revenue("Type")
    if value is None:
        return bool(kind == "FixedValue")
    return bool(value < 0 or (kind == "NoValue" and value > 0))


@ADD_RULES.item(
    5351,
    "InvalidGoalCurrencyCode",
    field="Revenue.CurrencyCode",
    message="The revenue's currency is no ISO 4217 code.",
    source=_CODES,
    certainty=Certainty.DOCUMENTED,
)
def _currency_unknown(case: GoalCase) -> bool:
    code = case.revenue("CurrencyCode")
    return bool(code) and code not in currency_codes()


@ADD_RULES.item(
    5355,
    "GoalCurrencyCodeIsNull",
    field="Revenue.CurrencyCode",
    message="A goal for the whole customer with a revenue needs its currency.",
    source=_REVENUE,
    certainty=Certainty.DOCUMENTED,
)
def _currency_missing(case: GoalCase) -> bool:
    valued = case.revenue("Type") in {"FixedValue", "VariableValue"}
    return valued and bool(case.get("Scope") == "Customer") and not case.revenue("CurrencyCode")


@GET_RULES.call(
    5329,
    "ConversionGoalTypesNotPassed",
    message="The query names no goal type.",
    source=_GET,
    certainty=Certainty.DOCUMENTED,
)
def _types_missing(case: GetCase) -> bool:
    return not case.types


@GET_RULES.call(
    5318,
    "ConversionGoalIdArrayExceedsLimit",
    message="One query takes at most 100 goal ids.",
    source=_GET,
    certainty=Certainty.DOCUMENTED,
)
def _too_many_ids(case: GetCase) -> bool:
    return len(case.ids) > MAXIMUM_ITEMS


@GET_RULES.item(
    5314,
    "InvalidConversionGoalId",
    field="ConversionGoalIds",
    message="The account has no goal of this id.",
    source=_CODES,
    certainty=Certainty.DOCUMENTED,
)
def _id_unknown(case: GetItemCase) -> bool:
    return not case.known


@GET_RULES.item(
    5315,
    "DuplicateConversionGoalId",
    field="ConversionGoalIds",
    message="The id stands in the query twice.",
    source=_CODES,
    certainty=Certainty.DOCUMENTED,
)
def _id_twice(case: GetItemCase) -> bool:
    return case.repeated


@GET_RULES.item(
    5347,
    "ConversionGoalTypesDoNotMatchExistingValue",
    field="ConversionGoalTypes",
    message="The goal is of a type that the query did not ask for.",
    source=_CODES,
    certainty=Certainty.DOCUMENTED,
)
def _type_not_asked_for(case: GetItemCase) -> bool:
    return case.type is not None and case.type not in case.types
