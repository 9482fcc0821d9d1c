"""The loader: what it returns, when it reads, and what it says where there is nothing to return."""

from __future__ import annotations

import subprocess
import sys

import pytest

from airflow_provider_bingads import contract

CAMPAIGN = contract.service("CampaignManagement")
CUSTOMER = contract.service("CustomerManagement")


def test_services_are_the_six_of_the_api() -> None:
    assert contract.service_names() == (
        "CampaignManagement",
        "CustomerManagement",
        "CustomerBilling",
        "Bulk",
        "Reporting",
        "AdInsight",
    )


@pytest.mark.parametrize(
    ("service", "operations"),
    [
        ("CampaignManagement", 195),
        ("CustomerManagement", 39),
        ("CustomerBilling", 16),
        ("Bulk", 6),
        ("Reporting", 2),
        ("AdInsight", 34),
    ],
)
def test_every_operation_of_the_api_has_verb_and_path(service: str, operations: int) -> None:
    """PutMetricData is the one operation the REST API lacks."""
    found = contract.service(service).operations
    assert len(found) == operations
    for name, operation in found.items():
        assert (operation.service, operation.name) == (service, name)
        if name == "PutMetricData":
            assert operation.http_method is operation.path is None
        else:
            assert operation.http_method in {"POST", "PUT", "DELETE"}
            assert operation.path.startswith(f"/{service}/v13/")


def test_verb_and_path_name_one_operation() -> None:
    routes = [
        (operation.http_method, operation.path)
        for name in contract.service_names()
        for operation in contract.service(name).operations.values()
        if operation.path
    ]
    assert len(routes) == len(set(routes)) == 291


def test_apply_offline_conversions_is_described_in_full() -> None:
    assert contract.operation("CampaignManagement", "ApplyOfflineConversions") == contract.Operation(
        service="CampaignManagement",
        name="ApplyOfflineConversions",
        http_method="POST",
        path="/CampaignManagement/v13/OfflineConversions/Apply",
        request="ApplyOfflineConversionsRequest",
        response="ApplyOfflineConversionsResponse",
        faults=("AdApiFaultDetail", "ApiFaultDetail"),
    )


def test_an_operation_out_of_scope_has_a_route_and_no_types() -> None:
    operation = contract.operation("Bulk", "GetBulkUploadUrl")
    assert operation.path == "/Bulk/v13/BulkUploadUrl/Query"
    assert (operation.request, operation.response, operation.faults) == (None, None, ())


def test_fields_of_a_conversion_stand_in_wire_order() -> None:
    """The order, types and nillability of api-facts A.2; SOAP takes elements in no other order."""
    expected = [
        ("ConversionCurrencyCode", "string", True),
        ("ConversionName", "string", True),
        ("ConversionTime", "dateTime", False),
        ("ConversionValue", "double", True),
        ("ExternalAttributionCredit", "double", True),
        ("ExternalAttributionModel", "string", True),
        ("HashedEmailAddress", "string", True),
        ("HashedPhoneNumber", "string", True),
        ("MicrosoftClickId", "string", True),
    ]
    fields = CAMPAIGN.all_fields("OfflineConversion")
    assert [(field.name, field.type, field.nillable) for field in fields] == expected
    assert not any(field.is_list or field.required for field in fields)


def test_fields_of_a_derived_type_follow_those_of_its_base() -> None:
    """``IsExternallyAttributed`` before the base's fields made the service miss the goal's name (api-facts A.8)."""
    names = [field.name for field in CAMPAIGN.all_fields("OfflineConversionGoal")]
    assert names == [
        "AttributionModelType",
        "ConversionWindowInMinutes",
        "CountType",
        "ExcludeFromBidding",
        "GoalCategory",
        "Id",
        "IsAutoGoal",
        "IsEnhancedConversionsEnabled",
        "Name",
        "Revenue",
        "Scope",
        "Status",
        "TagId",
        "TrackingStatus",
        "Type",
        "ViewThroughConversionWindowInMinutes",
        "IsExternallyAttributed",
    ]
    assert CAMPAIGN.type("OfflineConversionGoal").base == "ConversionGoal"


@pytest.mark.parametrize(
    ("type_name", "rest_type"),
    [
        ("OfflineConversionGoal", "OfflineConversion"),
        ("UrlGoal", "Url"),
        ("BatchError", "BatchError"),
        ("EditorialError", "EditorialError"),
        ("ApiFaultDetail", "ApiFaultDetail"),
        ("OfflineConversion", None),
        ("ConversionGoal", None),
    ],
)
def test_the_discriminator_is_as_irregular_as_the_api(type_name: str, rest_type: str | None) -> None:
    assert CAMPAIGN.type(type_name).rest_type == rest_type


def test_derived_types_are_found_at_any_depth() -> None:
    assert {found.name for found in CAMPAIGN.derived_types("ConversionGoal")} == {
        "AppDownloadGoal",
        "AppInstallGoal",
        "DurationGoal",
        "EventGoal",
        "InStoreTransactionGoal",
        "OfflineConversionGoal",
        "PagesViewedPerVisitGoal",
        "UrlGoal",
    }
    assert [found.name for found in CAMPAIGN.derived_types("BatchError")] == ["EditorialError"]
    assert CAMPAIGN.derived_types("OfflineConversion") == ()


def test_an_array_type_gives_its_item_and_other_types_give_none() -> None:
    item = CAMPAIGN.item_of("ArrayOfOfflineConversion")
    assert item == contract.FieldType(
        "OfflineConversion", "OfflineConversion", nillable=True, is_list=True, required=False
    )
    assert CAMPAIGN.item_of("ArrayOfNullableOflong").nillable
    assert not CAMPAIGN.item_of("ArrayOflong").nillable
    for other in ("OfflineConversion", "ApplyOfflineConversionsRequest", "ConversionGoalType", "string"):
        assert CAMPAIGN.item_of(other) is None


def test_flags_are_told_from_plain_enumerations() -> None:
    types = CAMPAIGN.type("ConversionGoalType")
    assert types.is_flags
    assert types.enum[:2] == ("Url", "Duration")
    assert not CAMPAIGN.type("ConversionGoalStatus").is_flags
    assert CAMPAIGN.type("ConversionGoalStatus").enum == ("Active", "Paused", "Deleted")


def test_types_keep_the_namespace_their_elements_carry() -> None:
    assert CAMPAIGN.type("OfflineConversion").namespace == CAMPAIGN.namespace
    assert CAMPAIGN.type("AdApiFaultDetail").namespace == "https://adapi.microsoft.com"
    assert CUSTOMER.type("AdvertiserAccount").namespace == "https://bingads.microsoft.com/Customer/v13/Entities"
    assert CUSTOMER.namespace == "https://bingads.microsoft.com/Customer/v13"


def test_hosts_and_headers_of_a_service() -> None:
    assert CAMPAIGN.soap_hosts["sandbox"] == "https://campaign.api.sandbox.bingads.microsoft.com"
    assert CUSTOMER.rest_hosts["production"] == "https://clientcenter.api.bingads.microsoft.com"
    assert CUSTOMER.soap_path == "/Api/CustomerManagement/v13/CustomerManagementService.svc"
    assert "CustomerAccountId" in CAMPAIGN.soap_headers
    assert "CustomerAccountId" not in CUSTOMER.soap_headers


def test_a_service_is_read_once() -> None:
    assert contract.service("Bulk") is contract.service("Bulk")


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda: contract.service("Campaign"), "no service 'Campaign'"),
        (lambda: contract.service("../Bulk"), "no service"),
        (lambda: contract.operation("Bulk", "Nonsense"), "Bulk has no operation 'Nonsense'"),
        (lambda: CAMPAIGN.type("Nonsense"), "CampaignManagement has no type Nonsense"),
        (lambda: CAMPAIGN.all_fields("Nonsense"), "has no type Nonsense"),
        (lambda: contract.wsdl_path("Bulk"), "No operation of 'Bulk'"),
    ],
)
def test_what_is_not_there_is_said(ask: object, sentence: str) -> None:
    with pytest.raises(LookupError, match=sentence):
        ask()


def test_importing_reads_no_data_and_nothing_heavy() -> None:
    script = (
        "import sys, builtins; before = set(sys.modules); import airflow_provider_bingads.contract as c\n"
        "loaded = set(sys.modules) - before\n"
        "assert not {m for m in loaded if m.split('.')[0] in {'lxml', 'zeep', 'airflow', 'httpx'}}, loaded\n"
        "assert c.service.cache_info().currsize == 0\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
