"""Fixtures of the operator tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from operators_world import DDL, Warehouse


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    path = tmp_path / "warehouse.db"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    made = Warehouse(path)
    made.execute(DDL)
    return made


@pytest.fixture
def service(bingads_emulator: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give the emulator with a goal that is old enough, behind ``bingads_default``."""
    monkeypatch.setenv("AIRFLOW_CONN_BINGADS_DEFAULT", json.dumps(bingads_emulator.connection))
    bingads_emulator.add_goal("Purchase", age_hours=3)
    return bingads_emulator
