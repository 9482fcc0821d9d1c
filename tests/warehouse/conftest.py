"""Databases to read from and to keep a ledger in: SQLite always, PostgreSQL and MariaDB where there is one."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, create_engine, make_url

from airflow_provider_bingads.warehouse import SqlLedger, ledger_for
from tests.private_mariadb import own_database

POSTGRES = pytest.mark.postgres
DRIVERS = ("psycopg2", "psycopg")
MARIADB = pytest.mark.mariadb


@pytest.fixture(scope="session")
def postgres_database(postgres_url: str) -> Iterator[URL]:
    """URL of a database made for this test session."""
    name = f"bingads_{uuid.uuid4().hex[:12]}"
    admin = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield make_url(postgres_url).set(database=name)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


@pytest.fixture
def postgres_schema(postgres_database: URL) -> str:
    """Name of an empty schema; it goes with the session's database."""
    name = f"s{uuid.uuid4().hex[:12]}"
    engine = create_engine(postgres_database, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {name}")
    engine.dispose()  # a test may end every connection it finds
    return name


@pytest.fixture
def mariadb_database(mariadb_url: str) -> Iterator[URL]:
    """URL of an empty database; a database is all the schema MariaDB has."""
    with own_database(mariadb_url, f"bingads_{uuid.uuid4().hex[:12]}") as engine:
        yield engine.url


@contextmanager
def engine_of(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Give the engine of an empty database: SQLite, MariaDB, or PostgreSQL through the driver that is named."""
    if request.param == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path / 'warehouse.db'}", hide_parameters=True)
    elif request.param == "mariadb":
        engine = create_engine(request.getfixturevalue("mariadb_database"), hide_parameters=True)
    else:
        url: URL = request.getfixturevalue("postgres_database")
        schema: str = request.getfixturevalue("postgres_schema")
        url = url.set(drivername=f"postgresql+{request.param}", query={"options": f"-csearch_path={schema}"})
        engine = create_engine(url, hide_parameters=True)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("psycopg2", marks=POSTGRES), pytest.param("mariadb", marks=MARIADB)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Engine of an empty database of each kind; a module that is about drivers overrides it with all of them."""
    with engine_of(request, tmp_path) as engine:
        yield engine


@pytest.fixture(params=[pytest.param(driver, marks=POSTGRES) for driver in DRIVERS])
def postgres_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Engine whose default schema is an empty one."""
    with engine_of(request, tmp_path) as engine:
        yield engine


@pytest.fixture
def mariadb_engine(mariadb_database: URL) -> Iterator[Engine]:
    """Engine of an empty MariaDB database."""
    engine = create_engine(mariadb_database, hide_parameters=True)
    yield engine
    engine.dispose()


@pytest.fixture
def memory_folder(tmp_path: Path) -> Iterator[Path]:
    """Folder in memory where the system has one, for tests that commit hundreds of times."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def ledger(engine: Engine) -> Iterator[SqlLedger]:
    ledger = ledger_for(engine)
    yield ledger
    ledger.close()
