"""The quick tier runs in every ``make test``; the long one when the environment asks for it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Final

import pytest

__all__ = ["LONG", "LONG_TIER", "VARIABLE", "long_only"]

VARIABLE: Final = "BINGADS_PROOF_LONG"
LONG: Final = bool(os.environ.get(VARIABLE))
LONG_TIER: Final = pytest.mark.skipif(not LONG, reason=f"the long tier of the proof by processes: set {VARIABLE}")
"""Marks a test of the long tier only."""


def long_only(quick: Iterable[Any], long: Iterable[Any]) -> list[Any]:
    """Return a test's parameters: the quick ones, and the others in the long tier only."""
    return [*quick, *(pytest.param(one, marks=pytest.mark.slow) for one in long if LONG)]
