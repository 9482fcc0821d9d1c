"""One try of one task instance, as one process would make it: shipped parts, own connections, own memory.

The process ends where the proof says: ``Killed`` is raised at a point, it is no ``Exception``, and from then on
every port of this process raises it too, because a killed process runs no ``finally``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx

from airflow_provider_bingads.api.client import Client
from airflow_provider_bingads.api.settings import ConnectionSettings
from airflow_provider_bingads.domain.entity import Preparation, PrepareRows
from airflow_provider_bingads.domain.records import RunIdentity
from airflow_provider_bingads.exceptions import BingAdsError
from airflow_provider_bingads.operators.account_service import ClientAccountService, prepare_for_account
from airflow_provider_bingads.operators.source_plan import SourcePlan
from airflow_provider_bingads.sync.delivery import Ports
from airflow_provider_bingads.sync.ports import Work
from airflow_provider_bingads.sync.report import RunSummary
from airflow_provider_bingads.sync.run import EventRun
from airflow_provider_bingads.sync.settings import DeliverySettings
from airflow_provider_bingads.sync.verdict import ending
from airflow_provider_bingads.warehouse.source import SqlSource
from tests.proof.moments import LEASE_SECONDS, MAX_IN_FLIGHT
from tests.sync.sync_fakes import OneThread, Quiet

if TYPE_CHECKING:
    from tests.proof.world import World

__all__ = ["BATCH_ROWS", "Attempt", "Hook", "Killed"]

BATCH_ROWS = 3
LEASE_WAIT_SECONDS = 60.0
CALL_DEADLINE_SECONDS = 120.0
_addresses = itertools.count(1)
_CURRENCIES = frozenset({"USD", "EUR"})


class Killed(BaseException):
    """The process ends here."""


Hook = Callable[["Attempt", str], None]
"""Called at each point an attempt passes; may raise ``Killed``, or let others run first."""


@dataclass
class Attempt:
    """One try; ``run`` carries it out and leaves what came of it in the fields.

    :param number: how many tries the world has seen, from 1; distinguishes processes.
    :param identity: the task instance, as Airflow names it.
    :param hook: called at each point.
    :param passed: the points passed, in order.
    :param stopped: the process was asked to end.
    :param error: what the task raised for Airflow to see; None for success.
    :param counts: the summary's counters.
    """

    world: World
    number: int
    identity: RunIdentity
    hook: Hook | None = None
    passed: list[str] = field(default_factory=list)
    killed: bool = False
    stopped: bool = False
    finished: bool = False
    error: BaseException | None = None
    counts: dict[str, int] = field(default_factory=dict)

    def at(self, name: str) -> None:
        """Pass a point."""
        self.check_alive()
        self.passed.append(name)
        self.world.witness.passes(self, name)
        if self.hook is not None:
            self.hook(self, name)
        self.check_alive()

    def check_alive(self) -> None:
        """Raise where the process is dead already."""
        if self.killed:
            raise Killed

    def kill(self) -> None:
        """End the process at this point."""
        self.killed = True
        raise Killed

    @property
    def ok(self) -> bool:
        """Airflow would show the task as successful."""
        return self.finished and self.error is None

    def run(self) -> Attempt:
        """Make the try, from opening connections to the task's end."""
        opened: list[Any] = []
        try:
            self._run(opened)
            self.finished = True
        except Killed:
            self.killed = True
        except BingAdsError as error:
            self.error, self.finished = error, True
        finally:
            # the operating system closes what a dead process held; none of these writes anything
            for closing in reversed(opened):
                closing()
        return self

    def _run(self, opened: list[Callable[[], None]]) -> None:
        world = self.world
        client = self._client()
        opened.append(client.close)
        ledger = world.open_ledger(self.at)
        opened.append(ledger.close)
        source = _Source(world.open_source(), self)
        opened.append(source.close)
        settings = self._settings()
        clock = _Clock(self)
        ports = Ports(
            clock=clock,
            ids=world.new_id,
            ledger=ledger,
            executor=_Lanes(self, choose=world.choose),
            progress=Quiet(),
            at=self.at,
        )
        plan, by_account = world.plan, world.by_account
        run = EventRun(
            settings=settings,
            ports=ports,
            entity=world.entity,
            source=source,
            account_id="" if by_account else world.accounts[0],
            account_position=plan.account_position,
            customer_position=plan.customer_position,
            columns_of_fields=plan.mapping,
            prepare_for=self._prepare_for(plan),
            service=ClientAccountService(client, world.entity, None),
            window_days=world.entity.lookback_days,
            earlier_runs=ledger.runs_of_earlier_tries(settings.identity, settings.operation),
        )
        reports = run.deliver()
        summary = RunSummary(
            run_id=settings.run_id,
            operation=settings.operation,
            environment=settings.environment,
            reports=reports,
            ledger={"conn_id": "ledger", "schema": None},
            validate_only=False,
            duration_seconds=0.0,
        )
        self.counts = dict(summary.counts)
        self.error, _ = ending(summary, max_rejected=100, max_rejected_ratio=None, where="")

    def _client(self) -> Client:
        world = self.world
        credentials = world.emulator.credentials
        extra = {
            "environment": "emulator",
            # a host of its own for each process: what clients share by address, they share within a process only
            "base_url": _new_address(),
            "developer_token": credentials.developer_token,
            "refresh_token": credentials.refresh_token,
            "customer_id": credentials.customer_id,
            "account_id": world.accounts[0],
            "transport": world.transport,
        }
        settings = ConnectionSettings.parse(
            "ads", login=credentials.client_id, password=credentials.client_secret, extra=extra
        )
        return Client(
            settings,
            wait=_Clock(self).wait,
            transport=_Wire(self),
            monotonic=world.time.monotonic,
            chance=lambda: 0.5,
        )

    def _prepare_for(self, plan: SourcePlan) -> Callable[[str], PrepareRows]:
        world = self.world

        def prepare(account: str) -> PrepareRows:
            preparation = Preparation(
                columns=plan.request.columns,
                mapping=plan.mapping,
                constants={},
                source_key=plan.source_key,
                account_id=account,
                source_timezone=None,
                lookback_days=world.entity.lookback_days,
                value_decimals=3,
                phone_region=None,
                currency_codes=_CURRENCIES,
                options={},
            )
            compiled = world.entity.compile(preparation)
            return prepare_for_account(compiled, account, "account" if world.by_account else None)

        return prepare

    def _settings(self) -> DeliverySettings:
        return DeliverySettings(
            run_id=self.world.new_id(),
            identity=self.identity,
            environment="emulator",
            operation=self.world.entity.operation,
            namespace="default",
            batch_size=BATCH_ROWS,
            max_in_flight=MAX_IN_FLIGHT,
            lease_seconds=LEASE_SECONDS,
            lease_wait_seconds=LEASE_WAIT_SECONDS,
            call_deadline_seconds=CALL_DEADLINE_SECONDS,
            validate_only=False,
            provider_version="0",
            config_sha="0",
        )


def _new_address() -> str:
    number = next(_addresses) % 2**24
    return f"http://127.{number >> 16}.{number >> 8 & 255}.{number & 255}:80"


@dataclass
class _Clock:
    """The world's time, for a process that may be dead."""

    attempt: Attempt

    def now(self) -> datetime:
        self.attempt.check_alive()
        return self.attempt.world.time.now()

    def monotonic(self) -> float:
        self.attempt.check_alive()
        return self.attempt.world.time.monotonic()

    def wait(self, seconds: float) -> bool:
        self.attempt.check_alive()
        if not self.attempt.stopped:
            self.attempt.world.time.advance(seconds)
        return self.attempt.stopped


class _Lanes(OneThread):
    """The one-thread executor of a process that may be dead."""

    def __init__(self, attempt: Attempt, choose: Callable[[Sequence[str]], int]) -> None:
        super().__init__(choose=choose)
        self._attempt = attempt

    def start(self, lane: str, tag: object, work: Callable[[], Any]) -> None:
        self._attempt.check_alive()
        super().start(lane, tag, work)

    def next(self, timeout_seconds: float | None) -> Work | None:
        self._attempt.check_alive()
        return super().next(timeout_seconds)


class _Source:
    """The shipped source, for a process that may be dead."""

    def __init__(self, source: SqlSource, attempt: Attempt) -> None:
        self._source = source
        self._attempt = attempt
        self.columns = source.columns

    def chunks(self, accounts: Sequence[str] | None = None) -> Iterator[list[Sequence[Any]]]:
        for chunk in self._source.chunks(accounts):
            self._attempt.check_alive()
            yield chunk

    def expected_rows(self) -> int | None:
        self._attempt.check_alive()
        return self._source.expected_rows()

    def count_before_cutoff(self) -> dict[str | None, int]:
        self._attempt.check_alive()
        return self._source.count_before_cutoff()

    def close(self) -> None:
        self._source.close()


class _Wire(httpx.BaseTransport):
    """The way to the emulator, with points before the service sees a request and after it has done its work."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        attempt, world = self._attempt, self._attempt.world
        what = "sign-in" if "oauth2" in request.url.path else "call"
        attempt.at(f"wire.{what}.before")
        world.witness.sees(attempt, request)
        try:
            response = world.transport_to_service.handle_request(request)
        finally:
            world.witness.saw(attempt)
        attempt.at(f"wire.{what}.after")
        return response

    def close(self) -> None:
        """Keep the service: other processes reach it too."""
