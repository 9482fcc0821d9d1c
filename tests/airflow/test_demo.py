"""The demo itself, on fewer rows: what it promises on the terminal is what it exits by."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from dags_examples.demo.mistakes import MISTAKES
from tests.airflow.harness import ROOT

if TYPE_CHECKING:
    from pathlib import Path

BY_OUTCOME = "SELECT state, count(*) FROM bingads_row_current GROUP BY state"
STATE_OF_MISTAKE = """
SELECT broken.mistake, current.state FROM broken_on_purpose AS broken
LEFT JOIN bingads_row_current AS current ON current.source_ref = CAST(broken.purchase_id AS TEXT)
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.timeout(700)
def test_demo_loses_nothing_doubles_nothing_and_explains_every_broken_row(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dags_examples.demo", "--rows", "12000", "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lost = 0" in done.stdout
    assert "duplicated = 0" in done.stdout
    assert "upload calls the service received in this run: 0" in done.stdout
    with closing(sqlite3.connect(tmp_path / "first" / "warehouse.db")) as connection:
        assert dict(connection.execute(BY_OUTCOME))["applied"] == 12_000
        states = dict(connection.execute(STATE_OF_MISTAKE).fetchall())
    assert states.keys() == {mistake.name for mistake in MISTAKES}
    assert {mistake for mistake, state in states.items() if state is None} == {"time long ago"}
    assert "applied" not in states.values()
