"""One operator, one SQLite warehouse and one emulator in a server, outside of pytest."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.domain.bad_rows import GOALS, NOW

if TYPE_CHECKING:
    from airflow_provider_bingads.emulator.testing import EmulatorControl
    from tests.operators.operators_world import Warehouse

__all__ = ["Workbench", "workbench"]


@dataclass(frozen=True, slots=True)
class Workbench:
    """What a proof by whole runs has at hand.

    :param service: the emulator, on the day the bad rows were made for, with their goals.
    :param folder: for warehouses, gone afterwards.
    :param issued: returns every token that the sign-in service has handed out since it was emptied.
    """

    service: EmulatorControl
    folder: Path
    issued: Callable[[], list[str]]

    def warehouse(self, name: str) -> Warehouse:
        """Make an empty warehouse, from now on the one behind the connection ``warehouse``."""
        from tests.operators.operators_world import Warehouse

        path = self.folder / f"{name}.db"
        os.environ["AIRFLOW_CONN_WAREHOUSE"] = json.dumps({"conn_type": "sqlite", "host": str(path)})
        return Warehouse(path)

    def start_over(self) -> None:
        """Empty the service."""
        self.service.reset()
        self.service.advance((NOW - datetime.fromisoformat(self.service.now())).total_seconds() - 3600)
        for goal in GOALS:
            self.service.add_goal(goal, age_hours=24 * 100)


@contextlib.contextmanager
def workbench(transport: str = "rest") -> Iterator[Workbench]:
    """Start the emulator, and stop it at the end."""
    import tests.conftest  # noqa: F401 - gives this process an Airflow of its own, before anything imports it
    from airflow_provider_bingads.emulator.server import start
    from airflow_provider_bingads.emulator.testing import EmulatorControl

    with start() as running, tempfile.TemporaryDirectory() as folder:

        def issued() -> list[str]:
            # no page of the service shows them
            return [*running.emulator.sign_in._access, *running.emulator.sign_in._refresh]

        bench = Workbench(EmulatorControl(running.url, running.credentials), Path(folder), issued)
        connection = bench.service.connection
        connection["extra"]["transport"] = transport
        os.environ["AIRFLOW_CONN_BINGADS_DEFAULT"] = json.dumps(connection)
        bench.start_over()
        yield bench
