"""Runs DAG files through real Airflow in this process, and holds the warehouse they read."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import URL

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

EXAMPLES = ROOT / "dags_examples"
"""The example DAGs."""

CONVERSIONS_DDL = """
CREATE TABLE offline_conversions (
    purchase_id INTEGER PRIMARY KEY,
    microsoft_click_id TEXT,
    conversion_name TEXT,
    conversion_time TEXT,
    conversion_value NUMERIC,
    conversion_currency_code TEXT,
    loaded_at TEXT
)
"""


@dataclass(frozen=True, slots=True)
class DagResult:
    """How a DAG run ended.

    :param state: ``success`` or ``failed``.
    :param xcom: what each task pushed, by (task id, key).
    """

    state: str
    run_id: str
    xcom: Mapping[tuple[str, str], Any]

    def summary(self, task_id: str = "apply") -> dict[str, Any]:
        """Return the summary the operator of this task pushed."""
        found = self.xcom[task_id, "return_value"]
        assert isinstance(found, dict)
        return found


class InProcessAirflow:
    """Runs DAG files with ``DAG.test``: the real task runner and an in-process API server, in tenths of a second."""

    def __init__(self, dags_folder: Path) -> None:
        self._folder = dags_folder

    def run(
        self, dag_file: Path | str, dag_id: str, *, logical_date: datetime | None, conf: dict[str, Any] | None = None
    ) -> DagResult:
        """Put the DAG file (a path, or its text) where Airflow looks, and run one DAG run of it.

        :param logical_date: None for a run without one, as an API call or an asset event may create.
        """
        from airflow.dag_processing.dagbag import DagBag

        text = dag_file.read_text() if isinstance(dag_file, Path) else dag_file
        placed = self._folder / f"{dag_id}.py"
        placed.write_text(text)
        bag = DagBag(dag_folder=str(placed))
        assert not bag.import_errors, bag.import_errors
        for task in bag.dags[dag_id].tasks:
            task.retry_delay = timedelta(0)
        ended = bag.dags[dag_id].test(logical_date=logical_date, run_conf=conf)
        return DagResult(state=str(ended.state), run_id=ended.run_id, xcom=_stored_xcom(dag_id, ended.run_id))


def _stored_xcom(dag_id: str, run_id: str) -> dict[tuple[str, str], Any]:
    database = os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(
            "SELECT task_id, key, value FROM xcom WHERE dag_id = ? AND run_id = ?", (dag_id, run_id)
        )
        return {(task_id, key): json.loads(value) for task_id, key, value in rows}


class Warehouse:
    """A SQLite file that plays the warehouse, and Airflow's connection to it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def connection_json(self) -> str:
        """The Airflow connection, in the form of an ``AIRFLOW_CONN_`` variable."""
        return json.dumps({"conn_type": "sqlite", "host": str(self.path)})

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run one statement and commit."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(sql, parameters)

    def insert(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows that have the same keys."""
        names = list(rows[0])
        sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.executemany(sql, [[row[name] for name in names] for row in rows])

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of one query."""
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(sql, parameters).fetchall()


def conversion(number: int, happened: datetime, loaded: datetime | None = None, **changes: Any) -> dict[str, Any]:
    """Return one valid row; ``changes`` break or alter it."""
    return {
        "purchase_id": number,
        "microsoft_click_id": hashlib.sha256(str(number).encode()).hexdigest()[:32],
        "conversion_name": "Repeat purchase",
        "conversion_time": f"{happened:%Y-%m-%d %H:%M:%S}",
        "conversion_value": 9.5,
        "conversion_currency_code": "USD",
        "loaded_at": f"{loaded or happened:%Y-%m-%d %H:%M:%S}",
        **changes,
    }


def postgres_connection_json(url: URL) -> str:
    """Return the Airflow connection to a PostgreSQL database, in the form of an ``AIRFLOW_CONN_`` variable."""
    return json.dumps(
        {
            "conn_type": "postgres",
            "host": url.host,
            "port": url.port,
            "login": url.username,
            "password": url.password or "",
            "schema": url.database,
        }
    )
