"""What every operator that delivers events shares; a named operator adds its entity and its own arguments."""

from __future__ import annotations

import hashlib
import json
import shlex
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_bingads.exceptions import FixConfiguration, FixRequest
from airflow_provider_bingads.operators.threads import Supervisor

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_bingads.domain.entity import EventEntity
    from airflow_provider_bingads.sync.report import RunSummary

__all__ = ["EventOperator", "where_to_look"]


def where_to_look(conn_id: str, schema: str | None) -> str:
    """Return the sentence that says where refused rows are listed, with commands that run as they stand.

    :param conn_id: Airflow connection of the ledger.
    :param schema: database schema of its tables; None for the connection's own.
    """
    ledger = f"--conn {shlex.quote(conn_id)}" + (f" --schema {shlex.quote(schema)}" if schema else "")
    prefix = f"{schema}." if schema else ""
    rows, reasons = f"SELECT * FROM {prefix}bingads_attention", f"SELECT * FROM {prefix}bingads_partial_error"  # noqa: S608 - for people
    return (
        f"Each refused row with its reason: bingads ledger attention {ledger}, or {rows}; one row's story: "
        f"bingads ledger row KEY {ledger}, or {reasons} WHERE source_ref = '...'"
    )


class EventOperator(BaseOperator):
    """Base of the operators whose rows are events; use a named one.

    Nothing is validated before ``execute``: most arguments are templates.
    """

    entity_name: ClassVar[str]
    template_fields: Sequence[str] = (
        "bingads_conn_id",
        "account_id",
        "customer_id",
        "warehouse_conn_id",
        "ledger_conn_id",
        "ledger_schema",
        "sql",
        "parameters",
        "table",
        "namespace",
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql", "parameters": "json"}
    ui_color = "#e8f0fe"

    def __init__(
        self,
        *,
        warehouse_conn_id: str,
        bingads_conn_id: str = "bingads_default",
        account_id: str | None = None,
        customer_id: str | None = None,
        account_id_column: str | None = None,
        customer_id_column: str | None = None,
        hook_params: Mapping[str, Any] | None = None,
        sql: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        table: str | Sequence[str] | None = None,
        columns: Mapping[str, str | None] | None = None,
        constants: Mapping[str, object] | None = None,
        source_key: str | Sequence[str] | None = None,
        source_timezone: str | None = None,
        ledger_conn_id: str | None = None,
        ledger_schema: str | None = None,
        namespace: str = "default",
        batch_size: int | None = None,
        max_in_flight: int = 4,
        max_rejected: int = 0,
        max_rejected_ratio: float | None = None,
        on_threshold: str = "fail",
        lease_wait: timedelta | float = timedelta(minutes=15),
        validate_only: bool = False,
        lookback: timedelta | int | None = None,
        value_decimals: int = 3,
        phone_region: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.warehouse_conn_id = warehouse_conn_id
        self.bingads_conn_id = bingads_conn_id
        self.account_id = account_id
        self.customer_id = customer_id
        self.account_id_column = account_id_column
        self.customer_id_column = customer_id_column
        self.hook_params = hook_params
        self.sql = sql
        self.parameters = parameters
        self.table = table
        self.columns = columns
        self.constants = constants
        self.source_key = source_key
        self.source_timezone = source_timezone
        self.ledger_conn_id = ledger_conn_id
        self.ledger_schema = ledger_schema
        self.namespace = namespace
        self.batch_size = batch_size
        self.max_in_flight = max_in_flight
        self.max_rejected = max_rejected
        self.max_rejected_ratio = max_rejected_ratio
        self.on_threshold = on_threshold
        self.lease_wait = lease_wait
        self.validate_only = validate_only
        self.lookback = lookback
        self.value_decimals, self.phone_region = value_decimals, phone_region
        self._stop: threading.Event | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Deliver the source's rows.

        :return: the summary of design 3 ("XCom"), at most 8 KB.
        :raises AirflowFailException: configuration, credentials or a crossed threshold; a retry cannot help.
        :raises RetryLater: a passing condition; Airflow's retries resume from the ledger.
        """
        from airflow_provider_bingads.operators.session import EventSession
        from airflow_provider_bingads.sync.report import partial_errors, summarise

        self._stop = threading.Event()
        supervisor = Supervisor(self._stop)
        try:
            with EventSession.open(self, context, supervisor, self._stop) as session:
                summary = session.deliver()
        except (FixConfiguration, FixRequest) as error:
            raise AirflowFailException(str(error)) from None
        for line in summarise(summary.reports, summary):
            self.log.info("%s", line)
        if waiting := summary.waiting_sentence():
            self.log.warning("%s", waiting)
        result = summary.as_xcom()
        push: Callable[..., None] = context["ti"].xcom_push
        push(key="summary_text", value=summary.text())
        push(key="partial_errors", value=partial_errors(summary.reports))
        push(key="return_value", value=result)
        self._raise_for(summary)
        return result

    def on_kill(self) -> None:
        """Ask the delivery to end; it records what it knows and gives the account back."""
        if self._stop is not None:
            self._stop.set()

    def entity(self) -> EventEntity:
        """Return the description of what this operator sends."""
        from airflow_provider_bingads.entities import event_entities

        return next(entity for entity in event_entities() if entity.name == self.entity_name)

    def entity_options(self) -> Mapping[str, object]:
        """Return the settings of the entity that this operator offers as arguments of its own."""
        return {}

    def config_sha(self) -> str:
        """Return a digest of the arguments that decide how rows are read, to tell configurations apart."""
        shaping: list[object] = [
            self.sql,
            self.table,
            self.columns,
            self.constants,
            self.source_key,
            self.source_timezone,
        ]
        shaping += [self.value_decimals, self.phone_region, self.account_id_column, dict(self.entity_options())]
        return hashlib.sha256(json.dumps(shaping, default=str, sort_keys=True).encode()).hexdigest()[:16]

    def _raise_for(self, summary: RunSummary) -> None:
        from airflow_provider_bingads.sync.verdict import ending

        where = where_to_look(self.ledger_conn_id or self.warehouse_conn_id, self.ledger_schema)
        error, review = ending(
            summary, max_rejected=self.max_rejected, max_rejected_ratio=self.max_rejected_ratio, where=where
        )
        if isinstance(error, FixConfiguration | FixRequest):
            raise AirflowFailException(str(error)) from None
        if error is not None:
            raise error
        if review is None:
            return
        if self.on_threshold == "warn":
            self.log.warning("%s", review)
        else:
            raise AirflowFailException(str(review)) from None
