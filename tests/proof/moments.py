"""The times of the simulated world."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from airflow_provider_bingads.emulator.clock import Clock

__all__ = ["FREEZE_SECONDS", "LEASE_SECONDS", "MAX_IN_FLIGHT", "RESTART_SECONDS", "START", "SimulatedTime"]

START: Final = datetime(2026, 11, 1, 12, tzinfo=UTC)
LEASE_SECONDS: Final = 30.0
RESTART_SECONDS: Final = 26.0
"""After a crash: short enough that the dead run's lease still stands when the next try begins."""
FREEZE_SECONDS: Final = 400.0
MAX_IN_FLIGHT: Final = 2


@dataclass
class SimulatedTime:
    """One time for the service, the databases and every worker; it passes only when somebody waits."""

    elapsed: float = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    def advance(self, seconds: float) -> None:
        self.elapsed += seconds

    def of_service(self) -> Clock:
        """Return this time as the emulator's clock."""
        return _ServiceClock(self)


class _ServiceClock(Clock):
    def __init__(self, time: SimulatedTime) -> None:
        super().__init__()
        self._time = time

    def now(self) -> float:
        return self._time.now().timestamp()

    def advance(self, seconds: float) -> float:
        self._time.advance(seconds)
        return self.now()

    def reset(self) -> None:
        """Keep the time: a reset of the service does not turn the world's clock back."""
