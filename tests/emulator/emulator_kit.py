"""A client of a few lines for both transports that checks every reply against the contract."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from lxml import etree

from airflow_provider_bingads.contract import Service, service
from airflow_provider_bingads.emulator import contract_xml
from airflow_provider_bingads.emulator.clock import Clock
from airflow_provider_bingads.emulator.core import Emulator
from airflow_provider_bingads.emulator.messages import Reply, Request
from airflow_provider_bingads.emulator.schema import validator
from airflow_provider_bingads.emulator.settings import Settings

CAMPAIGN = "CampaignManagement"
CUSTOMER = "CustomerManagement"
NOON = 1_795_262_400.0  # 2026-11-21T12:00:00Z
CLICK = "f894f652ea334e739002f7167ab8f8e3"
DIGEST = "ec81f3ac7b2b19675bab9d54cf416f9f18cff87c97da5cca82c0f0891bc40602"
SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
TYPES = {"string": str, "dateTime": str, "base64Binary": str, "long": str, "boolean": bool, "int": int}


@dataclass
class Answer:
    """One reply, read.

    :param value: the reply's object, or None with a fault.
    :param fault: the fault's object, or None.
    """

    reply: Reply
    value: Any = None
    fault: Any = None

    @property
    def codes(self) -> list[tuple[int, int, str]]:
        """(index, code, symbol) of the partial errors."""
        return [(one["Index"], one["Code"], one["ErrorCode"]) for one in self.value["PartialErrors"]]

    @property
    def fault_codes(self) -> list[int]:
        found = self.fault.get("Errors") or self.fault.get("OperationErrors")
        return [one["Code"] for one in found]


@dataclass
class Caller:
    """Calls one emulator in process."""

    transport: str = "rest"
    settings: Settings = field(default_factory=Settings)
    now: float = NOON

    def __post_init__(self) -> None:
        self.emulator = Emulator(self.settings, Clock(lambda: self.now))
        self.token = self.sign_in()
        self.headers = {
            "AuthenticationToken": self.token,
            "DeveloperToken": self.emulator.credentials.developer_token,
            "CustomerId": self.emulator.credentials.customer_id,
            "CustomerAccountId": self.emulator.credentials.account_id,
        }

    def sign_in(self) -> str:
        given = self.emulator.credentials
        form = {
            "grant_type": "refresh_token",
            "client_id": given.client_id,
            "client_secret": given.client_secret,
            "refresh_token": given.refresh_token,
        }
        reply = self.emulator.handle(
            Request("POST", "/common/oauth2/v2.0/token", body=urlencode(form).encode(), headers={})
        )
        found: str = json.loads(reply.body)["access_token"]
        return found

    def control(self, method: str, page: str, body: Any = None) -> Any:
        path, _, query = page.partition("?")
        data = b"" if body is None else json.dumps(body).encode()
        reply = self.emulator.handle(Request(method, f"/__emulator__/{path}", query, {}, data))
        assert reply.status == 200, reply.body
        return json.loads(reply.body)

    def goal(self, name: str = "Lead", age_hours: float = 3, **fields: Any) -> None:
        self.control("POST", "goals", {"age_hours": age_hours, "goals": [{"Name": name, **fields}]})

    def state(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", f"state?only={kind}")[kind]
        return found

    def apply(self, *rows: Mapping[str, Any] | None) -> Answer:
        return self.call("ApplyOfflineConversions", {"OfflineConversions": list(rows)})

    def call(self, operation: str, body: Any, service_name: str = CAMPAIGN, **headers: str | None) -> Answer:
        return self.read(self.send(operation, body, service_name, **headers), operation, service_name)

    def send(self, operation: str, body: Any, service_name: str = CAMPAIGN, **headers: str | None) -> Reply:
        return self.emulator.handle(self.request(operation, body, service_name, **headers))

    def request(self, operation: str, body: Any, service_name: str = CAMPAIGN, **headers: str | None) -> Request:
        given = {name: value for name, value in (self.headers | headers).items() if value is not None}
        if self.transport == "rest":
            return rest_request(operation, body, service_name, given)
        return soap_request(operation, body, service_name, given)

    def read(self, reply: Reply, operation: str, service_name: str) -> Answer:
        contract = service(service_name)
        if self.transport == "rest":
            return read_rest(reply, contract, operation)
        return read_soap(reply, contract, operation)


def conversion(**fields: Any) -> dict[str, Any]:
    """Return a conversion that breaks no rule, with some fields changed; None takes a field out."""
    row = {
        "ConversionName": "Lead",
        "ConversionTime": "2026-11-20T12:00:00Z",
        "MicrosoftClickId": CLICK,
    }
    return {name: value for name, value in (row | fields).items() if value is not None}


def rest_request(operation: str, body: Any, service_name: str, headers: Mapping[str, str]) -> Request:
    found = service(service_name).operations[operation]
    names = {"DeveloperToken": "developertoken", "CustomerId": "customerid", "CustomerAccountId": "customeraccountid"}
    http = {names[name]: value for name, value in headers.items() if name in names}
    if "AuthenticationToken" in headers:
        http["authorization"] = f"Bearer {headers['AuthenticationToken']}"
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request(found.http_method or "", found.path or "", headers=http, body=data)


def soap_request(operation: str, body: Any, service_name: str, headers: Mapping[str, str]) -> Request:
    contract = service(service_name)
    names = ["AuthenticationToken", "CustomerAccountId", "CustomerId", "DeveloperToken"]
    head = "".join(f"<{name}>{headers[name]}</{name}>" for name in names if name in headers)
    if isinstance(body, bytes):
        content = body.decode()
    else:
        request_type = contract.operations[operation].request or ""
        content = contract_xml.encode(contract, request_type, contract.namespace, request_type, body)
    envelope = (
        f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header xmlns="{contract.namespace}">'
        f"{head}</s:Header><s:Body>{content}</s:Body></s:Envelope>"
    )
    return Request("POST", contract.soap_path, headers={"soapaction": f'"{operation}"'}, body=envelope.encode())


def read_rest(reply: Reply, contract: Service, operation: str) -> Answer:
    value = json.loads(reply.body)
    found = contract.operations[operation]
    if reply.status == 200:
        check_shape(contract, found.response or "", value)
        return Answer(reply, value=value)
    fault_type = value["Type"]
    assert fault_type in found.faults
    check_shape(contract, fault_type, value)
    return Answer(reply, fault=value)


def read_soap(reply: Reply, contract: Service, operation: str) -> Answer:
    envelope = etree.fromstring(reply.body)
    body = envelope.find(f"{SOAP}Body")[0]
    schema = validator(contract.name)
    for element in envelope.find(f"{SOAP}Header"):
        schema.assertValid(element)
    if body.tag != f"{SOAP}Fault":
        schema.assertValid(body)
        response = contract.operations[operation].response or ""
        assert etree.QName(body).localname == response
        assert reply.status == 200
        return Answer(reply, value=contract_xml.decode(contract, response, body))
    assert reply.status == 500
    detail = body.find("detail")
    if detail is None:
        return Answer(reply, fault={})
    schema.assertValid(detail[0])
    name = etree.QName(detail[0]).localname
    declared = contract.operations[operation].faults
    assert not declared or name in declared
    return Answer(reply, fault=contract_xml.decode(contract, name, detail[0]))


def check_shape(contract: Service, type_name: str, value: Any, *, nillable: bool = True) -> None:
    """Assert that a JSON value has exactly the properties of its type, each of its own type."""
    if value is None:
        assert nillable, type_name
        return
    data_type = contract.types.get(type_name)
    if data_type is None:
        expected = TYPES.get(type_name, (int, float))
        assert isinstance(value, expected), (type_name, value)
        assert not isinstance(value, bool) or type_name == "boolean"
        assert type_name != "long" or int(value) is not None
        return
    if data_type.enum is not None:
        parts = value.split(", ") if data_type.is_flags else [value]
        assert set(parts) <= set(data_type.enum), (type_name, value)
        return
    item = contract.item_of(type_name)
    if item is not None:
        for one in value:
            check_shape(contract, item.type, one, nillable=item.nillable)
        return
    candidates = [data_type, *contract.derived_types(type_name)]
    actual = next((one for one in candidates if one.rest_type == value.get("Type")), data_type)
    fields = {one.name: one for one in contract.all_fields(actual.name)}
    expected_names = set(fields) | ({"Type"} if actual.rest_type else set())
    assert set(value) == expected_names, (actual.name, set(value) ^ expected_names)
    for name, one in fields.items():
        check_shape(contract, one.type, value[name], nillable=True)
