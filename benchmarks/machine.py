"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import sqlite3
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.vendors import versions_in

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["described"]

_PACKAGES = ("airflow-provider-bingads", "apache-airflow", "apache-airflow-task-sdk", "sqlalchemy", "httpx", "zeep")


def described(vendors: Mapping[str, Path]) -> dict[str, str]:
    """Return facts about machine and software, in the order they are shown."""
    software = {name: version(name) for name in _PACKAGES}
    for package, python in vendors.items():
        software |= versions_in(python, package)
    return {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": _memory(),
        "system": f"{platform.system()} {platform.release()}",
        "load before the run": f"{os.getloadavg()[0]:.2f}",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "packages": ", ".join(f"{name} {number}" for name, number in software.items()),
    }


def _processor() -> str:
    return _field("/proc/cpuinfo", "model name") or platform.processor() or platform.machine()


def _memory() -> str:
    kibibytes = _field("/proc/meminfo", "MemTotal").split(" ")[0]
    return f"{int(kibibytes) / 1024**2:.0f} GiB" if kibibytes else "not known"


def _field(path: str, name: str) -> str:
    if not Path(path).exists():
        return ""
    pairs = (line.partition(":") for line in Path(path).read_text(encoding="utf-8").splitlines())
    return next((value.strip() for key, _, value in pairs if key.strip() == name), "")
