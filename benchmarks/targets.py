"""What is wanted, held against what was measured."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.plan import CALL_ROWS, IN_FLIGHT, LATENCY_MS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Target", "targets"]

MOST_ADDED = 0.10


@dataclass(frozen=True, slots=True)
class Target:
    """One target.

    :param wanted: in words.
    :param measured: likewise.
    :param margin: measured divided by wanted, so that 1 or more is met; None where that says nothing.
    """

    wanted: str
    measured: str
    met: bool
    margin: float | None


def targets(results: Mapping[str, Any]) -> list[Target]:
    """Return every target of the project's first release, in the order of importance."""
    contest = results["contest"]
    rest, no_ledger, msads, bingads = (contest[name] for name in ("rest", "no_ledger", "msads", "bingads"))
    return [
        _times("REST, every outcome durable, against the `bingads` script (rows/s)", rest, bingads, 8.0),
        _times("REST, every outcome durable: done no later than the `msads` script", rest, msads, 1.0),
        _times("REST with a ledger that records nothing, against the `msads` script", no_ledger, msads, 2.0),
        _latency(results["latency"]),
        *(_cost(database, **runs) for database, runs in results["cost"].items()),
        _memory(*results["memory"]),
        _at_most(
            "importing the operator's module after `airflow.sdk`", statistics.median(results["import_ms"]), 50.0, "ms"
        ),
        *(_emulator(one) for one in results["emulator_alone"]),
        _times("moonshot: REST, every outcome durable, against the `msads` script", rest, msads, 2.0),
    ]


def _times(what: str, ours: Mapping[str, Any], theirs: Mapping[str, Any], wanted: float) -> Target:
    factor = ours["rows_per_second"] / theirs["rows_per_second"]
    return Target(f"{what}: at least {wanted:g} x", f"{factor:.2f} x", factor >= wanted, factor / wanted)


def _latency(run: Mapping[str, Any]) -> Target:
    bound = IN_FLIGHT * CALL_ROWS / (LATENCY_MS / 1000)
    reached = run["rows"] / run["sending_seconds"]
    return Target(
        f"REST at {LATENCY_MS:.0f} ms latency, {IN_FLIGHT} in flight: at least 90 % of {bound:,.0f} rows/s",
        f"{reached / bound:.1%} ({reached:,.0f} rows/s)",
        reached >= 0.9 * bound,
        reached / (0.9 * bound),
    )


def _cost(database: str, ledger: Mapping[str, Any], no_ledger: Mapping[str, Any]) -> Target:
    added = ledger["seconds"] / no_ledger["seconds"] - 1
    return Target(
        f"at {LATENCY_MS:.0f} ms latency a ledger on {database} adds to the wall time at most {MOST_ADDED:.0%}",
        f"{added:+.1%} ({no_ledger['seconds']:.2f} to {ledger['seconds']:.2f} s)",
        added <= MOST_ADDED,
        MOST_ADDED / added if added > 0 else None,
    )


def _memory(few: Mapping[str, Any], many: Mapping[str, Any]) -> Target:
    grown = many["peak_mb"] - few["peak_mb"]
    return Target(
        f"peak memory flat from {few['rows']:,} to {many['rows']:,} rows: within 10 MB",
        f"{grown:+.1f} MB ({few['peak_mb']:.0f} to {many['peak_mb']:.0f} MB)",
        grown <= 10,
        None,
    )


def _at_most(what: str, measured: float, wanted: float, unit: str) -> Target:
    return Target(f"{what}: at most {wanted:g} {unit}", f"{measured:.1f} {unit}", measured <= wanted, wanted / measured)


def _emulator(run: Mapping[str, Any]) -> Target:
    reached, wanted = run["rows_per_second"], 100_000
    return Target(
        f"the emulator alone on {run['transport'].upper()}: at least {wanted:,} rows/s",
        f"{reached:,} rows/s",
        reached >= wanted,
        reached / wanted,
    )
