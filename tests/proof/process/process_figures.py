"""What the long tier counted, handed from the tests to the part of the proof that states it: a line for each upload."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.proof.process.process_stage import Stage

__all__ = ["VARIABLE", "judge", "read"]

VARIABLE: Final = "BINGADS_PROOF_FIGURES"
"""File that the figures go to; without it the tests only judge."""


def judge(stage: Stage, rows: int, seen: dict[str, float] | None = None) -> None:
    """Count an upload that is done, keep the figures, and hold it to the guarantee."""
    counted = stage.count(seen)
    struck = stage.service.control.stats()["faults"]
    if os.environ.get(VARIABLE):
        found = {
            "upload": str(stage.folder),
            "database": stage.database.name,
            "kinds": sorted(struck),
            "strikes": sum(one.strikes for one in stage.tries),
            "faults": sum(struck.values()),
            "rows": counted.due - counted.lost,
            "lost": counted.lost,
            "duplicated": counted.duplicated,
            "lies": counted.lies,
        }
        with Path(os.environ[VARIABLE]).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(found) + "\n")
    assert counted.clean, counted
    assert counted.rows == rows


def read(file: Path) -> list[Mapping[str, Any]]:
    """Return the figures of each upload; one that was counted twice stands as it was counted last."""
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return list({found["upload"]: found for found in map(json.loads, lines)}.values())
