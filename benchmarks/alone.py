"""Parts measured by themselves: the emulator, the ledger, the import of an operator's module."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.contest import Contestant

if TYPE_CHECKING:
    from benchmarks.contest import Arena

__all__ = ["emulator_alone", "import_milliseconds", "ledger_alone"]

HERE = Path(__file__).parent
_WRITTEN = re.compile(r"written: ([\d,]+) rows/s, ([\d.]+) microseconds")
_LOOK_UP = re.compile(r"([\d.]+) ms a look-up")


def emulator_alone(rows: int) -> list[dict[str, Any]]:
    """Return what the emulator takes a second on each transport when its client costs nothing."""
    printed = _printed("emulator_alone.py", "--rows", str(rows))
    return [json.loads(line) for line in printed.splitlines()]


def ledger_alone(rows: int) -> dict[str, float]:
    """Return what the ledger on SQLite writes a second, and how long it looks up 1,000 keys at the end."""
    printed = _printed("ledger_alone.py", "sqlite", str(rows))
    written = _WRITTEN.search(printed)
    look_ups = _LOOK_UP.findall(printed)
    assert written is not None, printed
    return {
        "rows": rows,
        "rows_per_second": float(written[1].replace(",", "")),
        "python_microseconds_a_row": float(written[2]),
        "look_up_milliseconds": float(look_ups[-1]),
    }


def import_milliseconds(arena: Arena, times: int) -> list[float]:
    """Return how long an operator's module takes to import after ``airflow.sdk``, each time in a new process."""
    contestant = Contestant(name="import", script="operator_import.py")
    arena.start(contestant, {})  # the first writes byte code and Airflow's configuration
    return [arena.start(contestant, {})["import_seconds"] * 1000 for _ in range(times)]


def _printed(script: str, *arguments: str) -> str:
    command = [sys.executable, str(HERE / script), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
