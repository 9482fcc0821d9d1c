"""A connection becomes a client; what is wrong with it is said in one sentence."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from airflow_provider_bingads.emulator.testing import EmulatorControl
from airflow_provider_bingads.exceptions import FixConfiguration
from airflow_provider_bingads.hooks.bingads import BingAdsHook

Define = Callable[..., BingAdsHook]


@pytest.fixture
def define(bingads_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> Define:
    """Define the connection ``ads`` to the emulator, some fields changed, and return its hook."""

    def make(login: str | None = None, **extra: Any) -> BingAdsHook:
        given = bingads_emulator.connection
        connection = {
            **given,
            "login": login or given["login"],
            "extra": {**given["extra"], "token_store": "none", **extra},
        }
        monkeypatch.setenv("AIRFLOW_CONN_ADS", json.dumps(connection))
        return BingAdsHook("ads")

    return make


def test_the_connections_fields_become_settings(define: Define, bingads_emulator: EmulatorControl) -> None:
    settings = define(read_only="true", allowed_account_ids=bingads_emulator.credentials.account_id).settings
    assert settings.conn_id == "ads"
    assert settings.account_id == bingads_emulator.credentials.account_id
    assert settings.read_only


def test_a_connection_as_a_uri_works_too(bingads_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ADS", "bingads://app@/?developer_token=dev&refresh_token=ref&read_only=true")
    settings = BingAdsHook("ads").settings
    assert (settings.client_id, settings.developer_token, settings.read_only) == ("app", "dev", True)


@pytest.mark.parametrize(
    ("named", "said_of_account"), [(None, "account 5,"), ("7", "account 7,"), ("of each row (shop)", "(shop),")]
)
def test_the_log_says_first_where_calls_go(
    named: str | None,
    said_of_account: str,
    define: Define,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Airflow's logging prints or passes records on, as it is configured."""
    caplog.set_level(logging.INFO)
    define(transport="rest", read_only=True, account_id="5").get_conn(named).close()
    said = f"{caplog.text}\n{capsys.readouterr().out}"
    [line] = [it for it in said.splitlines() if "Microsoft Advertising" in it]
    assert "environment emulator" in line
    assert said_of_account in line
    assert "transport rest" in line
    assert "read-only" in line


def test_any_operation_can_be_called(define: Define) -> None:
    reply = define().call("CustomerManagement", "GetUser", {"UserId": None})
    assert reply["User"]["Id"]


def test_accounts_come_as_a_frame_with_ids_as_text(define: Define, bingads_emulator: EmulatorControl) -> None:
    frame = define().get_df("accounts")
    assert bingads_emulator.credentials.account_id in set(frame["Id"])
    assert all(isinstance(value, str) for value in frame["Id"])


def test_goals_come_as_a_frame_with_inner_fields(define: Define, bingads_emulator: EmulatorControl) -> None:
    goal_id = bingads_emulator.add_goal("Lead")
    frame = define().get_df("goals")
    assert list(frame["Id"]) == [goal_id]
    assert list(frame["Name"]) == ["Lead"]
    assert "Revenue.Type" in frame.columns


def test_a_read_named_as_an_operation_comes_as_a_frame(define: Define) -> None:
    body = {"CustomerId": None, "OnlyParentAccounts": False}
    frame = define().get_df("CustomerManagement.GetAccountsInfo", body)
    assert isinstance(frame, pd.DataFrame)
    assert len(frame) >= 1


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("campaigns", "give accounts, goals"),
        ("CampaignManagement.AddConversionGoals", "cannot be read"),
        ("CampaignManagement.GetNothing", "no operation"),
    ],
)
def test_what_cannot_be_read_is_said(define: Define, what: str, says: str) -> None:
    with pytest.raises(FixConfiguration, match=says):
        define().get_df(what)


def test_a_reply_with_two_lists_is_not_guessed() -> None:
    from airflow_provider_bingads.hooks.frames import Read, frame_of

    with pytest.raises(FixConfiguration, match="2 lists"):
        frame_of(Read("S", "GetX", {}), {"A": [], "B": [], "PartialErrors": []})


def test_a_frame_is_not_made_of_half_a_reply() -> None:
    from airflow_provider_bingads.exceptions import FixRequest
    from airflow_provider_bingads.hooks.frames import Read, frame_of

    reply = {"Goals": [{"Id": "1"}, None], "PartialErrors": [{"Code": 1, "ErrorCode": "X", "Index": 1}]}
    with pytest.raises(FixRequest):
        frame_of(Read("S", "GetX", {}), reply)


@pytest.mark.parametrize("transport", ["rest", "soap"])
def test_a_good_connection_says_who_and_where(
    define: Define, bingads_emulator: EmulatorControl, transport: str
) -> None:
    works, sentence = define(transport=transport).test_connection()
    assert works, sentence
    assert "Signed in as" in sentence
    assert f"account {bingads_emulator.credentials.account_id}" in sentence
    assert "Active" in sentence
    assert f"emulator over {transport.upper()}" in sentence
    assert "role" in sentence
    assert "@" not in sentence


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "field": ({"tenant": "a b"}, "tenant"),
    "application": ({"login": "another-app"}, "cannot sign in"),
    "refresh token": ({"refresh_token": "never-issued-token"}, "bingads auth"),
    "developer token": ({"developer_token": "WRONGTOKEN"}, "developer token is mistyped"),
    "account": ({"account_id": "999"}, "account 999 cannot be reached"),
    "address": ({"base_url": "http://127.0.0.1:9"}, "no connection"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_apart(define: Define, name: str) -> None:
    fields, says = WRONG[name]
    works, sentence = define(**fields).test_connection()
    assert not works
    assert says in sentence, sentence
    for secret in ("never-issued-token", "WRONGTOKEN"):
        assert secret not in sentence


def test_an_account_that_is_closed_is_said(define: Define, bingads_emulator: EmulatorControl) -> None:
    account = bingads_emulator.credentials.account_id
    bingads_emulator.post("accounts", {account: {"AccountLifeCycleStatus": "Suspended"}})
    works, sentence = define().test_connection()
    assert not works
    assert "Suspended" in sentence


def test_without_an_account_the_sign_in_is_enough(define: Define) -> None:
    works, sentence = define(account_id="").test_connection()
    assert works
    assert "each operator has to name its account" in sentence


def test_a_test_of_the_connection_stores_no_token(define: Define, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs in the API server or a shell, where nothing may be written through the Task SDK."""
    from airflow_provider_bingads.hooks.variables import AirflowVariables

    written: list[str] = []
    monkeypatch.setattr(AirflowVariables, "set", lambda _self, key, _value: written.append(key))
    works, _ = define(token_store="variable").test_connection()
    assert works
    assert written == []


def test_a_task_keeps_the_rotated_token_in_a_variable(define: Define, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_provider_bingads.hooks.variables import AirflowVariables

    kept: dict[str, str] = {}
    monkeypatch.setattr(AirflowVariables, "set", lambda _self, key, value: kept.update({key: value}))
    monkeypatch.setattr(AirflowVariables, "get", lambda _self, key: kept.get(key))
    hook = define(token_store="variable")
    hook.call("CustomerManagement", "GetUser", {"UserId": None})
    stored = json.loads(kept["bingads_refresh_token__ads"])
    assert stored["generation"] == 1
    hook.call("CustomerManagement", "GetUser", {"UserId": None})
    assert json.loads(kept["bingads_refresh_token__ads"])["generation"] == 1, "one hook signs in once"
    BingAdsHook("ads").call("CustomerManagement", "GetUser", {"UserId": None})
    assert json.loads(kept["bingads_refresh_token__ads"])["generation"] == 2


def test_a_variable_in_the_environment_is_read_as_airflow_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_provider_bingads.hooks.variables import AirflowVariables

    monkeypatch.setenv("AIRFLOW_VAR_BINGADS_REFRESH_TOKEN__ADS", "from-the-environment")
    assert AirflowVariables().get("bingads_refresh_token__ads") == "from-the-environment"
    assert AirflowVariables().get("bingads_refresh_token__other") is None


def test_every_secret_reaches_airflows_masker(define: Define, monkeypatch: pytest.MonkeyPatch) -> None:
    import airflow.sdk.log

    masked: list[Any] = []
    monkeypatch.setattr(airflow.sdk.log, "mask_secret", lambda secret, name=None: masked.append(secret))
    hook = define()
    hook.call("CustomerManagement", "GetUser", {"UserId": None})
    assert all(secret in masked for secret in hook.settings.secrets)
    assert any(isinstance(it, str) and it.startswith("emulator-access-") for it in masked)


def test_airflow_is_reached_through_the_given_thread_only(define: Define) -> None:
    define()
    asked: list[Any] = []

    def in_main(work: Callable[[], Any]) -> Any:
        asked.append(work)
        return work()

    hook = BingAdsHook("ads", in_main=in_main)
    assert hook.settings.conn_id == "ads"
    assert len(asked) == 1
    hook.get_conn().close()
    assert len(asked) > 1


def test_importing_the_hook_loads_nothing_heavy() -> None:
    import subprocess
    import sys

    code = (
        "import sys, airflow_provider_bingads.hooks.bingads;"
        "print([m for m in ('zeep','lxml','pandas','sqlalchemy.orm.session.x','phonenumbers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
