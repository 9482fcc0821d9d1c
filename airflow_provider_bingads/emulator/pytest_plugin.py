"""The fixture ``bingads_emulator``; nothing of the emulator is imported until a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow_provider_bingads.emulator.server import RunningEmulator
    from airflow_provider_bingads.emulator.testing import EmulatorControl

__all__ = ["bingads_emulator"]


@pytest.fixture(scope="session")
def _bingads_emulator_server() -> Iterator[RunningEmulator]:
    """Run one emulator for all tests of the session."""
    from airflow_provider_bingads.emulator.server import start

    running = start()
    yield running
    running.stop()


@pytest.fixture
def bingads_emulator(_bingads_emulator_server: RunningEmulator) -> Iterator[EmulatorControl]:
    """Give a test an emulator in its fresh state, with ``url``, ``connection``, ``state()``, ``set_faults()`` and more.

    One server runs for the whole session and is reset before and after each test.
    """
    from airflow_provider_bingads.emulator.testing import EmulatorControl

    control = EmulatorControl(_bingads_emulator_server.url, _bingads_emulator_server.credentials)
    control.reset()
    yield control
    control.reset()
