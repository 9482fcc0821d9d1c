"""Would the proof notice? Each maintained mutant breaks one safety rule in a copy of the package and is put through it.

A mutant is killed by the first scenario that finds a problem, by a program that fails, or by one that does not end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["PACKAGE", "Edit", "Mutant", "Verdict", "judge", "misplaced", "mutants"]

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = "airflow_provider_bingads"
_LIST: Final = Path(__file__).with_name("mutants.toml")
_SECONDS: Final = 600.0
"""More than the whole trial takes: what has not ended by then goes round in circles."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement in one file of the package."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A safety rule, and how it is broken."""

    name: str
    rule: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant.

    :param killed: the proof noticed.
    :param evidence: the first problem it found, in one line.
    """

    mutant: Mutant
    killed: bool
    evidence: str


def mutants() -> tuple[Mutant, ...]:
    """Return the maintained list."""
    listed = tomllib.loads(_LIST.read_text())["mutant"]
    return tuple(Mutant(it["name"], it["rule"], tuple(Edit(**edit) for edit in it["edit"])) for it in listed)


def misplaced(mutant: Mutant, package: Path = ROOT / PACKAGE) -> list[str]:
    """Name the files of edits whose old text does not stand there exactly once: the code has moved on."""
    return [edit.file for edit in mutant.edits if (package / edit.file).read_text().count(edit.old) != 1]


def judge(chosen: Sequence[Mutant], *, seed: int, workers: int) -> Iterator[Verdict]:
    """Put mutants to the trial.

    :param seed: of the order in which the scenarios are tried.
    :param workers: processes at once.
    """
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(lambda mutant: _judge_one(mutant, seed), chosen)


def _judge_one(mutant: Mutant, seed: int) -> Verdict:
    with _mutated(mutant) as folder:
        command = [sys.executable, "-m", "tests.proof.trial", "--seed", str(seed)]
        try:
            ended = subprocess.run(
                command,
                cwd=folder,
                env=_environment(folder),
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Verdict(mutant, True, "the trial did not end")
    lines = (ended.stdout if ended.returncode == 1 else ended.stderr).strip().splitlines()
    return Verdict(mutant, ended.returncode != 0, lines[-1][:300] if lines else f"exit code {ended.returncode}")


@contextmanager
def _mutated(mutant: Mutant) -> Iterator[Path]:
    """Copy the package, change it, and put the tests beside it."""
    with tempfile.TemporaryDirectory(prefix="bingads-mutant-") as name:
        folder = Path(name)
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / PACKAGE, folder / PACKAGE, ignore=ignore)
        (folder / "tests").symlink_to(ROOT / "tests")
        for edit in mutant.edits:
            file = folder / PACKAGE / edit.file
            text = file.read_text()
            if text.count(edit.old) != 1:
                raise ValueError(f"Mutant {mutant.name} no longer fits {edit.file}; mend it in {_LIST.name}.")
            file.write_text(text.replace(edit.old, edit.new))
        yield folder


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
