"""What needs Airflow's own scheduler: parallel backfills, clears, runs without a date, a worker that is killed."""

from __future__ import annotations

import os
import re
import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_bingads.emulator.server import start
from airflow_provider_bingads.emulator.testing import EmulatorControl
from dags_examples.demo.warehouse import GOALS
from tests.airflow.harness import CONVERSIONS_DDL, EXAMPLES, Warehouse, conversion
from tests.airflow.standalone import StandaloneAirflow

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE = "offline_conversions"
SLIDING = "offline_conversions_sliding_window"
INTERVAL = "offline_conversions_by_interval"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def service() -> Iterator[EmulatorControl]:
    """Run an emulator for the whole module, as its Airflow runs that long."""
    with start() as running:
        yield EmulatorControl(running.url, running.credentials)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Make a warehouse with an empty table."""
    made = Warehouse(tmp_path_factory.mktemp("warehouse") / "warehouse.db")
    made.execute(CONVERSIONS_DDL)
    return made


@pytest.fixture(scope="module")
def airflow(
    tmp_path_factory: pytest.TempPathFactory, service: EmulatorControl, source: Warehouse
) -> Iterator[StandaloneAirflow]:
    """Run a whole Airflow with the example DAGs, which repeat after a second instead of five minutes."""
    home = tmp_path_factory.mktemp("airflow")
    dags = home / "dags"
    dags.mkdir()
    for dag_id in (WHOLE, SLIDING, INTERVAL):
        text = (EXAMPLES / f"{dag_id}.py").read_text().replace("timedelta(minutes=5)", "timedelta(seconds=1)")
        # no runs but those the tests start; a backfill needs a schedule, so the interval's DAG keeps its own
        (dags / f"{dag_id}.py").write_text(re.sub(r'schedule="@\w+"', "schedule=None", text))
    running = StandaloneAirflow(
        home,
        dags,
        {"AIRFLOW_CONN_BINGADS_DEFAULT": service.connection_json, "AIRFLOW_CONN_WAREHOUSE": source.connection_json},
    )
    try:
        running.start()
        running.wait_for(lambda: len(running.request("GET", "/api/v2/dags")["dags"]) == 3, 60, "the example DAGs")
        running.wait_for(lambda: finished(running, INTERVAL, "scheduled", 1), 120, "the interval's own run")
        yield running
    finally:
        running.stop()


@pytest.fixture
def now(service: EmulatorControl, source: Warehouse) -> datetime:
    """Begin with a fresh service, a fresh ledger and an empty table; return the time."""
    service.reset()
    for name in GOALS:
        service.add_goal(name)
    source.path.unlink(missing_ok=True)
    source.execute(CONVERSIONS_DDL)
    return datetime.fromisoformat(service.now()).astimezone(UTC).replace(microsecond=0)


def test_parallel_backfill_sends_each_row_once(
    airflow: StandaloneAirflow, service: EmulatorControl, source: Warehouse, now: datetime
) -> None:
    """Several runs read their own day at the same time and take turns on the account."""
    service.configure(latency_ms=300)
    midnight = now.replace(hour=0, minute=0, second=0)
    days = [midnight - timedelta(days=back) for back in range(2, 7)]  # yesterday had its own run
    rows = [conversion(n, day + timedelta(minutes=n)) for n, day in enumerate(days * 40)]
    source.insert("offline_conversions", rows)
    body = {
        "dag_id": INTERVAL,
        "from_date": f"{days[-1]:%Y-%m-%dT%H:%M:%SZ}",
        "to_date": f"{days[0]:%Y-%m-%dT%H:%M:%SZ}",
        "max_active_runs": 3,
        "dag_run_conf": {},
    }
    airflow.request("POST", "/api/v2/backfills", body)
    states = airflow.wait_for(lambda: finished(airflow, INTERVAL, "backfill", 5), 240, "five backfill runs")
    assert states == ["success"] * 5
    stats = service.stats()
    assert (stats["keys_applied"], stats["keys_received_again"]) == (200, 0)


def test_cleared_task_sends_nothing_again(
    airflow: StandaloneAirflow, service: EmulatorControl, source: Warehouse, now: datetime
) -> None:
    source.insert("offline_conversions", [conversion(n, now - timedelta(hours=n)) for n in range(1, 11)])
    run_id = airflow.trigger(SLIDING, now)
    assert airflow.state_of(SLIDING, run_id) == "success"
    airflow.clear(SLIDING, run_id)
    assert airflow.state_of(SLIDING, run_id) == "success"
    summary = airflow.xcom(SLIDING, run_id, "apply", "return_value")
    assert (summary["applied"], summary["skipped"], summary["calls"]) == (0, 10, 0)
    assert airflow.task(SLIDING, run_id, "apply")["try_number"] == 2


@pytest.mark.parametrize("dag_id", [WHOLE, SLIDING])
def test_run_without_a_logical_date_is_sent(
    airflow: StandaloneAirflow, source: Warehouse, now: datetime, dag_id: str
) -> None:
    """As an asset, or a person with an empty date, would start it."""
    source.insert("offline_conversions", [conversion(1, now - timedelta(hours=1))])
    run_id = airflow.trigger(dag_id, None)
    assert airflow.state_of(dag_id, run_id) == "success"
    assert airflow.xcom(dag_id, run_id, "apply", "return_value")["applied"] == 1


def test_retry_after_a_killed_worker_completes_the_upload(
    airflow: StandaloneAirflow, service: EmulatorControl, source: Warehouse, now: datetime
) -> None:
    service.configure(latency_ms=500)
    rows = [conversion(n, now - timedelta(hours=1, seconds=n)) for n in range(20_000)]
    source.insert("offline_conversions", rows)
    run_id = airflow.trigger(SLIDING, now - timedelta(minutes=1))
    airflow.wait_for(lambda: service.stats()["keys_applied"] >= 4_000, 60, "the upload")
    os.kill(airflow.task(SLIDING, run_id, "apply")["pid"], signal.SIGKILL)
    assert airflow.state_of(SLIDING, run_id) == "success"
    stats = service.stats()
    assert (stats["keys_applied"], stats["keys_received_again_after_answer"]) == (20_000, 0)
    assert airflow.task(SLIDING, run_id, "apply")["try_number"] == 2


def finished(airflow: StandaloneAirflow, dag_id: str, run_type: str, wanted: int) -> list[Any]:
    """Return the states of a DAG's runs of one type once so many have ended, else nothing."""
    runs = airflow.request("GET", f"/api/v2/dags/{dag_id}/dagRuns?limit=50")["dag_runs"]
    ended = [run["state"] for run in runs if run["run_type"] == run_type and run["end_date"]]
    return ended if len(ended) == wanted else []
