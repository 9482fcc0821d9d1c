"""Runs the example of docs/testing.md as a user would: in a project of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.airflow.harness import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_example_of_the_testing_page_passes_in_an_empty_project(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    shutil.copy(ROOT / "dags_examples" / "offline_conversions.py", tmp_path / "dags")
    for name in ("conftest.py", "test_offline_conversions.py"):
        shutil.copy(ROOT / "docs" / "examples" / name, tmp_path)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
