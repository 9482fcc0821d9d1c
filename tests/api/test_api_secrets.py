"""Nothing secret and no row is ever logged, at any level, by us or by what we use."""

from __future__ import annotations

import io
import logging
import traceback
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from airflow_provider_bingads.api import soap
from airflow_provider_bingads.api.masking import spellings
from airflow_provider_bingads.emulator.testing import EmulatorControl
from airflow_provider_bingads.exceptions import BingAdsError
from tests.api.api_fakes import APPLY, SECRETS, FakeService, accepted, client_of, fault

CANARIES = [*SECRETS.values(), "canary-access-token", "canary.person@example.com", "+15550001111", "c0ffee" * 5 + "00"]
ROW = {
    "ConversionName": "canary.person@example.com",
    "ConversionTime": "2026-11-01T02:03:04Z",
    "MicrosoftClickId": CANARIES[-1],
    "ExternalAttributionModel": "+15550001111",
}


@pytest.fixture
def everything() -> Iterator[io.StringIO]:
    """Catch every record of every logger, whatever its level was."""
    caught = io.StringIO()
    handler = logging.StreamHandler(caught)
    handler.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s %(args)r"))
    names = [
        "", "zeep", "zeep.transports", "zeep.xsd", "zeep.wsdl", "httpx", "httpcore", "httpcore.http11",
        "httpcore.connection", "urllib3", "airflow_provider_bingads",
    ]  # fmt: skip
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    logging.getLogger().addHandler(handler)
    yield caught
    logging.getLogger().removeHandler(handler)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def assert_clean(text: str) -> None:
    for canary in CANARIES:
        for spelling in spellings(canary):
            assert spelling not in text


ANSWERS: list[Any] = [
    accepted(),
    accepted({"Index": 0, "Code": 5606, "Message": f"{CANARIES[4]} is wrong", "Details": CANARIES[5]}),
    fault(5602),
    httpx.Response(200, text=f"<html>{CANARIES[4]} {CANARIES[1]}</html>"),
    httpx.Response(500, text=f"<s>{CANARIES[4]}</s>"),
    httpx.Response(400, json={"Errors": [{"Code": 1, "Message": f"{CANARIES[4]} {CANARIES[5]} {CANARIES[6]}"}]}),
    httpx.ReadTimeout(f"{CANARIES[1]}"),
    httpx.ConnectError(f"{CANARIES[1]}"),
]


@pytest.mark.parametrize("transport", ["rest", "soap"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_no_log_no_result_and_no_error_holds_a_secret_or_a_row(
    everything: io.StringIO, transport: str, answer: Any
) -> None:
    soap._writer.cache_clear()
    client = client_of(FakeService([answer]), transport=transport)
    assert_clean(repr(client.result(*APPLY, {"OfflineConversions": [ROW]})))
    try:
        client.call(*APPLY, {"OfflineConversions": [ROW]})
    except BingAdsError as error:
        assert_clean("".join(traceback.format_exception(error)))
    assert_clean(everything.getvalue())


def test_the_catch_would_see_a_leak(everything: io.StringIO) -> None:
    """A test that cannot fail proves nothing."""
    logging.getLogger("httpcore.http11").debug("sent %s", SECRETS["refresh_token"])
    with pytest.raises(AssertionError):
        assert_clean(everything.getvalue())


@pytest.mark.parametrize("transport", ["rest", "soap"])
def test_real_sockets_at_debug_show_nothing(
    everything: io.StringIO, bingads_emulator: EmulatorControl, transport: str
) -> None:
    from airflow_provider_bingads.api.client import Client
    from airflow_provider_bingads.api.settings import ConnectionSettings

    given = bingads_emulator.connection
    settings = ConnectionSettings.parse(
        "ads", login=given["login"], password=given["password"], extra={**given["extra"], "transport": transport}
    )
    masked: set[str] = set()
    client = Client(settings, mask=masked.add)
    client.result(*APPLY, {"OfflineConversions": [ROW]})
    client.close()
    text = everything.getvalue()
    assert "httpcore" in text
    assert_clean(text)
    assert set(settings.secrets) <= masked
    assert not any(secret in text for secret in masked)


def test_a_secret_is_known_in_every_form_it_may_be_shown_in() -> None:
    assert spellings("a+/=<&\"'b c") == {
        "a+/=<&\"'b c",
        "a%2B%2F%3D%3C%26%22%27b%20c",
        "a%2B/%3D%3C%26%22%27b%20c",
        "a%2B%2F%3D%3C%26%22%27b+c",
        "a+/=&lt;&amp;\"'b c",
        "a+/=&lt;&amp;&quot;&apos;b c",
        "a+/=<&\\\"'b c",
    }


def test_settings_and_clients_do_not_show_secrets() -> None:
    client = client_of(FakeService([accepted()]))
    assert_clean(repr(client.settings))
    assert_clean(repr(vars(client)))
