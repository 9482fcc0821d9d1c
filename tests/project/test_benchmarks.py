"""The measurement still measures: contestants do their duty, a page comes out, and targets tell met from missed."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from airflow_provider_bingads.sync.ports import Ledger
from benchmarks.contest import MARIADB, POSTGRESQL, Arena, Contestant, ContestFailedError, Run
from benchmarks.contestants.no_ledger import NoLedger
from benchmarks.dataset import rows
from benchmarks.page import written
from benchmarks.plan import Size, contestants, cost, with_and_without
from benchmarks.service import Service
from benchmarks.targets import targets


def figures(
    *, rest: float = 5.0, grown_mb: float = 3.0, emulator: int = 120_000, with_ledger: float = 16.4
) -> dict[str, Any]:
    """Return the results of a run in which each script took 50 s."""

    def run(seconds: float, **further: Any) -> dict[str, Any]:
        figures = {"rows": 200_000, "seconds": seconds, "rows_per_second": 200_000 / seconds, "all_seconds": [seconds]}
        costs = {"cpu_seconds": 1.0, "service_cpu_seconds": 1.0, "peak_mb": 190.0}
        costs |= {"sending_seconds": seconds, "apart": 1.0}
        return {**figures, **costs, "label": "somebody", **further}

    scripts = {"msads": run(50.0), "bingads": run(50.0)}
    ours = {"rest": run(rest), "soap": run(9.0), "no_ledger": run(3.0)}
    return {
        "contest": {**ours, **scripts, "floor": run(1.0)},
        "latency": run(16.0),
        "cost": {
            "SQLite": {"ledger": run(16.0), "no_ledger": run(16.0)},
            "PostgreSQL": {"ledger": run(with_ledger), "no_ledger": run(15.0)},
        },
        "memory": [run(5.0, rows=100_000), run(99.0, rows=2_000_000, peak_mb=190.0 + grown_mb)],
        "import_ms": [18.0, 49.0, 15.0],
        "emulator_alone": [{"transport": "rest", "rows_per_second": emulator, "emulator_peak_mb": 58}],
        "ledger_alone": {"rows": 200_000, "rows_per_second": 100_000.0, "look_up_milliseconds": 2.0},
        "machine": {"processor": "one", "memory": "1 GiB"},
    }


def test_targets_are_met_or_missed_as_measured() -> None:
    assert all(target.met for target in targets(figures()))
    worse = figures(rest=40.0, grown_mb=10.5, emulator=99_999, with_ledger=16.6)
    missed = [target for target in targets(worse) if not target.met]
    assert [target.measured for target in missed] == [
        "1.25 x",
        "+10.7% (15.00 to 16.60 s)",
        "+10.5 MB (190 to 200 MB)",
        "99,999 rows/s",
        "1.25 x",
    ]


def test_the_page_says_what_is_missed() -> None:
    assert "not met" not in written(figures())
    page = written(figures(rest=40.0))
    assert page.count("**not met**") == 2
    assert "| -84% |" in page
    assert "| PostgreSQL | 16.40 (16.40 to 16.40) | 15.00 (15.00 to 15.00) | +9.3% |" in page


def test_rows_are_the_same_in_each_run() -> None:
    first = list(rows(3))
    assert first == list(rows(5))[:3]
    assert len({row[1] for row in rows(1_000)}) == 1_000


def test_the_ledger_that_records_nothing_has_every_method_of_the_port() -> None:
    for name, method in inspect.getmembers(Ledger, inspect.isfunction):
        if not name.startswith("_"):
            assert inspect.signature(getattr(NoLedger, name)) == inspect.signature(method), name


@pytest.mark.airflow
def test_our_contestants_do_their_duty(tmp_path: Path) -> None:
    everybody = contestants({"msads": Path("none"), "bingads": Path("none")})
    with Service.running() as service:
        arena = Arena(service, tmp_path)
        for name in ("rest", "soap", "no_ledger", "floor"):
            run = arena.run(everybody[name], 1_000)
            assert run.rows_per_second > 0
        cheat = Contestant(name="cheat", script="floor_script.py", recorded="SELECT 999")
        with pytest.raises(ContestFailedError, match="recorded 999 of 1,000 rows"):
            arena.run(cheat, 1_000)


@pytest.mark.airflow
@pytest.mark.parametrize(
    ("database", "server"),
    [
        pytest.param(POSTGRESQL, "postgres_url", marks=pytest.mark.postgres),
        pytest.param(MARIADB, "mariadb_url", marks=pytest.mark.mariadb),
    ],
)
def test_servers_are_measured_as_files_are(
    request: pytest.FixtureRequest, tmp_path: Path, database: str, server: str
) -> None:
    url = make_url(request.getfixturevalue(server))
    with Service.running() as service:
        arena = Arena(service, tmp_path, {database: url.render_as_string(hide_password=False)})
        run = arena.run(with_and_without(database)[0], 1_000)
    assert run.rows_per_second > 0


class Stopwatch:
    """An arena in which the ledger costs a second, and each run takes a second longer than the one before."""

    def __init__(self) -> None:
        self.ran: list[tuple[bool, int, float]] = []

    def run(self, contestant: Contestant, rows: int, *, latency_ms: float = 0.0) -> Run:
        self.ran.append((contestant.no_ledger, rows, latency_ms))
        seconds = len(self.ran) // 2 + (0.0 if contestant.no_ledger else 1.0)
        return Run(
            name=contestant.name,
            rows=rows,
            seconds=seconds,
            cpu_seconds=0.0,
            service_cpu_seconds=0.0,
            sending_seconds=seconds,
            peak_mb=None,
        )


def test_the_ledgers_price_is_that_of_typical_runs_in_turn_at_latency() -> None:
    arena, size = Stopwatch(), Size(rows=20, memory_rows=(1, 2), rounds=1, cost_rounds=3, imports=1)
    measured = cost(arena, POSTGRESQL, size, lambda _: None)  # type: ignore[arg-type]
    assert arena.ran == [(False, 1_000, 0.0), *[(False, 20, 300.0), (True, 20, 300.0)] * 3]
    assert {name: run["all_seconds"] for name, run in measured.items()} == {
        "ledger": [2.0, 3.0, 4.0],
        "no_ledger": [1.0, 2.0, 3.0],
    }
    assert measured["ledger"]["seconds"] - measured["no_ledger"]["seconds"] == 1.0
