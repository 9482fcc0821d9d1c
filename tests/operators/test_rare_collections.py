"""While rows are delivered, Python looks for unreachable cycles less often, and as often as before afterwards."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from airflow_provider_bingads.operators.runtime import rare_collections

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def usual() -> Iterator[tuple[int, int, int]]:
    before = gc.get_threshold()
    gc.set_threshold(700, 11, 12)
    yield gc.get_threshold()
    gc.set_threshold(*before)


def test_collections_are_rare_inside_and_as_before_outside(usual: tuple[int, int, int]) -> None:
    with rare_collections():
        assert gc.get_threshold() == (100_000, 11, 12)
    assert gc.get_threshold() == usual


@pytest.mark.parametrize("chosen", [0, 1_000_000])
def test_a_process_that_chose_rarer_ones_or_none_keeps_them(chosen: int) -> None:
    gc.set_threshold(chosen)
    with rare_collections():
        assert gc.get_threshold()[0] == chosen
