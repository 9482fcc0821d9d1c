"""The quick tier of the proof: every single crash, fault and freeze, and a sample of all else."""

from __future__ import annotations

from functools import cache

import pytest

from airflow_provider_bingads.emulator.injection import KINDS
from airflow_provider_bingads.entities import event_entities
from tests.proof.case import case_of
from tests.proof.exhaustive import Tally, run_work
from tests.proof.generator import quick_work, shape
from tests.proof.points import POINTS
from tests.proof.scenarios import run_crashes, run_scenario

SELDOM = {"run.account.before", "run.account.after", "run.skip.before", "run.skip.after"}
"""Passed only where rows name their account, or where an account is given up."""


SLICES = 6
"""So that no single test comes near its time-out, on however busy a machine."""


@cache
def tally_of(number: int) -> Tally:
    return run_work(list(quick_work())[number::SLICES])


@pytest.fixture
def whole() -> Tally:
    total = Tally()
    for number in range(SLICES):
        total.join(tally_of(number))
    return total


@pytest.mark.parametrize("number", range(SLICES))
def test_nothing_is_lost_doubled_or_told_wrong(number: int) -> None:
    assert tally_of(number).problems == []


def test_the_tier_is_not_empty(whole: Tally) -> None:
    assert whole.scenarios > 700
    assert whole.not_reached < whole.scenarios / 20
    assert whole.delivered > 5 * whole.scenarios


def test_every_kind_of_fault_strikes(whole: Tally) -> None:
    assert set(KINDS) <= whole.kinds | {"huge_reply", "gzip_bomb"}


def test_every_entity_has_a_case() -> None:
    for entity in event_entities():
        assert case_of(entity.name).entity is entity


def test_the_list_of_points_is_what_runs_pass() -> None:
    passed: set[str] = set()
    for entity in event_entities():
        for variant in ("plain", "accounts"):
            passed |= set(run_scenario(f"{entity.name}:rest:{variant}:").points)
    assert passed <= set(POINTS)
    assert set(POINTS) - passed <= SELDOM


@pytest.mark.parametrize(
    "prefix", ["plain:", "plain:crash@70", "plain:fault@3=late_apply", "accounts:fault@2=throttle_117"]
)
def test_a_copy_of_what_is_durable_goes_on_as_a_killed_process_does(prefix: str) -> None:
    """``run_crashes`` is a short cut; here it is held against the long way."""
    for result in run_crashes(f"offline_conversions:rest:{prefix}", lambda point: point % 41 == 7):
        long_way = run_scenario(result.name)
        assert (long_way.faults, long_way.delivered) == (result.faults, result.delivered), result.name
        assert (long_way.problems, long_way.reached) == (result.problems, result.reached), result.name


def test_a_scenario_is_the_same_whenever_it_is_run() -> None:
    name = "offline_conversions:rest:plain:fault@2=drop_after_apply+crash@60"
    assert run_scenario(name) == run_scenario(name)


def test_points_are_many() -> None:
    points, calls = shape("offline_conversions", "rest", "plain")
    assert (points > 100, calls) == (True, 4)
