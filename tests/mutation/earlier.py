"""The kills of earlier runs, so that a run after a few new tests need not repeat them (``--resume``).

A kill is taken for granted while its module is unchanged. Only a test that was weakened or taken out could undo one,
which a run without ``--resume`` shows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

from tests.mutation.mutants import Mutant

__all__ = ["KILLS", "earlier_kills", "name_digest", "remember_kills"]

KILLS: Final = Path(".cache") / "mutants.json"


def earlier_kills(file: Path, module: str, source: str) -> frozenset[str]:
    """Return the digests of a module's killed mutants, none where the module has changed since."""
    known = _read(file).get(module, {})
    return frozenset(known["killed"] if known.get("source") == _digest(source) else ())


def remember_kills(file: Path, module: str, source: str, killed: Iterable[Mutant]) -> None:
    """Keep a module's kills in place of those of the run before."""
    entry = {"source": _digest(source), "killed": sorted(name_digest(mutant) for mutant in killed)}
    file.parent.mkdir(parents=True, exist_ok=True)
    whole = file.with_suffix(f".{os.getpid()}")  # a second run must never read half a file
    whole.write_text(json.dumps({**_read(file), module: entry}))
    whole.replace(file)


def name_digest(mutant: Mutant) -> str:
    """Return what stands for a mutant in the file."""
    return _digest("\n".join(mutant.name))


def _read(file: Path) -> dict[str, dict[str, object]]:
    known: dict[str, dict[str, object]] = json.loads(file.read_text()) if file.exists() else {}
    return known


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]
