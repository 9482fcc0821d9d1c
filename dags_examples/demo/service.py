"""Starts the demo's emulated service in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_bingads.emulator.testing import EmulatorControl
from airflow_provider_bingads.emulator.world import Credentials

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def running(seed: int) -> Iterator[EmulatorControl]:
    """Run an emulator on a free port.

    :param seed: its ids and tokens follow from it; two emulators need two.
    """
    command = [sys.executable, "-m", "airflow_provider_bingads.emulator", "--port", "0", "--seed", str(seed)]
    # in a session of its own, so that Ctrl-C in `airflow standalone` does not reach it first
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        printed = json.loads(process.stdout.readline())
        yield EmulatorControl(printed.pop("url"), Credentials(**printed))
    finally:
        process.terminate()
        process.wait(timeout=10)
