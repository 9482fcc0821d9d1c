"""Requests that are not of the contract's shape, and replies that are, on each transport."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from emulator_kit import CUSTOMER, Caller, conversion
from lxml import etree

from airflow_provider_bingads.contract import service
from airflow_provider_bingads.emulator.messages import Request
from airflow_provider_bingads.emulator.schema import validator, wsdl

NAMESPACE = "https://bingads.microsoft.com/CampaignManagement/v13"


@pytest.fixture
def rest() -> Caller:
    caller = Caller("rest")
    caller.goal()
    return caller


@pytest.fixture
def soap() -> Caller:
    caller = Caller("soap")
    caller.goal()
    return caller


@pytest.mark.parametrize(
    ("operation", "body", "place"),
    [
        ("ApplyOfflineConversions", b"{", "JSON"),
        ("ApplyOfflineConversions", b"\xff", "JSON"),
        ("ApplyOfflineConversions", {"OfflineConversions": [conversion(ConversionValue="12,5")]}, "ConversionValue"),
        ("ApplyOfflineConversions", {"OfflineConversions": [conversion(ConversionValue=True)]}, "ConversionValue"),
        ("ApplyOfflineConversions", {"OfflineConversions": [conversion(MicrosoftClickId=5)]}, "MicrosoftClickId"),
        ("ApplyOfflineConversions", {"OfflineConversions": [conversion(MsClickId="x")]}, "MsClickId"),
        ("ApplyOfflineConversions", {"OfflineConversions": conversion()}, "OfflineConversions"),
        ("ApplyOfflineConversions", {"Conversions": []}, "Conversions"),
        ("AddConversionGoals", {"ConversionGoals": [{"Type": "Nothing"}]}, "$.ConversionGoals[0].Type"),
        ("AddConversionGoals", {"ConversionGoals": [{"Type": "OfflineConversion", "Nome": "x"}]}, "[0]"),
        ("AddConversionGoals", {"ConversionGoals": [5]}, "[0]"),
        ("AddConversionGoals", {"ConversionGoals": 5}, "$.ConversionGoals"),
        ("AddConversionGoals", {"ConversionGoals": [{"Status": "Sleeping"}]}, "[0].Status"),
        ("AddConversionGoals", {"ConversionGoals": [{"ConversionWindowInMinutes": "5"}]}, "InMinutes"),
        ("AddConversionGoals", {"ConversionGoals": [{"ExcludeFromBidding": "yes"}]}, "ExcludeFromBidding"),
        ("AddConversionGoals", {"ConversionGoals": [{"Revenue": {"Value": "5"}}]}, "Revenue.Value"),
        ("GetConversionGoalsByIds", {"ConversionGoalTypes": "OfflineConversion, Nothing"}, "ConversionGoalTypes"),
        ("GetConversionGoalsByIds", {"ConversionGoalIds": ["five"]}, "ConversionGoalIds[0]"),
    ],
)
def test_a_json_body_of_another_shape_is_refused_and_its_place_named(
    operation: str, body: Any, place: str, rest: Caller
) -> None:
    """Never the value itself: it may be somebody's data."""
    answer = rest.call(operation, body)

    assert answer.fault_codes == [201]
    details = answer.fault["OperationErrors"][0]["Details"]
    assert place in details
    assert "12,5" not in details


def test_ids_may_come_as_strings_or_numbers_in_json(rest: Caller) -> None:
    goal_id = rest.state("conversion_goals")[0]["Id"]
    for given in (goal_id, int(goal_id)):
        body = {"ConversionGoalIds": [given], "ConversionGoalTypes": "OfflineConversion"}
        assert rest.call("GetConversionGoalsByIds", body).codes == []


@pytest.mark.parametrize("types", ["None, Url, OfflineConversion", "OfflineConversion", "Url,OfflineConversion"])
def test_flags_in_json_may_name_the_empty_set_among_others(types: str, rest: Caller) -> None:
    """As msads writes several flags: the name of none of them first."""
    answer = rest.call("GetConversionGoalsByIds", {"ConversionGoalTypes": types, "ReturnAdditionalFields": "None"})

    assert [goal["Name"] for goal in answer.value["ConversionGoals"]] == ["Lead"]


def test_flags_that_name_only_the_empty_set_name_nothing(rest: Caller) -> None:
    assert rest.call("GetConversionGoalsByIds", {"ConversionGoalTypes": "None"}).fault_codes == [5329]


def items(text: str) -> bytes:
    return (
        f'<ApplyOfflineConversionsRequest xmlns="{NAMESPACE}"><OfflineConversions><OfflineConversion>{text}'
        f"</OfflineConversion></OfflineConversions></ApplyOfflineConversionsRequest>"
    ).encode()


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("<ConversionValue>12,5</ConversionValue>", "ConversionValue"),
        ("<ConversionTime>yesterday</ConversionTime>", "ConversionTime"),
        ("<Unknown>1</Unknown>", "Unknown"),
        ("<ConversionTime>2026-11-20T12:00:00Z</ConversionTime><ConversionName>Lead</ConversionName>", "Name"),
        ('<ConversionName xmlns="urn:other">Lead</ConversionName>', "ConversionName"),
        (
            '<ConversionTime xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>',
            "ConversionTime",
        ),
    ],
)
def test_a_soap_message_that_breaks_the_schema_is_refused_without_detail(
    content: str, place: str, soap: Caller
) -> None:
    """As a service that cannot deserialise it; the text names the element, never its value."""
    reply = soap.send("ApplyOfflineConversions", items(content))

    text = reply.body.decode()
    assert reply.status == 500
    assert "<detail>" not in text
    assert place in text
    assert "12,5" not in text
    assert "yesterday" not in text


def test_elements_out_of_order_pass_when_nobody_checks(soap: Caller) -> None:
    soap.control("POST", "config", {"xsd": "off"})
    text = (
        f"<MicrosoftClickId>{'a' * 32}</MicrosoftClickId><ConversionTime>2026-11-20T12:00:00Z</ConversionTime>"
        "<ConversionName>Lead</ConversionName>"
    )
    soap.send("ApplyOfflineConversions", items(text))
    assert len(soap.state("offline_conversions")) == 1


def test_an_unknown_element_is_refused_even_when_nobody_checks(soap: Caller) -> None:
    soap.control("POST", "config", {"xsd": "off"})
    assert soap.send("ApplyOfflineConversions", items("<Unknown>1</Unknown>")).status == 500
    assert soap.send("GetConversionGoalsByIds", goals_by_ids("<Unknown>1</Unknown>")).status == 500


def goals_by_ids(text: str) -> bytes:
    return f'<GetConversionGoalsByIdsRequest xmlns="{NAMESPACE}">{text}</GetConversionGoalsByIdsRequest>'.encode()


def test_a_nil_value_is_no_value_in_xml(soap: Caller) -> None:
    nil = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"'
    text = (
        f"<ConversionCurrencyCode {nil}/><ConversionName>Lead</ConversionName>"
        f"<ConversionTime>2026-11-20T12:00:00Z</ConversionTime><ConversionValue {nil}/>"
        f"<MicrosoftClickId>{'a' * 32}</MicrosoftClickId>"
    )
    soap.send("ApplyOfflineConversions", items(text))
    (row,) = soap.state("offline_conversions")
    assert (row["ConversionCurrencyCode"], row["ConversionValue"]) == (None, None)


@pytest.mark.parametrize(
    "body",
    [
        b"no xml",
        b"<a/>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>',
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><x/></s:Body></s:Envelope>',
    ],
)
def test_what_is_no_envelope_is_refused(body: bytes, soap: Caller) -> None:
    path = service("CampaignManagement").soap_path
    reply = soap.emulator.handle(Request("POST", path, body=body))
    assert reply.status == 500
    assert b"<s:Fault>" in reply.body


def test_the_action_must_name_the_operation_of_the_body(soap: Caller) -> None:
    request = soap.request("ApplyOfflineConversions", {"OfflineConversions": [conversion()]})
    request.headers = {"soapaction": '"AddConversionGoals"'}
    assert soap.emulator.handle(request).status == 500

    request.headers = {}
    assert soap.emulator.handle(request).status == 200


def test_a_reply_carries_its_tracking_id(caller: Caller) -> None:
    reply = caller.send("GetUser", {}, CUSTOMER)
    tracking_id = dict(reply.headers)["TrackingId"]
    assert tracking_id == caller.control("GET", "calls")["calls"][0]["tracking_id"]
    if caller.transport == "soap":
        assert f"{tracking_id}</TrackingId>".encode() in reply.body


def test_the_description_of_a_service_points_to_the_emulator(soap: Caller) -> None:
    path = service("CampaignManagement").soap_path
    reply = soap.emulator.handle(Request("GET", path, "wsdl", {"host": "127.0.0.1:5"}))

    address = etree.fromstring(reply.body).find(".//{http://schemas.xmlsoap.org/wsdl/soap/}address")
    assert address is not None
    assert address.get("location") == f"http://127.0.0.1:5{path}"
    assert soap.emulator.handle(Request("GET", service("Reporting").soap_path, "wsdl")).status == 404


def test_the_schema_is_compiled_without_anything_from_outside() -> None:
    for name in ("CampaignManagement", "CustomerManagement"):
        assert validator(name) is validator(name)
        assert b"http://somewhere" in wsdl(name, "http://somewhere")


def test_the_package_imports_nothing_heavy() -> None:
    """The contract's rules about imports hold for a user who only has the plugin installed."""
    code = (
        "import sys, airflow_provider_bingads.emulator.pytest_plugin as plugin\n"
        "heavy = {'lxml', 'msgspec', 'airflow', 'httpx', 'airflow_provider_bingads.emulator.core'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
