"""What one measurement consists of, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks import alone
from benchmarks.contest import POSTGRESQL, SQLITE, Contestant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from benchmarks.contest import Arena, Run

__all__ = ["Size", "contestants", "cost", "measure", "with_and_without"]

LATENCY_MS = 300.0
IN_FLIGHT = 4
CALL_ROWS = 1_000
_OPERATOR = "operator_run.py"
_OURS = "SELECT count(*) FROM bingads_row WHERE state = 'applied'"
_THEIRS = "SELECT count(*) FROM conversion_results WHERE status = 'applied'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured.

    :param rows: of the contest.
    :param memory_rows: few and many, between which memory must not grow.
    :param rounds: how often each contestant runs; the slowest runs once.
    :param cost_rounds: how often the operator runs with and without a ledger on each database.
    :param imports: how many processes import the operator's module.
    """

    rows: int
    memory_rows: tuple[int, int]
    rounds: int
    cost_rounds: int
    imports: int


FULL = Size(rows=200_000, memory_rows=(100_000, 2_000_000), rounds=3, cost_rounds=3, imports=9)
QUICK = Size(rows=20_000, memory_rows=(50_000, 200_000), rounds=1, cost_rounds=1, imports=3)


def contestants(vendors: Mapping[str, Path], databases: Sequence[str] = (SQLITE,)) -> dict[str, Contestant]:
    """Return everybody by the name that results bear.

    :param vendors: interpreter of each vendor package's environment.
    :param databases: kinds at hand.
    """
    found = {
        "rest": Contestant(name="operator, REST", script=_OPERATOR, recorded=_OURS),
        "soap": Contestant(name="operator, SOAP", script=_OPERATOR, recorded=_OURS, transport="soap"),
        "no_ledger": Contestant(name="operator, REST, ledger that records nothing", script=_OPERATOR, no_ledger=True),
        "msads": Contestant(
            name="script on msads (REST)", script="msads_script.py", python=vendors["msads"], recorded=_THEIRS
        ),
        "bingads": Contestant(
            name="script on bingads (SOAP)", script="bingads_script.py", python=vendors["bingads"], recorded=_THEIRS
        ),
        "floor": Contestant(name="bare floor", script="floor_script.py"),
    }
    if POSTGRESQL in databases:
        found["postgresql"] = with_and_without(POSTGRESQL)[0]
    return found


def with_and_without(database: str) -> tuple[Contestant, Contestant]:
    """Return the operator with its ledger on a database, and reading from there with a ledger that records nothing."""
    name = f"operator, REST, {database}"
    return (
        Contestant(name=name, script=_OPERATOR, recorded=_OURS, database=database),
        Contestant(name=f"{name}, no ledger", script=_OPERATOR, no_ledger=True, database=database),
    )


def measure(
    arena: Arena, everybody: Mapping[str, Contestant], size: Size, say: Callable[[str], None]
) -> dict[str, Any]:
    """Run everything and return all figures by name.

    :param say: told what runs.
    """
    say("import of the operator's module")
    results: dict[str, Any] = {"import_ms": alone.import_milliseconds(arena, size.imports)}
    for contestant in everybody.values():
        say(f"{contestant.name}: warm-up")
        arena.run(contestant, CALL_ROWS)
    results["contest"] = _contest(arena, everybody, size, say)
    results["cost"] = {database: cost(arena, database, size, say) for database in (SQLITE, *arena.servers)}
    results["latency"] = results["cost"][SQLITE]["ledger"]
    results["memory"] = []
    for rows in size.memory_rows:
        say(f"operator, REST, {rows:,} rows for memory")
        results["memory"].append(arena.run(everybody["rest"], rows).as_json())
    say("the emulator and the ledger alone")
    results["emulator_alone"] = alone.emulator_alone(size.rows)
    results["ledger_alone"] = alone.ledger_alone(size.rows)
    return results


def cost(arena: Arena, database: str, size: Size, say: Callable[[str], None]) -> dict[str, dict[str, Any]]:
    """Return the operator's typical run at latency on a database, with its ledger and without, each in turn."""
    ledger, nothing = with_and_without(database)
    arena.run(ledger, CALL_ROWS)
    runs: dict[str, list[Run]] = {"ledger": [], "no_ledger": []}
    for turn in range(size.cost_rounds):
        for name, contestant in zip(runs, (ledger, nothing), strict=True):
            say(f"{contestant.name}, {LATENCY_MS:.0f} ms latency: round {turn + 1} of {size.cost_rounds}")
            runs[name].append(arena.run(contestant, size.rows, latency_ms=LATENCY_MS))
            say(f"    {runs[name][-1].seconds:.2f} s")
    return {name: _summed_up(database, done) for name, done in runs.items()}


def _contest(
    arena: Arena, everybody: Mapping[str, Contestant], size: Size, say: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """Run everybody, round after round, so that a disturbance does not hit one contestant alone."""
    runs: dict[str, list[Run]] = {name: [] for name in everybody}
    for turn in range(size.rounds):
        for name, contestant in everybody.items():
            if turn and name == "bingads":
                continue
            say(f"{contestant.name}: round {turn + 1} of {size.rounds}")
            runs[name].append(arena.run(contestant, size.rows))
            say(f"    {runs[name][-1].seconds:.2f} s, {runs[name][-1].rows_per_second:,.0f} rows/s")
    return {name: _summed_up(everybody[name].name, done) for name, done in runs.items()}


def _summed_up(label: str, runs: list[Run]) -> dict[str, Any]:
    """Return the run of median duration, with all durations."""
    typical = sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]
    return {**typical.as_json(), "label": label, "all_seconds": [run.seconds for run in runs]}
