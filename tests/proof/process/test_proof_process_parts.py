"""What the part of the proof says of the tests that it ran."""

from __future__ import annotations

import json
from pathlib import Path

from tests.proof.process.part_processes import _part
from tests.proof.process.process_figures import read

UPLOAD = {
    "upload": "one",
    "database": "sqlite",
    "kinds": ["slow"],
    "strikes": 2,
    "faults": 3,
    "rows": 100,
    "lost": 0,
    "duplicated": 0,
    "lies": 0,
}


def test_an_upload_counted_twice_stands_once(tmp_path: Path) -> None:
    lines = [UPLOAD, {**UPLOAD, "upload": "two"}, {**UPLOAD, "faults": 4}]
    file = tmp_path / "figures"
    file.write_text("\n".join(json.dumps(line) for line in lines), "utf-8")
    assert sorted(found["faults"] for found in read(file)) == [3, 4]
    assert read(tmp_path / "absent") == []


def test_figures_are_summed() -> None:
    part = _part([UPLOAD, {**UPLOAD, "upload": "two", "kinds": ["slow", "garbage"], "lies": 1}], 0, "")
    assert part.problems == []
    assert part.figures["scenarios"] == 2
    assert part.figures["fault kinds"] == 2
    assert part.figures["faults injected"] == 10
    assert part.figures["lies"] == 1


def test_failed_tests_are_problems_and_what_was_left_out_is_said() -> None:
    said = "FAILED a.py::test_one[x] - AssertionError\nSKIPPED [1] b.py:1: no MariaDB\n1 failed\n"
    part = _part([], 1, said)
    assert part.problems == ["a.py::test_one[x] - AssertionError"]
    assert "| left out: no MariaDB | |" in part.details


def test_a_run_that_broke_is_a_problem() -> None:
    assert _part([], 4, "usage: pytest").problems == ["the tests ended with 4: usage: pytest"]
