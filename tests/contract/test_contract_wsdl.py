"""The compact WSDL: what zeep, lxml and Microsoft's own templates make of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from contractgen.scope import IN_SCOPE
from contractgen.xsd import compile_xsd
from lxml import etree

from airflow_provider_bingads import contract

TEMPLATES = Path(__file__).with_name("templates")
ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"
CAMPAIGN = contract.service("CampaignManagement")
SAMPLES = {"dateTime": "2020-04-30T17:02:35.6853793Z", "double": "12.5", "int": "0", "boolean": "true"}


def _sample_for(element: etree._Element) -> str:
    """Return a value of the element's type, by the name of the field."""
    name = etree.QName(element).localname
    fields = [*CAMPAIGN.all_fields("OfflineConversion"), *CAMPAIGN.all_fields("EditorialError")]
    return next((SAMPLES.get(field.type, "ValueHere") for field in fields if field.name == name), "ValueHere")


def _filled(template: str, batch_error_type: str = "EditorialError") -> etree._Element:
    """Fill a template of the seed, which holds ``ValueHere`` for every value."""
    text = (TEMPLATES / template).read_text("utf-8")
    placeholder = "-- derived type specified here with the appropriate prefix --"
    text = text.replace(placeholder, f"c:{batch_error_type}").replace(
        "<s:Envelope ", f'<s:Envelope xmlns:c="{CAMPAIGN.namespace}" '
    )
    root = etree.fromstring(text.encode())
    for element in root.iter(etree.Element):
        if element.text == "ValueHere":
            element.text = _sample_for(element)
    return root


@pytest.fixture(scope="module")
def xsd() -> etree.XMLSchema:
    return compile_xsd(contract.wsdl_path("CampaignManagement"))


@pytest.mark.parametrize("service", IN_SCOPE)
def test_zeep_loads_it_with_exactly_the_operations_in_scope(service: str) -> None:
    import zeep

    client = zeep.Client(str(contract.wsdl_path(service)))
    assert set(client.service._operations) == set(IN_SCOPE[service])
    assert {op.name for op in contract.service(service).operations.values() if op.request} == set(IN_SCOPE[service])
    address = f"{contract.service(service).soap_hosts['production']}{contract.service(service).soap_path}"
    assert client.service._binding_options["address"] == address


@pytest.mark.parametrize("service", IN_SCOPE)
def test_zeep_sees_the_fields_the_contract_names(service: str) -> None:
    """Two readers of two files: names, order, base first, lists and nillability agree for every type."""
    import zeep

    client = zeep.Client(str(contract.wsdl_path(service)))
    described = contract.service(service)
    for data_type in described.types.values():
        if data_type.enum is None and not data_type.name.endswith(("Request", "Response")):
            seen = client.get_type(f"{{{data_type.namespace}}}{data_type.name}").elements
            expected = described.all_fields(data_type.name)
            assert [name for name, _ in seen] == [field.name for field in expected], data_type.name
            for field, (_, element) in zip(expected, seen, strict=True):
                assert element.nillable == field.nillable
                assert (element.max_occurs == "unbounded") == field.is_list
                assert (element.min_occurs > 0) == field.required


def test_it_holds_no_annotation_and_stays_small() -> None:
    for service in IN_SCOPE:
        text = contract.wsdl_path(service).read_text("utf-8")
        assert "annotation" not in text
        assert len(text) < 60_000


def test_the_seeds_request_is_valid(xsd: etree.XMLSchema) -> None:
    """The request template of the ApplyOfflineConversions page: body, and each header but the undeclared Action."""
    root = _filled("ApplyOfflineConversions.request.xml")
    xsd.assertValid(root.find(f"{ENVELOPE}Body")[0])
    headers = [header for header in root.find(f"{ENVELOPE}Header") if etree.QName(header).localname != "Action"]
    assert len(headers) == 4
    for header in headers:
        xsd.assertValid(header)


@pytest.mark.parametrize("error_type", ["EditorialError", "BatchError"])
def test_the_seeds_response_is_valid(xsd: etree.XMLSchema, error_type: str) -> None:
    """Its template lists the fields of the derived type, which a plain BatchError does not have."""
    body = _filled("ApplyOfflineConversions.response.xml", error_type).find(f"{ENVELOPE}Body")[0]
    assert xsd.validate(body) == (error_type == "EditorialError"), xsd.error_log


def _swap(conversion: etree._Element) -> None:
    conversion.append(conversion[0])


def _add(conversion: etree._Element) -> None:
    etree.SubElement(conversion, f"{{{CAMPAIGN.namespace}}}Invented").text = "x"


def _set(field: str, text: str) -> object:
    def damage(conversion: etree._Element) -> None:
        conversion.find(f"{{{CAMPAIGN.namespace}}}{field}").text = text

    return damage


def _nil_time(conversion: etree._Element) -> None:
    time = conversion.find(f"{{{CAMPAIGN.namespace}}}ConversionTime")
    time.text = None
    time.set("{http://www.w3.org/2001/XMLSchema-instance}nil", "true")


@pytest.mark.parametrize(
    "damage",
    [_swap, _add, _nil_time, _set("ConversionValue", "12,5"), _set("ConversionTime", "30.04.2020")],
    ids=["wrong order", "unknown element", "nil time", "decimal comma", "local date"],
)
def test_a_damaged_request_is_not_valid(xsd: etree.XMLSchema, damage: object) -> None:
    body = _filled("ApplyOfflineConversions.request.xml").find(f"{ENVELOPE}Body")[0]
    damage(body[0][0])
    assert not xsd.validate(body)


@pytest.mark.parametrize("service", IN_SCOPE)
def test_every_message_and_fault_has_its_element(service: str) -> None:
    described = contract.service(service)
    validator = compile_xsd(contract.wsdl_path(service))
    for name in IN_SCOPE[service]:
        operation = described.operations[name]
        elements = dict.fromkeys((operation.request, operation.response), described.namespace)
        elements |= {fault: described.fault_elements[fault] for fault in operation.faults}
        for element, namespace in elements.items():
            assert validator.validate(etree.Element(f"{{{namespace}}}{element}")), (element, validator.error_log)


def test_the_customer_services_fault_stands_in_the_namespace_of_the_messages() -> None:
    """Its element and its type are in two namespaces; the fields follow the type."""
    service = contract.service("CustomerManagement")
    fault = etree.Element(f"{{{service.fault_elements['ApiFault']}}}ApiFault")
    etree.SubElement(fault, f"{{{service.type('ApiFault').namespace}}}OperationErrors")
    assert service.fault_elements["ApiFault"] == service.namespace != service.type("ApiFault").namespace
    compile_xsd(contract.wsdl_path("CustomerManagement")).assertValid(fault)
