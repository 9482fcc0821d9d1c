"""The environments of the vendor's two packages, with what a script needs beside them."""

from __future__ import annotations

import json
import subprocess
from importlib.metadata import version
from typing import TYPE_CHECKING

from tests.judges.environments import python_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["python_with", "versions_in"]

BESIDE = ("pandas", "sqlalchemy")


def python_with(package: str) -> Path:
    """Return the interpreter that has a vendor's package, and pandas and SQLAlchemy in the versions we have."""
    python = python_of(package)
    wanted = {name: version(name) for name in BESIDE}
    if versions_in(python, *BESIDE) != wanted:
        needed = [f"{name}=={number}" for name, number in wanted.items()]
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *needed]
        subprocess.run(pip, check=True, capture_output=True)
    return python


def versions_in(python: Path, *packages: str) -> dict[str, str]:
    """Return the versions of those packages that an environment has."""
    program = (
        "import sys, json, importlib.metadata as m\n"
        "found = {d.metadata['Name'].lower(): d.version for d in m.distributions()}\n"
        "print(json.dumps({n: found[n] for n in sys.argv[1:] if n in found}))"
    )
    done = subprocess.run([str(python), "-c", program, *packages], check=True, capture_output=True, text=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found
