"""Runs one contestant: a fresh warehouse, an empty service, a process of its own, and a look at what it did."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url

from benchmarks import dataset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.service import Service

__all__ = ["MARIADB", "POSTGRESQL", "SQLITE", "Arena", "ContestFailedError", "Contestant", "Run"]

SCRIPTS = Path(__file__).parent / "contestants"
SQLITE, POSTGRESQL, MARIADB = "SQLite", "PostgreSQL", "MariaDB"
_COUNTERS = ("source_rows", "applied", "calls", "retries")


class ContestFailedError(RuntimeError):
    """A contestant did not do its duty, so its time means nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """Who runs.

    :param script: file in ``contestants``.
    :param python: interpreter; ours by default.
    :param recorded: query that counts the outcomes it recorded; None where it records nothing.
    :param transport: of our own connection.
    :param no_ledger: ours, without a ledger.
    :param database: kind of the one in which source and ledger stand.
    """

    name: str
    script: str
    python: Path = Path(sys.executable)
    recorded: str | None = None
    transport: str = "rest"
    no_ledger: bool = False
    database: str = SQLITE


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run took.

    :param seconds: from the start of its process to its last commit; ours without ``import airflow.sdk``.
    :param apart: that import.
    :param cpu_seconds: its processor time, likewise.
    :param service_cpu_seconds: the emulator's processor time meanwhile.
    :param sending_seconds: from the first row the emulator received to the last it answered.
    """

    name: str
    rows: int
    seconds: float
    cpu_seconds: float
    service_cpu_seconds: float
    sending_seconds: float
    peak_mb: float | None
    apart: float = 0.0

    @property
    def rows_per_second(self) -> float:
        """Rows a second over the whole run."""
        return self.rows / self.seconds

    def as_json(self) -> dict[str, Any]:
        """Return all figures by name."""
        return {**asdict(self), "rows_per_second": self.rows_per_second}


@dataclass(slots=True)
class Arena:
    """Where contestants run: one service, one folder.

    :param servers: SQLAlchemy URL of a database of each further kind to try; what is named ``bench`` there is replaced.
    """

    service: Service
    folder: Path
    servers: Mapping[str, str] = field(default_factory=dict)
    _warehouses: dict[int, Path] = field(default_factory=dict)

    def run(self, contestant: Contestant, rows: int, *, latency_ms: float = 0.0) -> Run:
        """Run a contestant over so many rows.

        :raises ContestFailedError: it failed, or did not send or record every row.
        """
        self.service.empty(latency_ms)
        job = self._job(contestant, rows)
        cpu_before = self.service.cpu_seconds()
        facts = self.start(contestant, job)
        cpu = self.service.cpu_seconds() - cpu_before
        self._check(contestant, rows, job)
        return Run(
            name=contestant.name,
            rows=rows,
            seconds=facts["seconds"],
            cpu_seconds=facts["cpu_seconds"],
            service_cpu_seconds=cpu,
            sending_seconds=self.service.sending_seconds(),
            peak_mb=facts["peak_mb"],
            apart=facts.get("apart", 0.0),
        )

    def start(self, contestant: Contestant, job: dict[str, Any]) -> dict[str, Any]:
        """Run a contestant's script to its end and return what it reports."""
        result = self.folder / "result.json"
        log = self.folder / f"{contestant.script}.log"
        result.unlink(missing_ok=True)
        command = [str(contestant.python), str(SCRIPTS / contestant.script)]
        with log.open("wb") as output:
            job |= {"result": str(result), "spawned": time.monotonic()}
            subprocess.run(
                command,
                input=json.dumps(job).encode(),
                env=self._environment(contestant, job),
                stdout=output,
                stderr=output,
                check=False,
            )
        if not result.exists():
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            raise ContestFailedError(f"{contestant.name} ended without a result:\n{tail}")
        facts: dict[str, Any] = json.loads(result.read_text(encoding="ascii"))
        return facts

    def _job(self, contestant: Contestant, rows: int) -> dict[str, Any]:
        warehouse = self._warehouse(contestant, rows)
        return {
            **self.service.facts(),
            "sqlite_path": str(warehouse),
            "database_url": f"sqlite:///{warehouse}",
            "table": dataset.TABLE,
            "no_ledger": contestant.no_ledger,
            "counters": _COUNTERS,
        }

    def _warehouse(self, contestant: Contestant, rows: int) -> Path:
        if contestant.database == POSTGRESQL:
            dataset.build_postgresql(self.servers[POSTGRESQL], rows)
        elif contestant.database == MARIADB:
            dataset.build_mariadb(self.servers[MARIADB], rows)
        if rows not in self._warehouses:
            self._warehouses[rows] = self.folder / f"rows-{rows}.db"
            dataset.build_sqlite(self._warehouses[rows], rows)
        fresh = self.folder / "warehouse.db"
        shutil.copyfile(self._warehouses[rows], fresh)
        return fresh

    def _environment(self, contestant: Contestant, job: dict[str, Any]) -> dict[str, str]:
        connection = self.service.control.connection
        connection["extra"]["transport"] = contestant.transport
        warehouse = (
            {"conn_type": "sqlite", "host": job.get("sqlite_path", "")}
            if contestant.database == SQLITE
            else _server_connection(contestant.database, self.servers[contestant.database])
        )
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON"))},
            "AIRFLOW_HOME": str(self.folder / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW_CONN_BINGADS_DEFAULT": json.dumps(connection),
            "AIRFLOW_CONN_WAREHOUSE": json.dumps(warehouse),
        }

    def _check(self, contestant: Contestant, rows: int, job: dict[str, Any]) -> None:
        applied = self.service.applied()
        if applied != rows:
            raise ContestFailedError(f"{contestant.name}: the service holds {applied:,} of {rows:,} rows")
        recorded = self._recorded(contestant, job)
        if recorded not in {None, rows}:
            raise ContestFailedError(f"{contestant.name} recorded {recorded:,} of {rows:,} rows")

    def _recorded(self, contestant: Contestant, job: dict[str, Any]) -> int | None:
        if contestant.recorded is None:
            return None
        if contestant.database == SQLITE:
            with closing(sqlite3.connect(job["sqlite_path"])) as file:
                (count,) = file.execute(contestant.recorded).fetchone()
            return int(count)
        connect = dataset.connect_postgresql if contestant.database == POSTGRESQL else dataset.connect_mariadb
        with closing(connect(self.servers[contestant.database])) as server, server.cursor() as cursor:
            cursor.execute(contestant.recorded)
            (count,) = cursor.fetchone() or (0,)
        return int(count)


def _server_connection(database: str, url: str) -> dict[str, Any]:
    where = make_url(url)
    postgresql = database == POSTGRESQL
    return {
        "conn_type": "postgres" if postgresql else "mysql",
        "host": where.host,
        "port": where.port,
        "login": where.username,
        "password": where.password,
        "schema": where.database if postgresql else dataset.SCHEMA,
        "extra": {"options": dataset.POSTGRESQL_OPTIONS} if postgresql else {},
    }
