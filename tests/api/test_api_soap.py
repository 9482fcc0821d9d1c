"""SOAP requests are what the WSDL says; SOAP replies are believed only when they are whole and the right ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from airflow_provider_bingads.api.http import WireReply
from airflow_provider_bingads.api.replies import Answer, Refusal, Unreadable
from airflow_provider_bingads.api.soap import SoapTransport, sunset_warning
from airflow_provider_bingads.api.soap_reply import read_soap
from airflow_provider_bingads.api.transport import Identity
from airflow_provider_bingads.contract import operation, service
from airflow_provider_bingads.exceptions import FixConfiguration, FixRequest
from tests.api.api_fakes import settings_of

CM = "https://bingads.microsoft.com/CampaignManagement/v13"
AD = "https://adapi.microsoft.com"
S = "http://schemas.xmlsoap.org/soap/envelope/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
APPLY = operation("CampaignManagement", "ApplyOfflineConversions")
ADD_GOALS = operation("CampaignManagement", "AddConversionGoals")
GOALS = operation("CampaignManagement", "GetConversionGoalsByIds")
WHO = Identity(access_token="a&b<c", developer_token="dev", customer_id="77", account_id="12")


def written(called: Any, body: dict[str, Any], who: Identity = WHO) -> ET.Element:
    request = SoapTransport(settings_of(transport="soap")).prepare(called, body).request(who)
    assert request.headers["SOAPAction"] == f'"{called.name}"'
    return ET.fromstring(request.content)


def body_of(root: ET.Element) -> ET.Element:
    return root[1][0]


def names(element: ET.Element) -> list[str]:
    return [child.tag.rpartition("}")[2] for child in element]


def test_the_header_says_who_calls() -> None:
    header = written(APPLY, {"OfflineConversions": []})[0]
    found = {child.tag: child.text for child in header}
    assert found == {
        f"{{{CM}}}AuthenticationToken": "a&b<c",
        f"{{{CM}}}CustomerAccountId": "12",
        f"{{{CM}}}CustomerId": "77",
        f"{{{CM}}}DeveloperToken": "dev",
    }


def test_a_service_without_accounts_gets_no_account_header() -> None:
    header = written(operation("CustomerManagement", "GetUser"), {"UserId": None})[0]
    assert names(header) == ["AuthenticationToken", "DeveloperToken"]


def test_a_second_attempt_carries_the_new_token_alone() -> None:
    call = SoapTransport(settings_of(transport="soap")).prepare(APPLY, {"OfflineConversions": []})
    call.request(WHO)
    again = ET.fromstring(call.request(Identity(access_token="second", developer_token="dev")).content)
    assert names(again) == ["Header", "Body"]
    assert again[0][0].text == "second"


def test_fields_stand_in_the_order_of_the_schema() -> None:
    """Out of order the service ignores them without a word."""
    row = {
        "MicrosoftClickId": "f" * 32,
        "ConversionValue": 1.5,
        "ConversionName": "Lead",
        "ConversionTime": "2026-11-01Z",
    }
    [conversions] = body_of(written(APPLY, {"OfflineConversions": [row]}))
    assert names(conversions[0]) == ["ConversionName", "ConversionTime", "ConversionValue", "MicrosoftClickId"]


def test_derived_fields_follow_those_of_the_base_and_the_type_is_named() -> None:
    goal = {"IsExternallyAttributed": True, "Type": "OfflineConversion", "Name": "Lead", "GoalCategory": "Purchase"}
    [goals] = body_of(written(ADD_GOALS, {"ConversionGoals": [goal]}))
    assert goals[0].get(f"{{{XSI}}}type", "").endswith("OfflineConversionGoal")
    assert names(goals[0]) == ["GoalCategory", "Name", "Type", "IsExternallyAttributed"]


def test_flags_are_written_apart() -> None:
    request = body_of(
        written(GOALS, {"ConversionGoalTypes": "Url, OfflineConversion", "ConversionGoalIds": ["7", "8"]})
    )
    found = {child.tag.rpartition("}")[2]: child for child in request}
    assert found["ConversionGoalTypes"].text == "Url OfflineConversion"
    assert [child.text for child in found["ConversionGoalIds"]] == ["7", "8"]


@pytest.mark.parametrize("rows", ["letters", {"OfflineConversion": []}])
def test_a_list_that_is_none_is_refused_before_zeep_spells_it(rows: Any) -> None:
    with pytest.raises(FixConfiguration):
        written(APPLY, {"OfflineConversions": rows})


@pytest.mark.parametrize("row", [{"NoSuchField": "jane@example.com"}, {"ConversionName": "jane@example.com \x00"}])
def test_what_zeep_refuses_is_said_without_its_text(row: dict[str, Any]) -> None:
    """Its messages repeat values."""
    with pytest.raises(FixConfiguration) as error:
        written(APPLY, {"OfflineConversions": [row]})
    assert "jane" not in str(error.value)
    assert error.value.__cause__ is None


def test_an_operation_out_of_scope_is_refused() -> None:
    with pytest.raises(FixRequest):
        written(operation("CampaignManagement", "AddCampaigns"), {})


def test_zeep_may_load_nothing_but_the_contract() -> None:
    from airflow_provider_bingads.api.soap import _OwnFileOnly

    with pytest.raises(PermissionError):
        _OwnFileOnly("/one.wsdl").load("http://127.0.0.1/other.xsd")


@pytest.mark.parametrize(
    ("today", "says"),
    [
        (datetime(2026, 11, 22, tzinfo=UTC), "in 70 days"),
        (datetime(2027, 1, 31, tzinfo=UTC), "in 0 days"),
        (datetime(2027, 2, 3, tzinfo=UTC), "3 days ago"),
    ],
)
def test_choosing_soap_says_how_long_it_lasts(today: datetime, says: str) -> None:
    assert says in sunset_warning(today)
    assert "transport=rest" in sunset_warning(today)


def envelope(content: str, header: str = "") -> str:
    return f'<s:Envelope xmlns:s="{S}" xmlns:i="{XSI}">{header}<s:Body>{content}</s:Body></s:Envelope>'


def response(inner: str = "<PartialErrors/>", name: str = "ApplyOfflineConversionsResponse") -> str:
    return f'<{name} xmlns="{CM}">{inner}</{name}>'


def read(content: str | bytes, status: int = 200, called: Any = APPLY) -> Answer | Refusal | Unreadable:
    data = content if isinstance(content, bytes) else content.encode()
    return read_soap(service(called.service), called, WireReply(status, {}, data))


ERROR = "<BatchError><Code>5606</Code><ErrorCode>X</ErrorCode><Index>2</Index><Message>m</Message></BatchError>"
TRACKED = f'<s:Header><TrackingId xmlns="{CM}">track-9</TrackingId></s:Header>'


def test_a_whole_reply_has_rests_shape() -> None:
    found = read(envelope(response(f"<PartialErrors>{ERROR}</PartialErrors>"), TRACKED))
    assert isinstance(found, Answer)
    assert found.tracking_id == "track-9"
    assert found.body["PartialErrors"][0]["Index"] == 2
    assert found.body["PartialErrors"][0]["FieldPath"] is None
    assert [(error.index, error.code, error.type) for error in found.errors] == [(2, 5606, "BatchError")]


@pytest.mark.parametrize("inner", ["<PartialErrors/>", '<PartialErrors i:nil="true"/>'])
def test_no_errors_means_accepted(inner: str) -> None:
    found = read(envelope(response(inner)))
    assert isinstance(found, Answer)
    assert found.errors == ()


def test_what_the_service_learns_later_is_passed_over() -> None:
    newer = f"<Newer><Deep>1</Deep></Newer><PartialErrors>{ERROR[:-13]}<Newer/></BatchError></PartialErrors>"
    assert isinstance(read(envelope(response(newer))), Answer)


def test_a_derived_error_keeps_its_own_fields() -> None:
    editorial = ERROR.replace("<BatchError>", '<BatchError i:type="EditorialError">').replace(
        "</BatchError>", "<Appealable>true</Appealable><ReasonCode>7</ReasonCode></BatchError>"
    )
    found = read(envelope(response(f"<PartialErrors>{editorial}</PartialErrors>")))
    assert isinstance(found, Answer)
    assert (found.errors[0].type, found.errors[0].appealable, found.errors[0].reason_code) == (
        "EditorialError",
        True,
        7,
    )


OUTER = f'<s:Envelope xmlns:s="{S}"><s:Body>{response()}</s:Body>'
DTD = '<!DOCTYPE s:Envelope SYSTEM "http://127.0.0.1:9/x.dtd">'
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
UNTRUSTED = {
    "nothing": "",
    "half": envelope(response())[:-20],
    "html": "<html><body>Sign in</body></html>",
    "json": '{"PartialErrors": []}',
    "no envelope": response(),
    "other envelope": envelope(response()).replace(S, "http://www.w3.org/2003/05/soap-envelope"),
    "no body": f'<s:Envelope xmlns:s="{S}"/>',
    "empty body": envelope(""),
    "two bodies": f"{OUTER}<s:Body>{response()}</s:Body></s:Envelope>",
    "two responses": envelope(response() + response()),
    "another operation's": envelope(response(name="AddConversionGoalsResponse")),
    "another namespace": envelope(response().replace(CM, "urn:other")),
    "no PartialErrors": envelope(response("")),
    "two PartialErrors": envelope(response("<PartialErrors/><PartialErrors/>")),
    "PartialErrors of another namespace": envelope(response('<PartialErrors xmlns="urn:other"/>')),
    "an index of letters": envelope(response(f"<PartialErrors>{ERROR.replace('>2<', '>two<')}</PartialErrors>")),
    "an index with elements": envelope(response(f"<PartialErrors>{ERROR.replace('>2<', '><b/><')}</PartialErrors>")),
    "a document type": DTD + envelope(response()),
    "an entity": '<!DOCTYPE s [<!ENTITY x "5">]>' + envelope(response()),
    "billion laughs": f'<!DOCTYPE lolz [<!ENTITY l0 "lol">{LAUGHS}]><lolz>&l9;</lolz>',
    "an external entity": '<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + envelope(response("&x;")),
    "a parameter entity": '<!DOCTYPE s [<!ENTITY % p SYSTEM "http://127.0.0.1:9/p">%p;]>' + envelope(response()),
    "a hidden document type": (DTD + envelope(response())).encode("utf-16"),
    "too deep": envelope(response("<a>" * 300 + "</a>" * 300)),
    "a late document type": " " * 5000 + DTD + envelope(response()),
}


@pytest.mark.parametrize("name", UNTRUSTED)
def test_anything_else_proves_nothing(name: str) -> None:
    assert isinstance(read(UNTRUSTED[name]), Unreadable)


@pytest.mark.parametrize("status", [201, 202, 500])
def test_a_response_counts_only_with_status_200(status: int) -> None:
    assert isinstance(read(envelope(response()), status), Unreadable)


def fault(detail: str, code: str = "s:Server") -> str:
    return envelope(f"<s:Fault><faultcode>{code}</faultcode><faultstring>x</faultstring>{detail}</s:Fault>")


AD_API = (
    f'<detail><AdApiFaultDetail xmlns="{AD}"><TrackingId>t-5</TrackingId><Errors><AdApiError><Code>109</Code>'
    "<Detail>d</Detail><ErrorCode>AuthenticationTokenExpired</ErrorCode><Message>m</Message></AdApiError></Errors>"
    "</AdApiFaultDetail></detail>"
)
API = (
    f'<detail><ApiFaultDetail xmlns="{CM}"><TrackingId xmlns="{AD}">t-5</TrackingId><BatchErrors/><OperationErrors>'
    "<OperationError><Code>5601</Code><Details>d</Details></OperationError></OperationErrors></ApiFaultDetail></detail>"
)


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize(("detail", "code"), [(AD_API, 109), (API, 5601)])
def test_a_fault_counts_under_any_status(detail: str, code: int, status: int) -> None:
    """Users report faults with status 200."""
    found = read(fault(detail), status)
    assert isinstance(found, Refusal)
    assert (found.fault.code, found.fault.details, found.tracking_id) == (code, "d", "t-5")


def test_a_fault_of_customer_management_has_codes_without_names() -> None:
    ns = "https://bingads.microsoft.com/Customer/v13/Exception"
    detail = (
        f'<detail><ApiFault xmlns="{ns}"><OperationErrors><OperationError><Code>1001</Code><Message>no</Message>'
        "</OperationError></OperationErrors></ApiFault></detail>"
    )
    found = read(fault(detail), 500, operation("CustomerManagement", "GetUser"))
    assert isinstance(found, Refusal)
    assert (found.fault.code, found.fault.error_code) == (1001, None)


@pytest.mark.parametrize(
    ("code", "kind"),
    [("s:Client", Refusal), ("a:DeserializationFailed", Refusal), ("s:Server", Unreadable), ("", Unreadable)],
)
def test_a_fault_without_a_code_says_at_least_whose_it_is(code: str, kind: type) -> None:
    """The service could not read the request: the batch is split until the guilty row is known."""
    assert isinstance(read(fault("", code), 500), kind)
