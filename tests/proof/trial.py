"""Runs the quick tier in a shuffled order until a scenario finds a problem; for code that is expected to fail.

Exit code 1 with the problem, 0 when none was found. Shuffled, because neighbours in the list ask much the same.
"""

from __future__ import annotations

import argparse
import random
import sys

__all__ = ["first_problem"]


def first_problem(seed: int) -> str | None:
    """Return the first problem, with its scenario; None when every scenario holds."""
    from tests.proof.generator import quick_scenarios
    from tests.proof.scenarios import run_scenario

    names = list(quick_scenarios())
    random.Random(seed).shuffle(names)
    for name in names:
        for problem in run_scenario(name).problems:
            return f"{name}: {problem.kind}: {problem.sentence}"
    return None


def main() -> int:
    """Run the trial."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seed", type=int, default=0)
    found = first_problem(arguments.parse_args().seed)
    print(found or "no scenario found a problem")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
