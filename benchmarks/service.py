"""The one emulator process that all contestants talk to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_bingads.emulator.testing import EmulatorControl
from airflow_provider_bingads.emulator.world import Credentials
from benchmarks.dataset import GOALS, SERVICE_STARTS_AT

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Service"]


@dataclass(frozen=True, slots=True)
class Service:
    """A running emulator.

    :param process_id: of its process.
    """

    control: EmulatorControl
    process_id: int

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Service]:
        """Run an emulator on a free port, as it is shipped, its clock at the beginning of the data set's time."""
        command = [sys.executable, "-m", "airflow_provider_bingads.emulator", "--now", SERVICE_STARTS_AT.isoformat()]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert process.stdout is not None
            printed = json.loads(process.stdout.readline())
            yield cls(EmulatorControl(printed.pop("url"), Credentials(**printed)), process.pid)
        finally:
            process.terminate()
            process.wait(timeout=30)

    def empty(self, latency_ms: float) -> None:
        """Forget all conversions, create the goals anew and set the wait before each reply."""
        self.control.reset()
        self.control.configure(latency_ms=latency_ms)
        for name in GOALS:
            self.control.add_goal(name, age_hours=24)

    def cpu_seconds(self) -> float:
        """Return the processor time the emulator has used so far; 0 where the system does not tell."""
        path = Path(f"/proc/{self.process_id}/stat")
        if not path.exists():
            return 0.0
        fields = path.read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def facts(self) -> dict[str, Any]:
        """Return what a client needs to begin."""
        return {"url": self.control.url, **self.control.credentials.as_json()}

    def applied(self) -> int:
        """Return how many conversions the service holds."""
        return int(self.control.stats()["keys_applied"])

    def sending_seconds(self) -> float:
        """Return the time between the first row received and the last one answered, by the service's own clock."""
        calls = self.control.calls("ApplyOfflineConversions")
        times = [datetime_of(call[name]) for call in calls for name in ("received_at", "answered_at")]
        return max(times) - min(times)


def datetime_of(text: str) -> float:
    """Return the seconds since 1970 of a time in ISO 8601."""
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()
