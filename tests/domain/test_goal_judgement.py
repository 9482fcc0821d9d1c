"""Goals that rows name: absent, asleep or not made for the row; always deferred, since goals change without the row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_bingads.contract import service
from airflow_provider_bingads.domain.goals import GOALS_BODY, goal_judge
from airflow_provider_bingads.domain.outcomes import Finality, Violation
from airflow_provider_bingads.domain.reading import Symbol
from airflow_provider_bingads.domain.rows import Candidate

UNKNOWN = Symbol("OfflineConversionNameInvalid", 5606)
TOO_LATE = Symbol("ClickIdDateTimeOutsideGoalConversionWindow", 5617)
JUDGE = goal_judge(field="ConversionName", unknown=UNKNOWN, too_late=("ConversionTime", TOO_LATE))


def goal(name: str, **fields: Any) -> dict[str, Any]:
    return {"Id": "1", "Name": name, "Status": "Active", "Type": "OfflineConversion", **fields}


def judged(name: str, *goals: Mapping[str, Any] | None, payload: dict[str, object] | None = None) -> Violation | None:
    row = None if payload is None else Candidate("1", "k", "c", payload)
    return JUDGE({"ConversionGoals": list(goals)})(name, row)


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


def test_three_names_of_many_are_hints_enough() -> None:
    near = judged("Lead", *(goal(f"Lead {number}") for number in range(5)))
    far = judged("Zzz", *(goal(f"Lead {number}") for number in range(5)))

    assert near is not None
    assert near.reason.count("'Lead ") == 3
    assert far is not None
    assert "(it has 'Lead 0', 'Lead 1', 'Lead 2')" in far.reason


def test_a_long_name_and_long_hints_are_cut() -> None:
    violation = judged("z" * 101, *(goal(f"{number}{'x' * 200}") for number in range(2)))

    assert violation is not None
    assert f"named '{'z' * 99}…'" in violation.reason
    assert len(violation.reason.partition("(")[2].removesuffix(")")) == 300


def test_an_absent_name_is_compared_with_the_goals_once_and_not_in_every_row() -> None:
    verdict = JUDGE({"ConversionGoals": [goal(f"{number:03}{'x' * 97}") for number in range(500)]})

    assert verdict(f"{'x' * 97}000") is verdict(f"{'x' * 97}000")


@pytest.mark.parametrize(
    "name", ["Sold to jane@contoso.com", "Sold to +1 425 555 1234", "eyJhbGciOiJub25lIn0.eyJhIjoxfQ"]
)
def test_a_name_that_holds_somebodys_data_is_not_repeated(name: str) -> None:
    violation = judged(name, goal("Lead"))

    assert violation is not None
    assert name not in violation.reason
    assert not {"jane", "555", "eyJ"} & set(violation.reason.replace("@", " ").split())


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"ConversionGoals": None},
        {"ConversionGoals": []},
        *({"ConversionGoals": [nameless]} for nameless in (None, {}, {"Id": "1"}, {"Name": None}, {"Name": ""})),
    ],
)
def test_an_account_without_goals_is_told_so(reply: dict[str, Any]) -> None:
    violation = JUDGE(reply)("Lead")

    assert violation is not None
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
    assert violation is None or (violation.error_code, violation.systemic) == (
        "NotEligibleForEnhancedConversions",
        True,
    )


@pytest.mark.parametrize(("eligible", "refused"), [(False, True), (True, False), (None, False)])
def test_rows_with_attribution_need_an_externally_attributed_goal(*, eligible: bool | None, refused: bool) -> None:
    violation = judged(
        "Lead", goal("Lead", IsExternallyAttributed=eligible), payload={**CLICKED, "ExternalAttributionCredit": 0.5}
    )

    assert (violation is not None) is refused
    if violation is not None:
        assert (violation.error_code, violation.systemic) == ("GoalNotEligibleForExternalAttribution", True)
    assert judged("Lead", goal("Lead", IsExternallyAttributed=eligible), payload=CLICKED) is None


SALE = datetime(2026, 11, 1, 12, tzinfo=UTC)


def followed(after: timedelta | None, window: object, payload: dict[str, object] | None = CLICKED) -> Violation | None:
    """Judge a sale that came so long after its click."""
    click = None if after is None else SALE - after
    row = Candidate("1", "k", "c", payload, event_time=SALE, preceding_time=click)
    return JUDGE({"ConversionGoals": [goal("Lead", ConversionWindowInMinutes=window)]})("Lead", row)


@pytest.mark.parametrize(
    ("after", "window", "refused"),
    [
        (timedelta(minutes=60), 60, False),
        (timedelta(minutes=60, microseconds=1), 60, True),
        (timedelta(days=30, seconds=1), 43_200, True),
        (timedelta(days=30), 43_200, False),
        (timedelta(0), 60, False),
        (timedelta(seconds=-1), 60, False),
        (None, 60, False),
        (timedelta(days=80), None, False),
    ],
)
def test_a_sale_later_after_its_click_than_the_goal_counts_waits_for_a_wider_goal(
    after: timedelta | None, window: int | None, *, refused: bool
) -> None:
    """Where the source tells no click, or the service no window, nothing is guessed; 5616 judges the wrong order."""
    violation = followed(after, window)

    assert (violation is not None) is refused
    if violation is not None:
        assert (violation.error_code, violation.code, violation.field) == (*TOO_LATE, "ConversionTime")
        assert (violation.finality, violation.systemic, violation.owner) == (Finality.DEFERRED, False, "marketing")
        assert "'Lead'" in violation.reason
        assert "click_time" in violation.remedy


def test_the_window_is_named_in_the_unit_that_people_set_it_in() -> None:
    in_days, in_minutes = followed(timedelta(days=80), 43_200), followed(timedelta(days=80), 90)

    assert in_days is not None
    assert "30 days" in in_days.reason
    assert in_minutes is not None
    assert "90 minutes" in in_minutes.reason


def test_a_row_with_other_reasons_is_told_of_the_window_too() -> None:
    assert followed(timedelta(days=80), 60, payload=None) is not None


def test_a_row_whose_time_is_unreadable_has_no_distance_to_its_click() -> None:
    row = Candidate("1", "k", "c", None, event_time=None, preceding_time=SALE)

    assert JUDGE({"ConversionGoals": [goal("Lead", ConversionWindowInMinutes=60)]})("Lead", row) is None


def test_the_request_asks_for_what_the_contract_knows() -> None:
    types = service("CampaignManagement").types
    goals, extra = types["ConversionGoalType"].enum or (), types["ConversionGoalAdditionalField"].enum or ()

    assert {field.name for field in types["GetConversionGoalsByIdsRequest"].fields} == set(GOALS_BODY)
    assert str(GOALS_BODY["ConversionGoalTypes"]) in goals
    assert set(str(GOALS_BODY["ReturnAdditionalFields"]).split(", ")) <= set(extra)
