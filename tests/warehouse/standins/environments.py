"""Builds the environments that hold other warehouses' SQLAlchemy packages, whose pins do not go with each other's.

``python -m tests.warehouse.standins.environments`` builds them all. They stand under ``.cache/`` in the checkout and
are built once, anew only when what they hold changes.
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

__all__ = ["DIALECTS", "ROOT", "SNOWFLAKE", "EnvironmentUnavailableError", "python_of"]

ROOT: Final = Path(__file__).resolve().parents[3]
CACHE: Final = ROOT / ".cache"
DIALECTS: Final = "dialects"
SNOWFLAKE: Final = "snowflake"
_HELD: Final[dict[str, tuple[str, ...]]] = {
    # the vendors' dialects and a parser of their SQL
    DIALECTS: (
        "sqlalchemy-bigquery==1.17.3",
        "databricks-sqlalchemy==2.0.10",
        "sqlalchemy-redshift==1.0.0",
        "psycopg2-binary",
        "sqlglot==30.22.0",
    ),
    # what a user of Airflow's Snowflake provider has, and a Snowflake in this process
    SNOWFLAKE: ("apache-airflow-providers-snowflake==6.20.0", "fakesnow==0.12.1"),
}


class EnvironmentUnavailableError(RuntimeError):
    """An environment is not there and cannot be built."""


def python_of(name: str, cache: Path = CACHE) -> Path:
    """Return the interpreter of an environment, which is built where it is missing.

    :param name: DIALECTS or SNOWFLAKE.
    :raises EnvironmentUnavailableError: with the reason and what to do.
    """
    folder = cache / f".venv-{name}"
    python, mark = folder / "bin" / "python", folder / ".holds"
    wanted = _requirements(name)
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f".venv-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one process of a parallel run builds it
        if not mark.exists() or mark.read_text(encoding="utf-8").split("\n") != wanted:
            _run(name, [sys.executable, "-m", "venv", "--clear", str(folder)])
            _install(name, python, wanted)
            mark.write_text("\n".join(wanted), encoding="utf-8")
    return python


def _requirements(name: str) -> list[str]:
    if name != SNOWFLAKE:
        return list(_HELD[name])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = re.findall(r"^apache-airflow==.*$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    return [*_HELD[name], *pinned, *project["dependencies"]]


def _install(name: str, python: Path, wanted: list[str]) -> None:
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--python", str(python), *wanted]
    try:
        _run(name, uv)
    except (EnvironmentUnavailableError, FileNotFoundError):  # uv reads no pip.conf, which may name the index
        _run(name, [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *wanted])


def _run(name: str, command: list[str]) -> None:
    environment = {"UV_CACHE_DIR": str(CACHE / "uv"), **os.environ}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        said = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        raise EnvironmentUnavailableError(
            f"the packages for {name} cannot be installed ({'; '.join(said) or 'no reason given'}); give pip access to "
            "a package registry"
        )


def main() -> int:
    """Build the environments named on the command line, or all."""
    for name in sys.argv[1:] or _HELD:
        sys.stdout.write(f"{name}: {python_of(name)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
