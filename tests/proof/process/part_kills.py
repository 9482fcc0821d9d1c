"""The part ``kills`` of the proof: real uploads on PostgreSQL, killed at random moments."""

from __future__ import annotations

from typing import Any

from tests.proof.part import Options, Part
from tests.proof.process.kills import run_kills

__all__ = ["run"]


def run(options: Options) -> Part:
    """Kill 200 processes that upload 100,000 rows each time, and count."""
    found = run_kills(seed=options.seed, say=options.say)
    return Part(figures=_figures(found), problems=_problems(found), details=_details(found))


def _figures(found: dict[str, Any]) -> dict[str, int | float]:
    same = {label: found[label] for label in ("sigkills", "lost", "duplicated", "lies")}
    return {**same, "longest restart wait seconds": found["longest_restart_wait_seconds"]}


def _problems(found: dict[str, Any]) -> list[str]:
    again = f"python -m tests.proof.process.kills --seed {found['seed']} --kills {found['sigkills']}"
    broken = [f"{label}: {found[label]} ({again})" for label in ("lost", "duplicated", "lies") if found[label]]
    if found["longest_restart_wait_seconds"] > found["lease_seconds"]:
        broken.append(
            f"a restart waited {found['longest_restart_wait_seconds']} s for a lease of {found['lease_seconds']} s "
            f"({again})"
        )
    return broken


def _details(found: dict[str, Any]) -> list[str]:
    rows = {
        "processes killed": found["sigkills"],
        **{f"of these {moment}": number for moment, number in sorted(found["sigkills_by_moment"].items())},
        "uploads, each to its end": found["uploads"],
        "rows uploaded": found["rows"],
        "restarts": found["restarts"],
        "rows sent again, their call having been open at a kill": found["resent"],
        "length of the lease in seconds": found["lease_seconds"],
        "longest wait of a restart, from its start to its lease, in seconds": found["longest_restart_wait_seconds"],
        "seconds in all": found["seconds"],
    }
    return [f"| {name} | {number:,} |" for name, number in rows.items()]
