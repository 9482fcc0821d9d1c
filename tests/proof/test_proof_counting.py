"""The proof's own counting: it finds what it counts, on worlds that were made wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Self

import pytest

from tests.proof import part_machine, part_mutants
from tests.proof.case import case_of
from tests.proof.invariants import check
from tests.proof.machine import Lived
from tests.proof.mutants import Mutant, Verdict
from tests.proof.part import Options
from tests.proof.world import World, usual_rows

CASE = case_of("offline_conversions")


@pytest.fixture
def world() -> Iterator[World]:
    made = World.fresh(CASE, "rest", usual_rows(CASE))
    assert made.attempt().ok
    yield made
    made.witness.close()


def kinds(world: World) -> set[str]:
    return {problem.kind for problem in check(world)}


def test_nothing_is_found_where_nothing_is_wrong(world: World) -> None:
    world.settle()
    assert check(world) == []


def test_rows_sent_again_after_their_answer_was_recorded_are_duplicates(world: World) -> None:
    """The service keeps the first of each, so that only its journal can tell."""
    with closing(sqlite3.connect(world.ledger_file)) as ledger:
        ledger.execute("DELETE FROM bingads_row WHERE state = 'applied'")
        ledger.commit()
    world.next_dag_run()
    world.settle()
    assert "duplicated" in kinds(world)


def test_a_row_of_the_source_that_the_service_never_got_is_lost(world: World) -> None:
    world.settle()
    world.rows.append(CASE.valid(50))
    assert {"lost", "lie"} <= kinds(world)


def test_what_the_service_holds_and_the_source_never_had_is_a_lie(world: World) -> None:
    world.settle()
    world.rows.pop(0)
    assert kinds(world) == {"lie"}


def test_a_broken_history_shows_in_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = "lost: order-1 is valid and not at the service; lie: order-1 is recorded as applied"

    class OneByOne:
        def __init__(self, *_arguments: object, **_named: object) -> None: ...
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_exception: object) -> None: ...
        def map(self, _work: object, seeds: Sequence[int]) -> list[tuple[Lived, str | None]]:
            return [(Lived(histories=1), broken if seed == seeds[0] else None) for seed in seeds]

    monkeypatch.setattr(part_machine, "ProcessPoolExecutor", OneByOne)
    part = part_machine.run(Options(say=lambda _: None))
    assert len(part.problems) == 1
    assert [part.figures[name] for name in ("lost", "duplicated", "lies")] == [1, 0, 1]


def test_mutants_prove_nothing_where_the_trial_kills_the_package_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken trial, or one that does not end in time, would kill every mutant."""

    def judge(chosen: Sequence[Mutant], **_: object) -> Iterator[Verdict]:
        yield from (Verdict(mutant, True, "the trial did not end") for mutant in chosen)

    monkeypatch.setattr(part_mutants, "judge", judge)
    part = part_mutants.run(Options(say=lambda _: None))
    assert (len(part.problems), dict(part.figures)) == (1, {})


def test_duplicates_that_were_counted_and_never_recorded_are_a_lie(world: World) -> None:
    with closing(sqlite3.connect(world.ledger_file)) as ledger:
        ledger.execute("DELETE FROM bingads_row WHERE state = 'duplicate'")
        ledger.commit()
    assert kinds(world) == {"lie"}
