"""Runs the quick tier and some random histories, shuffled, until one finds a problem: for code that should fail.

Exit code 1 with the problem, 0 when none was found. Shuffled, because neighbours in the list ask much the same.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
from typing import Final

__all__ = ["first_problem"]

_HISTORIES: Final = 100


def first_problem(seed: int) -> str | None:
    """Return the first problem, with its scenario; None when every scenario holds."""
    from tests.proof.exhaustive import run_work
    from tests.proof.generator import quick_work
    from tests.proof.machine import live

    work = list(quick_work())
    random.Random(seed).shuffle(work)
    for piece in work:
        problems = run_work([piece]).problems
        if problems:
            return problems[0]
    _, broken = live(_HISTORIES, seed)
    return broken and broken.splitlines()[0]


def main() -> int:
    """Run the trial."""
    logging.disable(logging.CRITICAL)
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seed", type=int, default=0)
    found = first_problem(arguments.parse_args().seed)
    print(found or "no scenario found a problem")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
