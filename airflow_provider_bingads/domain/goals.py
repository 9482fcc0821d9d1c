"""Whether the goal a row names can take it, judged once a run from the goals the account has (api-facts A.4, A.8)."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any, Final

from airflow_provider_bingads.domain.outcomes import Finality, Violation
from airflow_provider_bingads.domain.reading import Symbol
from airflow_provider_bingads.domain.rows import Candidate

__all__ = ["GOALS_BODY", "goal_judge"]

GOALS_BODY: Final[Mapping[str, object]] = {
    "ConversionGoalIds": None,
    "ConversionGoalTypes": "OfflineConversion",
    "ReturnAdditionalFields": "IsExternallyAttributed, IsEnhancedConversionsEnabled",
}
"""Asks for every offline goal of the account; the two flags come only when asked for."""

_ACTIVE: Final = "Active"
_NEAREST: Final = 3
_HINT_CHARACTERS: Final = 300


def goal_judge(*, field: str, unknown: Symbol) -> Callable[[Mapping[str, Any]], Callable[..., Violation | None]]:
    """Return the judge of a reply of ``GetConversionGoalsByIds``.

    The judge takes the reply and returns a function of a goal's name and, where given, the candidate. Names are
    compared exactly: the documents ask for equality and say nothing on case (assumed). All verdicts are deferred:
    goals change without the row.

    :param field: API field that names the goal.
    :param unknown: what a name without a goal is called.
    """

    def judge(reply: Mapping[str, Any]) -> Callable[..., Violation | None]:
        goals = {str(goal["Name"]): goal for goal in reply.get("ConversionGoals") or () if goal and goal.get("Name")}

        def verdict(name: str, row: Candidate | None = None) -> Violation | None:
            goal = goals.get(name)
            if goal is None:
                return _violation(field, unknown, *_unknown_goal(name, list(goals)), systemic=True)
            if goal.get("Status") not in {None, _ACTIVE}:
                return _violation(field, Symbol("GoalNotActive"), *_inactive_goal(name, goal), systemic=True)
            return None if row is None or row.payload is None else _ineligible(field, name, goal, row.payload)

        return verdict

    return judge


def _violation(field: str, symbol: Symbol, reason: str, remedy: str, *, systemic: bool) -> Violation:
    return Violation(
        symbol.error_code,
        symbol.code,
        field,
        None,
        reason,
        remedy,
        owner="marketing",
        finality=Finality.DEFERRED,
        systemic=systemic,
    )


def _unknown_goal(name: str, names: list[str]) -> tuple[str, str]:
    by_fold = {other.casefold(): other for other in names}
    near = [by_fold[fold] for fold in difflib.get_close_matches(name.casefold(), by_fold, n=_NEAREST, cutoff=0.6)]
    if near:
        hint = f"nearest: {', '.join(map(repr, near))}"
    else:
        hint = f"it has {', '.join(map(repr, sorted(names)[:_NEAREST]))}" if names else "it has none at all"
    return (
        f"the account has no offline conversion goal named {name!r} ({hint[:_HINT_CHARACTERS]})",
        "create the goal and wait two hours, or correct the name in the source; case and spelling must be equal",
    )


def _inactive_goal(name: str, goal: Mapping[str, Any]) -> tuple[str, str]:
    return (
        f"the goal {name!r} is {str(goal['Status']).lower()} and counts no conversions",
        "activate the goal, or leave its rows out of the query",
    )


def _ineligible(field: str, name: str, goal: Mapping[str, Any], payload: Mapping[str, object]) -> Violation | None:
    if goal.get("IsEnhancedConversionsEnabled") is False and "MicrosoftClickId" not in payload:
        return _violation(
            field,
            Symbol("NotEligibleForEnhancedConversions"),
            f"the row has no click id, and the goal {name!r} is not enabled for enhanced conversions",
            "enable enhanced conversions for the goal in the Microsoft Advertising web pages, or give a click id",
            systemic=True,
        )
    if goal.get("IsExternallyAttributed") is False and "ExternalAttributionCredit" in payload:
        return _violation(
            field,
            Symbol("GoalNotEligibleForExternalAttribution"),
            f"the row carries external attribution, and the goal {name!r} is not externally attributed",
            "use a goal created with IsExternallyAttributed, or leave model and credit empty",
            systemic=True,
        )
    return None
