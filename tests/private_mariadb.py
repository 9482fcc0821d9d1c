"""A MariaDB server of the test run's own, where the machine has the programs but nobody named a server."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy
from sqlalchemy.exc import OperationalError

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "BINGADS_TEST_MARIADB"
"""SQLAlchemy URL of a database the tests may fill, on MariaDB or MySQL 8; set it to use a server that runs already."""
SYSTEM: Final = "/usr/sbin:/usr/local/sbin:/usr/libexec"
"""Where packages put servers, which is not on everybody's path."""
STARTING_SECONDS: Final = 60
DATABASE: Final = "bingads"


class PrivateMariadb:
    """One server in a temporary folder, on a free port of the loopback address, gone after the run.

    :param install: ``mariadb-install-db``, which makes the files.
    :param server: ``mariadbd``.
    """

    def __init__(self, install: str, server: str) -> None:
        self._install, self._server = install, server
        self._folder = Path(tempfile.mkdtemp(prefix="bingads-mariadb-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._port = _free_port()

    def start(self) -> str:
        """Create and start the server; return the URL of a database."""
        subprocess.run(
            [
                self._install,
                "--no-defaults",
                f"--datadir={self._folder / 'data'}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                *self._as_root(),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
        self.run()
        server = f"mysql+pymysql://root@127.0.0.1:{self._port}"
        engine = sqlalchemy.create_engine(f"{server}/mysql")
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {DATABASE}"))
        engine.dispose()
        return f"{server}/{DATABASE}"

    def run(self) -> None:
        """Start the server on its files and wait until it answers."""
        self._process = subprocess.Popen(
            [
                self._server,
                "--no-defaults",
                f"--datadir={self._folder / 'data'}",
                f"--socket={self._folder / 'socket'}",
                f"--pid-file={self._folder / 'pid'}",
                f"--log-error={self._folder / 'log'}",
                f"--port={self._port}",
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
                "--innodb-flush-log-at-trx-commit=2",  # survives a killed server, not a power cut
                *self._as_root(),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
        self._wait()

    def end(self, signal_number: int = signal.SIGTERM) -> None:
        """End the server; its files stay, for ``run`` to go on with."""
        if self._process is not None:
            self._process.send_signal(signal_number)
            self._process.wait()

    def stop(self) -> None:
        """End the server and remove its files."""
        self.end(signal.SIGKILL)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _as_root(self) -> list[str]:
        return [] if os.geteuid() else ["--user=root"]  # without it the server refuses to run as root

    def _wait(self) -> None:
        engine = sqlalchemy.create_engine(f"mysql+pymysql://root@127.0.0.1:{self._port}/mysql")
        until = time.monotonic() + STARTING_SECONDS
        while True:
            try:
                engine.connect().close()
                break
            except OperationalError:
                if time.monotonic() > until or self._process is None or self._process.poll() is not None:
                    raise
                time.sleep(0.1)
        engine.dispose()


@contextmanager
def own_database(url: str, name: str) -> Iterator[sqlalchemy.Engine]:
    """Give a test a database of its own on a server, gone afterwards.

    :param url: SQLAlchemy URL of any database of the server whose user may create others.
    """
    server = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sqlalchemy.text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    engine = sqlalchemy.create_engine(sqlalchemy.make_url(url).set(database=name), hide_parameters=True)
    try:
        yield engine
    finally:
        engine.dispose()
        with server.connect() as connection:
            connection.execute(sqlalchemy.text("SET SESSION lock_wait_timeout = 10"))
            connection.execute(sqlalchemy.text(f"DROP DATABASE {name}"))
        server.dispose()


def find_programs() -> tuple[str, str] | None:
    """Return ``mariadb-install-db`` and ``mariadbd`` (``mysqld`` where the server is older) of this machine."""
    install = _program("mariadb-install-db")
    server = _program("mariadbd") or _program("mysqld")
    return (install, server) if install and server else None


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=SYSTEM)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
