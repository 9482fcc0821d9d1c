"""The tests' own PostgreSQL: it starts on a machine that has none."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy

from tests import private_postgres
from tests.private_postgres import PrivatePostgres, find_programs, own_database


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide whatever PostgreSQL this machine has."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(private_postgres, "DEBIAN", tmp_path)


@pytest.mark.usefixtures("bare_machine")
def test_a_machine_without_postgresql_runs_the_one_in_the_wheel() -> None:
    programs = find_programs()
    assert programs is not None
    assert private_postgres.WHEEL in programs.parts
    server = PrivatePostgres(programs)
    url = server.start()
    try:
        with own_database(url, "bingads_wheel") as engine, engine.begin() as connection:
            connection.execute(sqlalchemy.text('CREATE TABLE t (name text COLLATE "C", at timestamptz DEFAULT now())'))
            connection.execute(sqlalchemy.text("INSERT INTO t (name) VALUES ('zürich')"))
            assert connection.execute(sqlalchemy.text("SELECT name FROM t")).scalar() == "zürich"
    finally:
        server.stop()


def test_what_is_installed_comes_before_the_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(private_postgres, "DEBIAN", tmp_path)
    for version in ("14", "16"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "initdb").touch()
    assert find_programs() == tmp_path / "16" / "bin"


@pytest.mark.usefixtures("bare_machine")
def test_without_either_there_are_no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_postgres, "WHEEL", "no_such_package")
    assert find_programs() is None
