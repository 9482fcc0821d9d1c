"""A small world in one process, exact and repeatable: the shipped delivery, a ledger, a source and the service.

Nothing here is a model of the product: ``EventRun``, the client, the ledger on SQLite and the source on SQLite are
the shipped ones. What is simulated is what surrounds them: time, the wire (to the emulator's core, without sockets)
and the scheduler of threads (one thread, in a fixed order).

Typical use::

    world = World.fresh(case, "rest", usual_rows(case))
    world.faults([{"match": {"call": 2}, "do": "drop_after_apply"}])
    world.attempt(kill_at(17))          # a try that is killed at the 17th point it passes
    world.settle()                      # faults stop, clean tries follow
    problems = check(world)             # tests.proof.invariants
"""

from __future__ import annotations

import atexit
import itertools
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from airflow_provider_bingads.domain.entity import EventEntity
from airflow_provider_bingads.domain.records import RunIdentity
from airflow_provider_bingads.emulator.core import Emulator
from airflow_provider_bingads.emulator.inprocess import InProcessTransport
from airflow_provider_bingads.emulator.messages import Request
from airflow_provider_bingads.emulator.settings import Settings
from airflow_provider_bingads.operators.source_plan import SourcePlan, plan_source
from airflow_provider_bingads.sync.ports import Point, passing
from airflow_provider_bingads.warehouse import describe_source, open_source
from airflow_provider_bingads.warehouse.ledger.ledger import SqlLedger
from airflow_provider_bingads.warehouse.ledger.sqlite import SqliteBackend
from airflow_provider_bingads.warehouse.source import SqlSource
from tests.proof.attempt import BATCH_ROWS, Attempt, Hook
from tests.proof.case import Case, Row
from tests.proof.moments import RESTART_SECONDS, SimulatedTime
from tests.proof.witness import Witness

__all__ = ["MOST_CLEAN_TRIES", "World", "accounts_of_service", "usual_rows"]

CHUNK_ROWS = 4
MOST_CLEAN_TRIES = 2
"""After faults stop, a delivery ends within so many tries (``delivery.md`` 6.3, I7)."""
LATENCY_SECONDS = 4.0
"""Each call takes so long, so that leases are renewed in the course of a run."""

_times: dict[Path, SimulatedTime] = {}
"""The time that each ledger's database reads: that of the world it belongs to."""


def usual_rows(case: Case) -> list[Row]:
    """Return nine rows: six valid ones, and a refused, an invalid and a duplicate one among them; three calls."""
    valid = [case.valid(number) for number in range(6)]
    again = {**case.valid(1), "order_id": "order-1-again"}
    return [*valid[:2], case.invalid(0), valid[2], case.refused(0), *valid[3:5], again, valid[5]]


@dataclass(eq=False)
class World:
    """Everything that outlives a process.

    :param rows: the source's rows now; a change is read by the next try.
    :param accounts: account ids at the service.
    :param choose: which of the pieces of work that are ready is done next.
    :param clean_tries: tries made after the faults stopped.
    :param earlier_values: by ``order_id`` the values a row had before it was edited.
    :param by_account: rows are routed by their column ``account``.
    """

    case: Case
    transport: str
    rows: list[Row]
    by_account: bool
    time: SimulatedTime
    emulator: Emulator
    accounts: tuple[str, ...]
    ledger_file: Path
    attempts: list[Attempt] = field(default_factory=list)
    dag_run: int = 1
    clean_tries: int = 0
    earlier_values: dict[str, set[Any]] = field(default_factory=dict)
    witness: Witness = field(init=False)
    transport_to_service: InProcessTransport = field(init=False)
    choose: Callable[[Sequence[str]], int] = lambda _lanes: 0
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.transport_to_service = InProcessTransport(self.emulator, wait=self.time.advance)
        self.witness = Witness(self)

    @classmethod
    def fresh(cls, case: Case, transport: str, rows: Sequence[Row], *, accounts: int = 1) -> World:
        """Return a world with an empty ledger; it replaces the one this process had before.

        :param accounts: with more than one, rows are routed by their column ``account``.
        """
        time = SimulatedTime()
        emulator = Emulator(Settings(accounts=accounts, latency_ms=LATENCY_SECONDS * 1000), time.of_service())
        ids = tuple(str(account) for account in emulator.store.world.accounts)
        file = _ledger_file(_empty_ledger(), "ledger.db", time)
        world = cls(case, transport, [dict(row) for row in rows], accounts > 1, time, emulator, ids, file)
        case.prepare(world.post, ids)
        return world

    def fork(self) -> World:
        """Return a copy of all that would be left if every process died now.

        A ledger's open transaction is not in its file, so that it is not in the copy either. The copy and this world
        know nothing of each other; there is one copy at a time.
        """
        time = SimulatedTime(self.time.elapsed)
        service = self.emulator
        # what no call changes is shared: the front ends with their schema, the user and the accounts, the settings
        shared = (service._front_ends, *service._front_ends, service.store.world, service.settings)
        memo: dict[int, Any] = {id(self.time): time, **{id(one): one for one in shared}}
        world = World(
            case=self.case,
            transport=self.transport,
            rows=[dict(row) for row in self.rows],
            by_account=self.by_account,
            time=time,
            emulator=deepcopy(service, memo),
            accounts=self.accounts,
            ledger_file=_ledger_file(self.ledger_file, "fork.db", time),
            attempts=list(self.attempts),
            dag_run=self.dag_run,
            clean_tries=self.clean_tries,
            earlier_values={name: set(values) for name, values in self.earlier_values.items()},
            choose=self.choose,
        )
        world._numbers = itertools.count(next(self._numbers))
        world.witness.learn(self.witness)
        return world

    # What surrounds a try -------------------------------------------------------------------------------------------

    @property
    def entity(self) -> EventEntity:
        """What is delivered."""
        return self.case.entity

    @property
    def batch_rows(self) -> int:
        """Rows a call."""
        return BATCH_ROWS

    @property
    def plan(self) -> SourcePlan:
        """How the source is read."""
        return _plan(self.case, by_account=self.by_account)

    def new_id(self) -> str:
        """Return a new id; later ones sort after earlier ones."""
        return f"{next(self._numbers):032x}"

    def open_ledger(self, at: Point) -> SqlLedger:
        """Open the ledger as one process does."""
        return SqlLedger(_engine(self.ledger_file), ImpatientSqlite(at), None, at)

    def open_source(self) -> SqlSource:
        """Open the source as one process does."""
        return open_source(_engine(_source_file(self.case, _frozen(self.rows))), self.plan.request)

    # What happens ---------------------------------------------------------------------------------------------------

    def attempt(self, hook: Hook | None = None, **changes: Any) -> Attempt:
        """Make the next try of the task instance."""
        return self.next_attempt(hook, **changes).run()

    def next_attempt(self, hook: Hook | None = None, *, task: str = "send", **changes: Any) -> Attempt:
        """Return the next try of a task instance, not begun.

        :param task: another name is another DAG that feeds the same account.
        """
        tries = sum(one.identity.task_id == task and one.identity.dag_run_id == self._run_name for one in self.attempts)
        identity = RunIdentity("proof", task, self._run_name, -1, tries + 1)
        attempt = Attempt(self, len(self.attempts) + 1, identity, hook, **changes)
        self.attempts.append(attempt)
        return attempt

    @property
    def _run_name(self) -> str:
        return f"scheduled-{self.dag_run}"

    def edit(self, position: int, value: Any) -> None:
        """Give a source row another content under the same identity."""
        row, column = self.rows[position], self.case.value_column
        self.earlier_values.setdefault(row["order_id"], set()).add(row[column])
        row[column] = value

    def next_dag_run(self) -> None:
        """Let the later tries belong to a later DAG run."""
        self.dag_run += 1

    def faults(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Replace the fault plan; an empty one ends all faults."""
        self.post("faults", list(rules))

    def restart(self) -> None:
        """Let the time pass until Airflow begins the next try."""
        self.time.advance(RESTART_SECONDS)

    def settle(self) -> None:
        """End all faults and make clean tries until one succeeds, at most two; then let late calls take effect."""
        self.faults([])
        for _ in range(MOST_CLEAN_TRIES):
            self.restart()
            self.clean_tries += 1
            if self.attempt().ok:
                break
        self.time.advance(3600.0)
        self.get("health")

    # The service's own pages ----------------------------------------------------------------------------------------

    def get(self, page: str, query: str = "") -> Any:
        """Read a control page of the emulator."""
        return self._ask(Request("GET", f"/__emulator__/{page}", query))

    def post(self, page: str, body: object) -> Any:
        """Send JSON to a control page of the emulator."""
        return self._ask(Request("POST", f"/__emulator__/{page}", body=json.dumps(body).encode()))

    def _ask(self, request: Request) -> Any:
        # around the wire: nobody injects a fault into the judge's own questions
        reply = self.emulator.serve(request, self.emulator.admit(request))
        found = json.loads(reply.body)
        assert reply.status == 200, found
        return found


class ImpatientSqlite(SqliteBackend):
    """The shipped SQLite ledger without the time-out it waits for another writer, which is real time.

    It has a point of its own after each look at the clock: between what a lease is and what it becomes.
    """

    def __init__(self, at: Point = passing) -> None:
        super().__init__()
        self._at = at

    def now(self, connection: Connection) -> datetime:
        now = super().now(connection)
        self._at("ledger.clock")
        return now

    def prepare(self, connection: Connection, *, appends: bool) -> None:
        super().prepare(connection, appends=appends)
        connection.exec_driver_sql("PRAGMA busy_timeout = 0")


def accounts_of_service(number: int) -> tuple[str, ...]:
    """Return the account ids that a world of so many accounts has."""
    return tuple(str(account) for account in Emulator(Settings(accounts=number)).store.world.accounts)


@cache
def _folder() -> Path:
    memory = Path("/dev/shm")
    path = Path(tempfile.mkdtemp(prefix="bingads-proof-", dir=memory if memory.is_dir() else None))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@cache
def _engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}", hide_parameters=True, poolclass=NullPool, connect_args={"check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def use_simulated_time(connection: Any, _record: object) -> None:
        # leases go by the database's clock, which SQLite reads with this function
        connection.create_function("strftime", 2, strftime)

    def strftime(pattern: str, _moment: str) -> str:
        now = _times.get(path, SimulatedTime()).now()
        return now.strftime(pattern.replace("%f", f"{now.second:02d}.{now.microsecond // 1000:03d}"))

    return engine


@cache
def _empty_ledger() -> Path:
    path = _folder() / "empty-ledger.db"
    SqlLedger(_engine(path), ImpatientSqlite()).close()
    return path


def _ledger_file(content: Path, name: str, time: SimulatedTime) -> Path:
    path = _folder() / name
    path.with_name(f"{name}-journal").unlink(missing_ok=True)
    shutil.copyfile(content, path)
    _times[path] = time
    return path


def _frozen(rows: Sequence[Row]) -> tuple[tuple[Any, ...], ...]:
    return tuple(tuple(row.values()) for row in rows)


@cache
def _source_file(case: Case, rows: tuple[tuple[Any, ...], ...]) -> Path:
    path = _folder() / f"source-{_source_file.cache_info().currsize}.db"
    columns = ", ".join(f"{name} {'TEXT PRIMARY KEY' if name == 'order_id' else ''}" for name in case.columns)
    marks = ", ".join("?" * len(case.columns))
    with _engine(path).connect() as connection:
        connection.exec_driver_sql(f"CREATE TABLE events ({columns})")
        if rows:
            connection.exec_driver_sql(f"INSERT INTO events VALUES ({marks})", list(rows))
        connection.commit()
    return path


@dataclass(frozen=True)
class _Arguments:
    """What an operator would be given."""

    account_id_column: str | None
    sql: str | None = None
    table: str | None = "events"
    parameters: Mapping[str, Any] | None = None
    columns: Mapping[str, str | None] | None = None
    constants: Mapping[str, object] | None = None
    source_key: str | None = None
    source_timezone: str | None = None
    customer_id_column: str | None = None


@cache
def _plan(case: Case, *, by_account: bool) -> SourcePlan:
    from dataclasses import replace
    from datetime import timedelta

    engine = _engine(_source_file(case, ()))
    arguments = _Arguments("account" if by_account else None)
    shape = describe_source(engine, table=arguments.table)
    lookback = timedelta(days=case.entity.lookback_days)
    plan = plan_source(case.entity, arguments, shape, SimulatedTime().now(), lookback)
    return replace(plan, request=replace(plan.request, chunk_size=CHUNK_ROWS))
