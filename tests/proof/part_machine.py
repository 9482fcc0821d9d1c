"""The part ``machine``: random histories, on several processes with seeds of their own."""

from __future__ import annotations

import logging
import re
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final

from tests.proof.machine import Lived, live
from tests.proof.part import Options, Part

__all__ = ["run"]

_HISTORIES: Final = 500
_PIECES: Final = 10
_KIND: Final = re.compile(r"\b(lost|duplicated|lie): ")


def run(options: Options) -> Part:
    """Live through five hundred histories."""
    seeds = [options.seed * 1000 + piece for piece in range(_PIECES)]
    total, problems = Lived(), []
    with ProcessPoolExecutor(options.workers, get_context("spawn")) as pool:
        for seed, (lived, broken) in zip(seeds, pool.map(_piece, seeds), strict=True):
            total.join(lived)
            options.say(f"machine: {total.histories:,} histories, {total.steps:,} steps")
            if broken is not None:
                problems.append(f"history of seed {seed}: {broken}")
    kinds: Counter[str] = total.kinds
    broken_rules = Counter(_KIND.findall(" ".join(problems)))
    return Part(
        figures={
            "scenarios": total.troubled,
            "faults injected": total.faults,
            "rows delivered under fault": total.delivered,
            "lost": broken_rules["lost"],
            "duplicated": broken_rules["duplicated"],
            "lies": broken_rules["lie"],
            "random histories": total.histories,
            "steps of random histories": total.steps,
        },
        problems=problems,
        details=[f"| {kind} | {number:,} |" for kind, number in sorted(kinds.items())],
    )


def _piece(seed: int) -> tuple[Lived, str | None]:
    logging.disable(logging.CRITICAL)
    return live(_HISTORIES // _PIECES, seed)
