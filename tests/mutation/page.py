"""Writes docs/mutation.md: what was changed, what the tests noticed, and each survivor with its judgement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from tests.mutation.judgements import KINDS, Judgement
from tests.mutation.runner import EXAMPLES, Verdict

__all__ = ["PAGE", "figures", "page"]

PAGE: Final = Path("docs") / "mutation.md"

_HEAD: Final = """# What the tests would notice: mutants of the rules

`make mutants` changes the rules (`domain/`) and the orchestration (`sync/`) one place at a time and runs the tests of
`tests/domain`, `tests/entities` and `tests/sync` that meet the changed line. A change that no test notices survives:
it is a missing test, or a judgement below says why it may live. The command fails for a survivor without a judgement
and for a judgement without a survivor; it writes this page.

"""

_RULES: Final = f"""
## What is changed

The operators of [mutmut](https://github.com/boxed/mutmut): comparisons and their boundaries, arithmetic, booleans,
constants, names and keys, arguments, assignments, conditional expressions, `break` and `continue`. And our own:
conditions negated, operands of `and` and `or` left out, results not returned, calls and `raise` left out, exceptions
not caught, `min` and `max`, `any` and `all` exchanged. Tables and expressions at module level are changed like code in
functions, which is why the mutants run in a runner of ours: each in a process forked before anything of the package
was imported. A property test tries {EXAMPLES} examples a mutant, always the same ones.

Left out by rule: words for people (a literal with a space in it that is no regular expression, and f-strings),
annotations, decorators, docstrings, imports, `__all__`, `__slots__`, blocks for the type checker; a positional argument
is exchanged for `None` but not taken out.

A mutant that runs out of time, or of memory, is counted as killed.
"""


def figures(verdicts: Sequence[Verdict], judged: Sequence[Judgement]) -> dict[str, int]:
    """Return the counts that the page begins with."""
    survivors = {verdict.mutant.name for verdict in verdicts if verdict.survived}
    accepted = survivors & {judgement.name for judgement in judged}
    return {
        "mutants": len(verdicts),
        "killed": len(verdicts) - len(survivors),
        "survived": len(survivors),
        "survivors judged": len(accepted),
        "survivors not judged": len(survivors - accepted),
    }


def page(verdicts: Sequence[Verdict], judged: Sequence[Judgement]) -> str:
    """Return the whole page."""
    lines = [f"    {label}: {number}" for label, number in figures(verdicts, judged).items()]
    return _HEAD + "\n".join(lines) + "\n" + _RULES + _by_module(verdicts) + _survivors(judged)


def _by_module(verdicts: Sequence[Verdict]) -> str:
    total: Counter[str] = Counter(verdict.mutant.module for verdict in verdicts)
    alive: Counter[str] = Counter(verdict.mutant.module for verdict in verdicts if verdict.survived)
    rows = [
        f"| `{module}` | {number:,} | {number - alive[module]:,} | {alive[module]:,} |"
        for module, number in sorted(total.items())
    ]
    return "\n".join(["\n## By module\n", "| module | mutants | killed | survived |", "|---|---|---|---|", *rows, ""])


def _survivors(judged: Sequence[Judgement]) -> str:
    text = "\n## The survivors\n\n"
    text += "".join(f"* **{kind}**: {meaning}.\n" for kind, meaning in KINDS.items())
    for (module, function), group in groupby(
        sorted(judged, key=lambda one: one.name[:2]), key=lambda one: one.name[:2]
    ):
        text += f"\n### {module}" + (f": {function}\n" if function else "\n")
        for (kind, because), ones in groupby(group, key=lambda one: (one.kind, one.because)):
            changes = "\n\n".join(one.name[2] for one in ones)
            text += f"\n**{kind}**: {because}\n\n```diff\n{changes}\n```\n"
    return text
