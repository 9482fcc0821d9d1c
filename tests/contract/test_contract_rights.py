"""The rights kept by hand: complete, sourced, and true to the generated contract."""

from __future__ import annotations

import pytest

from airflow_provider_bingads import contract
from airflow_provider_bingads.contract import Meaning, Right

APPLY = contract.rights("OfflineConversion")["ApplyOfflineConversions"]


def _entries() -> list[tuple[str, str]]:
    return [(name, operation) for name in contract.rights_names() for operation in contract.rights(name)]


def _readings(rights: contract.OperationRights) -> list[contract.Reading]:
    of_fields = [reading for right in rights.fields.values() for reading in (right.null, right.empty, right.empty_list)]
    return [reading for reading in (rights.empty_list, rights.null_item, *of_fields) if reading is not None]


@pytest.mark.parametrize(("type_name", "operation_name"), _entries())
def test_every_field_of_the_type_has_its_right(type_name: str, operation_name: str) -> None:
    """A field the vendor adds must be judged before it can be mapped."""
    service = next(
        found for found in map(contract.service, contract.service_names()) if operation_name in found.operations
    )
    rights = contract.rights(type_name)[operation_name]
    assert list(rights.fields) == [field.name for field in service.all_fields(type_name)]
    request = service.all_fields(service.operations[operation_name].request)
    assert rights.list_element in {field.name for field in request}


@pytest.mark.parametrize(("type_name", "operation_name"), _entries())
def test_every_statement_says_where_it_is_written_or_that_it_is_not(type_name: str, operation_name: str) -> None:
    for reading in _readings(contract.rights(type_name)[operation_name]):
        assert reading.certainty in {"documented", "observed", "assumed"}
        assert (reading.meaning is Meaning.UNDOCUMENTED) == (reading.source is None)
        assert reading.source is None or reading.source.startswith("https://")
        assert (reading.code is not None) == (reading.meaning is Meaning.REFUSED)
        assert (reading.default is not None) == (reading.meaning is Meaning.DEFAULT)


@pytest.mark.parametrize(("type_name", "operation_name"), _entries())
def test_lists_and_only_lists_say_what_an_empty_one_means(type_name: str, operation_name: str) -> None:
    service = contract.service("CampaignManagement")
    for field in service.all_fields(type_name):
        is_list = service.item_of(field.type) is not None
        assert (contract.rights(type_name)[operation_name].fields[field.name].empty_list is not None) == is_list


def test_a_conversion_needs_a_name_a_time_and_one_identifier() -> None:
    required = {name for name, right in APPLY.fields.items() if right.right is Right.REQUIRED}
    assert required == {"ConversionName", "ConversionTime"}
    assert APPLY.at_least_one_of == ("MicrosoftClickId", "HashedEmailAddress", "HashedPhoneNumber")
    assert APPLY.limit == 1000


def test_a_missing_value_falls_back_to_the_goal() -> None:
    assert APPLY.fields["ConversionValue"].null.default == "ConversionGoal.Revenue.Value"
    assert APPLY.fields["ConversionCurrencyCode"].null.default == "ConversionGoal.Revenue.CurrencyCode"


def test_a_reference_into_a_page_becomes_its_address() -> None:
    assert APPLY.fields["ConversionName"].source == (
        "https://learn.microsoft.com/en-us/advertising/campaign-management-service/offlineconversion#conversionname"
    )


def test_a_type_without_rights_is_said() -> None:
    with pytest.raises(LookupError, match="No rights are kept for 'Nonsense'"):
        contract.rights("Nonsense")
