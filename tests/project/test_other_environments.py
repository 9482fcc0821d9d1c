"""The wheel where users install it: beside the large providers, and on the oldest Airflow supported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sys.executable).with_name("uv")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1300)]


@pytest.fixture(scope="module")
def package_index() -> None:
    """Skip where nothing can be downloaded."""
    dry = [UV, "pip", "install", "--dry-run", "--no-cache", "--no-deps", "--reinstall", "iso4217"]
    asked = subprocess.run(dry, capture_output=True, cwd=ROOT, check=False)
    if asked.returncode:
        pytest.skip("no package index within reach: the wheel was not installed into other environments")


def run(program: str, wheel_file: Path) -> str:
    """Run a program of ``.ci`` and return what it printed."""
    done = subprocess.run(
        [ROOT / ".ci" / program, wheel_file], capture_output=True, text=True, check=False, timeout=1200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.usefixtures("package_index")
def test_wheel_changes_nothing_beside_the_large_providers(wheel_file: Path) -> None:
    printed = run("beside_providers", wheel_file)
    assert "(nothing is expected):\n  nothing\n" in printed
    assert "No broken requirements found." in printed


@pytest.mark.usefixtures("package_index")
def test_example_runs_on_the_oldest_airflow_supported(wheel_file: Path) -> None:
    printed = run("oldest_airflow", wheel_file)
    assert "Airflow 3.2.0" in printed
    assert "lost = 0" in printed
