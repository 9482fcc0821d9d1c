"""A warehouse, an emulator and a task instance, so that an operator runs as a task runs it, without a scheduler."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow_provider_bingads.operators.offline_conversions import ApplyOfflineConversionsOperator

DDL = """CREATE TABLE offline_conversions (
    order_id TEXT PRIMARY KEY, microsoft_click_id, conversion_name, conversion_time, conversion_value,
    conversion_currency_code, hashed_email_address, hashed_phone_number, ad_account, account_id TEXT)"""
NAMES = (
    "order_id",
    "microsoft_click_id",
    "conversion_name",
    "conversion_time",
    "conversion_value",
    "conversion_currency_code",
)


@dataclass
class TaskInstance:
    """What ``execute`` uses of Airflow's task instance."""

    dag_id: str = "marketing"
    task_id: str = "send"
    run_id: str = "manual__1"
    map_index: int = -1
    try_number: int = 1
    pushed: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = json.loads(json.dumps(value))


@dataclass
class Warehouse:
    """A SQLite file behind the connection ``warehouse``."""

    path: Path

    def execute(self, sql: str, rows: Sequence[Sequence[Any]] | None = None) -> None:
        with contextlib.closing(sqlite3.connect(self.path)) as connection, connection:
            if rows is None:
                connection.execute(sql)
            else:
                connection.executemany(sql, rows)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql)]

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        names = list(dict.fromkeys(name for row in rows for name in row))
        values = [[row.get(name) for name in names] for row in rows]
        marks = ", ".join("?" * len(names))
        self.execute(f"INSERT INTO offline_conversions ({', '.join(names)}) VALUES ({marks})", values)


def conversions(number: int, *, start: int = 0, **changes: Any) -> list[dict[str, Any]]:
    """Return valid rows; ``changes`` replace a column in all of them."""
    newest = datetime.now(UTC) - timedelta(hours=1)
    return [
        {
            "order_id": f"order-{index}",
            "microsoft_click_id": f"{index + 1:032x}",
            "conversion_name": "Purchase",
            "conversion_time": (newest - timedelta(minutes=index)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "conversion_value": index % 100 + 0.25,
            "conversion_currency_code": "USD",
            **changes,
        }
        for index in range(start, start + number)
    ]


@dataclass
class Ran:
    """A run's XCom, and what it raised."""

    xcom: dict[str, Any]
    error: BaseException | None

    @property
    def counts(self) -> dict[str, int]:
        skip = {"calls", "retries"}
        summary = self.xcom["return_value"]
        return {name: value for name, value in summary.items() if type(value) is int and value and name not in skip}


def run(*, ti: TaskInstance | None = None, **arguments: Any) -> Ran:
    """Run the operator once; whatever it raises is returned."""
    ti = ti or TaskInstance()
    arguments = {"table": "offline_conversions", "warehouse_conn_id": "warehouse", **arguments}
    operator = ApplyOfflineConversionsOperator(task_id=ti.task_id, allow_nested_operators=True, **arguments)
    try:
        operator.execute({"ti": ti})  # type: ignore[typeddict-item]
    except Exception as error:  # noqa: BLE001  # the test looks at it
        return Ran(ti.pushed, error)
    return Ran(ti.pushed, None)
