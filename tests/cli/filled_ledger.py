"""A ledger filled by real runs of the operator: rows applied, refused here and there, waiting, in doubt, changed."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_bingads.emulator.server import start
from airflow_provider_bingads.emulator.settings import Settings
from airflow_provider_bingads.emulator.testing import EmulatorControl
from tests.operators.operators_world import DDL, Ran, TaskInstance, Warehouse, conversions, run

APPLIED, REFUSED, INVALID, WAITING, AGAIN, CHANGED, MENDED, DOUBTED, DOUBT = (
    f"order-{number}" for number in (1, 2, 10, 20, 30, 3, 11, 40, 50)
)
"""The row that tells each story."""


def fill(path: Path, service: Any) -> list[Ran]:
    """Run the operator four times on a warehouse of its own, with rows changed and the service failing between.

    The connections ``warehouse`` and ``bingads_default`` have to stand.
    """
    warehouse = Warehouse(path)
    warehouse.execute(DDL)
    service.add_clicks({f"{3:032x}": 4_000_000_000.0})  # the click of order-2 happens after the conversion
    rows = conversions(5)
    warehouse.add(
        [
            *rows,
            *conversions(1, start=10, conversion_value=-1, microsoft_click_id="no click id"),
            *conversions(1, start=11, conversion_value="12,5"),
            *conversions(1, start=20, conversion_name="No such goal"),
            *[{**row, "order_id": AGAIN} for row in rows[:1]],
        ]
    )
    done = [run(ti=TaskInstance(run_id="scheduled__1"), on_threshold="warn")]
    warehouse.execute("UPDATE offline_conversions SET conversion_value = 77 WHERE order_id IN ('order-3', 'order-11')")
    done.append(run(ti=TaskInstance(run_id="scheduled__2"), on_threshold="warn"))
    warehouse.add([*conversions(1, start=40), *conversions(1, start=50)])
    done.append(_unanswered(service, "scheduled__3"))
    warehouse.execute(f"DELETE FROM offline_conversions WHERE order_id = '{DOUBT}'")
    done.append(run(ti=TaskInstance(run_id="scheduled__3", try_number=2), on_threshold="warn"))
    return done


def _unanswered(service: Any, dag_run_id: str) -> Ran:
    """Run while every call is taken and none is answered."""
    service.set_faults([{"do": "drop_after_apply", "match": {"op": "ApplyOfflineConversions"}}])
    ran = run(ti=TaskInstance(run_id=dag_run_id), on_threshold="warn")
    service.set_faults([])
    return ran


def leave_open(path: Path, source_ref: str) -> str:
    """Take back the end of the call that a row was in, as a killed worker leaves it, after the deadline.

    :return: id of the call.
    """
    warehouse = Warehouse(path)
    (row,) = warehouse.rows(f"SELECT call_id FROM bingads_row WHERE source_ref = '{source_ref}' ORDER BY at LIMIT 1")
    call_id = str(row["call_id"])
    for table in ("bingads_row", "bingads_error", "bingads_call"):
        intent = " AND event <> 'intent'" if table == "bingads_call" else ""
        warehouse.execute(f"DELETE FROM {table} WHERE call_id = '{call_id}'{intent}")
    warehouse.execute(f"UPDATE bingads_call SET deadline_at = at WHERE call_id = '{call_id}'")
    return call_id


@cache
def filled_file() -> Path:
    """Return a SQLite file with such a ledger, made once; copy it, do not change it."""
    folder = Path(tempfile.mkdtemp(prefix="bingads-ledger-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "warehouse.db"
    with pytest.MonkeyPatch.context() as patch, start(settings=Settings()) as running:
        service = EmulatorControl(running.url, running.credentials)
        service.add_goal("Purchase", age_hours=3)
        patch.setenv("AIRFLOW_CONN_BINGADS_DEFAULT", service.connection_json)
        patch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(path)}))
        fill(path, service)
    return path


def copied(folder: Path) -> Path:
    """Return a copy of it."""
    return Path(shutil.copy(filled_file(), folder / "ledger.db"))
