"""The part ``mutants``: the shipped safety rules, taken out one at a time."""

from __future__ import annotations

from tests.proof.mutants import judge, mutants
from tests.proof.part import Options, Part

__all__ = ["run"]


def run(options: Options) -> Part:
    """Put every maintained mutant to the trial; one that survives is a problem of the proof."""
    verdicts = []
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
