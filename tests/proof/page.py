"""Writes ``docs/proof.md`` from what the parts counted.

Figures of the labels below stand first, in this order; whatever else a part counts follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.proof.part import PARTS, Part

__all__ = ["LABELS", "written"]

LABELS = (
    "scenarios", "fault kinds", "faults injected", "rows delivered under fault", "lost", "duplicated", "lies",
    "other rules broken", "bad inputs tried", "canaries planted", "leaked", "mutants killed", "mutants total",
    "sigkills", "longest restart wait seconds",
)  # fmt: skip
_LARGEST = frozenset({"fault kinds", "longest restart wait seconds"})
_TEMPLATE = Path(__file__).with_name("page.md").read_text(encoding="utf-8")
_SHOWN_PROBLEMS = 50
_TITLES = {
    "exhaustive": "Scenarios by family",
    "machine": "Random layer",
    "mutants": "Mutants",
    "canaries": "Canaries",
    "bad_inputs": "Bad inputs",
    "processes": "Processes",
    "kills": "SIGKILL",
}


def written(parts: Mapping[str, Part], seed: int) -> str:
    """Return the page.

    :param parts: those that were run, by name.
    """
    missing = [name for name in PARTS if name not in parts]
    problems = [f"- {name}: {' '.join(problem.split())}" for name in parts for problem in parts[name].problems]
    return _TEMPLATE.format(
        figures="\n".join([*_figures(parts.values()), f"problems: {len(problems)}", f"seed: {seed}"]),
        problems="\n".join(["\nWhat did not hold:\n", *problems[:_SHOWN_PROBLEMS], ""]) if problems else "",
        missing=f"Not run here: {', '.join(missing)}." if missing else "Every part was run.",
        sections="\n\n".join(_section(name, parts[name]) for name in PARTS if name in parts and parts[name].details),
    )


def _figures(parts: Iterable[Part]) -> list[str]:
    lines = []
    found = list(parts)
    further = dict.fromkeys(label for part in found for label in part.figures if label not in LABELS)
    for label in (*LABELS, *further):
        numbers = [part.figures[label] for part in found if label in part.figures]
        if numbers:
            number = max(numbers) if label in _LARGEST else sum(numbers)
            lines.append(f"{label}: {number:g}" if isinstance(number, float) else f"{label}: {number}")
    return lines


def _section(name: str, part: Part) -> str:
    body = "\n".join(part.details)
    if body.startswith("|"):
        columns = len(part.details[0].split(" | "))
        body = f"|{' |' * columns}\n|{'---|' * columns}\n{body}"
    return f"## {_TITLES[name]}\n\n{body}"
