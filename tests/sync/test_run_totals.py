"""Counting: every row once, failures by their reason, the cost of calls."""

from __future__ import annotations

import pytest

from airflow_provider_bingads.domain.calls import CallResult, CallVerdict
from airflow_provider_bingads.domain.outcomes import RowState
from airflow_provider_bingads.sync.tally import COUNTERS, FAILED_STATES, RowProblem, Tally


def problem(number: int, code: int | None = 5604) -> RowProblem:
    return RowProblem("b", number, f"r{number}", "rejected", code, "Symbol", None, None, "m", "remedy", None)


def test_the_public_counters_are_the_documented_ones_in_their_order() -> None:
    documented = (
        "source_rows out_of_window skipped applied rejected invalid already_rejected duplicate superseded deferred "
        "unknown held"
    )

    assert tuple(documented.split()) == COUNTERS
    assert frozenset({RowState.REJECTED, RowState.INVALID}) == FAILED_STATES
    assert Tally().totals() == dict.fromkeys(COUNTERS, 0)


def test_outcomes_add_up() -> None:
    tally = Tally()
    tally.outcome(RowState.APPLIED, 3)
    tally.outcome(RowState.APPLIED)
    tally.outcome(RowState.HELD, 2)

    assert (tally.totals()["applied"], tally.totals()["held"]) == (4, 2)


@pytest.mark.parametrize(("rows", "to_send", "left"), [(5, 0, 1), (4, 0, 0), (3, 0, -1), (6, 2, 0), (6, 1, 1)])
def test_a_row_without_an_outcome_is_noticed(rows: int, to_send: int, left: int) -> None:
    tally = Tally()
    tally.counts.update(source_rows=rows, applied=3, skipped=1, to_send=to_send)

    assert tally.unaccounted() == left
    assert ("to_send" in tally.totals()) is (to_send > 0)


def test_failures_are_counted_by_reason_and_a_hundred_are_kept() -> None:
    tally = Tally()
    for number in range(101):
        tally.problem(problem(number))
    tally.problem(problem(200, code=None))

    assert tally.problem_rows == 102
    assert [row.index for row in tally.problems] == list(range(100))
    assert dict(tally.codes) == {(5604, "Symbol", "remedy"): 101, (None, "Symbol", "remedy"): 1}


def test_the_cost_of_calls_counts_each_repetition_and_each_pause() -> None:
    tally = Tally()
    for attempts, waited in ((1, 0.0), (3, 60.0), (0, 0.5)):
        tally.call(CallResult(CallVerdict.ANSWERED, attempts=attempts, throttle_wait_seconds=waited))

    assert (tally.calls, tally.retries, tally.throttle_wait_seconds) == (4, 2, 60.5)


def test_thresholds_look_at_what_this_dag_run_refused() -> None:
    tally = Tally(refused_before=4)
    tally.counts.update(rejected=1, invalid=2, already_rejected=9, deferred=5, unknown=6, held=7, superseded=8)

    assert tally.failed() == 7
