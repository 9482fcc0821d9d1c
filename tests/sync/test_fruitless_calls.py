"""An account is given up after three calls in a row that applied nothing through no fault of their rows."""

from __future__ import annotations

import pytest

from airflow_provider_bingads.domain.calls import CallResult, CallVerdict, RowError
from airflow_provider_bingads.domain.outcomes import RowState
from airflow_provider_bingads.sync.breaker import Breaker
from airflow_provider_bingads.sync.entries import Verdict

UNKNOWN = Verdict(RowState.UNKNOWN)
DEFERRED = Verdict(RowState.DEFERRED)
APPLIED = Verdict(RowState.APPLIED)
REJECTED = Verdict(RowState.REJECTED, (RowError(0, 5604),))
SILENT = CallResult(CallVerdict.UNKNOWN, detail="no answer in time")

CALLS: list[tuple[list[list[Verdict | None]], bool]] = [
    ([[UNKNOWN, UNKNOWN]] * 2, False),
    ([[UNKNOWN, UNKNOWN]] * 3, True),
    ([[DEFERRED]] * 3, True),
    ([[UNKNOWN], [DEFERRED], [UNKNOWN, DEFERRED]], True),
    ([[UNKNOWN, APPLIED]] * 3, False),
    ([[UNKNOWN, REJECTED]] * 3, False),
    ([[REJECTED]] * 3, False),
    ([[UNKNOWN, None]] * 3, False),
    ([[None]] * 3, False),
    ([[]] * 3, False),
    ([[UNKNOWN], [UNKNOWN], [APPLIED], [UNKNOWN], [UNKNOWN]], False),
    ([[UNKNOWN], [UNKNOWN], [APPLIED], [UNKNOWN], [UNKNOWN], [UNKNOWN]], True),
]


@pytest.mark.parametrize(("calls", "stops"), CALLS)
def test_three_calls_in_a_row_that_applied_nothing_stop_the_account(
    calls: list[list[Verdict | None]], *, stops: bool
) -> None:
    breaker = Breaker("CampaignManagement", "ApplyThings", "148000001")
    reasons = [breaker.note(SILENT, verdicts) for verdicts in calls]

    assert reasons[:-1] == [None] * (len(calls) - 1)
    assert (reasons[-1] is not None) is stops


@pytest.mark.parametrize(
    ("verdict", "why"),
    [(UNKNOWN, "no answer in time"), (Verdict(RowState.DEFERRED, (RowError(0, 5606),)), "goal")],
)
def test_the_reason_names_operation_account_number_and_cause(verdict: Verdict, why: str) -> None:
    breaker = Breaker("CampaignManagement", "ApplyThings", "148000001")
    reason = [breaker.note(SILENT, [verdict]) for _ in range(4)][-1]

    for part in ("ApplyThings", "148000001", "the last 4 calls", why):
        assert part in str(reason)
