"""Goals that rows name: absent, asleep or not made for the row; always deferred, since goals change without the row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from airflow_provider_bingads.contract import service
from airflow_provider_bingads.domain.goals import GOALS_BODY, goal_judge
from airflow_provider_bingads.domain.outcomes import Finality, Violation
from airflow_provider_bingads.domain.reading import Symbol
from airflow_provider_bingads.domain.rows import Candidate

UNKNOWN = Symbol("OfflineConversionNameInvalid", 5606)


def goal(name: str, **fields: Any) -> dict[str, Any]:
    return {"Id": "1", "Name": name, "Status": "Active", "Type": "OfflineConversion", **fields}


def judged(name: str, *goals: Mapping[str, Any] | None, payload: dict[str, object] | None = None) -> Violation | None:
    row = None if payload is None else Candidate("1", "k", "c", payload)
    return goal_judge(field="ConversionName", unknown=UNKNOWN)({"ConversionGoals": list(goals)})(name, row)


def test_a_goal_that_the_account_has_is_no_problem() -> None:
    assert judged("Lead", goal("Purchase"), goal("Lead"), None) is None


@pytest.mark.parametrize(
    ("name", "hint"),
    [("Leed", "nearest: 'Lead'"), ("lead", "nearest: 'Lead'"), ("Zzz", "it has 'Lead', 'Purchase'")],
)
def test_an_absent_goal_is_named_with_the_nearest_that_exist(name: str, hint: str) -> None:
    violation = judged(name, goal("Lead"), goal("Purchase"))

    assert violation is not None
    assert (violation.code, violation.field, violation.owner) == (5606, "ConversionName", "marketing")
    assert (violation.finality, violation.systemic) == (Finality.DEFERRED, True)
    assert repr(name) in violation.reason
    assert hint in violation.reason


@pytest.mark.parametrize("reply", [{}, {"ConversionGoals": None}, {"ConversionGoals": []}, {"ConversionGoals": [None]}])
def test_an_account_without_goals_is_told_so(reply: dict[str, Any]) -> None:
    violation = goal_judge(field="ConversionName", unknown=UNKNOWN)(reply)("Lead")

    assert "none at all" in violation.reason


def test_thousands_of_goals_do_not_make_a_long_sentence() -> None:
    violation = judged("Lead", *(goal(f"{number:03}{'x' * 97}") for number in range(500)))

    assert violation is not None
    assert len(violation.reason) < 500


@pytest.mark.parametrize("status", ["Paused", "Deleted"])
def test_a_goal_that_counts_nothing_defers_its_rows(status: str) -> None:
    violation = judged("Lead", goal("Lead", Status=status))

    assert violation is not None
    assert (violation.error_code, violation.finality, violation.systemic) == ("GoalNotActive", Finality.DEFERRED, True)
    assert status.lower() in violation.reason


HASHED_ONLY = {"HashedEmailAddress": "a" * 64}
CLICKED = {"HashedEmailAddress": "a" * 64, "MicrosoftClickId": "b" * 32}


@pytest.mark.parametrize(
    ("enabled", "payload", "refused"),
    [
        (False, HASHED_ONLY, True),
        (False, CLICKED, False),
        (True, HASHED_ONLY, False),
        (None, HASHED_ONLY, False),
    ],
)
def test_rows_without_click_id_need_a_goal_for_enhanced_conversions(
    payload: dict[str, object], *, enabled: bool | None, refused: bool
) -> None:
    """Where Microsoft does not say, nothing is guessed."""
    violation = judged("Lead", goal("Lead", IsEnhancedConversionsEnabled=enabled), payload=payload)

    assert (violation is not None) is refused
    assert violation is None or violation.error_code == "NotEligibleForEnhancedConversions"


@pytest.mark.parametrize(("eligible", "refused"), [(False, True), (True, False), (None, False)])
def test_rows_with_attribution_need_an_externally_attributed_goal(*, eligible: bool | None, refused: bool) -> None:
    violation = judged(
        "Lead", goal("Lead", IsExternallyAttributed=eligible), payload={**CLICKED, "ExternalAttributionCredit": 0.5}
    )

    assert (violation is not None) is refused
    assert violation is None or violation.error_code == "GoalNotEligibleForExternalAttribution"


def test_the_request_asks_for_what_the_contract_knows() -> None:
    types = service("CampaignManagement").types
    goals, extra = types["ConversionGoalType"].enum or (), types["ConversionGoalAdditionalField"].enum or ()

    assert {field.name for field in types["GetConversionGoalsByIdsRequest"].fields} == set(GOALS_BODY)
    assert str(GOALS_BODY["ConversionGoalTypes"]) in goals
    assert set(str(GOALS_BODY["ReturnAdditionalFields"]).split(", ")) <= set(extra)
