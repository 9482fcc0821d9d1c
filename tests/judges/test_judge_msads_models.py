"""Every message of the contract goes through ``msads`` and comes back as it was, but for known defects."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from contractgen.scope import IN_SCOPE, SERVICES
from environments import EnvironmentUnavailableError, python_of
from json_equality import KNOWN_DEFECTS, changes
from samples import full_body

from airflow_provider_bingads import contract

pytestmark = pytest.mark.judge
HERE = Path(__file__).parent
MESSAGES = [
    (service, type_name)
    for service in IN_SCOPE
    for operation in contract.service(service).operations.values()
    for type_name in (operation.request, operation.response, *operation.faults)
    if type_name
]


def round_trip(messages: list[tuple[str, str, Any]]) -> list[dict[str, Any]]:
    """Send (service, model, body) through msads; return ``body`` or ``error`` for each."""
    try:
        python = python_of("msads")
    except EnvironmentUnavailableError as error:
        pytest.skip(str(error))
    lines = [
        json.dumps({"folder": SERVICES[service], "model": model, "body": body}) for service, model, body in messages
    ]
    done = subprocess.run(
        [str(python), str(HERE / "round_trip.py")], input="\n".join(lines), capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def full_bodies() -> dict[tuple[str, str], tuple[Any, dict[str, Any]]]:
    bodies = [(service, name, full_body(contract.service(service), name)) for service, name in MESSAGES]
    models = [(service, _model(name), body) for service, name, body in bodies]
    return {
        (service, name): (body, answer)
        for (service, name, body), answer in zip(bodies, round_trip(models), strict=True)
    }


def _model(name: str) -> str:
    return name if name.endswith(("Request", "Response")) else "ApplicationFault"


@pytest.mark.parametrize(("service", "name"), sorted(set(MESSAGES)))
def test_a_message_with_a_value_in_every_field_comes_back(
    service: str, name: str, full_bodies: dict[tuple[str, str], tuple[Any, dict[str, Any]]]
) -> None:
    sent, answer = full_bodies[service, name]
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


def test_each_known_defect_is_still_there() -> None:
    """One that is mended leaves the list."""
    service = "CampaignManagement"
    answers = round_trip([(service, model, body) for model, body in DEFECT_SHOWN_BY.values()])
    for (defect, (model, body)), answer in zip(DEFECT_SHOWN_BY.items(), answers, strict=True):
        if defect == "null id":
            assert "valid string" in answer["error"]
        else:
            found = {what for _, what in changes(contract.service(service), model, body, answer["body"])}
            assert found == {defect, "null added"}
    assert list(DEFECT_SHOWN_BY) == list(KNOWN_DEFECTS)


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
