"""The command line against the real emulator and a real SQLite warehouse."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from airflow_provider_bingads.cli.main import main
from airflow_provider_bingads.emulator.testing import EmulatorControl
from tests.cli.filled_ledger import copied

Run = Callable[..., Result]


@pytest.fixture
def bingads() -> Run:
    """Run the command in this process."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, list(arguments), catch_exceptions=False)

    return run


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> sqlite3.Connection:
    """Return a SQLite warehouse that Airflow knows as ``warehouse``."""
    path = tmp_path / "warehouse.db"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    return sqlite3.connect(path)


@pytest.fixture
def connect(bingads_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make the emulator known to Airflow as ``bingads_default``, with fields of the connection changed."""

    def use(**changed: Any) -> None:
        connection = bingads_emulator.connection
        for name, value in changed.items():
            part = connection if name in {"login", "password"} else connection["extra"]
            part[name] = value
        monkeypatch.setenv("AIRFLOW_CONN_BINGADS_DEFAULT", json.dumps(connection))

    use()
    return use


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a ledger that real runs filled; Airflow knows it as ``ledger``."""
    path = copied(tmp_path)
    monkeypatch.setenv("AIRFLOW_CONN_LEDGER", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    return path
