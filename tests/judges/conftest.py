"""Puts this folder's modules within reach, and has every emulator of the run record what is said to it."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from airflow_provider_bingads.emulator.recording import FOLDER_VARIABLE

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "contract")]

# the processes of one parallel run share a folder
RECORDINGS = HERE.parents[1] / ".cache" / "recordings" / os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
os.environ[FOLDER_VARIABLE] = str(RECORDINGS)


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Return the folder with what was said in this run."""
    return RECORDINGS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Judge the traffic when there is no more to come."""
    items.sort(key=lambda item: item.path.name == "test_judge_traffic.py")


def pytest_sessionfinish(exitstatus: int) -> None:
    """Keep the recordings of a run that failed, for a day."""
    if "PYTEST_XDIST_WORKER" in os.environ or not RECORDINGS.parent.is_dir():
        return
    yesterday = time.time() - 86_400
    for folder in RECORDINGS.parent.iterdir():
        if folder.stat().st_mtime < yesterday or (folder == RECORDINGS and exitstatus == pytest.ExitCode.OK):
            shutil.rmtree(folder, ignore_errors=True)
