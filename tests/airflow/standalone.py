"""A whole Airflow for the tests that need its scheduler: backfills, clears, retries of killed workers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime


class StandaloneAirflow:
    """A whole Airflow (API server, scheduler, DAG processor, triggerer, LocalExecutor) as processes of its own."""

    def __init__(
        self, home: Path, dags_folder: Path, environment: Mapping[str, str], *, python: str = sys.executable
    ) -> None:
        self._home = home
        self._port = _free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._log = home / "standalone.log"
        programs = Path(python).parent
        self._command = [str(programs / "airflow"), "standalone"]
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")},
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__API__PORT": str(self._port),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags_folder),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            # 32 worker processes by default, far too many for the two cores of a small machine
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW__SCHEDULER__CATCHUP_BY_DEFAULT": "False",
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._token = ""

    def start(self, timeout_seconds: float = 180) -> None:
        """Start it and wait until its API and scheduler say they are healthy."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.wait_for(self._is_healthy, timeout_seconds, "Airflow to become healthy")
        self._token = self.request("GET", "/auth/token")["access_token"]

    def stop(self, grace_seconds: float = 20) -> None:
        """End the process group; the children of ``standalone`` outlive a signal to the parent alone."""
        if self._process is None:
            return
        _signal_group(self._process.pid, signal.SIGTERM)
        deadline = time.monotonic() + grace_seconds
        while _group_lives(self._process.pid) and time.monotonic() < deadline:
            self._process.poll()
            time.sleep(0.2)
        _signal_group(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Call Airflow's REST API."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        request = urllib.request.Request(f"{self.url}{path}", data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)

    def trigger(self, dag_id: str, logical_date: datetime | None) -> str:
        """Start a DAG run and return its id."""
        date = None if logical_date is None else logical_date.isoformat()
        return str(self.request("POST", f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": date})["dag_run_id"])

    def state_of(self, dag_id: str, run_id: str, timeout_seconds: float = 180) -> str:
        """Wait for the end of a DAG run and return its state."""
        address = f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id)}"

        def ended() -> str:
            state = str(self.request("GET", address)["state"])
            return state if state in {"success", "failed"} else ""

        return str(self.wait_for(ended, timeout_seconds, f"the end of {run_id}"))

    def clear(self, dag_id: str, run_id: str) -> None:
        """Clear every task of a DAG run, so that it runs again."""
        body = {"dry_run": False, "dag_run_id": run_id, "only_failed": False, "reset_dag_runs": True}
        self.request("POST", f"/api/v2/dags/{dag_id}/clearTaskInstances", body)

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """Return what Airflow knows of a task instance."""
        found = self.request("GET", f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}")
        assert isinstance(found, dict)
        return found

    def mark(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Give a task instance a state, as a person does in the browser."""
        address = f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}"
        self.request("PATCH", address, {"new_state": state})

    def logs(self, dag_id: str, run_id: str) -> list[str]:
        """Return the logs of a run's task instances as the browser shows them, by map index."""
        folder = self._home / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}"
        return [path.read_text() for path in sorted(folder.rglob("*.log"))]

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str) -> Any:
        """Return what a task pushed."""
        base = f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}"
        value = self.request("GET", f"{base}/xcomEntries/{key}")["value"]
        return json.loads(value) if isinstance(value, str) else value

    def wait_for(self, look: Callable[[], Any], timeout_seconds: float, what: str) -> Any:
        """Look again and again until something true comes back."""
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            if found := look():
                return found
            time.sleep(0.3)
        msg = f"waited {timeout_seconds} s for {what}; the end of {self._log}:\n{self.log_tail()}"
        raise TimeoutError(msg)

    def log_tail(self, lines: int = 60) -> str:
        """Return the last lines of everything Airflow printed, but for its access log."""
        printed = [line for line in self._log.read_text(errors="replace").splitlines() if "http.access" not in line]
        return "\n".join(printed[-lines:])

    def _is_healthy(self) -> bool:
        try:
            health = self.request("GET", "/api/v2/monitor/health")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        return all(health[part]["status"] == "healthy" for part in ("metadatabase", "scheduler", "dag_processor"))


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
