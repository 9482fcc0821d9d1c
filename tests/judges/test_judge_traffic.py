"""All that our client sent in this run of the tests, judged by the vendor's WSDL and by the models of ``msads``.

Runs last. Its own calls make sure that there is something to judge, whatever else ran.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from contractgen.scope import IN_SCOPE
from contractgen.vendor_packages import VendorUnavailableError, newest
from contractgen.xsd import compile_xsd
from json_equality import KNOWN_DEFECTS, changes
from lxml import etree
from models import Models
from traffic import Exchange, recorded

from airflow_provider_bingads import contract
from airflow_provider_bingads.api.client import Client
from airflow_provider_bingads.api.settings import ConnectionSettings
from airflow_provider_bingads.emulator import server
from airflow_provider_bingads.emulator.testing import EmulatorControl
from airflow_provider_bingads.exceptions import BingAdsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.judge, pytest.mark.timeout(900)]  # the first one installs the vendor's package
ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"
TRANSPORTS = ("rest", "soap")
GOAL = {
    "Type": "OfflineConversion",
    "Name": "Traffic",
    "ConversionWindowInMinutes": 43200,
    "CountType": "All",
    "GoalCategory": "Purchase",
    "Scope": "Account",
    "Status": "Active",
    "Revenue": {"Type": "VariableValue", "Value": 1.5, "CurrencyCode": "EUR"},
}


@pytest.fixture(scope="module", params=TRANSPORTS)
def exchanges(request: pytest.FixtureRequest, recordings: Path) -> list[Exchange]:
    """Return what was recorded on one transport, after a round of every operation in scope, refusals included."""
    with server.start() as running:
        _talk(running, request.param)
    return list(recorded(recordings, request.param))


def _talk(running: server.RunningEmulator, transport: str) -> None:
    control = EmulatorControl(running.url, running.credentials)
    connection = control.connection
    client = Client(
        ConnectionSettings.parse(
            "judge",
            login=connection["login"],
            password=connection["password"],
            extra={**connection["extra"], "transport": transport, "token_store": "none"},
        ),
        wait=lambda _: False,
    )
    try:
        client.call("CustomerManagement", "GetUser", {})
        client.call("CustomerManagement", "GetAccount", {"AccountId": control.credentials.account_id})
        client.call("CustomerManagement", "GetAccountsInfo", {"OnlyParentAccounts": False})
        client.call("CampaignManagement", "AddConversionGoals", {"ConversionGoals": [GOAL, GOAL]})
        types = "Url, OfflineConversion"
        fields = "GoalCategory, IsExternallyAttributed"
        wanted = {"ConversionGoalTypes": types, "ReturnAdditionalFields": fields}
        client.call("CampaignManagement", "GetConversionGoalsByIds", wanted)
        control.advance(7201)
        client.call(
            "CampaignManagement", "ApplyOfflineConversions", {"OfflineConversions": _conversions(control.now())}
        )
        _refused(client, "CampaignManagement", "ApplyOfflineConversions", {"OfflineConversions": []})
        _refused(client, "CustomerManagement", "GetAccount", {"AccountId": "1"})
    finally:
        client.close()


def _conversions(now: str) -> list[dict[str, Any]]:
    """Return one conversion with every field, one with the fewest, and one the service refuses."""
    least = {"ConversionName": "Traffic", "ConversionTime": now, "MicrosoftClickId": "0" * 32}
    most = {
        **least,
        "MicrosoftClickId": "1" * 32,
        "ConversionValue": 12.345,
        "ConversionCurrencyCode": "EUR",
        "HashedEmailAddress": "a" * 64,
        "HashedPhoneNumber": "b" * 64,
    }
    return [least, most, {**least, "ConversionName": "No such goal & <none>"}]


def _refused(client: Client, service: str, operation: str, body: dict[str, Any]) -> None:
    with pytest.raises(BingAdsError):
        client.call(service, operation, body)


@cache
def _vendor_xsd(service: str) -> etree.XMLSchema:
    try:
        package = newest("bingads")
    except VendorUnavailableError as error:
        pytest.skip(str(error))
    return compile_xsd(package.path / f"bingads/v13/proxies/production/{service.lower()}_service.xml")


def _parts(envelope: bytes) -> Iterator[etree._Element]:
    """Yield what the schema describes: each header but the undeclared Action, and the message or the fault's detail."""
    root = etree.fromstring(envelope, etree.XMLParser(resolve_entities=False, no_network=True))
    for header in root.iterfind(f"{ENVELOPE}Header/*"):
        if etree.QName(header).localname != "Action":
            yield header
    (message,) = root.find(f"{ENVELOPE}Body")
    if message.tag == f"{ENVELOPE}Fault":
        yield from message.find("detail")
    else:
        yield message


def _invalid(service: str, envelope: bytes) -> list[str]:
    schema = _vendor_xsd(service)
    # the log may quote a value, so only the kind and the place of an error are told
    return [
        f"{error.type_name} at {etree.QName(part).localname}, line {error.line}"
        for part in _parts(envelope)
        if not schema.validate(part)
        for error in schema.error_log
    ]


@pytest.mark.parametrize("exchanges", ["soap"], indirect=True)
def test_every_soap_request_is_valid_by_the_vendors_wsdl(exchanges: list[Exchange]) -> None:
    found = {one.place: errors for one in exchanges if (errors := _invalid(one.service, one.request))}
    assert found == {}
    assert len(exchanges) >= 8


@pytest.mark.parametrize("exchanges", ["soap"], indirect=True)
def test_every_soap_reply_of_the_emulator_is_valid_by_the_vendors_wsdl(exchanges: list[Exchange]) -> None:
    whole = [one for one in exchanges if one.whole_reply and one.reply.lstrip().startswith(b"<")]
    found = {one.place: errors for one in whole if (errors := _invalid(one.service, one.reply))}
    assert found == {}
    assert {one.status for one in whole} >= {200, 500}


@pytest.mark.parametrize("exchanges", ["soap"], indirect=True)
def test_the_traffic_holds_every_operation_in_scope(exchanges: list[Exchange]) -> None:
    spoken = {etree.QName(part).localname.removesuffix("Request") for one in exchanges for part in _parts(one.request)}
    assert spoken >= {operation for operations in IN_SCOPE.values() for operation in operations}


@pytest.mark.parametrize("exchanges", ["rest"], indirect=True)
def test_every_rest_request_goes_through_msads_unchanged(exchanges: list[Exchange]) -> None:
    with Models() as models:
        found = {
            one.place: bad
            for one in exchanges
            if (bad := _changed(models, one.operation.service, one.operation.request, json.loads(one.request)))
        }
    assert found == {}
    spoken = {one.operation.name for one in exchanges}
    assert spoken >= {operation for operations in IN_SCOPE.values() for operation in operations}


@pytest.mark.parametrize("exchanges", ["rest"], indirect=True)
def test_every_rest_reply_of_the_emulator_goes_through_msads_unchanged(exchanges: list[Exchange]) -> None:
    whole = [one for one in exchanges if one.whole_reply]
    with Models() as models:
        found = {}
        for one in whole:
            body = json.loads(one.reply)
            name = one.operation.response if one.status == 200 else body["Type"]
            if bad := _changed(models, one.operation.service, name, body):
                found[one.place] = bad
    assert found == {}
    assert {one.status for one in whole} > {200}


def _changed(models: Models, service: str, type_name: str, body: Any) -> dict[str, str]:
    answer = models.round_trip(service, type_name, body)
    if "error" in answer:
        return {} if _has_null_id(body) else {"": answer["error"]}
    found = changes(contract.service(service), type_name, body, answer["body"])
    return {place: what for place, what in found if what not in KNOWN_DEFECTS}


def _has_null_id(body: dict[str, Any]) -> bool:
    """Tell a reply that the package cannot read, as ``KNOWN_DEFECTS`` says."""
    return any(name.endswith("Ids") and None in (value or ()) for name, value in body.items())


@pytest.mark.parametrize("exchanges", ["soap"], indirect=True)
def test_this_judge_refuses_a_request_in_another_order(exchanges: list[Exchange]) -> None:
    request = next(one.request for one in exchanges if b"ConversionName" in one.request)
    root = etree.fromstring(request)
    conversion = next(element for element in root.iter() if etree.QName(element).localname == "OfflineConversion")
    conversion.append(conversion[0])
    (error,) = _invalid("CampaignManagement", etree.tostring(root))
    assert error.startswith("SCHEMAV_ELEMENT_CONTENT at ApplyOfflineConversionsRequest")


def test_this_judge_refuses_a_number_for_an_id() -> None:
    with Models() as models:
        found = _changed(models, "CustomerManagement", "GetAccountRequest", {"AccountId": 1})
    assert "valid string" in found[""]
