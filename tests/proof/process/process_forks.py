"""A fork server: one process that has imported everything once, and forks a fresh child for each try.

Importing Airflow takes seconds, and a proof by kills needs hundreds of processes. The server has one thread and no
connection of any kind, so a child is what a freshly started process is: it opens its own sockets and databases.
Python's own fork server is one for the whole test process, and whoever starts it first decides what it has imported.

``python -m tests.proof.process.process_forks`` reads one JSON request a line and answers each with a line.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any, Final, Self

from tests.proof.process.process_try import Plan, run_try

__all__ = ["ForkServer"]

ROOT: Final = Path(__file__).resolve().parents[3]
_IMPORTS: Final = (
    "airflow.sdk.configuration",
    "airflow.providers.common.sql.hooks.sql",
    "airflow.providers.postgres.hooks.postgres",
    "airflow_provider_bingads.operators.offline_conversions",
    "airflow_provider_bingads.operators.session",
    "airflow_provider_bingads.hooks.bingads",
    "airflow_provider_bingads.hooks.engines",
    "airflow_provider_bingads.warehouse",
    "airflow_provider_bingads.sync.report",
    "airflow_provider_bingads.api.soap",
    "iso4217",
    "phonenumbers",
    "psycopg2",
    "pymysql",
    "sqlalchemy.dialects.sqlite",
    "sqlalchemy.dialects.postgresql.psycopg2",
    "zeep",
)
_POLL_SECONDS: Final = 0.002


class ForkServer:
    """Starts children that each run one plan.

    :param folder: for the server's own Airflow home and log.
    """

    def __init__(self, folder: Path) -> None:
        home = Path(tempfile.mkdtemp(prefix="airflow-", dir=folder))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
        environment |= {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        self._log = (home / "server.log").open("wb")
        self._server = subprocess.Popen(
            [sys.executable, "-m", __spec__.name],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self._ask({"do": "ready"})

    def start(self, plan: Plan) -> int:
        """Fork a child for a plan; return its process id."""
        return int(self._ask({"do": "fork", "plan": plan.as_json()}))

    def wait(self, pid: int, seconds: float) -> int | None:
        """Wait for a child's end; return its exit status, negative for the signal that ended it, None while it runs."""
        found = self._ask({"do": "wait", "pid": pid, "seconds": seconds})
        return None if found is None else int(found)

    def close(self) -> None:
        """End the server and every child that still runs."""
        if self._server.stdin is not None:
            self._server.stdin.close()
        self._server.wait(30)
        if self._server.stdout is not None:
            self._server.stdout.close()
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _ask(self, request: dict[str, Any]) -> Any:
        requests, answers = self._server.stdin, self._server.stdout
        assert requests is not None
        assert answers is not None
        requests.write(json.dumps(request) + "\n")
        requests.flush()
        line = answers.readline()
        if not line:
            raise RuntimeError(f"The fork server ended; its log: {Path(self._log.name).read_text('utf-8')[-2000:]}")
        return json.loads(line)


def serve(requests: IO[str], answers: IO[str]) -> None:
    """Answer requests until they end; then end the children that are left."""
    for name in _IMPORTS:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    running: set[int] = set()
    while line := requests.readline():
        request = json.loads(line)
        answer: int | None = 0
        if request["do"] == "fork":
            answer = _fork(Plan(**request["plan"]))
            running.add(answer)
        elif request["do"] == "wait":
            answer = _wait(request["pid"], request["seconds"])
            if answer is not None:
                running.discard(request["pid"])
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    for pid in running:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _fork(plan: Plan) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        for descriptor in (0, 1):  # the child must not read the server's requests nor answer them
            os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
        status = run_try(plan)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _wait(pid: int, seconds: float) -> int | None:
    deadline = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= deadline:
            return None
        time.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)  # what an import prints is no answer
        serve(sys.stdin, out)
