"""Every code Microsoft documents has an action, an owner, a meaning and a remedy of our own."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from airflow_provider_bingads.domain.catalogue import Action, advice, entries

_spec = importlib.util.spec_from_file_location("documented_codes", Path(__file__).with_name("documented_codes.py"))
assert _spec is not None
assert _spec.loader is not None
documented = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(documented)


def test_every_documented_code_stands_in_the_catalogue_under_its_own_name() -> None:
    held = {(entry.service, entry.code, entry.symbol) for entry in entries()}
    assert [code for code in documented.DOCUMENTED if code not in held] == []


@pytest.mark.parametrize("name", documented.NAMES_WITHOUT_NUMBER)
@pytest.mark.parametrize("number", [None, 0])
def test_a_status_name_is_found_without_its_number(name: str, number: int | None) -> None:
    """A BatchError must have a Code; where Microsoft has none, 0 is the likely filling."""
    found = advice("CampaignManagement", number, name)
    assert found.known
    assert found.action in {Action.REJECT, Action.DEFER, Action.SPLIT}


def test_no_number_and_no_name_stands_twice_in_one_service() -> None:
    numbers = [(entry.service, entry.code) for entry in entries() if entry.code is not None]
    names = [(entry.service, entry.symbol) for entry in entries() if entry.symbol is not None]
    assert len(numbers) == len(set(numbers))
    assert len(names) == len(set(names))


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: f"{entry.service}-{entry.code}-{entry.symbol}")
def test_an_entry_tells_people_who_mends_it_and_how(entry) -> None:
    assert entry.code is not None or entry.symbol
    assert entry.advice.owner in {"data", "marketing", "platform"}
    for sentence in (entry.advice.meaning, entry.advice.remedy):
        assert sentence.endswith(".")
        assert sentence[0].isupper()
        assert 10 < len(sentence) <= 200, sentence


@pytest.mark.parametrize(
    ("service", "code", "name", "action"),
    [
        ("CampaignManagement", 109, None, Action.REAUTHENTICATE),
        ("CustomerManagement", 109, None, Action.REAUTHENTICATE),
        ("CampaignManagement", 105, None, Action.REAUTHENTICATE),
        ("CampaignManagement", 117, None, Action.WAIT),
        ("Bulk", 4204, None, Action.WAIT),
        ("Reporting", 207, None, Action.WAIT),
        ("CampaignManagement", 0, "InternalError", Action.RETRY),
        ("CampaignManagement", 5612, None, Action.RETRY),
        ("CampaignManagement", 5615, None, Action.DEFER),
        ("CampaignManagement", 5606, None, Action.DEFER),
        ("CampaignManagement", 5614, None, Action.DEFER),
        ("CampaignManagement", 5601, None, Action.SPLIT),
        ("CampaignManagement", None, "HTTP413", Action.SPLIT),
        ("CampaignManagement", None, "CallRateExceeded", Action.WAIT),
        ("CampaignManagement", 0, "OfflineConversionNameInvalid", Action.DEFER),
        ("CampaignManagement", None, "HTTP429", Action.WAIT),
        ("CampaignManagement", None, "HTTP407", Action.FAIL),
        ("CampaignManagement", None, "HTTP503", Action.RETRY),
        *(
            ("CampaignManagement", code, None, Action.REJECT)
            for code in (5602, 5603, 5604, 5605, 5607, 5608, 5609, 5610, 5611, 5616, 5617, 5618, 5624, 5626)
        ),
        *(
            ("CampaignManagement", code, None, Action.FAIL)
            for code in (106, 108, 116, 119, 120, 122, 123, 124, 125, 126, 204, 205, 303, 1008, 5613)
        ),
        ("OAuth", None, "invalid_grant", Action.FAIL),
        ("OAuth", None, "temporarily_unavailable", Action.RETRY),
        ("OAuth", 700016, "unauthorized_client", Action.FAIL),
    ],
)
def test_a_code_leads_to_the_action_its_class_demands(
    service: str, code: int | None, name: str | None, action: Action
) -> None:
    found = advice(service, code, name)
    assert (found.action, found.known) == (action, True)


@pytest.mark.parametrize(
    ("service", "code", "name", "hint"),
    [
        ("CampaignManagement", 1137, None, "store"),
        ("CustomerManagement", 1137, None, "tax id"),
        ("CampaignManagement", 205, None, "version"),
        ("CustomerManagement", 205, None, "address"),
        ("CustomerManagement", 205, "InvalidVersion", "version"),
        ("Bulk", 5606, None, "goal"),
        ("OAuth", 70008, "invalid_grant", "expired"),
        ("OAuth", 99999999, "invalid_client", "client id"),
    ],
)
def test_one_number_means_what_its_service_and_name_say(service: str, code: int, name: str | None, hint: str) -> None:
    assert hint in advice(service, code, name).meaning


@pytest.mark.parametrize(
    ("service", "code", "name"),
    [
        ("CampaignManagement", 987654, None),
        ("CampaignManagement", None, "SomethingNew"),
        ("CampaignManagement", None, None),
        ("CustomerManagement", 5606, None),
        ("OAuth", None, None),
    ],
)
def test_an_unknown_code_is_a_rejection_that_says_it_is_unknown(
    service: str, code: int | None, name: str | None
) -> None:
    found = advice(service, code, name)
    assert (found.action, found.known, found.owner) == (Action.REJECT, False, "platform")
    assert "operation-error-codes" in found.remedy


@pytest.mark.parametrize(("code", "seconds"), [(117, 60), (5615, 7200), (5606, None)])
def test_a_wait_that_the_service_names_is_carried(code: int, seconds: int | None) -> None:
    assert advice("CampaignManagement", code).wait_seconds == seconds


def test_the_meanings_are_not_microsofts_own_sentences() -> None:
    """A few of Microsoft's phrases that a copied entry would contain."""
    copied = (
        "You have exceeded the number",
        "cannot be null or empty",
        "is invalid.",
        "More than one file",
    )
    assert [entry for entry in entries() if any(phrase in entry.advice.meaning for phrase in copied)] == []
