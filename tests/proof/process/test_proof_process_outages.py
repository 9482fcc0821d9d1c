"""The database goes away and comes back, stalls, throws everybody out, or has no room left, in the middle of a run."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import text

from tests.private_postgres import own_database
from tests.proof.process import process_databases as databases
from tests.proof.process.process_emulator import EmulatorProcess
from tests.proof.process.process_forks import ForkServer
from tests.proof.process.process_proxy import Proxy
from tests.proof.process.process_stage import Stage, Timing
from tests.proof.process.process_tiers import LONG_TIER, long_only
from tests.proof.process.test_proof_process_signals import assert_clean, at_work, upload

MEBIBYTE = 1024 * 1024
PASSING = {None, "RetryLater", "LeaseLost"}
"""How a try may end that met an outage: it got over it, or Airflow's next try is to resume."""


@contextlib.contextmanager
def breakable(stage: Stage) -> Iterator[Proxy]:
    """Let tries reach the database through a way that can be cut."""
    url = stage.database.url
    assert url.host is not None
    assert url.port is not None
    with Proxy(url.host, url.port) as proxy:
        stage.database = stage.database.behind(*proxy.address)
        yield proxy


@pytest.mark.parametrize("seconds", long_only([2.5], [0.3]))
def test_database_down_and_back(server_stage: Stage, seconds: float) -> None:
    stage = upload(server_stage)
    with breakable(stage) as proxy:
        one = stage.start()
        at_work(stage, one)
        proxy.cut()
        one.ended(seconds)
        proxy.mend()
        assert one.finish()["error"] in PASSING
        stage.finish()
    assert_clean(stage)


@LONG_TIER
def test_database_stalls_longer_than_the_lease(server_stage: Stage) -> None:
    """No connection breaks and no byte arrives; another process takes over meanwhile, by a way of its own."""
    stage = upload(server_stage)
    seen: dict[str, float] = {}
    with breakable(stage) as proxy:
        one = stage.start(run_id="stalled")
        at_work(stage, one)
        proxy.stall()
        time.sleep(0.2)
        stage.look(seen)
        stage.database = replace(stage.database, through=None)
        other = stage.start(run_id="other")
        assert other.finish()["error"] is None
        stage.look(seen)
        proxy.flow()
        assert one.finish()["error"] in PASSING
        stage.finish()
    assert_clean(stage, seen)


@LONG_TIER
def test_server_throws_every_session_out(postgres_stage: Stage) -> None:
    stage = upload(postgres_stage)
    for _ in range(2):
        one = stage.start()
        at_work(stage, one)
        with stage.database.connect() as connection:
            others = "datname = current_database() AND pid <> pg_backend_pid()"
            connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
        if one.finish()["error"] is None:
            break
    stage.finish()
    assert_clean(stage)


# No room left ------------------------------------------------------------------------------------------------------


@LONG_TIER
def test_a_file_that_may_not_grow(sqlite_stage: Stage) -> None:
    """A limit on the size of a file needs no rights: the ledger's writes fail as on a full disk."""
    stage = upload(sqlite_stage, Timing(2.0, 4.0))
    size = Path(stage.database.url.database or "").stat().st_size
    one = stage.start(file_bytes=size + MEBIBYTE // 2)
    said = one.finish()
    assert said["error"] == "RetryLater", said
    assert "out of space" in said["message"], said
    stage.finish()
    assert_clean(stage)


@contextlib.contextmanager
def small_disk(mebibytes: int, owner: int = 0) -> Iterator[Path]:
    """Mount a small file system; only root may.

    :param owner: id of the user whose folder it is.
    """
    if os.geteuid() != 0:
        pytest.skip("a full disk: only root may mount a small one")
    folder = Path(tempfile.mkdtemp(prefix="bingads-small-"))
    folder.chmod(0o755)
    options = f"size={mebibytes}m,mode=0700,uid={owner}"
    try:
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "proof", folder], check=False).returncode:
            pytest.skip("a full disk: this machine mounts nothing")
        yield folder
        subprocess.run(["umount", "--lazy", folder], check=True)
    finally:
        folder.rmdir()


def enlarge(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=200m", folder], check=True)


def fill_up(stage: Stage, disk: Path) -> None:
    """Run into the end of the disk, be told so, make room, and go on."""
    said = stage.start().finish()
    assert said["error"] == "RetryLater", said
    assert "out of space" in said["message"], said
    enlarge(disk)
    stage.finish()
    assert_clean(stage)


@LONG_TIER
def test_a_full_disk_under_sqlite(forks: ForkServer, emulator_process: EmulatorProcess, tmp_path: Path) -> None:
    with small_disk(1) as disk:
        stage = Stage(databases.sqlite(disk / "warehouse.db"), emulator_process, forks, tmp_path)
        fill_up(upload(stage, Timing(2.0, 4.0)), disk)


@LONG_TIER
def test_a_full_disk_under_postgres(
    postgres_url: str, forks: ForkServer, emulator_process: EmulatorProcess, tmp_path: Path
) -> None:
    """The ledger stands in a table space on a small disk; the server itself has room."""
    with own_database(postgres_url, "bingads_proof_full") as engine, engine.connect() as connection:
        data = Path(str(connection.execute(text("SHOW data_directory")).scalar_one()))
        if not data.exists():
            pytest.skip("a full disk: the PostgreSQL server runs on another machine")
        with small_disk(1, data.stat().st_uid) as disk, table_space(postgres_url, disk) as name:
            stage = upload(Stage(databases.postgres(engine.url), emulator_process, forks, tmp_path), Timing(2.0, 4.0))
            with stage.database.connect() as own:
                own.execute(text(f"ALTER DATABASE bingads_proof_full SET default_tablespace = {name}"))
            fill_up(stage, disk)
            with stage.database.connect() as own:
                own.execute(text("SET default_tablespace = ''"))
                for (table,) in own.execute(text(_LEDGER_TABLES)).all():
                    own.execute(text(f"DROP TABLE {table} CASCADE"))


_LEDGER_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'bingads\\_%'"


@contextlib.contextmanager
def table_space(url: str, folder: Path) -> Iterator[str]:
    """Make a table space in a folder."""
    server = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE TABLESPACE bingads_proof_small LOCATION '{folder}'"))
        try:
            yield "bingads_proof_small"
        finally:
            connection.execute(text("DROP TABLESPACE bingads_proof_small"))
    server.dispose()
