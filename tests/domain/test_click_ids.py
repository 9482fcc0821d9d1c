"""Click ids in the two spellings that Microsoft's pages show, and what is taken for one by mistake."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from airflow_provider_bingads.domain.click_ids import canonical_click_id, dashes_setting, read_click_id
from airflow_provider_bingads.domain.outcomes import Finality, Violation
from airflow_provider_bingads.domain.reading import Place, Symbol
from airflow_provider_bingads.exceptions import FixConfiguration
from tests.domain.bad_rows import NumpyLike

BARE = "f894f652ea334e739002f7167ab8f8e3"
DASHED = "dd4afccc-b1c9-4a4c-ad95-44dd7e5006ab"


def read(cell: Any, dashes: str = "accept") -> Any:
    return read_click_id(Place("MicrosoftClickId", "msclkid"), wrong=Symbol("Wrong", 5604), dashes=dashes)(cell)


@pytest.mark.parametrize(
    ("dashes", "cell", "sent"),
    [
        ("accept", BARE, BARE),
        ("accept", BARE.upper(), BARE.upper()),
        ("accept", f"  {BARE}\n", BARE),
        ("accept", DASHED, DASHED),
        ("accept", NumpyLike(BARE), BARE),
        ("remove", DASHED, DASHED.replace("-", "")),
        ("remove", BARE, BARE),
        ("refuse", BARE, BARE),
        ("accept", UUID(DASHED), DASHED.replace("-", "")),
        ("refuse", UUID(DASHED), DASHED.replace("-", "")),
        ("accept", None, None),
        ("accept", "", None),
        ("accept", "   ", None),
    ],
)
def test_a_click_id_is_sent_as_written_or_without_its_dashes(dashes: str, cell: Any, sent: str | None) -> None:
    assert read(cell, dashes) == sent


def test_a_dashed_click_id_waits_for_the_setting_that_refuses_it() -> None:
    refused = read(DASHED, "refuse")

    assert (refused.code, refused.finality, refused.systemic) == (5604, Finality.DEFERRED, True)
    assert not refused.undeclared
    assert "click_id_dashes" in refused.remedy


@pytest.mark.parametrize(
    "cell",
    [
        BARE[:-1],
        BARE + "0",
        BARE[:-1] + "g",
        BARE[:-1] + "\uff10",
        "{" + DASHED + "}",
        DASHED.replace("-", "", 1),
        "Cj0KCQjw_4S3BhAAEiwA",
        "NULL",
        f"msclkid={BARE}",
        BARE.encode(),
        17,
        3.5,
        True,
        [BARE],
        pytest.param("f" * 10_000_000, id="huge"),
    ],
)
def test_what_is_no_click_id_is_refused(cell: Any) -> None:
    refused = read(cell)

    assert isinstance(refused, Violation)
    assert (refused.code, refused.finality) == (5604, Finality.FINAL)


def test_all_spellings_share_one_canonical_form() -> None:
    spellings = {DASHED, DASHED.upper(), DASHED.replace("-", ""), UUID(DASHED).hex}

    assert {canonical_click_id(spelling) for spelling in spellings} == {DASHED.replace("-", "")}


@pytest.mark.parametrize("setting", ["keep", None, True, ""])
def test_an_unknown_setting_stops_the_run(setting: object) -> None:
    with pytest.raises(FixConfiguration, match=r"click_id_dashes.*accept.*refuse.*remove"):
        dashes_setting({"click_id_dashes": setting})


@pytest.mark.parametrize("setting", ["accept", "refuse", "remove"])
def test_a_setting_is_taken_as_it_is(setting: str) -> None:
    assert dashes_setting({"click_id_dashes": setting}) == setting


def test_without_a_setting_both_spellings_are_accepted() -> None:
    assert dashes_setting({}) == "accept"
