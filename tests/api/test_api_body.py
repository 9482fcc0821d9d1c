"""A caller's body is brought into the wire's shape, and what does not fit is said before it is sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_bingads.api.body import conformed
from airflow_provider_bingads.contract import operation
from airflow_provider_bingads.exceptions import FixConfiguration

APPLY = operation("CampaignManagement", "ApplyOfflineConversions")
GOALS = operation("CampaignManagement", "AddConversionGoals")
BY_IDS = operation("CampaignManagement", "GetConversionGoalsByIds")
CET = timezone(timedelta(hours=1))


def row(**fields: Any) -> dict[str, Any]:
    found = conformed(APPLY, {"OfflineConversions": [fields]})["OfflineConversions"][0]
    assert isinstance(found, dict)
    return found


def test_64_bit_ids_become_text() -> None:
    body = conformed(BY_IDS, {"ConversionGoalIds": [2**60, "7"], "ConversionGoalTypes": "OfflineConversion"})
    assert body["ConversionGoalIds"] == [str(2**60), "7"]


def test_flags_become_one_text() -> None:
    body = conformed(BY_IDS, {"ConversionGoalTypes": ["Url", "OfflineConversion"], "ConversionGoalIds": None})
    assert body["ConversionGoalTypes"] == "Url, OfflineConversion"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (datetime(2026, 11, 1, 2, 3, 4, tzinfo=UTC), "2026-11-01T02:03:04Z"),
        (datetime(2026, 11, 1, 2, 3, 4, tzinfo=CET), "2026-11-01T01:03:04Z"),
        (datetime(2026, 11, 1, 2, 3, 4, 500_000, tzinfo=UTC), "2026-11-01T02:03:04.500000Z"),
        ("2026-11-01T02:03:04Z", "2026-11-01T02:03:04Z"),
    ],
)
def test_times_are_sent_in_utc(given: Any, sent: str) -> None:
    assert row(ConversionTime=given)["ConversionTime"] == sent


def test_a_derived_type_is_known_by_its_discriminator() -> None:
    goal = {"Type": "OfflineConversion", "Name": "Lead", "IsExternallyAttributed": True}
    assert conformed(GOALS, {"ConversionGoals": [goal]})["ConversionGoals"] == [goal]
    with pytest.raises(FixConfiguration, match="IsExternallyAttributed"):
        conformed(GOALS, {"ConversionGoals": [{**goal, "Type": "Url"}]})


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"ConversionNam": "x"}, "Did you mean ConversionName"),
        ({"Foo": 1}, "no field 'Foo'"),
        ({"ConversionTime": datetime(2026, 1, 1)}, "aware datetime"),  # noqa: DTZ001 - a naive time is the case
        ({"ConversionValue": float("nan")}, "finite number"),
        ({"ConversionValue": Decimal("Infinity")}, "finite number"),
        ({"ConversionValue": "12"}, "finite number"),
        ({"ConversionValue": True}, "finite number"),
        ({"ConversionName": 5}, "a text"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(FixConfiguration) as error:
        row(**fields)
    assert says in str(error.value)
    assert "ApplyOfflineConversions.OfflineConversions[0]" in str(error.value)


def test_a_value_is_never_repeated_in_a_message() -> None:
    with pytest.raises(FixConfiguration) as error:
        row(ConversionValue="jane.doe@example.com")
    assert "jane" not in str(error.value)


@pytest.mark.parametrize("rows", ["text", {"a": 1}, 5])
def test_a_list_must_be_a_list(rows: Any) -> None:
    """Zeep would write a text letter by letter."""
    with pytest.raises(FixConfiguration, match="a list"):
        conformed(APPLY, {"OfflineConversions": rows})


def test_nulls_are_kept() -> None:
    assert row(ConversionValue=None) == {"ConversionValue": None}
    assert conformed(APPLY, {"OfflineConversions": None}) == {"OfflineConversions": None}


def test_an_operation_known_by_verb_and_path_only_is_passed_on() -> None:
    body = {"Anything": [1, {"x": object}]}
    assert conformed(operation("CampaignManagement", "GetCampaignsByAccountId"), body) is body
