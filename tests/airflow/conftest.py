"""Fixtures of the tests that run real Airflow."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dags_examples.demo.warehouse import GOALS
from tests.airflow.harness import CONVERSIONS_DDL, InProcessAirflow, Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_bingads.emulator.testing import EmulatorControl


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder, so that ``-m "not airflow"`` leaves it out."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("airflow")


@pytest.fixture(scope="session")
def dags_folder() -> Path:
    """Create Airflow's own tables in the private home, once, and return its DAG folder."""
    from airflow.utils.db import initdb

    initdb()
    return Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])


@pytest.fixture
def airflow(dags_folder: Path) -> Iterator[InProcessAirflow]:
    """Give Airflow in this process, with an empty DAG folder."""
    yield InProcessAirflow(dags_folder)
    for placed in dags_folder.glob("*.py"):
        placed.unlink()


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """Give a SQLite warehouse with an empty conversions table, behind Airflow's connection ``warehouse``."""
    made = Warehouse(tmp_path / "warehouse.db")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", made.connection_json)
    made.execute(CONVERSIONS_DDL)
    return made


@pytest.fixture
def emulator(bingads_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> EmulatorControl:
    """Give an emulator that holds the examples' goals, behind the connection ``bingads_default``."""
    for name in GOALS:
        bingads_emulator.add_goal(name)
    monkeypatch.setenv("AIRFLOW_CONN_BINGADS_DEFAULT", bingads_emulator.connection_json)
    return bingads_emulator
