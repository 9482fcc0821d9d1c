"""What a connection forbids is not sent."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_bingads.api.rights import is_read
from airflow_provider_bingads.contract import service, service_names
from airflow_provider_bingads.exceptions import FixConfiguration
from tests.api.api_fakes import APPLY, BODY, FakeService, accepted, client_of

ACCOUNT = ("CustomerManagement", "GetAccount")


@pytest.mark.parametrize(
    ("operation", "reads"),
    [
        ("GetUser", True),
        ("SearchAccounts", True),
        ("FindAccounts", True),
        ("QuerySomething", True),
        ("ApplyOfflineConversions", False),
        ("AddCampaigns", False),
        ("UpdateAccount", False),
        ("DeleteAccount", False),
        ("SetAccountProperties", False),
        ("SubmitGenerateReport", False),
    ],
)
def test_reads_are_told_by_their_names(operation: str, reads: bool) -> None:
    assert is_read(operation) is reads


def test_no_operation_of_the_api_that_changes_something_is_named_like_a_read() -> None:
    """REST calls reads by POST, so a PUT or DELETE under a read's name would break the rule."""
    for name in service_names():
        for operation in service(name).operations.values():
            if operation.http_method in {"PUT", "DELETE"}:
                assert not is_read(operation.name), operation


def test_a_read_only_connection_refuses_changes_in_a_sentence() -> None:
    fake = FakeService([accepted()])
    client = client_of(fake, read_only="true")
    with pytest.raises(FixConfiguration, match="'ads' is read-only"):
        client.call(*APPLY, BODY)
    with pytest.raises(FixConfiguration, match="'ads' is read-only"):
        client.result(*APPLY, BODY)
    assert fake.requests == []
    assert fake.token_requests == []


@pytest.mark.parametrize(
    ("call", "body", "account_id"),
    [
        (APPLY, BODY, "13"),
        (ACCOUNT, {"AccountId": "13", "ReturnAdditionalFields": None}, None),
        (ACCOUNT, {"AccountId": 13, "ReturnAdditionalFields": None}, None),
        (("CampaignManagement", "GetCampaignsByAccountId"), {"AccountId": "13"}, "12"),
        (("CustomerManagement", "UpdateAccount"), {"Account": {"Id": "13"}}, None),
        (("CustomerBilling", "AddInsertionOrder"), {"InsertionOrder": {"AccountId": "13"}}, None),
        (("Reporting", "SubmitGenerateReport"), {"ReportRequest": {"Scope": {"AccountIds": ["12", "13"]}}}, "12"),
    ],
)
def test_another_account_is_refused_wherever_it_is_named(call: Any, body: Any, account_id: str | None) -> None:
    fake = FakeService([accepted()])
    with pytest.raises(FixConfiguration, match="does not allow account 13"):
        client_of(fake, allowed_account_ids="12").call(*call, body, account_id=account_id)
    assert fake.requests == []


def test_an_allowed_account_is_called() -> None:
    fake = FakeService([accepted()])
    client_of(fake, allowed_account_ids="12,13").result(*APPLY, BODY, account_id="13")
    assert len(fake.requests) == 1
