"""What a person is told when a connection is tested."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from airflow_provider_bingads.api.diagnosis import diagnose
from tests.api.api_fakes import FakeService, client_of, fault

PERSON = {"Id": "41", "UserName": "jane.doe@example.com", "Name": {"FirstName": "Jane", "LastName": "Doe"}}


def user(role: int | None = 203, person: Any = PERSON, **role_fields: Any) -> httpx.Response:
    roles = [] if role is None else [{"RoleId": role, "CustomerId": "77", "AccountIds": None, **role_fields}]
    return httpx.Response(200, json={"User": person, "CustomerRoles": roles})


def account(status: str = "Active") -> httpx.Response:
    fields = {"Id": "12", "Name": "Shop", "CurrencyCode": "EUR", "ParentCustomerId": "77"}
    return httpx.Response(200, json={"Account": {**fields, "AccountLifeCycleStatus": status}})


def told(*answers: Any, **extra: Any) -> tuple[bool, str]:
    return diagnose(client_of(FakeService(list(answers)), **extra))


def test_a_working_connection_is_described_in_one_sentence() -> None:
    assert told(user(), account()) == (
        True,
        "Signed in as Jane Doe (user id 41); account 12 'Shop' (EUR) is Active; emulator over REST; role Standard.",
    )


@pytest.mark.parametrize("person", [{"Id": "41", "UserName": "jane.doe@example.com", "Name": None}, None])
def test_an_address_is_not_shown_for_want_of_a_name(person: Any) -> None:
    works, sentence = told(user(person=person), account())
    assert works
    assert "@" not in sentence


CLOSED = {"Active": True, "Pause": True, "Suspended": False, "Draft": False}


@pytest.mark.parametrize(("status", "works"), CLOSED.items())
def test_a_closed_account_does_not_work(status: str, works: bool) -> None:
    assert told(user(), account(status))[0] is works


@pytest.mark.parametrize(("read_only", "works"), [(False, False), (True, True)])
def test_a_viewer_can_only_look(read_only: bool, works: bool) -> None:
    found = told(user(100), account(), read_only=read_only)
    assert found[0] is works
    assert "Viewer" in found[1]


@pytest.mark.parametrize(
    ("role", "says"),
    [
        (user(41), "role Super Admin"),
        (user(999), "role 999"),
        (user(16, AccountIds=["12"]), "role Advertiser Campaign Manager"),
        (user(16, AccountIds=["13"]), "emulator over REST."),
        (user(None), "emulator over REST."),
    ],
)
def test_the_role_is_that_on_the_account(role: httpx.Response, says: str) -> None:
    assert says in told(role, account())[1]


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ((fault(105),), "developer token is mistyped"),
        ((httpx.ConnectError(""),), "could not be asked who is signed in"),
        ((user(), fault(106)), "account 12 cannot be reached with this sign-in"),
        ((user(), httpx.ConnectError("")), "account 12 could not be asked for"),
    ],
)
def test_each_step_fails_in_its_own_words(answers: Any, says: str) -> None:
    works, sentence = told(*answers)
    assert not works
    assert says in sentence
