"""Writes ``docs/performance.md`` from what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.plan import CALL_ROWS, LATENCY_MS
from benchmarks.targets import targets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["written"]

_TEMPLATE = (Path(__file__).parent / "page.md").read_text(encoding="utf-8")


def written(results: Mapping[str, Any]) -> str:
    """Return the page."""
    contest = results["contest"]
    few, many = results["memory"]
    ledger = results["ledger_alone"]
    return _TEMPLATE.format(
        rows=f"{contest['rest']['rows']:,}",
        call_rows=f"{CALL_ROWS:,}",
        rounds=len(contest["rest"]["all_seconds"]),
        targets=_targets(results),
        contest=_contest(contest),
        machine=_table(("", ""), results["machine"].items()),
        latency=f"{results['latency']['rows_per_second']:,.0f}",
        latency_ms=f"{LATENCY_MS:.0f}",
        cost_rounds=len(results["latency"]["all_seconds"]),
        cost=_cost(results["cost"]),
        memory=_table(
            ("rows", "peak MB", "seconds", "rows/s"),
            [_numbers(f"{run['rows']:,}", run["peak_mb"], run["seconds"], run) for run in (few, many)],
        ),
        emulator=_table(
            ("transport", "rows/s", "peak MB"),
            [
                (one["transport"].upper(), f"{one['rows_per_second']:,}", str(one["emulator_peak_mb"]))
                for one in results["emulator_alone"]
            ],
        ),
        apart=f"{contest['rest']['apart']:.1f}",
        imports=", ".join(f"{one:.1f}" for one in sorted(results["import_ms"])),
        import_count=len(results["import_ms"]),
        ledger_rows=f"{ledger['rows']:,}",
        ledger_rows_plain=ledger["rows"],
        ledger_rate=f"{ledger['rows_per_second']:,.0f}",
        look_up=f"{ledger['look_up_milliseconds']:.1f}",
    )


def _targets(results: Mapping[str, Any]) -> str:
    lines = [
        (
            target.wanted,
            target.measured,
            "met" if target.met else "**not met**",
            "" if target.margin is None else f"{target.margin - 1:+.0%}",
        )
        for target in targets(results)
    ]
    return _table(("wanted", "measured", "", "margin"), lines)


def _contest(contest: Mapping[str, Mapping[str, Any]]) -> str:
    head = ("", "seconds", "fastest to slowest", "rows/s", "against msads", "its CPU s", "emulator's CPU s", "peak MB")
    msads = contest["msads"]["rows_per_second"]
    lines = [
        (
            run["label"],
            f"{run['seconds']:.2f}",
            _range(run),
            f"{run['rows_per_second']:,.0f}",
            f"{run['rows_per_second'] / msads:.2f} x",
            f"{run['cpu_seconds']:.2f}",
            f"{run['service_cpu_seconds']:.2f}",
            f"{run['peak_mb']:.0f}",
        )
        for run in contest.values()
    ]
    return _table(head, lines)


def _cost(cost: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    lines = []
    for database, runs in cost.items():
        ledger, nothing = runs["ledger"], runs["no_ledger"]
        took = [f"{run['seconds']:.2f} ({_range(run)})" for run in (ledger, nothing)]
        lines.append((database, *took, f"{ledger['seconds'] / nothing['seconds'] - 1:+.1%}"))
    return _table(("source and ledger on", "seconds", "seconds with a ledger that records nothing", "added"), lines)


def _range(run: Mapping[str, Any]) -> str:
    return f"{min(run['all_seconds']):.2f} to {max(run['all_seconds']):.2f}"


def _numbers(rows: str, peak_mb: float, seconds: float, run: Mapping[str, Any]) -> tuple[str, ...]:
    return rows, f"{peak_mb:.1f}", f"{seconds:.1f}", f"{run['rows_per_second']:,.0f}"


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
