"""Uploads that real Airflow interrupts, each counted from the outside when it has ended (``outside_count``).

Where each interruption of issue 3, point 4 is shown:

===============================  =====================================================================================
retry                            ``test_retry_resumes_after_a_fault_in_the_middle...``
clear                            of a finished task: the same test; of a failed one: ``test_cleared_failed_task...``;
                                 with the example DAGs: ``test_scheduler.py``
``execution_timeout``            ``test_retry_resumes_an_upload_that_ran_out_of_time``; with replies that come in
                                 time, and completed by the next run: ``test_scheduler.py``
mark failed while running        ``test_task_marked_failed...``; completed by the next run: ``test_scheduler.py``
two DAG runs at once             ``test_two_runs_at_once...[twofold]``; over days of a backfill: ``test_scheduler.py``
two DAGs on one account at once  ``test_two_runs_at_once...[shared]``; one after the other: ``test_scheduling.py``
killed worker                    ``test_retry_completes_the_upload_of_a_killed_worker`` (the task's process);
                                 ``test_task_that_outlives_its_worker...`` (the worker's, and the task goes on unseen)
===============================  =====================================================================================

An upload is held in its middle by the emulator: it has done what two calls ask, and keeps their replies back.
"""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.airflow.fault_dags import TABLES
from tests.airflow.harness import Warehouse
from tests.airflow.outside_count import CLEAN, GOAL, ROWS, Count, count, leaks, plant
from tests.airflow.standalone import StandaloneAirflow
from tests.proof.process.process_emulator import EmulatorProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_bingads.emulator.testing import EmulatorControl

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

APPLY = "ApplyOfflineConversions"
HELD_FROM = 4
"""The first of the two calls whose replies are kept back."""
PATIENCE_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Stage:
    """One Airflow with its emulator, its source and its ledger, each in a folder of its own."""

    airflow: StandaloneAirflow
    service: EmulatorControl
    source: Warehouse
    ledger: Warehouse
    folder: Path
    accounts: Mapping[str, str]

    def begin(self, table: str, *rules: Mapping[str, Any]) -> None:
        """Fill a table, and let these faults strike the calls of its account."""
        now = datetime.fromisoformat(self.service.now()).astimezone(UTC).replace(microsecond=0)
        plant(self.source, self.service, table, now)
        match = {"op": APPLY, "account_id": self.accounts[table]}
        self.service.set_faults([{**rule, "match": {**match, **rule.get("match", {})}} for rule in rules])

    def hold_in_the_middle(self, table: str) -> str:
        """Begin an upload, and return its run once the service has done what two calls ask and told nobody."""
        self.begin(table, {"do": "slow(120)", "match": {"call": HELD_FROM}, "times": 2})
        run_id = self.airflow.trigger(table, None)
        self.wait_for(lambda: self.held(table) == 2, "two calls to be held")
        return run_id

    def held(self, table: str) -> int:
        """Count the calls the service has carried out without having been able to say so."""
        return sum(call["fault"] == "slow" and not call["answered"] for call in self.calls(table))

    def calls(self, table: str) -> list[dict[str, Any]]:
        """Return the uploads of a table."""
        return [call for call in self.service.calls(APPLY) if call["account_id"] == self.accounts[table]]

    def wait_for(self, look: Any, what: str) -> Any:
        """Look until something true comes back, not for ever."""
        return self.airflow.wait_for(look, PATIENCE_SECONDS, what)

    def summary(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return what the last try of a run's task pushed."""
        found = self.airflow.xcom(dag_id, run_id, "apply", "return_value")
        assert isinstance(found, dict)
        return found

    def tries(self, table: str) -> list[tuple[int, str | None]]:
        """Return the number and outcome of each try the ledger knows, None for one that did not live to tell."""
        return self.ledger.rows(
            "SELECT s.try_number, e.outcome FROM bingads_run s LEFT JOIN bingads_run e"
            " ON e.run_id = s.run_id AND e.event = 'end'"
            " WHERE s.event = 'start' AND s.account_id = ? ORDER BY s.started_at",
            [self.accounts[table]],
        )

    def settled_rows(self, table: str) -> int:
        """Count the rows that have their final outcome in the ledger by now."""
        ((rows,),) = self.ledger.rows(
            "SELECT count(DISTINCT source_ref) FROM bingads_row WHERE rank >= 30"
            " AND run_id IN (SELECT run_id FROM bingads_run WHERE account_id = ?)",
            [self.accounts[table]],
        )
        return int(rows)

    def count(self, table: str) -> Count:
        """Count from the outside, and show that no canary got out on the way."""
        assert leaks([self.folder / "airflow", self.folder / "ledger", self.folder / "emulator"], TABLES) == []
        return count(self.source.path, self.ledger.path, self.service, table, self.accounts[table])


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Run everything once for the whole module; the tests share nothing but the ledger."""
    folder = tmp_path_factory.mktemp("stage")
    for name in ("airflow", "airflow/dags", "emulator", "source", "ledger"):
        (folder / name).mkdir()
    shutil.copy(Path(__file__).with_name("fault_dags.py"), folder / "airflow" / "dags")
    source, ledger = Warehouse(folder / "source" / "source.db"), Warehouse(folder / "ledger" / "ledger.db")
    with EmulatorProcess(folder / "emulator", "--accounts", str(len(TABLES))) as emulator:
        service = emulator.control
        service.add_goal(GOAL, Scope="Customer", IsEnhancedConversionsEnabled=True)
        accounts = dict(zip(TABLES, service.get("config")["account_ids"], strict=True))
        environment = {
            "AIRFLOW_CONN_BINGADS_DEFAULT": service.connection_json,
            "AIRFLOW_CONN_WAREHOUSE": source.connection_json,
            "AIRFLOW_CONN_LEDGER": ledger.connection_json,
            "TEST_ACCOUNT_IDS": " ".join(accounts.values()),
            # shortened, as an administrator would: a killed try is followed after 5 s, a mark is noticed after 1 s, and
            # a worker is given up that has not been heard of for 12 s
            "AIRFLOW__BINGADS__LEASE_SECONDS": "5",
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "12",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "1",
        }
        airflow = StandaloneAirflow(folder / "airflow", folder / "airflow" / "dags", environment)
        try:
            airflow.start(timeout_seconds=300)
            airflow.wait_for(lambda: len(airflow.request("GET", "/api/v2/dags")["dags"]) == 9, 60, "all DAGs")
            yield Stage(airflow, service, source, ledger, folder, accounts)
        finally:
            airflow.stop(grace_seconds=2)  # nothing runs any more, and nobody reads its database


def test_retry_resumes_after_a_fault_in_the_middle_and_a_clear_of_the_finished_task_sends_nothing(
    stage: Stage,
) -> None:
    """A gateway asks to come back in an hour: too long for the call, so the first try fails and Airflow retries."""
    stage.begin("retried", {"do": "http_503_html(3600)", "match": {"call": HELD_FROM}})
    run_id = stage.airflow.trigger("retried", None)
    assert stage.airflow.state_of("retried", run_id) == "success"
    assert stage.tries("retried") == [(1, "failed"), (2, "success")]
    resumed, sent = stage.summary("retried", run_id), len(stage.calls("retried"))
    assert resumed["skipped"] > 0
    assert resumed["applied"] + resumed["skipped"] + resumed["already_rejected"] == ROWS
    assert stage.count("retried") == CLEAN

    stage.airflow.clear("retried", run_id)
    assert stage.airflow.state_of("retried", run_id) == "success"
    cleared = stage.summary("retried", run_id)
    assert (cleared["applied"], cleared["calls"], len(stage.calls("retried"))) == (0, 0, sent)
    assert (cleared["skipped"], cleared["already_rejected"]) == (ROWS - 4, 4)
    assert stage.count("retried") == CLEAN


def test_cleared_failed_task_sends_what_is_left_and_nothing_twice(stage: Stage) -> None:
    """The credentials are refused in the middle: no retry can help, so somebody mends them and clears the task."""
    stage.begin("refused", {"do": "creds_105", "match": {"call": HELD_FROM}, "times": 100})
    run_id = stage.airflow.trigger("refused", None)
    assert stage.airflow.state_of("refused", run_id) == "failed"
    assert stage.airflow.task("refused", run_id, "apply")["try_number"] == 1
    settled = stage.settled_rows("refused")
    assert 0 < settled < ROWS

    stage.service.set_faults([])
    stage.airflow.clear("refused", run_id)
    assert stage.airflow.state_of("refused", run_id) == "success"
    cleared = stage.summary("refused", run_id)
    assert (cleared["skipped"] + cleared["already_rejected"], cleared["applied"]) == (settled, ROWS - settled)
    assert stage.count("refused") == CLEAN


def test_retry_resumes_an_upload_that_ran_out_of_time(stage: Stage) -> None:
    run_id = stage.hold_in_the_middle("limited")
    settled = stage.settled_rows("limited")
    assert stage.airflow.state_of("limited", run_id) == "success"
    assert stage.tries("limited") in ([(1, end), (2, "success")] for end in ("stopped", None))
    assert_resumed(stage, "limited", run_id, settled)


def test_task_marked_failed_ends_by_itself_and_completes_once_cleared(stage: Stage) -> None:
    """Airflow asks the process to end and kills it 5 s later; the replies it waits for do not come in that time.

    Here it may meet either end: that 5 s suffice is shown in ``test_scheduler.py``.
    """
    run_id = stage.hold_in_the_middle("marked")
    settled = stage.settled_rows("marked")
    process = psutil.Process(stage.airflow.task("marked", run_id, "apply")["pid"])
    stage.airflow.mark("marked", run_id, "apply", "failed")
    stage.wait_for(lambda: has_ended(process), "the end of the process")
    assert stage.tries("marked") in ([(1, "stopped")], [(1, None)])
    assert stage.airflow.task("marked", run_id, "apply")["state"] == "failed"
    stage.airflow.clear("marked", run_id)
    assert stage.airflow.state_of("marked", run_id) == "success"
    assert_resumed(stage, "marked", run_id, settled)


def test_retry_completes_the_upload_of_a_killed_worker(stage: Stage) -> None:
    run_id = stage.hold_in_the_middle("killed")
    settled = stage.settled_rows("killed")
    os.kill(stage.airflow.task("killed", run_id, "apply")["pid"], signal.SIGKILL)
    assert stage.airflow.state_of("killed", run_id) == "success"
    assert stage.tries("killed") == [(1, None), (2, "success")]
    assert_resumed(stage, "killed", run_id, settled)


def test_task_that_outlives_its_worker_is_waited_for_and_not_doubled(stage: Stage) -> None:
    """Airflow gives the worker up and starts a second try while the first still sends: only the lease tells them."""
    stage.begin("orphaned", {"do": "slow(4)"})
    run_id = stage.airflow.trigger("orphaned", None)
    stage.wait_for(lambda: stage.calls("orphaned"), "the first call")
    orphan = psutil.Process(stage.airflow.task("orphaned", run_id, "apply")["pid"])
    os.kill(orphan.ppid(), signal.SIGKILL)
    said = "is held by orphaned"
    stage.wait_for(lambda: any(said in log for log in stage.airflow.logs("orphaned", run_id)), "the second try to wait")
    stage.service.set_faults([])
    assert stage.airflow.state_of("orphaned", run_id) == "success"
    assert stage.tries("orphaned") == [(1, "success"), (2, "success")]
    summary = stage.summary("orphaned", run_id)
    assert (summary["skipped"], summary["already_rejected"], summary["calls"]) == (ROWS - 4, 4, 0)
    assert stage.count("orphaned") == CLEAN
    stage.wait_for(lambda: has_ended(orphan), "the end of the process nobody waits for")


@pytest.mark.parametrize(("table", "first", "second"), [("twofold",) * 3, ("shared", "shared", "shared_too")])
def test_two_runs_at_once_take_turns_and_send_each_row_once(stage: Stage, table: str, first: str, second: str) -> None:
    """The second finds the account held, says by whom, waits, and then has nothing left to send."""
    stage.begin(table, {"do": "slow(1.5)"})
    holds = stage.airflow.trigger(first, None)
    stage.wait_for(lambda: stage.calls(table), "the first call")
    waits = stage.airflow.trigger(second, None)
    said = f"is held by {first}"
    stage.wait_for(lambda: any(said in log for log in stage.airflow.logs(second, waits)), "the second run to wait")
    assert stage.airflow.task(first, holds, "apply")["state"] == "running"
    stage.service.set_faults([])
    assert [stage.airflow.state_of(first, holds), stage.airflow.state_of(second, waits)] == ["success"] * 2
    one, other = stage.summary(first, holds), stage.summary(second, waits)
    assert (one["applied"], one["rejected"], one["invalid"], one["duplicate"]) == (ROWS - 5, 1, 3, 1)
    assert (other["skipped"], other["already_rejected"], other["calls"]) == (ROWS - 4, 4, 0)
    assert stage.count(table) == CLEAN
    assert not any(call["repeated"] for call in stage.calls(table))


def has_ended(process: psutil.Process) -> bool:
    """Tell whether a process is gone, or dead with nobody there to bury it."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def assert_resumed(stage: Stage, table: str, run_id: str, settled: int) -> None:
    """Show that the second try skipped what was settled, sent the calls in doubt again, and left nothing open."""
    assert stage.airflow.task(table, run_id, "apply")["try_number"] == 2
    summary = stage.summary(table, run_id)
    assert summary["skipped"] + summary["already_rejected"] == settled
    assert summary["applied"] == ROWS - settled
    assert sum(call["repeated"] for call in stage.calls(table)) == 50
    assert stage.count(table) == CLEAN
