"""Puts one try together: connections, client, source, ledger, clock and threads, and closes them again."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_bingads import __version__
from airflow_provider_bingads.domain.entity import EventEntity, Preparation, PrepareRows
from airflow_provider_bingads.domain.records import RunIdentity
from airflow_provider_bingads.exceptions import FixConfiguration
from airflow_provider_bingads.operators.account_service import ClientAccountService, prepare_for_account
from airflow_provider_bingads.operators.runtime import LogProgress, RunClock, ids, rare_collections
from airflow_provider_bingads.operators.source_plan import SourcePlan, plan_source
from airflow_provider_bingads.operators.threads import LaneExecutor, Supervisor
from airflow_provider_bingads.sync.delivery import Ports
from airflow_provider_bingads.sync.report import RunSummary
from airflow_provider_bingads.sync.run import EventRun
from airflow_provider_bingads.sync.settings import DeliverySettings

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_bingads.api.client import Client
    from airflow_provider_bingads.hooks.bingads import BingAdsHook
    from airflow_provider_bingads.operators.events import EventOperator

__all__ = ["EventSession"]

_MAX_IN_FLIGHT = 10


@dataclass(slots=True, eq=False)
class EventSession:
    """The parts of one try, made in the main thread and used by the delivery's."""

    operator: EventOperator
    context: Context
    supervisor: Supervisor
    stop: threading.Event
    hook: BingAdsHook
    client: Client
    closing: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @classmethod
    @contextlib.contextmanager
    def open(
        cls, operator: EventOperator, context: Context, supervisor: Supervisor, stop: threading.Event
    ) -> Iterator[EventSession]:
        """Check the arguments, open the connections, and close everything at the end."""
        from airflow_provider_bingads.hooks.bingads import BingAdsHook

        _check_arguments(operator)
        hook = BingAdsHook(operator.bingads_conn_id, in_main=supervisor.in_main, wait=stop.wait)
        with contextlib.ExitStack() as closing:
            column = operator.account_id_column
            client = hook.get_conn(f"of each row ({column})" if column else operator.account_id)
            closing.callback(client.close)
            yield cls(operator, context, supervisor, stop, hook, client, closing)

    def deliver(self) -> RunSummary:
        """Run the delivery in its own thread, this one serving Airflow; return what it came to."""
        operator, settings = self.operator, self._settings()
        ledger, ledger_schema = self._ledger()
        clock = RunClock(self.client.now, self.stop)
        started = clock.monotonic()
        progress = LogProgress(self.operator.log, clock.monotonic)
        executor = LaneExecutor(settings.max_in_flight)
        self.closing.callback(executor.shutdown, 1.0)
        ports = Ports(clock=clock, ids=ids(), ledger=ledger, executor=executor, progress=progress)
        run = self._event_run(settings, ports)
        with rare_collections():
            reports = self.supervisor.run(run.deliver)
        return RunSummary(
            run_id=settings.run_id,
            operation=settings.operation,
            environment=settings.environment,
            reports=reports,
            ledger={"conn_id": operator.ledger_conn_id or operator.warehouse_conn_id, "schema": ledger_schema},
            validate_only=settings.validate_only,
            duration_seconds=clock.monotonic() - started,
        )

    def _event_run(self, settings: DeliverySettings, ports: Ports) -> EventRun:
        from airflow_provider_bingads.hooks.engines import engine_for
        from airflow_provider_bingads.warehouse import describe_source, open_source

        operator, entity = self.operator, self.operator.entity()
        lookback = _lookback(operator.lookback, entity)
        engine = engine_for(operator.warehouse_conn_id, operator.hook_params)
        self.closing.callback(engine.dispose)
        shape = describe_source(engine, table=operator.table, sql=operator.sql, parameters=operator.parameters)
        plan = plan_source(entity, operator, shape, self.client.now(), lookback)
        prepare = self._prepare_for(entity, plan, lookback)
        account = self._account()
        prepare(account)
        source = open_source(engine, plan.request)
        self.closing.callback(source.close)
        return EventRun(
            settings=settings,
            ports=ports,
            entity=entity,
            source=source,
            account_id=account,
            account_position=plan.account_position,
            customer_position=plan.customer_position,
            columns_of_fields=plan.mapping,
            prepare_for=prepare,
            service=ClientAccountService(self.client, entity, operator.customer_id),
            window_days=lookback.days,
            earlier_runs=ports.ledger.runs_of_earlier_tries(settings.identity, settings.operation),
        )

    def _prepare_for(self, entity: EventEntity, plan: SourcePlan, lookback: timedelta) -> Callable[[str], PrepareRows]:
        operator = self.operator
        currencies = _currency_codes()

        def prepare(account: str) -> PrepareRows:
            preparation = Preparation(
                columns=plan.request.columns,
                mapping=plan.mapping,
                constants=operator.constants or {},
                source_key=plan.source_key,
                account_id=account,
                source_timezone=operator.source_timezone,
                lookback_days=lookback.days,
                value_decimals=operator.value_decimals,
                phone_region=operator.phone_region,
                currency_codes=currencies,
                options=operator.entity_options(),
            )
            return prepare_for_account(entity.compile(preparation), account, operator.account_id_column)

        return prepare

    def _account(self) -> str:
        operator = self.operator
        account = operator.account_id or self.hook.settings.account_id
        if operator.account_id_column is None and not account:
            raise FixConfiguration(
                "No account is named. Give account_id, account_id_column, or the account_id field of the connection "
                f"{operator.bingads_conn_id!r}"
            )
        return str(account or "")

    def _ledger(self) -> tuple[Any, str | None]:
        from airflow_provider_bingads.hooks.engines import engine_for, ledger_supported
        from airflow_provider_bingads.warehouse import ledger_for

        operator = self.operator
        own = operator.ledger_conn_id
        engine = engine_for(own or operator.warehouse_conn_id, None if own else operator.hook_params)
        self.closing.callback(engine.dispose)
        ledger_supported(engine.dialect.name)
        ledger = ledger_for(engine, operator.ledger_schema)
        self.closing.callback(ledger.close)
        return ledger, operator.ledger_schema

    def _settings(self) -> DeliverySettings:
        from airflow.sdk.configuration import conf

        operator, connection = self.operator, self.hook.settings
        entity = operator.entity()
        wait = operator.lease_wait
        return DeliverySettings(
            run_id=ids()(),
            identity=_identity(self.context),
            environment=connection.environment.value,
            operation=entity.operation,
            namespace=operator.namespace,
            batch_size=min(operator.batch_size or entity.batch_limit, entity.batch_limit),
            max_in_flight=operator.max_in_flight,
            lease_seconds=conf.getfloat("bingads", "lease_seconds", fallback=30.0),
            lease_wait_seconds=wait.total_seconds() if isinstance(wait, timedelta) else float(wait),
            call_deadline_seconds=conf.getfloat("bingads", "call_deadline_seconds", fallback=120.0),
            validate_only=operator.validate_only or connection.read_only,
            provider_version=__version__,
            config_sha=operator.config_sha(),
        )


def _identity(context: Context) -> RunIdentity:
    instance = context["ti"]
    return RunIdentity(
        dag_id=instance.dag_id,
        task_id=instance.task_id,
        dag_run_id=instance.run_id,
        map_index=-1 if instance.map_index is None else instance.map_index,
        try_number=instance.try_number,
    )


def _lookback(lookback: timedelta | int | None, entity: EventEntity) -> timedelta:
    if lookback is None:
        return timedelta(days=entity.lookback_days)
    asked = lookback if isinstance(lookback, timedelta) else timedelta(days=lookback)
    if not timedelta(0) < asked <= timedelta(days=entity.lookback_days):
        raise FixConfiguration(
            f"lookback must be between 1 and {entity.lookback_days} days: the service refuses what is older"
        )
    return asked


def _currency_codes() -> frozenset[str]:
    from iso4217 import Currency

    return frozenset(currency.code for currency in Currency)


def _check_arguments(operator: EventOperator) -> None:
    if (operator.sql is None) == (operator.table is None):
        raise FixConfiguration("Give exactly one of sql and table")
    if operator.on_threshold not in {"fail", "warn"}:
        raise FixConfiguration("on_threshold must be 'fail' or 'warn'")
    if not 1 <= operator.max_in_flight <= _MAX_IN_FLIGHT:
        raise FixConfiguration(f"max_in_flight must be between 1 and {_MAX_IN_FLIGHT}, the most Microsoft advises")
    if operator.batch_size is not None and operator.batch_size < 1:
        raise FixConfiguration("batch_size must be at least 1")
    if operator.max_rejected < 0 or not 0 <= (operator.max_rejected_ratio or 0.0) <= 1:
        raise FixConfiguration("max_rejected must not be negative and max_rejected_ratio must lie between 0 and 1")
    if operator.table is not None and operator.parameters:
        raise FixConfiguration("parameters belong to sql; a table takes none")
