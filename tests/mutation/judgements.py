"""The survivors that somebody looked at and judged, kept in ``survivors.toml`` and held to each run."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.mutation.mutants import Mutant

__all__ = ["FILE", "KINDS", "Judgement", "complaints", "read_judgements", "unlisted"]

FILE: Final = Path(__file__).with_name("survivors.toml")

KINDS: Final = {
    "equivalent": "no input, however odd, makes it behave differently",
    "text": "it changes words for people only",
    "slower": "the result is the same, found with more work or kept in more memory",
    "other tests": "the tests of another part kill it, named in the reason; they are too slow for each mutant",
}
"""What a survivor may be, and what that means."""

Name = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Judgement:
    """Why a survivor may live.

    :param name: module, function and change, as ``Mutant.name`` has them.
    :param kind: one of ``KINDS``.
    :param because: the reason, a sentence.
    """

    name: Name
    kind: str
    because: str


def read_judgements(path: Path = FILE) -> list[Judgement]:
    """Return the judgements; one entry of the file may hold several changes that share a reason."""
    return [
        Judgement((entry["module"], entry["function"], change.strip()), entry["kind"], entry["because"])
        for entry in tomllib.loads(path.read_text()).get("survivor", [])
        for change in entry["changes"]
    ]


def complaints(judged: Iterable[Judgement], survivors: Iterable[Mutant], modules: Iterable[str]) -> list[str]:
    """Return what keeps a run from success, a paragraph each.

    :param modules: those that the run covered; judgements of others are left alone.
    """
    alive = {mutant.name: mutant for mutant in survivors}
    listed = {judgement.name for judgement in judged if judgement.name[0] in set(modules)}
    found = [
        f"survived and is not judged: kill it with a test, or list it in survivors.toml\n{_shown(name, alive[name])}"
        for name in alive
        if name not in listed
    ]
    gone = "is judged in survivors.toml and no longer survives: take it out"
    return found + [f"{gone}\n{_shown(name)}" for name in sorted(listed - alive.keys())]


def unlisted(judged: Iterable[Judgement], mutants: Iterable[Mutant]) -> list[Name]:
    """Return the judged changes that the code no longer has, without running anything."""
    names = {mutant.name for mutant in mutants}
    return [judgement.name for judgement in judged if judgement.name not in names]


def _shown(name: Name, mutant: Mutant | None = None) -> str:
    module, function, change = name
    line = f" (line {mutant.lines[0]})" if mutant and mutant.lines else ""
    return f"  {module}: {function or 'module level'}{line}\n" + "\n".join(
        f"    {part}" for part in change.splitlines()
    )
