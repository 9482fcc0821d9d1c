"""Fixtures of the emulator's own tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from emulator_kit import Caller

from airflow_provider_bingads.emulator.settings import Settings


@pytest.fixture(params=["rest", "soap"])
def transport(request: pytest.FixtureRequest) -> str:
    """Run a test on each transport."""
    return str(request.param)


@pytest.fixture
def caller(transport: str) -> Caller:
    """Give a client of a fresh emulator whose clock stands at noon, 21 November 2026."""
    return Caller(transport)


@pytest.fixture
def caller_with(transport: str) -> Callable[..., Caller]:
    """Give a maker of such clients with other settings."""
    return lambda **settings: Caller(transport, Settings(**settings))
