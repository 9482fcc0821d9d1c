"""The proof by kills, small: the same code that ``make prove`` runs with 200 kills of 100,000 rows."""

from __future__ import annotations

import random

import pytest

from tests.proof.process import part_kills
from tests.proof.process.kills import Kills
from tests.proof.process.process_stage import Stage, Timing

FOUND = {
    "sigkills": 200,
    "sigkills_by_moment": {"in its first second": 200},
    "uploads": 9,
    "restarts": 200,
    "rows": 900_000,
    "resent": 5,
    "lost": 0,
    "duplicated": 0,
    "lies": 0,
    "longest_restart_wait_seconds": 1.5,
    "lease_seconds": 2.0,
    "seconds": 900.0,
    "seed": 1,
}


@pytest.mark.postgres
def test_killed_uploads_lose_and_double_nothing(postgres_stage: Stage) -> None:
    """The lease is longer than a process takes to start even on a busy machine."""
    said: list[str] = []
    postgres_stage.timing = Timing(3.0, 5.0)
    kills = Kills(postgres_stage, 5_000, 3, random.Random(3), said.append)
    kills.run()
    assert kills.killed.total() == 3
    assert kills.counted.clean, kills.counted
    assert kills.counted.rows == 5_000 * kills.uploads
    assert kills.uploads == len(said)


def test_the_part_passes_the_figures_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_kills, "run_kills", lambda **_: FOUND)
    part = part_kills.run(part_kills.Options())
    assert part.problems == []
    assert part.figures["sigkills"] == 200
    assert part.figures["longest restart wait seconds"] == 1.5


@pytest.mark.parametrize(
    "wrong", [{"lost": 1}, {"duplicated": 2}, {"lies": 3}, {"longest_restart_wait_seconds": 2.001}]
)
def test_the_part_names_what_did_not_hold(monkeypatch: pytest.MonkeyPatch, wrong: dict[str, float]) -> None:
    monkeypatch.setattr(part_kills, "run_kills", lambda **_: {**FOUND, **wrong})
    assert len(part_kills.run(part_kills.Options()).problems) == 1
