"""Gives each test process an Airflow of its own, and says at the end what could not be tested for want of a server."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import private_mariadb
from tests.private_postgres import VARIABLE, PrivatePostgres, find_programs

if TYPE_CHECKING:
    from collections.abc import Iterator


def _private_airflow() -> None:
    """Point Airflow at an empty folder before anything imports it, whatever the developer's shell holds."""
    for name in [name for name in os.environ if name.startswith("AIRFLOW_")]:
        del os.environ[name]
    home = Path(tempfile.mkdtemp(prefix="bingads-airflow-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    (home / "dags").mkdir()
    os.environ.update(
        {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }
    )


_private_airflow()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """SQLAlchemy URL of an empty PostgreSQL database: the one named by the environment, else one made for this run."""
    if named := os.environ.get(VARIABLE):
        yield named
        return
    programs = find_programs()
    if programs is None:
        pytest.skip(f"no PostgreSQL, and no wheel of it for this system: set {VARIABLE} to a database's URL")
    server = PrivatePostgres(programs)
    yield server.start()
    server.stop()


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    """SQLAlchemy URL of an empty MariaDB or MySQL database: named by the environment, else one made for this run."""
    if named := os.environ.get(private_mariadb.VARIABLE):
        yield named
        return
    mariadb = private_mariadb.find_programs()
    if mariadb is None:
        pytest.skip(f"no MariaDB: install its server, or set {private_mariadb.VARIABLE} to a database's URL")
    server = private_mariadb.PrivateMariadb(*mariadb)
    yield server.start()
    server.stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the tests left out because a server, a vendor package or a package index is not there."""
    left_out = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple)
    )
    for reason, tests in left_out.items():
        terminalreporter.write_line(f"left out, {tests} tests: {reason}")
