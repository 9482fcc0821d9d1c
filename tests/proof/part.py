"""One part of the proof: what it is asked, and what it answers with."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["PARTS", "Options", "Part", "run_part"]


@dataclass(frozen=True, slots=True)
class Options:
    """How a part is run.

    :param seed: of everything that is drawn.
    :param workers: processes at once.
    :param say: tells people how far it is.
    """

    seed: int = 1
    workers: int = 2
    say: Callable[[str], None] = print


@dataclass(slots=True)
class Part:
    """What a part came to.

    :param figures: by the label of the line they stand in, in ``docs/proof.md``; a label that several parts count
        (``faults injected``) is summed.
    :param problems: every rule that did not hold, as a sentence that says how to see it again.
    :param details: further lines for its own section of the page.
    """

    figures: Mapping[str, int | float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return it as the cache keeps it."""
        return {"figures": dict(self.figures), "problems": self.problems, "details": self.details}


PARTS: Final[Mapping[str, str]] = {
    "exhaustive": "tests.proof.exhaustive",
    "machine": "tests.proof.part_machine",
    "mutants": "tests.proof.part_mutants",
    "canaries": "tests.proof.part_canaries",
    "bad_inputs": "tests.proof.part_bad_inputs",
    "processes": "tests.proof.process.part_processes",
    "kills": "tests.proof.process.part_kills",
}
"""Name of each part -> its module, which has ``run(options: Options) -> Part``."""


def run_part(name: str, options: Options) -> Part:
    """Run one part.

    :raises ModuleNotFoundError: it is not written yet.
    """
    run: Callable[[Options], Part] = importlib.import_module(PARTS[name]).run
    return run(options)
