"""Backoff, budget and Retry-After, as tables."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from airflow_provider_bingads.domain.retry import Backoff, RetryBudget, retry_after_seconds

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("attempt", "drawn", "seconds"),
    [
        (1, 1.0, 1.0),
        (2, 1.0, 2.0),
        (3, 1.0, 4.0),
        (3, 0.5, 2.0),
        (3, 0.0, 0.0),
        (6, 1.0, 32.0),
        (7, 1.0, 60.0),
        (10_000, 1.0, 60.0),
        (0, 1.0, 1.0),
    ],
)
def test_the_bound_doubles_up_to_a_minute_and_chance_picks_below_it(attempt: int, drawn: float, seconds: float) -> None:
    assert Backoff(random=lambda: drawn).seconds(attempt) == seconds


def test_a_full_budget_pays_twenty_repetitions_and_then_none() -> None:
    budget = RetryBudget()
    assert [budget.take() for _ in range(22)] == [True] * 20 + [False] * 2
    assert budget.left == 0


def test_ten_clean_calls_pay_one_more_repetition() -> None:
    budget = RetryBudget(capacity=5)
    assert budget.take()
    for _ in range(9):
        budget.give_back()
    assert not budget.take()
    budget.give_back()
    assert budget.take()


def test_the_budget_never_holds_more_than_it_started_with() -> None:
    budget = RetryBudget()
    budget.give_back()
    assert budget.left == 100


class _CountingLock:
    def __init__(self) -> None:
        self.entered = 0

    def __enter__(self) -> None:
        self.entered += 1

    def __exit__(self, *_: object) -> None: ...


def test_the_lock_given_is_held_around_each_change() -> None:
    """Threads alone would show its absence only by chance."""
    lock = _CountingLock()
    budget = RetryBudget(lock=lock)
    budget.take()
    budget.give_back()
    assert lock.entered == 2


def test_threads_that_share_a_budget_spend_it_once() -> None:
    budget = RetryBudget(lock=threading.Lock(), capacity=500)
    granted: list[bool] = []
    threads = [threading.Thread(target=lambda: granted.extend(budget.take() for _ in range(50))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert granted.count(True) == 100


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Sat, 21 Nov 2026 12:01:30 GMT", 90.0),
        ("Sat, 21 Nov 2026 13:01:30 +0100", 90.0),
        ("Sat, 21 Nov 2026 12:01:30 -0000", 90.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("Sat, 99 Nov 2026 12:01:30 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_never_guessed(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOON) == seconds
