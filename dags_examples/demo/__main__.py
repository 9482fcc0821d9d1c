"""Sends 70,159 conversions through real Airflow to an emulated service, then again, then through a crash."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from dags_examples.demo import goals, service, warehouse
from dags_examples.demo.airflow_runs import AirflowHome, Run
from dags_examples.demo.report import query, show_reasons, show_summary, show_totals

if TYPE_CHECKING:
    from airflow_provider_bingads.emulator.testing import EmulatorControl

DAG_ID = "offline_conversions"
CONN_ID = "bingads_default"
FIRST, CRASH = "first", "crash"
KILL_AT = 0.4
"""Share of the rows the service must have received before the run is killed."""
LATENCY_MS = 200
"""Of each reply while a run is being killed; about what a far service takes."""
OPEN_ROWS = """
SELECT coalesce(sum(n_rows), 0) FROM bingads_batch WHERE batch_id IN (
    SELECT batch_id FROM bingads_call GROUP BY batch_id, call_id HAVING max(event = 'intent') AND count(*) = 1
)
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """An emulated service, a warehouse and an Airflow, ready for the DAG."""

    emulator: EmulatorControl
    warehouse: Path
    airflow: AirflowHome
    rows: int

    def watch(self, console: Console, run: Run, what: str) -> float:
        """Wait for a run behind a progress bar fed by what the service holds; return its duration in seconds."""
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console) as progress:
            bar = progress.add_task(what, total=self.rows)
            return run.wait(lambda: progress.update(bar, completed=self.applied()))

    def applied(self) -> int:
        """Return how many conversions the service holds."""
        return int(self.emulator.stats()["keys_applied"])

    def apply_calls(self) -> int:
        """Return how many upload calls the service has received."""
        return int(self.emulator.stats()["calls_by_operation"].get("ApplyOfflineConversions", 0))


def main() -> None:
    """Run the demo."""
    arguments = _arguments()
    console = Console()
    for stage_name in (FIRST, CRASH):
        shutil.rmtree(arguments.output / stage_name, ignore_errors=True)
    started = time.monotonic()
    with ExitStack() as at_end:
        stage = prepare(console, arguments.output / FIRST, arguments.rows, at_end)
        send_everything(console, stage)
        send_again(console, stage)
        crash = prepare(console, arguments.output / CRASH, arguments.rows, at_end, airflow=stage.airflow.folder)
        survived = survive_a_crash(console, crash)
        console.rule(f"Done in {time.monotonic() - started:.0f} s")
        say_where_to_look(console, stage)
        if arguments.keep:
            keep(console, stage)
    sys.exit(0 if survived else 1)


def prepare(console: Console, folder: Path, rows: int | None, at_end: ExitStack, airflow: Path | None = None) -> Stage:
    """Start a service, create its goals, build a warehouse, and make an Airflow for them.

    :param airflow: home to copy instead of setting one up.
    """
    console.rule(f"Setting the stage in {folder}")
    if airflow is not None:
        shutil.copytree(airflow, folder / "airflow", ignore=shutil.ignore_patterns("*.log", "logs"))
    folder.mkdir(parents=True, exist_ok=True)
    emulator = at_end.enter_context(service.running(seed=1 if airflow is None else 2))
    console.print(f"  the emulated service listens on {emulator.url}")
    path = (folder / "warehouse.db").resolve()
    home = AirflowHome(
        (folder / "airflow").resolve(),
        {CONN_ID: emulator.connection_json, "warehouse": json.dumps({"conn_type": "sqlite", "host": str(path)})},
    )
    if airflow is None:
        with console.status("Airflow creates its own tables"):
            home.airflow("db", "migrate")
    os.environ.update(home.environment, AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR")
    console.print(f"  conversion goals created through the API: {', '.join(goals.create(emulator))}")
    newest = datetime.fromisoformat(emulator.now()).astimezone(UTC) - timedelta(hours=1)
    sizes = warehouse.build(path, newest=newest, purchases=rows)
    console.print(f"  warehouse: {', '.join(f'{count:,} {name}' for name, count in sizes.items())}")
    return Stage(emulator, path, home, sizes["purchases"])


def send_everything(console: Console, stage: Stage) -> None:
    """Run the DAG for the first time."""
    console.rule(f"1. Airflow runs the DAG {DAG_ID}")
    seconds = stage.watch(console, stage.airflow.start_run(DAG_ID), "conversions applied")
    show_summary(console, stage.airflow.newest_xcom(DAG_ID, "return_value"), seconds)
    show_reasons(console, stage.warehouse)
    show_totals(console, stage.warehouse)


def send_again(console: Console, stage: Stage) -> None:
    """Run the DAG a second time over the same rows."""
    console.rule("2. The same DAG again")
    before = stage.apply_calls()
    with console.status("running"):
        seconds = stage.airflow.start_run(DAG_ID).wait(lambda: None)
    show_summary(console, stage.airflow.newest_xcom(DAG_ID, "return_value"), seconds)
    console.print(f"  upload calls the service received in this run: {stage.apply_calls() - before}")


def survive_a_crash(console: Console, stage: Stage) -> bool:
    """Kill a run in the middle of a fresh upload, run again, and count from the outside.

    :return: nothing lost, nothing sent twice.
    """
    console.rule("3. SIGKILL in the middle of a fresh upload")
    stage.emulator.configure(latency_ms=LATENCY_MS)
    run = stage.airflow.start_run(DAG_ID)
    with console.status("uploading"):
        while stage.applied() < stage.rows * KILL_AT and run.process.poll() is None:
            time.sleep(0.01)
        run.kill()
    ((open_rows,),) = query(stage.warehouse, OPEN_ROWS)
    console.print(
        f"  killed with {stage.applied():,} conversions applied; the answer for {open_rows:,} announced rows is open"
    )
    stage.watch(console, stage.airflow.start_run(DAG_ID), "the next run")
    program = Path(__file__).with_name("count.py")
    command = [sys.executable, str(program), str(stage.warehouse), stage.emulator.url]
    counted = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    console.print(f"  counted by {program.name}, which imports neither provider nor emulator:")
    console.print("".join(f"    {line}\n" for line in counted.splitlines()), highlight=False, end="")
    numbers = {name: int(value) for name, value in (line.split(" = ") for line in counted.splitlines())}
    return numbers["lost"] == numbers["duplicated"] == 0 and numbers["resent"] <= open_rows


def say_where_to_look(console: Console, stage: Stage) -> None:
    """Tell how to look inside what is left behind."""
    console.print(
        f"""
The warehouse stays behind with its ledger. Look inside:
  sqlite3 {stage.warehouse} "SELECT * FROM bingads_attention LIMIT 5"
  sqlite3 {stage.warehouse} "SELECT * FROM bingads_run_summary"
The log of each run: {stage.airflow.folder}/run-*.log""",
        highlight=False,
        soft_wrap=True,
    )


def keep(console: Console, stage: Stage) -> None:
    """Go on to a whole Airflow for the browser, until Ctrl-C."""
    console.rule("Airflow for the browser")
    console.print("  http://localhost:8080 (no login); the DAGs are paused, switch on the one you want to see run")
    airflow = stage.airflow.start_standalone()
    console.print(f"  it starts in half a minute and logs to {airflow.log}", highlight=False, soft_wrap=True)
    with console.status("running; Ctrl-C ends it"), suppress(KeyboardInterrupt):
        airflow.process.wait()
    airflow.stop()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="go on to `airflow standalone` for the browser")
    parser.add_argument("--rows", type=int, help="purchases to take, spread over the data set; all by default")
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="folder for what stays behind")
    return parser.parse_args()


if __name__ == "__main__":
    main()
