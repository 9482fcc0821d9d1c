"""The words and ranks that stand in ledgers: a changed one would make a ledger say something else than it was told."""

from __future__ import annotations

import pytest

from airflow_provider_bingads.domain.calls import CallResult, CallVerdict
from airflow_provider_bingads.domain.outcomes import (
    CALL_RANK,
    FORGOTTEN_CONTENT,
    ROW_RANK,
    TERMINAL_RANK,
    Counter,
    Finality,
    RowState,
    Violation,
)
from airflow_provider_bingads.domain.records import Known
from airflow_provider_bingads.domain.rows import Candidate


def test_states_and_their_ranks_are_what_they_always_were() -> None:
    assert {state.value: rank for state, rank in ROW_RANK.items()} == {
        "deferred": 10,
        "unknown": 20,
        "held": 25,
        "superseded": 30,
        "duplicate": 40,
        "invalid": 50,
        "rejected": 60,
        "applied": 100,
    }
    assert set(ROW_RANK) == set(RowState)


def test_a_row_is_judged_again_only_while_its_state_may_pass() -> None:
    passing = {state for state, rank in ROW_RANK.items() if rank < TERMINAL_RANK}

    assert passing == {RowState.DEFERRED, RowState.UNKNOWN, RowState.HELD}
    assert TERMINAL_RANK == 30


def test_the_events_of_a_call_outrank_each_other_as_they_always_did() -> None:
    ranks = {"intent": 1, "unknown": 2, "not_applied": 3, "answered": 4, "reconciled": 5}

    assert {kind.value: rank for kind, rank in CALL_RANK.items()} == ranks


def test_counters_verdicts_and_the_erased_content_have_the_words_that_are_stored() -> None:
    assert {counter.value for counter in Counter} == {"skipped", "already_rejected", "out_of_window"}
    assert {finality.value for finality in Finality} == {"final", "deferred"}
    assert FORGOTTEN_CONTENT == "0000000000000000"


def test_the_end_of_a_call_has_the_words_that_are_stored_and_cost_one_attempt_unless_told() -> None:
    assert {verdict.value for verdict in CallVerdict} == {"answered", "not_applied", "unknown"}
    assert CallResult(CallVerdict.UNKNOWN) == CallResult(
        CallVerdict.UNKNOWN, (), None, None, None, "", attempts=1, latency_ms=0, throttle_wait_seconds=0.0
    )


@pytest.mark.parametrize("state", list(RowState))
def test_only_an_invalid_event_of_the_erased_content_is_a_tombstone(state: RowState) -> None:
    assert Known(FORGOTTEN_CONTENT, state, ROW_RANK[state], "run").forgotten is (state is RowState.INVALID)
    assert Known("1" * 16, state, ROW_RANK[state], "run").forgotten is False
    assert Known("1" * 16, state, ROW_RANK[state], "run").gen == 0


def test_a_violation_is_the_data_owners_and_final_unless_it_says_otherwise() -> None:
    violation = Violation("Wrong", 5610, "ConversionValue", "amount", "is not a number", "write a number")

    assert (violation.owner, violation.finality) == ("data", Finality.FINAL)
    assert (violation.systemic, violation.undeclared) == (False, False)


@pytest.mark.parametrize(("column", "said"), [("amount", "amount is wrong"), (None, "is wrong"), ("", "is wrong")])
def test_a_violation_names_its_column_where_it_has_one(column: str | None, said: str) -> None:
    assert Violation("Wrong", None, "F", column, "is wrong", "mend it").sentence == said


def test_a_row_is_new_and_inside_its_window_unless_its_reader_says_otherwise() -> None:
    row = Candidate("1", "k", "c", {})

    assert (row.violations, row.out_of_window, row.rounded, row.gen) == ((), False, False, 0)
