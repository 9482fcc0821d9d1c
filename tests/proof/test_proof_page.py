"""The page states each figure as a line of its own, and says what was not run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.proof import __main__ as program
from tests.proof.page import LABELS, written
from tests.proof.part import PARTS, Part

EXHAUSTIVE = Part(
    {"scenarios": 21_000, "fault kinds": 41, "faults injected": 30, "lost": 0, "duplicated": 0, "lies": 0}
)
MACHINE = Part({"scenarios": 234, "fault kinds": 12, "steps": 7}, details=["| rows edited | 3 |"])


def test_each_figure_is_a_line_of_label_and_number() -> None:
    lines = written({"exhaustive": EXHAUSTIVE, "machine": MACHINE}, seed=5).splitlines()
    for line in ("scenarios: 21234", "fault kinds: 41", "lost: 0", "duplicated: 0", "lies: 0", "steps: 7", "seed: 5"):
        assert line in lines


def test_a_part_that_was_not_run_is_named_and_has_no_figure() -> None:
    page = written({"exhaustive": EXHAUSTIVE}, seed=1)
    assert f"Not run here: {', '.join(list(PARTS)[1:])}." in page
    for label in ("mutants killed", "sigkills", "leaked"):
        assert label in LABELS
        assert f"\n{label}: " not in page


def test_what_did_not_hold_stands_on_the_page() -> None:
    """Not every problem is a figure: a test that failed is none."""
    page = written({"exhaustive": EXHAUSTIVE, "processes": Part(problems=["a.py::test_one - AssertionError"])}, seed=1)
    assert "\nproblems: 1\n" in page
    assert "- processes: a.py::test_one - AssertionError" in page
    assert "\nproblems: 0\n" in written({"exhaustive": EXHAUSTIVE}, seed=1)


def test_every_part_has_a_title() -> None:
    parts = {name: Part(details=["One sentence."]) for name in PARTS}
    assert "Every part was run." in written(parts, seed=1)


def test_a_part_is_kept_for_exactly_the_code_it_was_run_on(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "CACHE", tmp_path / "proof")
    program._keep("exhaustive", "digest", 1, EXHAUSTIVE)
    assert program._kept("exhaustive", "digest", 1) == EXHAUSTIVE
    assert program._kept("exhaustive", "another", 1) is None
    assert program._kept("exhaustive", "digest", 2) is None
    assert program._kept("machine", "digest", 1) is None
