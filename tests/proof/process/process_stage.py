"""One upload under proof: a source, a ledger, a service, and the tries that are started and struck."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy.exc import DBAPIError

from tests.proof.process.process_count import Counted, answered_calls, count
from tests.proof.process.process_databases import Database
from tests.proof.process.process_emulator import EmulatorProcess
from tests.proof.process.process_forks import ForkServer
from tests.proof.process.process_try import Plan

__all__ = ["Leased", "Stage", "Timing", "Try"]

_POLL_SECONDS: Final = 0.01
_SETTLE_SECONDS: Final = 0.2
_TRY_SECONDS: Final = 120.0
_MOST_TRIES: Final = 12


@dataclass(frozen=True, slots=True)
class Timing:
    """The settings that are shortened, as an administrator would shorten them."""

    lease_seconds: float = 3.0
    call_deadline_seconds: float = 5.0

    def environment(self) -> dict[str, str]:
        """Return them as Airflow reads them."""
        return {
            "AIRFLOW__BINGADS__LEASE_SECONDS": str(self.lease_seconds),
            "AIRFLOW__BINGADS__CALL_DEADLINE_SECONDS": str(self.call_deadline_seconds),
        }


@dataclass(frozen=True, slots=True)
class Leased:
    """The lease as the ledger shows it; ``acquired_at`` in seconds since 1970 by the database's clock."""

    epoch: int
    acquired_at: float


@dataclass(slots=True)
class Try:
    """One process.

    :param started_at: seconds since 1970, just before it was forked.
    :param status: how it ended; None while nobody has waited for it, negative for the signal that ended it.
    :param strikes: signals it was sent.
    """

    pid: int
    started_at: float
    log: Path
    result: Path
    forks: ForkServer
    epoch_before: int
    status: int | None = None
    strikes: int = 0

    def strike(self, number: signal.Signals) -> bool:
        """Send it a signal; False where it has ended, for then its number may be another's."""
        if self.ended():
            return False
        os.kill(self.pid, number)
        self.strikes += number != signal.SIGCONT
        return True

    def ended(self, seconds: float = 0.0) -> bool:
        """Wait for its end, so long at most."""
        if self.status is None:
            self.status = self.forks.wait(self.pid, seconds)
        return self.status is not None

    def finish(self, seconds: float = _TRY_SECONDS) -> Mapping[str, Any]:
        """Wait for its end and return what it came to: its summary, or its error.

        :raises AssertionError: it does not end, or ended without a word.
        """
        if not self.ended(seconds):
            self.strike(signal.SIGABRT)
            raise AssertionError(f"A try did not end within {seconds} s: {self.tail()}")
        assert self.result.exists(), f"A try ended with {self.status} and left nothing: {self.tail()}"
        found: Mapping[str, Any] = json.loads(self.result.read_text("utf-8"))
        return found

    def tail(self) -> str:
        """Return the end of what it said."""
        return self.log.read_text("utf-8", "replace")[-3000:]


@dataclass(slots=True)
class Stage:
    """Everything one upload needs.

    :param extra: fields of the service connection beside those the emulator names, such as ``transport``.
    """

    database: Database
    service: EmulatorProcess
    forks: ForkServer
    folder: Path
    timing: Timing = Timing()
    arguments: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    tries: list[Try] = field(default_factory=list)

    def prepare(self, rows: int) -> None:
        """Make the source and put the service into its fresh state."""
        self.database.fill(rows)
        self.refresh()

    def refresh(self) -> None:
        """Put the service into its fresh state, for the source that is there."""
        with self.database.connect() as connection:
            sql = "SELECT microsoft_click_id FROM offline_conversions WHERE order_id LIKE 'refused-_______'"
            refused = [click for (click,) in connection.exec_driver_sql(sql.replace("%", "%%"))]
        self.service.prepare(refused, time.time())

    def start(self, *, run_id: str = "scheduled__1", file_bytes: int | None = None, **arguments: Any) -> Try:
        """Start a try; all tries of one ``run_id`` are tries of one task instance."""
        number = len(self.tries) + 1
        log, result = self.folder / f"try{number}.log", self.folder / f"try{number}.json"
        leased = self.leased()
        connection = self.service.control.connection
        connection["extra"] |= {"token_store": "none", **self.extra}
        plan = Plan(
            environment={
                "AIRFLOW_CONN_BINGADS_DEFAULT": json.dumps(connection),
                "AIRFLOW_CONN_WAREHOUSE": self.database.connection_json,
                **self.timing.environment(),
            },
            arguments={
                "table": "offline_conversions",
                "warehouse_conn_id": "warehouse",
                "on_threshold": "warn",
                "lease_wait": 60.0,
                **self.database.arguments,
                **self.arguments,
                **arguments,
            },
            log=str(log),
            result=str(result),
            try_number=number,
            run_id=run_id,
            file_bytes=file_bytes,
        )
        started_at = time.time()
        made = Try(self.forks.start(plan), started_at, log, result, self.forks, leased.epoch if leased else 0)
        self.tries.append(made)
        return made

    def finish(self) -> Mapping[str, Any]:
        """Run clean tries until one succeeds, and return its summary."""
        said: Mapping[str, Any] = {}
        for _ in range(_MOST_TRIES):
            said = self.start().finish()
            if said["error"] is None:
                summary: Mapping[str, Any] = said["summary"]
                return summary
        raise AssertionError(f"{_MOST_TRIES} clean tries did not finish: {said['message']}\n{self.tries[-1].tail()}")

    def count(self, seen: Mapping[str, float] | None = None) -> Counted:
        """Count from the outside; ``seen`` as :meth:`look` filled it, where two processes worked at once."""
        with self.database.connect() as connection:
            return count(connection, self.service.control.url, self.database.prefix, seen)

    def look(self, seen: dict[str, float]) -> None:
        """Note which answers stand in the ledger by now that did not when it was last looked at."""
        with self.database.connect() as connection:
            answered = answered_calls(connection, self.database.prefix)
        now = time.time()
        for tracking_id in answered:
            seen.setdefault(tracking_id, now)

    def leased(self) -> Leased | None:
        """Look at the lease; None while there is none."""
        try:
            with self.database.connect() as connection:
                found = connection.exec_driver_sql(
                    f"SELECT epoch, acquired_at FROM {self.database.prefix}bingads_lease"
                ).first()
        except DBAPIError:
            return None
        return Leased(int(found[0]), _seconds(found[1])) if found else None

    def waited(self, one: Try) -> float | None:
        """Return how long a try waited from its start until it had the lease; None if it has not got it."""
        leased = self.leased()
        if leased is None or leased.epoch <= one.epoch_before:
            return None
        return leased.acquired_at - one.started_at

    def freeze(self, one: Try) -> None:
        """Stop a process where it stands, but not while it has the database of everybody to itself.

        A process frozen in the middle of a write to SQLite locks the whole file: nobody can take over until it goes on.
        """
        while True:
            one.strike(signal.SIGSTOP)
            time.sleep(_SETTLE_SECONDS)  # what it has asked of a server ends
            if self.database.name != "sqlite" or _is_free(str(self.database.url.database)):
                return
            one.strike(signal.SIGCONT)
            one.ended(_POLL_SECONDS)

    def applied(self) -> int:
        """Return how many conversions the service holds."""
        return int(self.service.control.stats()["keys_applied"])

    def until(self, one: Try, reached: Callable[[], bool], seconds: float = 60.0) -> bool:
        """Wait until something is the case; False if the try ended first.

        :raises AssertionError: neither happened in time.
        """
        deadline = time.monotonic() + seconds
        while not reached():
            if one.ended(_POLL_SECONDS):
                return False
            assert time.monotonic() < deadline, f"nothing happened for {seconds} s: {one.tail()}"
        return True


def _is_free(file: str) -> bool:
    with contextlib.closing(sqlite3.connect(file, timeout=0)) as connection:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            return False
    return True


def _seconds(at: Any) -> float:
    from datetime import UTC, datetime

    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return float(moment.replace(tzinfo=UTC).timestamp())
