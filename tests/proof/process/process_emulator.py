"""The emulator as a program of its own, as a user starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from airflow_provider_bingads.emulator.testing import EmulatorControl
from airflow_provider_bingads.emulator.world import Credentials

__all__ = ["EmulatorProcess"]


class EmulatorProcess:
    """Starts the emulator on a free port and holds its control; ends it when closed."""

    def __init__(self, folder: Path, *options: str) -> None:
        with (folder / "emulator.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "airflow_provider_bingads.emulator", "--port", "0", *options],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        said = json.loads(self._process.stdout.readline())
        self.control = EmulatorControl(said.pop("url"), Credentials(**said))

    def prepare(self, refused: Sequence[str], clicked_at: float) -> None:
        """Go back to a fresh start, with the goal, and with clicks later than their conversions.

        :param refused: click ids whose conversions the service is to refuse.
        """
        self.control.reset()
        self.control.configure(latency_ms=0.0)
        self.control.add_goal("Purchase", age_hours=3)
        self.control.add_clicks(dict.fromkeys(refused, clicked_at))

    def close(self) -> None:
        """End the program."""
        self._process.terminate()
        self._process.wait(30)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
