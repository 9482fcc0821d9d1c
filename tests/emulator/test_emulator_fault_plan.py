"""Which call a fault rule strikes."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_bingads.emulator.injection import FaultPlan, Target

APPLY = Target("ApplyOfflineConversions", "rest", "7")
GOALS = Target("AddConversionGoals", "soap", "8")
TOKEN = Target("token")


def plan(*rules: dict[str, Any], seed: int = 1) -> FaultPlan:
    found = FaultPlan(seed, Counter())
    found.set(rules)
    return found


def struck(faults: FaultPlan, targets: list[Target]) -> list[str | None]:
    found = [faults.choose(target) for target in targets]
    return [None if fault is None else fault.kind.name for fault in found]


def test_a_rule_without_conditions_strikes_every_call_of_the_api() -> None:
    assert struck(plan({"do": "empty_200"}), [APPLY, TOKEN, GOALS]) == ["empty_200", None, "empty_200"]


def test_a_rule_strikes_the_call_of_its_number_among_those_it_matches() -> None:
    faults = plan({"do": "empty_200", "match": {"op": "ApplyOfflineConversions", "call": 2}})
    assert struck(faults, [APPLY, GOALS, APPLY, APPLY]) == [None, None, "empty_200", None]


def test_a_rule_may_strike_several_times_from_its_call_on() -> None:
    faults = plan({"do": "empty_200", "match": {"call": 2}, "times": 2})
    assert struck(faults, [APPLY] * 4) == [None, "empty_200", "empty_200", None]


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({"transport": "soap"}, [None, "slow"]),
        ({"account_id": "7"}, ["slow", None]),
        ({"account_id": 8}, [None, "slow"]),
        ({"op": "AddConversionGoals", "transport": "rest"}, [None, None]),
    ],
)
def test_a_rule_matches_by_transport_and_account(match: dict[str, Any], expected: list[str | None]) -> None:
    assert struck(plan({"do": "slow", "match": match}), [APPLY, GOALS]) == expected


def test_a_rate_is_drawn_from_the_seed() -> None:
    """The same seed strikes the same calls, another seed others; about as many as asked for."""
    rule = {"do": "soap_internal_after", "rate": 0.3}
    first = struck(plan(rule), [APPLY] * 200)

    assert first == struck(plan(rule), [APPLY] * 200)
    assert first != struck(plan(rule, seed=2), [APPLY] * 200)
    assert 40 <= 200 - first.count(None) <= 80


def test_the_first_rule_that_strikes_decides_and_the_others_count_on() -> None:
    faults = plan({"do": "empty_200", "match": {"call": 1}}, {"do": "garbage", "match": {"call": 2}})
    assert struck(faults, [APPLY] * 3) == ["empty_200", "garbage", None]


def test_a_throttle_with_a_number_strikes_as_many_calls() -> None:
    assert struck(plan({"do": "throttle_117(2)"}), [APPLY] * 3) == ["throttle_117", "throttle_117", None]
    from_second = plan({"do": "throttle_117(2)", "match": {"call": 2}})
    assert struck(from_second, [APPLY] * 4) == [None, "throttle_117", "throttle_117", None]


def test_faults_of_the_token_endpoint_strike_only_there() -> None:
    assert struck(plan({"do": "token_endpoint_500"}), [APPLY, TOKEN]) == [None, "token_endpoint_500"]
    assert struck(plan({"do": "slow", "match": {"op": "token"}}), [APPLY, TOKEN]) == [None, "slow"]


@pytest.mark.parametrize(
    ("rule", "value"),
    [({"do": "slow(2.5)"}, 2.5), ({"do": "slow", "seconds": 3}, 3.0), ({"do": "slow()"}, 5.0), ({"do": "slow"}, 5.0)],
)
def test_an_argument_is_written_in_brackets_or_by_name(rule: dict[str, Any], value: float) -> None:
    fault = plan(rule).choose(APPLY)
    assert fault is not None
    assert fault.value == value


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"do": "explode"},
        {"do": "slow(fast)"},
        {"do": "empty_200(3)"},
        {"do": "slow", "hours": 1},
        {"do": "slow", "match": {"operation": "x"}},
        {"do": "refused", "match": {"op": "GetUser"}},
        {"do": "truncated_xml", "apply": False},
        {"do": "slow", "apply": "no"},
        {"do": "slow", "match": 3},
        {"do": "slow", "match": ["op"]},
        {"do": "slow", "match": {"call": "3"}},
        {"do": "slow", "match": {"call": True}},
        {"do": "slow", "match": {"call": 0}},
        {"do": "slow", "match": {"op": 3}},
        {"do": "slow", "match": {"transport": "soup"}},
        {"do": "slow", "rate": "0.5"},
        {"do": "slow", "rate": 2},
        {"do": "slow", "times": 1.5},
        {"do": "slow", "seconds": None},
        {"do": "slow", "seconds": [1]},
        {"do": "slow", "seconds": -1},
        {"do": "slow(nan)"},
    ],
)
def test_a_wrong_rule_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"fault|connection|reply"):
        plan(rule)


def test_the_rules_in_the_documentation_are_rules() -> None:
    page = (Path(__file__).parents[2] / "docs" / "emulator.md").read_text()
    (example,) = re.findall(r"## Faults\n.*?```json\n(.*?)```", page, re.DOTALL)
    rules = json.loads(example)
    assert len(rules) == 3
    assert struck(plan(*rules), [APPLY, APPLY]) == ["slow", None]


def test_new_rules_replace_the_old_ones() -> None:
    faults = plan({"do": "empty_200"})
    faults.set([])
    assert struck(faults, [APPLY]) == [None]


def test_a_refused_connection_is_decided_before_the_call_is_known() -> None:
    faults = plan({"do": "refused(2)", "match": {"call": 2}})
    assert faults.take_refusal() is None
    faults.prepare_refusal()
    assert faults.take_refusal() == 2.0
    assert faults.take_refusal() is None
