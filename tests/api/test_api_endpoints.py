"""Every call goes to a documented address, and nothing to any other."""

from __future__ import annotations

import pytest

from airflow_provider_bingads.api import endpoints
from airflow_provider_bingads.api.http import HttpStack, WireRequest
from airflow_provider_bingads.api.settings import ConnectionSettings
from airflow_provider_bingads.contract import operation, service_names
from airflow_provider_bingads.exceptions import FixConfiguration
from tests.api.api_fakes import settings_of


def real(environment: str) -> ConnectionSettings:
    extra = {
        "developer_token": "dev-token",
        "refresh_token": "refresh",
        "environment": environment,
        "tenant": "t.example",
    }
    return ConnectionSettings.parse("ads", login="app", password=None, extra=extra)


@pytest.mark.parametrize(
    ("environment", "host"),
    [("production", "campaign.api.bingads.microsoft.com"), ("sandbox", "campaign.api.sandbox.bingads.microsoft.com")],
)
def test_the_documented_addresses_are_called(environment: str, host: str) -> None:
    apply = operation("CampaignManagement", "ApplyOfflineConversions")
    assert (
        endpoints.rest_url(real(environment), apply)
        == f"https://{host}/CampaignManagement/v13/OfflineConversions/Apply"
    )
    assert (
        endpoints.soap_url(real(environment), "CampaignManagement")
        == f"https://{host}/Api/Advertiser/CampaignManagement/v13/CampaignManagementService.svc"
    )


@pytest.mark.parametrize(("environment", "scope"), [("production", "https://ads."), ("sandbox", "https://si.ads.")])
def test_scope_follows_the_environment(environment: str, scope: str) -> None:
    assert endpoints.token_scope(real(environment)) == f"{scope}microsoft.com/msads.manage offline_access"


def test_the_tenant_is_part_of_the_token_address() -> None:
    assert endpoints.token_url(real("production")) == "https://login.microsoftonline.com/t.example/oauth2/v2.0/token"


def test_the_emulator_answers_under_one_address() -> None:
    settings = settings_of()
    apply = operation("CampaignManagement", "ApplyOfflineConversions")
    assert endpoints.rest_url(settings, apply).startswith("http://127.0.0.1:9/CampaignManagement/")
    assert endpoints.token_url(settings) == "http://127.0.0.1:9/common/oauth2/v2.0/token"
    assert endpoints.allowed_origins(settings) == {"http://127.0.0.1:9"}


@pytest.mark.parametrize("environment", ["production", "sandbox"])
def test_only_microsofts_hosts_of_that_environment_are_allowed(environment: str) -> None:
    """A sandbox connection can never reach production, nor the reverse."""
    origins = endpoints.allowed_origins(real(environment))
    assert all(
        (it.startswith("https://") and it.endswith("microsoft.com:443")) or "login.microsoftonline" in it
        for it in origins
    )
    assert all(("sandbox" in it) == (environment == "sandbox") for it in origins if "bingads" in it)
    assert len(origins) > len(service_names()) // 2


@pytest.mark.parametrize(
    "url",
    [
        "https://campaign.api.bingads.microsoft.com.evil.example/x",
        "http://campaign.api.bingads.microsoft.com/x",
        "https://campaign.api.bingads.microsoft.com:8443/x",
        "https://campaign.api.sandbox.bingads.microsoft.com/x",
        "https://evil.example/?https://campaign.api.bingads.microsoft.com",
    ],
)
def test_other_addresses_are_refused_before_anything_is_sent(url: str) -> None:
    stack = HttpStack(endpoints.allowed_origins(real("production")))
    with pytest.raises(FixConfiguration, match="Refused to call"):
        stack.send(WireRequest(url, {}), 1.0)
