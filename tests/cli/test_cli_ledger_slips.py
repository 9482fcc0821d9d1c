"""Slips at the command line: a number that is none, or that no column holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine

from airflow_provider_bingads.cli.ledger import ledger
from airflow_provider_bingads.warehouse import ledger_for

pytestmark = pytest.mark.airflow


@pytest.fixture
def empty_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "ledger.db"
    engine = create_engine(f"sqlite:///{file}")
    ledger_for(engine).close()
    engine.dispose()
    monkeypatch.setenv("AIRFLOW_CONN_KEPT", json.dumps({"conn_type": "sqlite", "host": str(file)}))


@pytest.mark.usefixtures("empty_ledger")
@pytest.mark.parametrize("code", ["²", "9" * 30, "5616"])
@pytest.mark.parametrize("command", ["attention", "replay"])
def test_a_code_that_is_no_number_is_a_name(command: str, code: str) -> None:
    done = CliRunner().invoke(ledger, [command, "--conn", "KEPT", "--code", code])
    assert (done.exit_code, done.exception) == (0, None)
