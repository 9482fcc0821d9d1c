"""A connection is read once, and everything wrong with it is said at once."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_bingads.api.settings import ConnectionSettings, Environment, TokenStorage, TransportKind
from airflow_provider_bingads.exceptions import FixConfiguration

GOOD = {"developer_token": "dev-token", "refresh_token": "refresh-token"}


def parse(login: str | None = "app", password: str | None = None, **extra: Any) -> ConnectionSettings:
    return ConnectionSettings.parse("ads", login=login, password=password, extra={**GOOD, **extra})


def test_three_fields_are_enough() -> None:
    settings = parse()
    assert settings.environment is Environment.PRODUCTION
    assert settings.transport is TransportKind.REST
    assert settings.token_store is TokenStorage.VARIABLE
    assert settings.tenant == "common"
    assert settings.client_secret is None
    assert not settings.read_only


def test_every_problem_is_named_at_once() -> None:
    """Whoever fills in a form wants one list, not one message a try."""
    with pytest.raises(FixConfiguration) as error:
        ConnectionSettings.parse("ads", login="", password=None, extra={"tenant": "a b", "account_id": "F12X"})
    message = str(error.value)
    for part in ("'ads'", "login", "developer_token", "refresh_token", "tenant", "account_id"):
        assert part in message


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ({"environment": "prod"}, "environment is 'prod'; it must be one of production, sandbox, emulator"),
        ({"transport": "xml"}, "transport"),
        ({"token_store": "file"}, "token_store"),
        ({"account_id": "X123"}, "digits only"),
        ({"account_id": "0"}, "digits only"),
        ({"allowed_account_ids": "12, Shop"}, "allowed_account_ids holds 'Shop'"),
        ({"account_id": "12", "allowed_account_ids": "13"}, "not among allowed_account_ids"),
        ({"read_only": "maybe"}, "read_only"),
        ({"base_url": "http://127.0.0.1:1"}, "only for environment=emulator"),
        ({"environment": "emulator"}, "base_url is empty"),
        ({"environment": "emulator", "base_url": "http://ads.example.com"}, "loopback"),
        ({"environment": "emulator", "base_url": "http://127.0.0.1.example.com"}, "loopback"),
        ({"environment": "emulator", "base_url": "http://user@127.0.0.1"}, "loopback"),
        ({"environment": "emulator", "base_url": "file:///127.0.0.1"}, "loopback"),
        ({"environment": "emulator", "base_url": "http://127.0.0.1:port"}, "loopback"),
        ({"developer_token": "BBD37VB98"}, "sandbox's public one"),
        ({"tenant": "../evil"}, "tenant"),
        ({"tenant": "example.com/x"}, "tenant"),
        ({"refresh_token": "two words"}, "copy it again"),
        ({"developer_token": "line\r\nbreak"}, "copy it again"),
    ],
)
def test_wrong_fields_are_explained(extra: dict[str, Any], says: str) -> None:
    with pytest.raises(FixConfiguration) as error:
        parse(**extra)
    assert says in str(error.value)


@pytest.mark.parametrize("name", ["developer_token", "refresh_token"])
def test_a_wrong_secret_is_not_repeated(name: str) -> None:
    with pytest.raises(FixConfiguration) as error:
        parse(**{name: "sec ret"})
    assert "sec ret" not in str(error.value)


@pytest.mark.parametrize(
    "name",
    [
        "account_id",
        "allowed_account_ids",
        "base_url",
        "customer_id",
        "environment",
        "read_only",
        "tenant",
        "token_store",
        "transport",
    ],
)
@pytest.mark.parametrize(
    "secret", ["BBD37VB98X", "Q~8Q~.abcDEF-ghi_jkl", "M.C537_BAY.0.U.-Cv3!*$", "https://u:p4ss@h/"]
)
def test_a_secret_pasted_into_another_field_is_not_repeated(name: str, secret: str) -> None:
    with pytest.raises(FixConfiguration) as error:
        parse(**{"environment": "emulator", name: secret})
    message = str(error.value)
    assert name in message
    assert secret.lower() not in message.lower()
    assert "p4ss" not in message


@pytest.mark.parametrize(
    "tenant",
    ["common", "organizations", "consumers", "contoso.onmicrosoft.com", "0f8fad5b-d9cb-469f-a165-70867728950e"],
)
def test_tenants_that_microsoft_knows_are_taken(tenant: str) -> None:
    assert parse(tenant=tenant).tenant == tenant


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("12,13", {"12", "13"}),
        ("12 13;14", {"12", "13", "14"}),
        ('["12", "13"]', {"12", "13"}),
        ([12, "13"], {"12", "13"}),
        (12, {"12"}),
        ("", set()),
        (None, set()),
    ],
)
def test_allowed_accounts_come_in_many_spellings(given: Any, expected: set[str]) -> None:
    assert parse(allowed_account_ids=given).allowed_account_ids == expected


@pytest.mark.parametrize(
    ("given", "expected"), [(True, True), ("true", True), ("1", True), ("No", False), (None, False)]
)
def test_flags_come_as_text_or_as_flags(given: Any, expected: bool) -> None:
    assert parse(read_only=given).read_only is expected


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/", "http://localhost:1", "http://[::1]:2", "https://127.9.9.9:3"]
)
def test_an_emulator_on_this_machine_is_taken(url: str) -> None:
    assert parse(environment="emulator", base_url=url).base_url == url.rstrip("/")


def test_no_secret_is_shown() -> None:
    settings = parse(password="client-secret")
    assert not any(secret in repr(settings) + str(settings) for secret in settings.secrets)
    assert set(settings.secrets) == {"client-secret", "dev-token", "refresh-token"}


def test_values_pasted_with_blanks_around_are_taken() -> None:
    assert parse(account_id=" 12 ", refresh_token="\ttoken\n").account_id == "12"
