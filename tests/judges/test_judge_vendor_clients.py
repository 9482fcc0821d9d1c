"""The vendor's two clients, unchanged but for the address, play one case against the emulator."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import judge_case
import pytest
from environments import PACKAGES, EnvironmentUnavailableError, python_of

from airflow_provider_bingads.emulator import server

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.judge, pytest.mark.timeout(900)]  # the first one installs the vendor's package
HERE = Path(__file__).parent


@pytest.fixture(scope="module", params=PACKAGES)
def played(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """Return what the client reported, and what the emulator holds and saw afterwards."""
    try:
        python = python_of(request.param)
    except EnvironmentUnavailableError as error:
        pytest.skip(str(error))
    running = server.start(port=0)
    try:
        start = {"url": running.url, **running.credentials.as_json()}
        done = subprocess.run(
            [str(python), str(HERE / f"play_{request.param}.py")],
            input=json.dumps(start),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        yield {
            "start": start,
            "state": judge_case.control(running.url, "state"),
            "calls": judge_case.control(running.url, "calls"),
            **json.loads(done.stdout),
        }
    finally:
        running.stop()


def test_it_gets_a_token_and_reads_who_it_is(played: dict[str, Any]) -> None:
    assert played["rotated"]
    assert played["account"] == played["start"]["account_id"]
    assert played["user"].isdecimal()


def test_it_creates_a_goal_and_reads_it_back_as_its_own_kind(played: dict[str, Any]) -> None:
    assert played["goal_errors"] == 0
    (goal,) = played["goals"]
    assert goal == [played["goal_ids"][0], judge_case.GOAL, "OfflineConversionGoal"]


def test_it_reads_the_three_errors_of_a_thousand_conversions(played: dict[str, Any]) -> None:
    assert played["errors"] == [
        [100, 5605, "OfflineConversionNameNullOrEmpty"],
        [500, 5609, "OfflineConversionTimeOutOfWindow"],
        [900, 5611, "OfflineConversionCurrencyCodeInvalid"],
    ]


def test_all_other_conversions_are_held_as_they_were_sent(played: dict[str, Any]) -> None:
    """Value by value against the case itself, which knows neither client nor emulator."""
    sent = judge_case.conversions(datetime.fromisoformat(played["now"]))
    expected = [_fact(row) for index, row in enumerate(sent) if index not in judge_case.BAD_ROWS]
    held = [_fact(row) for row in played["state"]["offline_conversions"]]
    assert len(held) == judge_case.ROWS - len(judge_case.BAD_ROWS)
    assert sorted(held) == sorted(expected)


def _fact(row: dict[str, Any]) -> tuple[Any, ...]:
    time = row["ConversionTime"]
    at = datetime.fromisoformat(time) if isinstance(time, str) else time
    value = float(row["ConversionValue"])
    return row["MicrosoftClickId"], row["ConversionName"], at, value, row["ConversionCurrencyCode"]


def test_it_reads_the_tracking_id_where_it_reads_any(played: dict[str, Any]) -> None:
    """``msads`` has no way to tell it of a call that succeeded."""
    assert played["tracking_id"] in {True, None}


def test_every_call_of_it_is_one_the_emulator_answered_or_refused_for_an_old_token(played: dict[str, Any]) -> None:
    statuses = [call["status"] for call in played["calls"]["calls"]]
    assert statuses.count(200) == 5
    refused = [call for call in played["calls"]["calls"] if call["status"] != 200]
    assert all(set(call["codes"]) <= {"109"} for call in refused)
    assert len(refused) <= 1
