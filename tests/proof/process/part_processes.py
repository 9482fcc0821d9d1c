"""The part ``processes`` of the proof: the long tier of this folder's tests, and what it counted."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from tests.proof.part import Options, Part
from tests.proof.process.process_figures import VARIABLE, read
from tests.proof.process.process_tiers import VARIABLE as LONG

__all__ = ["run"]

ROOT: Final = Path(__file__).resolve().parents[3]
_FAILED: Final = re.compile(r"^(?:FAILED|ERROR) (\S+.*)$", re.MULTILINE)
_SKIPPED: Final = re.compile(r"^SKIPPED \[\d+\] \S+ (.*)$", re.MULTILINE)


def run(options: Options) -> Part:
    """Run the tests of this folder, all of them, and sum up what they counted."""
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures"
        options.say("processes: kills, freezes, outages and faults of the wire, some six minutes")
        tests = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", str(Path(__file__).parent)],
            cwd=ROOT,
            env={**os.environ, LONG: "1", VARIABLE: str(figures)},
            capture_output=True,
            text=True,
            check=False,
        )
        return _part(read(figures), tests.returncode, tests.stdout)


def _part(uploads: Iterable[Mapping[str, Any]], status: int, said: str) -> Part:
    uploads = list(uploads)
    sums = Counter[str]()
    for upload in uploads:
        sums.update({name: upload[name] for name in ("strikes", "faults", "rows", "lost", "duplicated", "lies")})
    kinds = {kind for upload in uploads for kind in upload["kinds"]}
    problems = _FAILED.findall(said)
    if status and not problems:
        problems = [f"the tests ended with {status}: {said[-500:]}"]
    return Part(
        figures={
            "scenarios": len(uploads),
            "fault kinds": len(kinds),
            "faults injected": sums["strikes"] + sums["faults"],
            "rows delivered under fault": sums["rows"],
            **{name: sums[name] for name in ("lost", "duplicated", "lies")},
        },
        problems=problems,
        details=_details(uploads, sums, kinds, said),
    )


def _details(uploads: list[Mapping[str, Any]], sums: Counter[str], kinds: set[str], said: str) -> list[str]:
    databases = Counter(str(upload["database"]) for upload in uploads)
    return [
        *(f"| uploads on {name} | {number} |" for name, number in sorted(databases.items())),
        f"| signals to processes | {sums['strikes']} |",
        f"| faults on the wire | {sums['faults']} |",
        f"| kinds of faults on the wire | {len(kinds)} |",
        *(f"| left out: {reason} | |" for reason in sorted(set(_SKIPPED.findall(said)))),
    ]
