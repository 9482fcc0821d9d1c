"""The example DAG that prunes the ledger, run by Airflow, with its rows grown old."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.airflow.harness import EXAMPLES, conversion

if TYPE_CHECKING:
    from airflow_provider_bingads.emulator.testing import EmulatorControl
    from tests.airflow.harness import InProcessAirflow, Warehouse

PRUNE = "prune_ledger"
LOAD = "offline_conversions"


def test_the_nightly_prune_deletes_what_is_past_its_term_and_nothing_else(
    airflow: InProcessAirflow, warehouse: Warehouse, emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.fromisoformat(emulator.now())
    monkeypatch.setenv("AIRFLOW_CONN_LEDGER_KEEPER", warehouse.connection_json)
    warehouse.insert("offline_conversions", [conversion(n, now - timedelta(days=n)) for n in range(1, 11)])
    airflow.run(EXAMPLES / f"{LOAD}.py", LOAD, logical_date=now)
    old = f"{now - timedelta(days=130):%Y-%m-%d %H:%M:%S}.000000"
    warehouse.execute("UPDATE bingads_row SET event_time = ?, at = ? WHERE source_ref IN ('1', '2')", (old, old))
    ended = airflow.run(EXAMPLES / f"{PRUNE}.py", PRUNE, logical_date=now)
    assert ended.state == "success"
    told = {it["table"]: it["rows"] for it in ended.summary("prune")["tables"]}
    assert told["bingads_row"] == 2
    assert warehouse.rows("SELECT COUNT(*) FROM bingads_row") == [(8,)]
    again = airflow.run(EXAMPLES / f"{LOAD}.py", LOAD, logical_date=now + timedelta(days=1)).summary()
    assert again["skipped"] == 8
