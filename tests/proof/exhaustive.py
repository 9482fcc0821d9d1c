"""The part ``exhaustive``: every scenario of the long tier, on several processes."""

from __future__ import annotations

import gc
import logging
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import get_context

from tests.proof.generator import Crashes, long_work
from tests.proof.part import Options, Part
from tests.proof.scenarios import Result, run_crashes, run_scenario

__all__ = ["Tally", "run", "run_work"]

_NAMES_A_PIECE = 40
_SHOWN_PROBLEMS = 200
_SAY_EVERY_SECONDS = 30.0
Work = Crashes | str


@dataclass(slots=True)
class Tally:
    """Sums over scenarios; those whose steps never struck are not counted at all."""

    scenarios: int = 0
    faults: int = 0
    delivered: int = 0
    not_reached: int = 0
    kinds: set[str] = field(default_factory=set)
    broken: Counter[str] = field(default_factory=Counter)
    families: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """Count one scenario."""
        for problem in result.problems:
            self.broken[problem.kind] += 1
            self.problems.append(f"{result.name}: {problem.kind}: {problem.sentence}")
        if not result.reached:
            self.not_reached += 1
            return
        self.scenarios += 1
        self.faults += result.faults
        self.delivered += result.delivered
        self.kinds |= set(result.kinds)
        self.families[family(result.name)] += 1

    def join(self, other: Tally) -> None:
        """Add another tally."""
        self.scenarios += other.scenarios
        self.faults += other.faults
        self.delivered += other.delivered
        self.not_reached += other.not_reached
        self.kinds |= other.kinds
        self.broken += other.broken
        self.families += other.families
        self.problems += other.problems


def family(name: str) -> str:
    """Return what a scenario is of: entity, transport, variant and the verbs of its steps."""
    where, _, steps = name.rpartition(":")
    verbs = " + ".join(step.partition("@")[0] for step in steps.split("+") if step)
    return f"{where.replace(':', ', ')}: {verbs or 'no fault'}"


def run_work(work: Sequence[Work]) -> Tally:
    """Run some scenarios in this process."""
    tally = Tally()
    for piece in work:
        try:
            results = run_crashes(piece.prefix, piece.chosen) if isinstance(piece, Crashes) else [run_scenario(piece)]
        except Exception as error:  # noqa: BLE001 - a scenario that breaks the proof itself is a problem, not the end
            name = piece.prefix if isinstance(piece, Crashes) else piece
            tally.problems.append(f"{name}: the scenario itself failed: {type(error).__name__}: {error}")
            continue
        for result in results:
            tally.add(result)
    return tally


def run(options: Options) -> Part:
    """Run the long tier."""
    total, began, said = Tally(), time.monotonic(), time.monotonic()
    with ProcessPoolExecutor(options.workers, get_context("spawn"), initializer=_prepare_process) as pool:
        for tally in pool.map(run_work, _pieces(long_work())):
            total.join(tally)
            if time.monotonic() - said >= _SAY_EVERY_SECONDS:
                said = time.monotonic()
                options.say(f"exhaustive: {total.scenarios:,} scenarios, {len(total.problems)} problems")
    options.say(f"exhaustive: {total.scenarios:,} scenarios in {time.monotonic() - began:.0f} s")
    return _part(total)


def _part(total: Tally) -> Part:
    other = sum(number for kind, number in total.broken.items() if kind not in {"lost", "duplicated", "lie"})
    return Part(
        figures={
            "scenarios": total.scenarios,
            "fault kinds": len(total.kinds),
            "faults injected": total.faults,
            "rows delivered under fault": total.delivered,
            "lost": total.broken["lost"],
            "duplicated": total.broken["duplicated"],
            "lies": total.broken["lie"],
            "other rules broken": other,
        },
        problems=total.problems[:_SHOWN_PROBLEMS],
        details=[f"| {name} | {number:,} |" for name, number in sorted(total.families.items())],
    )


def _prepare_process() -> None:
    logging.disable(logging.CRITICAL)
    gc.freeze()
    gc.set_threshold(50_000)


def _pieces(work: Iterable[Work]) -> Iterable[list[Work]]:
    """Cut the work so that a piece takes some seconds: a try with all its crashes, or some single scenarios."""
    names: list[Work] = []
    for one in work:
        if isinstance(one, Crashes):
            yield [one]
        else:
            names.append(one)
            if len(names) == _NAMES_A_PIECE:
                yield names
                names = []
    yield list(islice(names, None))
