"""The part ``mutants``: the shipped safety rules, taken out one at a time."""

from __future__ import annotations

from typing import Final

from tests.proof.mutants import Mutant, judge, mutants
from tests.proof.part import Options, Part

__all__ = ["run"]

_UNCHANGED: Final = Mutant("unchanged", "the package as it is", ())
"""Has to survive: where it does not, or its trial does not end in time, no other death tells anything."""


def run(options: Options) -> Part:
    """Put every maintained mutant to the trial; one that survives is a problem of the proof."""
    verdicts = []
    (unchanged,) = judge([_UNCHANGED], seed=options.seed, workers=1)
    if unchanged.killed:
        return Part(problems=[f"the trial kills the package as it is, so that it proves nothing: {unchanged.evidence}"])
    for verdict in judge(mutants(), seed=options.seed, workers=options.workers):
        verdicts.append(verdict)
        options.say(f"mutants: {verdict.mutant.name} {'killed' if verdict.killed else 'SURVIVED'}: {verdict.evidence}")
    return Part(
        figures={"mutants killed": sum(one.killed for one in verdicts), "mutants total": len(verdicts)},
        problems=[f"{one.mutant.name} survived: {one.mutant.rule}" for one in verdicts if not one.killed],
        details=[f"| {one.mutant.name} | {one.mutant.rule} | {_cell(one.evidence)} |" for one in verdicts],
    )


def _cell(text: str) -> str:
    return text.replace("|", "/")
