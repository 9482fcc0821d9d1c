"""Whether the goal a row names can take it, judged once a run from the goals the account has (api-facts A.4, A.8)."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from airflow_provider_bingads.domain.outcomes import Finality, Violation
from airflow_provider_bingads.domain.reading import Symbol, remembered
from airflow_provider_bingads.domain.rows import Candidate
from airflow_provider_bingads.domain.scrub import scrub

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
_NAME_CHARACTERS: Final = 100
_WINDOW: Final = "ConversionWindowInMinutes"
_MINUTES_OF_DAY: Final = 24 * 60


def goal_judge(
    *, field: str, unknown: Symbol, too_late: tuple[str, Symbol]
) -> Callable[[Mapping[str, Any]], Callable[..., Violation | None]]:
    """Return the judge of a reply of ``GetConversionGoalsByIds``.

    The judge takes the reply and returns a function of a goal's name and, where given, the candidate. Names are
    compared exactly: the documents ask for equality and say nothing on case (assumed). All verdicts are deferred:
    goals change without the row, and so does the click's time, which is no part of what is sent.

    :param field: API field that names the goal.
    :param unknown: what a name without a goal is called.
    :param too_late: API field of the event's time, and what a time after the goal's window is called; judged only for
        candidates that know their click's time.
    """

    def judge(reply: Mapping[str, Any]) -> Callable[..., Violation | None]:
        goals = {str(goal["Name"]): goal for goal in reply.get("ConversionGoals") or () if goal and goal.get("Name")}

        # each name is compared with all goals once, not once a row: half the rows of a table may bear it
        @remembered
        def absent(name: str) -> Violation:
            return _violation(field, unknown, *_unknown_goal(name, list(goals)), systemic=True)

        def verdict(name: str, row: Candidate | None = None) -> Violation | None:
            goal = goals.get(name)
            if goal is None:
                found: Violation = absent(name)
                return found
            if goal.get("Status") not in {None, _ACTIVE}:
                return _violation(field, Symbol("GoalNotActive"), *_inactive_goal(name, goal), systemic=True)
            if row is None:
                return None
            return _ineligible(field, name, goal, row.payload) or _after_window(too_late, name, goal, row)

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
    shown = scrub(name, _NAME_CHARACTERS)  # what no goal is called may be anything, a phone number included
    return (
        f"the account has no offline conversion goal named {shown!r} ({hint[:_HINT_CHARACTERS]})",
        "create the goal and wait two hours, or correct the name in the source; case and spelling must be equal",
    )


def _inactive_goal(name: str, goal: Mapping[str, Any]) -> tuple[str, str]:
    return (
        f"the goal {name!r} is {str(goal['Status']).lower()} and counts no conversions",
        "activate the goal, or leave its rows out of the query",
    )


def _ineligible(
    field: str, name: str, goal: Mapping[str, Any], payload: Mapping[str, object] | None
) -> Violation | None:
    if payload is None:
        return None
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


def _after_window(too_late: tuple[str, Symbol], name: str, goal: Mapping[str, Any], row: Candidate) -> Violation | None:
    """Judge the time from click to event: counted is what lies within the goal's window (api-facts A.2)."""
    if row.preceding_time is None or row.event_time is None or goal.get(_WINDOW) is None:
        return None
    minutes = int(goal[_WINDOW])
    if row.event_time - row.preceding_time <= timedelta(minutes=minutes):
        return None
    window = f"{minutes} minutes" if minutes % _MINUTES_OF_DAY else f"{minutes // _MINUTES_OF_DAY} days"
    return _violation(
        too_late[0],
        too_late[1],
        f"more time passed between click and conversion than the {window} for which the goal {name!r} counts them",
        "widen the goal's conversion window (at most 90 days), correct click_time, or leave such rows out of the query",
        systemic=False,
    )
