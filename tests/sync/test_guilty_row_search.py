"""The search for the guilty row of a refused batch: halves, and no more calls than it may cost."""

from __future__ import annotations

import pytest

from airflow_provider_bingads.domain.outcomes import RowState
from airflow_provider_bingads.domain.rows import Batch, Candidate
from airflow_provider_bingads.sync.bisection import NOT_FOUND, Bisection


def batch(name: str, size: int) -> Batch:
    return Batch(name, [Candidate(f"{name}{number}", "k", "c", {}) for number in range(size)], 0)


@pytest.mark.parametrize(("size", "parts"), [(2, (1, 1)), (3, (2, 1)), (10, (5, 5)), (11, (6, 5))])
def test_a_batch_is_halved_in_order_and_the_first_half_is_not_the_smaller(size: int, parts: tuple[int, int]) -> None:
    whole = batch("a", size)
    halves = Bisection().halves(whole)

    assert tuple(map(len, halves)) == parts
    assert [row for half in halves for row in half] == whole.rows


def test_one_refused_batch_costs_sixty_four_calls_at_most_and_another_begins_anew() -> None:
    search = Bisection()
    root = batch("root", 1000)
    pairs = 0
    part = root
    while search.halves(part):
        pairs += 1
        child = batch(f"part{pairs}", 2)
        search.descend(child, part)
        part = child

    assert 2 * pairs == 64
    assert search.halves(root) == search.halves(part) == ()
    assert search.halves(batch("another", 2))


def test_a_row_still_under_suspicion_waits_for_the_next_run() -> None:
    assert (NOT_FOUND.state, NOT_FOUND.error_code) == (RowState.DEFERRED, "RefusedWithItsBatch")
    assert NOT_FOUND.message


def test_a_part_learns_whether_another_part_of_its_batch_was_answered() -> None:
    """Its own answer counts for the parts after it only, and a batch that is no part has no others."""
    search = Bisection()
    root, other_root = batch("root", 4), batch("other root", 4)
    first, second, stranger = batch("first", 2), batch("second", 2), batch("stranger", 2)
    search.descend(first, root)
    search.descend(second, root)
    search.descend(stranger, other_root)

    assert not search.others_pass(root, answered=True)
    assert not search.others_pass(second, answered=False)
    assert not search.others_pass(first, answered=True)
    assert search.others_pass(second, answered=False)
    assert search.others_pass(first, answered=True)
    assert not search.others_pass(stranger, answered=True)
    assert not search.others_pass(root, answered=False)


def test_parts_of_parts_belong_to_the_first_batch() -> None:
    search = Bisection()
    root, part, leaf = batch("root", 4), batch("part", 2), batch("leaf", 1)
    search.descend(part, root)
    search.descend(leaf, part)
    search.others_pass(part, answered=True)

    assert search.others_pass(leaf, answered=False)
