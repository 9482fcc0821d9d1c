"""Every message of the contract goes through ``msads`` and comes back as it was, but for known defects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from contractgen.scope import IN_SCOPE
from json_equality import KNOWN_DEFECTS, changes
from models import Models
from samples import full_body

from airflow_provider_bingads import contract

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.judge, pytest.mark.timeout(900)]  # the first one installs the vendor's package
MESSAGES = [
    (service, type_name)
    for service in IN_SCOPE
    for operation in contract.service(service).operations.values()
    for type_name in (operation.request, operation.response, *operation.faults)
    if type_name
]


@pytest.fixture(scope="module")
def models() -> Iterator[Models]:
    with Models() as started:
        yield started


@pytest.mark.parametrize(("service", "name"), sorted(set(MESSAGES)))
def test_a_message_with_a_value_in_every_field_comes_back(service: str, name: str, models: Models) -> None:
    sent = full_body(contract.service(service), name)
    answer = models.round_trip(service, name, sent)
    assert "error" not in answer, answer
    found = dict(changes(contract.service(service), name, sent, answer["body"]))
    assert {place: what for place, what in found.items() if what not in KNOWN_DEFECTS} == {}


DEFECT_SHOWN_BY = {
    "null added": ("ApplyOfflineConversionsRequest", {"OfflineConversions": [{"ConversionName": "a"}]}),
    "time rewritten": (
        "ApplyOfflineConversionsRequest",
        {"OfflineConversions": [{"ConversionTime": "2026-02-28T23:59:59Z"}]},
    ),
    "None added": ("GetConversionGoalsByIdsRequest", {"ConversionGoalTypes": "Url, Event"}),
    "map emptied": (
        "ApplyOfflineConversionsResponse",
        {"PartialErrors": [{"Type": "BatchError", "ForwardCompatibilityMap": [{"key": "a", "value": "b"}]}]},
    ),
    "null id": ("AddConversionGoalsResponse", {"ConversionGoalIds": ["1", None]}),
}


@pytest.mark.parametrize("defect", KNOWN_DEFECTS)
def test_each_known_defect_is_still_there(defect: str, models: Models) -> None:
    """One that is mended leaves the list."""
    service = "CampaignManagement"
    model, body = DEFECT_SHOWN_BY[defect]
    answer = models.round_trip(service, model, body)
    if defect == "null id":
        assert "valid string" in answer["error"]
    else:
        found = {what for _, what in changes(contract.service(service), model, body, answer["body"])}
        assert found == {defect, "null added"}


@pytest.mark.parametrize(
    ("sent", "returned", "what"),
    [
        ({"ConversionValue": 1.5}, {"ConversionValue": 1.25}, "1.5 became 1.25"),
        ({"ConversionValue": 1}, {"ConversionValue": True}, "1 became True"),
        ({"MicrosoftClickId": "a"}, {}, "lost"),
        ({}, {"MicrosoftClickId": "a"}, "'a' added"),
        ({"Invented": 1}, {"Invented": 1}, "not a field of the contract"),
        (
            {"ConversionTime": "2026-01-01T00:00:00Z"},
            {"ConversionTime": "2026-01-01T00:00:00+01:00"},
            "'2026-01-01T00:00:00Z' became '2026-01-01T00:00:00+01:00'",
        ),
    ],
)
def test_the_comparison_sees_every_kind_of_change(sent: Any, returned: Any, what: str) -> None:
    service = contract.service("CampaignManagement")
    assert [change for _, change in changes(service, "OfflineConversion", sent, returned)] == [what]


def test_the_comparison_sees_a_lost_item() -> None:
    service = contract.service("CampaignManagement")
    assert list(changes(service, "ArrayOfOfflineConversion", [{}, {}], [{}])) == [("", "the list has another length")]
