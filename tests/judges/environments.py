"""Builds one environment for each vendor package, since the two share a top-level name.

``python tests/judges/environments.py`` builds both. They stand under ``.cache/`` in the checkout, are brought to the
newest version on each call, and are left as they are where the registry cannot be reached.
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PACKAGES", "EnvironmentUnavailableError", "python_of"]

PACKAGES: Final = ("bingads", "msads")
CACHE: Final = Path(__file__).resolve().parents[2] / ".cache"


class EnvironmentUnavailableError(RuntimeError):
    """The vendor's package is not installed, and cannot be."""


def python_of(package: str, cache: Path = CACHE) -> Path:
    """Return the interpreter of the environment that holds the newest version of a package.

    :raises EnvironmentUnavailableError: with the reason and what to do.
    """
    python = cache / f".venv-{package}" / "bin" / "python"
    with _alone(cache / f".venv-{package}.lock"):
        if not python.exists():
            _run([sys.executable, "-m", "venv", "--clear", str(python.parents[1])], package)
        try:
            pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--upgrade"]
            _run([*pip, package], package)
        except EnvironmentUnavailableError:
            if not _has(python, package):
                raise
    return python


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process at a time change an environment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _has(python: Path, package: str) -> bool:
    found = [str(python), "-m", "pip", "--disable-pip-version-check", "show", "--quiet", package]
    return subprocess.run(found, capture_output=True, check=False).returncode == 0


def _run(command: list[str], package: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        raise EnvironmentUnavailableError(
            f"The vendor's package {package} cannot be installed ({'; '.join(said) or 'no reason given'}): give pip"
            " access to a package registry."
        )


def main() -> int:
    """Build the environments named on the command line, or both."""
    for package in sys.argv[1:] or PACKAGES:
        sys.stdout.write(f"{package}: {python_of(package)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
