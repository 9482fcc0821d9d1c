"""``python -m tests.proof.process.kills``: SIGKILL real uploads at random moments, restart them, and count.

Each upload is a source table of its own size on PostgreSQL, a fresh ledger and a fresh service. A process that runs the
real operator is killed, a fresh one takes over, and so on; the moments follow from the seed: in the first second of a
process, any time while it delivers, or when the service holds a random share of the rows, the end included. When an
upload is done it is counted from the outside and the next begins, until enough processes were killed. The last restart
of each upload runs to its end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL

from tests.private_postgres import VARIABLE, PrivatePostgres, find_programs, own_database
from tests.proof.process import process_databases as databases
from tests.proof.process.process_count import Counted
from tests.proof.process.process_emulator import EmulatorProcess
from tests.proof.process.process_forks import ForkServer
from tests.proof.process.process_stage import Stage, Timing, Try

__all__ = ["Kills", "run_kills"]

LEASE_SECONDS: Final = 3.0
CALL_DEADLINE_SECONDS: Final = 5.0
_WAIT_SECONDS: Final = 120.0
_DATABASE: Final = "bingads_proof_kills"
_FIRST_SECOND, _ANY_TIME = 0.25, 0.8
"""Shares of the kills: up to the first in a process's first second, up to the second any time after it has the lease,
the rest when the service holds a random share of the rows that were missing."""
_LONGEST_SECONDS: Final = 2.5

Say = Callable[[str], object]


@dataclass(slots=True)
class Kills:
    """Kills processes until there were enough, and keeps the figures."""

    stage: Stage
    rows: int
    kills: int
    chance: random.Random
    say: Say
    killed: Counter[str] = field(default_factory=Counter)
    uploads: int = 0
    restarts: int = 0
    longest_wait: float = 0.0
    counted: Counted = field(default_factory=Counted)

    def run(self) -> None:
        """Upload after upload, until there were enough kills."""
        self.stage.database.fill(self.rows)
        database = self.stage.database
        while not self.uploads or self.killed.total() < self.kills:
            self.uploads += 1
            schema = f"upload_{self.uploads}"
            self.stage.database = database.with_schema(schema)
            with database.connect() as connection:
                connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
            self.stage.refresh()
            self._upload()
            found = self.stage.count()
            self.counted += found
            self.say(
                f"upload {self.uploads}: {self.killed.total()} kills so far, {found.rows} rows, {found.lost} lost, "
                f"{found.duplicated} duplicated, {found.lies} lies, longest wait {self.longest_wait:.2f} s"
            )
            with database.connect() as connection:
                connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
        self.stage.database = database

    def _upload(self) -> None:
        """Start processes until one ends by itself with success."""
        self.stage.tries.clear()
        while True:
            one = self.stage.start(run_id=f"upload__{self.uploads}")
            self.restarts += len(self.stage.tries) > 1
            if self.killed.total() < self.kills:
                self._strike(one)
            one.ended(_WAIT_SECONDS)
            self._note_wait(one)
            if one.status == -signal.SIGKILL:
                continue
            said = one.finish()
            assert said["error"] is None, f"a restart failed by itself: {said['message']}\n{one.tail()}"
            return

    def _strike(self, one: Try) -> None:
        """Kill the process at a random moment, unless it ends before."""
        kind = self._reach_moment(one)
        if kind is None or one.ended():
            return
        one.strike(signal.SIGKILL)
        one.ended(_WAIT_SECONDS)
        if one.status == -signal.SIGKILL:
            self.killed[kind] += 1

    def _reach_moment(self, one: Try) -> str | None:
        draw = self.chance.random()
        if draw < _FIRST_SECOND:
            one.ended(self.chance.random())
            return "in its first second"
        share = self.chance.random()
        if not self.stage.until(one, lambda: self.stage.waited(one) is not None):
            return None
        if draw < _ANY_TIME:
            one.ended(share * _LONGEST_SECONDS)
            return "while it held the lease"
        applied = self.stage.applied()
        target = applied + share * (self.rows - applied)
        if not self.stage.until(one, lambda: self.stage.applied() >= target):
            return None
        one.ended(self.chance.random() * 0.4)
        return "after a share of the rows"

    def _note_wait(self, one: Try) -> None:
        """Note how long a restart waited: one that was killed before it had the lease, until then at least."""
        if len(self.stage.tries) > 1:
            waited = self.stage.waited(one)
            self.longest_wait = max(self.longest_wait, time.time() - one.started_at if waited is None else waited)


def run_kills(
    *, kills: int = 200, rows: int = 100_000, seed: int = 1, postgres: str | None = None, say: Say = lambda _: None
) -> dict[str, Any]:
    """Kill real uploads on PostgreSQL and return the figures.

    :param kills: how many processes to kill.
    :param rows: of each upload.
    :param seed: the moments follow from it.
    :param postgres: SQLAlchemy URL of a database whose role may create others; None for a server of the run's own.
    :param say: is told a line for each upload.
    """
    began = time.monotonic()
    with _server(postgres) as url, own_database(url, _DATABASE) as engine, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ForkServer(folder) as forks, EmulatorProcess(folder) as service:
            found = _kill(engine.url, forks, service, folder, random.Random(seed), kills, rows, say)
    counted = found.counted
    return {
        "sigkills": found.killed.total(),
        "sigkills_by_moment": dict(found.killed),
        "uploads": found.uploads,
        "restarts": found.restarts,
        "rows": counted.rows,
        "resent": counted.resent,
        "lost": counted.lost,
        "duplicated": counted.duplicated,
        "lies": counted.lies,
        "reasons": {kind: reasons for kind, reasons in counted.reasons.items() if reasons},
        "longest_restart_wait_seconds": round(found.longest_wait, 3),
        "lease_seconds": LEASE_SECONDS,
        "seconds": round(time.monotonic() - began, 1),
        "seed": seed,
    }


def _kill(
    url: URL,
    forks: ForkServer,
    service: EmulatorProcess,
    folder: Path,
    chance: random.Random,
    kills: int,
    rows: int,
    say: Say,
) -> Kills:
    timing = Timing(LEASE_SECONDS, CALL_DEADLINE_SECONDS)
    stage = Stage(databases.postgres(url), service, forks, folder, timing)
    found = Kills(stage, rows, kills, chance, say)
    found.run()
    return found


@contextlib.contextmanager
def _server(postgres: str | None) -> Iterator[str]:
    named = postgres or os.environ.get(VARIABLE)
    if named:
        yield named
        return
    programs = find_programs()
    if programs is None:
        raise SystemExit(f"No PostgreSQL: install it, set {VARIABLE} to a database's URL, or give --postgres.")
    server = PrivatePostgres(programs)
    try:
        yield server.start()
    finally:
        server.stop()


def main() -> int:
    """Run from a terminal: figures as JSON; 1 where one of them is not what it must be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgres", default=None, metavar="URL")
    options = parser.parse_args()
    found = run_kills(**vars(options), say=lambda line: sys.stderr.write(line + "\n"))
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    wrong = found["lost"] or found["duplicated"] or found["lies"]
    return 1 if wrong or found["longest_restart_wait_seconds"] > found["lease_seconds"] else 0


if __name__ == "__main__":
    sys.exit(main())
