"""What needs Airflow's own scheduler and workers: backfills, clears, runs without a date, tasks that are ended."""

from __future__ import annotations

import os
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_bingads.emulator.server import start
from airflow_provider_bingads.emulator.settings import Settings
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
    with start(settings=Settings(accounts=2)) as running:
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
    shutil.copy(Path(__file__).with_name("worker_dags.py"), dags)
    environment = {
        "AIRFLOW_CONN_BINGADS_DEFAULT": service.connection_json,
        "AIRFLOW_CONN_WAREHOUSE": source.connection_json,
        "TEST_ACCOUNT_IDS": " ".join(service.get("config")["account_ids"]),
    }
    running = StandaloneAirflow(home, dags, environment)
    try:
        running.start()
        running.wait_for(lambda: len(running.request("GET", "/api/v2/dags")["dags"]) == 6, 60, "all DAGs")
        running.wait_for(lambda: finished(running, INTERVAL, "scheduled", 1), 120, "the interval's own run")
        yield running
    finally:
        running.stop()


@pytest.fixture
def now(service: EmulatorControl, source: Warehouse) -> datetime:
    """Begin with a fresh service, a fresh ledger and an empty table; return the time."""
    service.reset()
    for name in GOALS:
        service.add_goal(name, Scope="Customer")
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


def test_task_marked_failed_ends_by_itself_and_the_next_run_completes_it(
    airflow: StandaloneAirflow, service: EmulatorControl, source: Warehouse, now: datetime
) -> None:
    """Airflow asks the task to end and kills it 5 s later; by then calls are answered and the account is given back."""
    begin_long_upload(service, source, now)
    run_id = airflow.trigger(WHOLE, None)
    airflow.wait_for(lambda: service.stats()["keys_applied"] >= 4_000, 60, "the upload")
    pid = airflow.task(WHOLE, run_id, "apply")["pid"]
    airflow.mark(WHOLE, run_id, "apply", "failed")
    airflow.wait_for(lambda: not is_alive(pid), 60, "the end of the task's process")
    assert ended_runs(source) == [("stopped", "Stopped")]
    assert_next_run_completes(airflow, service, source)


def test_task_that_exceeds_its_time_leaves_a_ledger_the_next_run_goes_on_from(
    airflow: StandaloneAirflow, service: EmulatorControl, source: Warehouse, now: datetime
) -> None:
    begin_long_upload(service, source, now)
    run_id = airflow.trigger("limited", None)
    assert airflow.state_of("limited", run_id) == "failed"
    assert 0 < service.stats()["keys_applied"] < LONG
    assert ended_runs(source) == [("stopped", "Stopped")]
    assert_next_run_completes(airflow, service, source)


def test_mapped_tasks_serve_an_account_each(
    airflow: StandaloneAirflow, service: EmulatorControl, source: Warehouse, now: datetime
) -> None:
    source.insert("offline_conversions", [conversion(n, now - timedelta(hours=1)) for n in range(50)])
    run_id = airflow.trigger("mapped", None)
    assert airflow.state_of("mapped", run_id) == "success"
    served = source.rows("SELECT map_index, account_id FROM bingads_run WHERE event = 'end' ORDER BY map_index")
    assert served == list(enumerate(service.get("config")["account_ids"]))
    assert service.stats()["keys_applied"] == 100
    for (map_index, account_id), log in zip(served, airflow.logs("mapped", run_id), strict=True):
        assert f"account {account_id}" in log, map_index


def test_rotated_token_is_kept_where_the_next_run_finds_it(
    airflow: StandaloneAirflow, service: EmulatorControl, source: Warehouse, now: datetime
) -> None:
    """Each refresh token dies with its use here, so that only one that was really stored lets the next run sign in."""
    service.configure(revoke_used_refresh_tokens=True)
    source.insert("offline_conversions", [conversion(1, now - timedelta(hours=1))])
    for _ in range(3):
        assert airflow.state_of(WHOLE, airflow.trigger(WHOLE, None)) == "success"
    variable = airflow.request("GET", "/api/v2/variables/bingads_refresh_token__bingads_default")
    assert variable["is_encrypted"]
    assert '"refresh_token": "***"' in variable["value"]


@pytest.mark.usefixtures("now")
def test_secrets_are_masked_even_where_another_library_logs_them(
    airflow: StandaloneAirflow, service: EmulatorControl
) -> None:
    run_id = airflow.trigger("talkative", None)
    state, (log,) = airflow.state_of("talkative", run_id), airflow.logs("talkative", run_id)
    assert state == "success", log[-4000:]
    assert "10 secrets" in log
    shown = re.findall(r'(?:said|printed): ([^"]*)"', log)
    assert shown == ["***"] * 10
    secrets = service.credentials
    assert not [one for one in (secrets.developer_token, secrets.refresh_token, secrets.client_secret) if one in log]


LONG = 40_000
"""Rows that take 15 s to upload while each call takes 1.5 s."""


def begin_long_upload(service: EmulatorControl, source: Warehouse, now: datetime) -> None:
    source.insert("offline_conversions", [conversion(n, now - timedelta(hours=1, seconds=n)) for n in range(LONG)])
    service.configure(latency_ms=1_500)


def assert_next_run_completes(airflow: StandaloneAirflow, service: EmulatorControl, source: Warehouse) -> None:
    """Run again, now fast: every row is applied, none was sent again, none waits."""
    service.configure(latency_ms=0)
    assert airflow.state_of(WHOLE, airflow.trigger(WHOLE, None)) == "success"
    stats = service.stats()
    assert (stats["keys_applied"], stats["keys_received_again"]) == (LONG, 0)
    assert source.rows("SELECT state, count(*) FROM bingads_row_current GROUP BY state") == [("applied", LONG)]
    assert source.rows("SELECT count(*) FROM bingads_in_doubt") == [(0,)]


def ended_runs(source: Warehouse) -> list[tuple[Any, ...]]:
    return source.rows("SELECT outcome, error_class FROM bingads_run WHERE event = 'end'")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def finished(airflow: StandaloneAirflow, dag_id: str, run_type: str, wanted: int) -> list[Any]:
    """Return the states of a DAG's runs of one type once so many have ended, else nothing."""
    runs = airflow.request("GET", f"/api/v2/dags/{dag_id}/dagRuns?limit=50")["dag_runs"]
    ended = [run["state"] for run in runs if run["run_type"] == run_type and run["end_date"]]
    return ended if len(ended) == wanted else []
