"""Rotated tokens outlive the run, and a person who signs in anew is believed."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

import pytest

from airflow_provider_bingads.api.token_store import NoTokenStore, StoredToken, VariableTokenStore, fingerprint

KEY = "bingads_refresh_token__ads"
TOKEN = StoredToken(refresh_token="rotated-token", generation=3, connection_fingerprint=fingerprint("connection-token"))


class FakeVariables:
    """Airflow's Variables; ``shadow`` is what a secrets backend in front of them says."""

    def __init__(self, *, shadow: str | None = None, broken: bool = False) -> None:
        self.values: dict[str, str] = {}
        self.shadow = shadow
        self.broken = broken
        self.writes = 0

    def get(self, key: str) -> str | None:
        if self.broken:
            raise RuntimeError("rotated-token is in this text")
        return self.shadow or self.values.get(key)

    def set(self, key: str, value: str) -> None:
        if self.broken:
            raise RuntimeError("rotated-token is in this text")
        self.writes += 1
        self.values[key] = value


def store_of(variables: FakeVariables, *, read_only: bool = False) -> VariableTokenStore:
    return VariableTokenStore("ads", variables, in_main=lambda work: work(), read_only=read_only)


def test_what_was_saved_is_loaded() -> None:
    variables = FakeVariables()
    store_of(variables).save(TOKEN)
    assert list(variables.values) == [KEY]
    assert store_of(variables).load("connection-token") == TOKEN


def test_a_new_sign_in_in_the_connection_wins() -> None:
    """Whoever replaced the connection's token meant it; the stored one descends from the old consent."""
    variables = FakeVariables()
    store_of(variables).save(TOKEN)
    assert store_of(variables).load("a newer connection token") is None


@pytest.mark.parametrize("text", ["", "rotated-token", "{}", '{"refresh_token": 5}', "[]"])
def test_an_unreadable_variable_is_passed_over(text: str, caplog: pytest.LogCaptureFixture) -> None:
    variables = FakeVariables()
    variables.values[KEY] = text
    assert store_of(variables).load("connection-token") is None
    assert "rotated-token" not in caplog.text


def test_a_shadowed_variable_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """Written to the database, read from an environment variable: the rotation would be lost without a word."""
    store_of(FakeVariables(shadow="something else")).save(TOKEN)
    assert "shadowed by a secrets backend" in caplog.text
    assert KEY in caplog.text


def test_no_shadow_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    store_of(FakeVariables()).save(TOKEN)
    assert caplog.text == ""


def test_a_store_that_fails_does_not_stop_the_run(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    store = store_of(FakeVariables(broken=True))
    store.save(TOKEN)
    assert store.load("connection-token") is None
    assert "could not be written" in caplog.text
    assert "rotated-token" not in caplog.text


def test_outside_a_task_nothing_is_written() -> None:
    variables = FakeVariables()
    store_of(variables, read_only=True).save(TOKEN)
    assert variables.writes == 0


def test_airflow_is_asked_on_its_own_thread_only() -> None:
    asked: list[Callable[[], object]] = []

    def in_main(work: Callable[[], object]) -> object:
        asked.append(work)
        return work()

    store = VariableTokenStore("ads", FakeVariables(), in_main=in_main)
    store.load("connection-token")
    store.save(TOKEN)
    assert len(asked) == 2


def test_a_fingerprint_tells_tokens_apart_and_gives_nothing_away() -> None:
    assert fingerprint("a") != fingerprint("b")
    assert len(fingerprint("a")) == 16
    variables = FakeVariables()
    store_of(variables).save(TOKEN)
    assert "connection-token" not in json.dumps(variables.values)


def test_no_store_remembers_nothing() -> None:
    store = NoTokenStore()
    store.save(TOKEN)
    assert store.load("connection-token") is None


def test_a_stored_token_is_not_shown() -> None:
    assert "rotated-token" not in repr(TOKEN)
