"""Airflow for the demo: a home of its own, and DAG runs in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

DAGS = Path(__file__).resolve().parents[1]
"""The folder of the example DAGs."""


@dataclass(slots=True)
class Run:
    """One DAG run, or a whole Airflow, in a process group of its own."""

    process: subprocess.Popen[bytes]
    log: Path
    started: float

    def wait(self, watch: Callable[[], None]) -> float:
        """Wait for its end, looking on every now and then; return its duration in seconds.

        :raises SystemExit: it failed; the message holds the end of its log.
        """
        while self.process.poll() is None:
            watch()
            time.sleep(0.1)
        watch()
        if self.process.returncode:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])
            raise SystemExit(f"the DAG run failed; {self.log} ends with\n{tail}")
        return time.monotonic() - self.started

    def kill(self) -> None:
        """Send SIGKILL to every process of the run at once, as a lost machine would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End the process group politely, and after ten seconds for good."""
        for number, seconds in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 0.0)):
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
                deadline = time.monotonic() + seconds
                while time.monotonic() < deadline:
                    self.process.poll()
                    os.killpg(self.process.pid, 0)
                    time.sleep(0.2)
        self.process.wait()


class AirflowHome:
    """An Airflow of the demo's own: configuration, metadata database and connections.

    :param connections: connection id -> its JSON form.
    """

    def __init__(self, folder: Path, connections: dict[str, str]) -> None:
        self.folder = folder
        self.database = folder / "airflow.db"
        self._runs = 0
        folder.mkdir(parents=True, exist_ok=True)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "AIRFLOW_HOME": str(folder),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.database}",
            **{f"AIRFLOW_CONN_{conn_id.upper()}": text for conn_id, text in connections.items()},
        }

    def airflow(self, *arguments: str) -> None:
        """Run an ``airflow`` command to its end."""
        log = self.folder / f"{arguments[0]}.log"
        with log.open("wb") as output:
            subprocess.run(["airflow", *arguments], env=self.environment, stdout=output, stderr=output, check=True)

    def start_run(self, dag_id: str) -> Run:
        """Start one DAG run."""
        self._runs += 1
        return self._start(f"run-{self._runs}", "dags", "test", dag_id)

    def start_standalone(self) -> Run:
        """Start a whole Airflow: API server, scheduler, DAG processor, triggerer."""
        return self._start("standalone", "standalone")

    def _start(self, name: str, *arguments: str) -> Run:
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["airflow", *arguments], env=self.environment, stdout=output, stderr=output, start_new_session=True
            )
        return Run(process, log, time.monotonic())

    def newest_xcom(self, dag_id: str, key: str) -> Any:
        """Return what the newest run of a DAG pushed under this key."""
        sql = "SELECT value FROM xcom WHERE dag_id = ? AND key = ? ORDER BY timestamp DESC LIMIT 1"
        with closing(sqlite3.connect(self.database)) as connection:
            (value,) = connection.execute(sql, (dag_id, key)).fetchone()
        return json.loads(value)
