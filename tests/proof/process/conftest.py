"""Fixtures of the process layer: one fork server and one emulator for the session, a database of its own for a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import private_mariadb
from tests.private_postgres import own_database
from tests.proof.process import process_databases as databases
from tests.proof.process.process_emulator import EmulatorProcess
from tests.proof.process.process_forks import ForkServer
from tests.proof.process.process_stage import Stage

SERVERS = [pytest.param("postgres", marks=pytest.mark.postgres), pytest.param("mariadb", marks=pytest.mark.mariadb)]
DATABASES = ["sqlite", *SERVERS]


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    with ForkServer(tmp_path_factory.mktemp("forks")) as server:
        yield server


@pytest.fixture(scope="session")
def emulator_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    with EmulatorProcess(tmp_path_factory.mktemp("emulator")) as process:
        yield process


@pytest.fixture
def postgres_stage(
    postgres_url: str, forks: ForkServer, emulator_process: EmulatorProcess, tmp_path: Path
) -> Iterator[Stage]:
    with own_database(postgres_url, "bingads_proof_process") as engine:
        yield Stage(databases.postgres(engine.url), emulator_process, forks, tmp_path)


@pytest.fixture
def mariadb_stage(
    mariadb_url: str, forks: ForkServer, emulator_process: EmulatorProcess, tmp_path: Path
) -> Iterator[Stage]:
    with private_mariadb.own_database(mariadb_url, "bingads_proof_process") as engine:
        yield Stage(databases.mariadb(engine.url), emulator_process, forks, tmp_path)


@pytest.fixture
def sqlite_stage(forks: ForkServer, emulator_process: EmulatorProcess, tmp_path: Path) -> Stage:
    return Stage(databases.sqlite(tmp_path / "warehouse.db"), emulator_process, forks, tmp_path)


@pytest.fixture(params=DATABASES)
def stage(request: pytest.FixtureRequest) -> Stage:
    """Give an upload on each database."""
    made = request.getfixturevalue(f"{request.param}_stage")
    assert isinstance(made, Stage)
    return made


@pytest.fixture(params=SERVERS)
def server_stage(request: pytest.FixtureRequest) -> Stage:
    """Give an upload on each database that is a server."""
    made = request.getfixturevalue(f"{request.param}_stage")
    assert isinstance(made, Stage)
    return made
