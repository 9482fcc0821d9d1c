"""A run that is asked to end does not wait for a service that does not answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sync_fakes import ListSource, OneThread, SimulatedClock, World, rows

from airflow_provider_bingads.exceptions import Stopped
from airflow_provider_bingads.sync.ports import Work


@dataclass
class HangingService(OneThread):
    """Never ends what runs in the lane ``send``, and stops the run at the second look at it."""

    clock: SimulatedClock | None = None
    looks: int = 0
    timeouts: list[float] = field(default_factory=list)

    def start(self, lane: str, tag: object, work: Callable[[], Any]) -> None:
        if lane != "send":
            super().start(lane, tag, work)

    def next(self, timeout_seconds: float | None) -> Work | None:
        if self.jobs:
            return super().next(timeout_seconds)
        assert timeout_seconds is not None, "waits for ever for a service that does not answer"
        self.looks += 1
        self.timeouts.append(timeout_seconds)
        if self.clock is not None and self.looks > 1:
            self.clock.stop = True
        return None


def test_a_stop_ends_the_wait_for_what_the_account_holds() -> None:
    """The first question of a run: nothing has been sent, and the account is given back at once."""
    world = World()
    world.executor = hanging = HangingService(clock=world.clock)
    run = world.run(ListSource(rows("a")))
    (report,) = run.deliver()
    assert isinstance(report.error, Stopped)
    assert world.service.received == []
    assert world.ledger.runs[-1].outcome == "stopped"
    assert world.ledger.leases[run._stream("1")].expires_at <= world.clock.now()
    assert hanging.timeouts == [0.25, 0.25]
    assert world.clock.waited == 0
