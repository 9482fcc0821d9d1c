"""Operators for offline conversions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from airflow_provider_bingads.operators.events import EventOperator

__all__ = ["ApplyOfflineConversionsOperator"]


class ApplyOfflineConversionsOperator(EventOperator):
    """Sends the rows of a table or query as offline conversions (``ApplyOfflineConversions``).

    Each row ends with exactly one recorded outcome in the ledger; rows applied before are not sent again, whichever
    DAG, run or try meets them. Usage::

        ApplyOfflineConversionsOperator(
            task_id="send_conversions",
            warehouse_conn_id="warehouse",
            table="marts.offline_conversions",
            source_key="order_id",
            account_id="{{ var.value.bingads_account_id }}",
        )

    :param warehouse_conn_id: Airflow connection of the source.
    :param bingads_conn_id: connection of type ``bingads``.
    :param account_id: account of all rows; without it the connection's.
    :param customer_id: customer through which the account is reached; resolved from the account where not given.
    :param account_id_column: column that names each row's account; rows where it is empty are invalid.
    :param customer_id_column: column that names the customer of each account.
    :param hook_params: passed to the warehouse connection's hook.
    :param sql: query, or the name of a ``.sql`` file; exactly one of ``sql`` and ``table``.
    :param parameters: bound parameters of ``sql``.
    :param table: table or view, up to three parts.
    :param columns: API field -> column; a field not named here is read from the column that bears its name in
        snake_case, if there is one; None keeps a field from being read.
    :param constants: API field -> value for every row.
    :param source_key: column or columns that name a row; default the primary key.
    :param source_timezone: IANA name of the zone in which naive times stand.
    :param ledger_conn_id: where outcomes are recorded; default the warehouse where it can hold them.
    :param ledger_schema: schema of the ledger's tables.
    :param namespace: separates what is remembered; rows sent under one name are unknown to another.
    :param batch_size: rows a call, at most 1,000.
    :param max_in_flight: calls at once, 1 to 10.
    :param max_rejected: rejected and invalid rows one DAG run may have.
    :param max_rejected_ratio: their allowed share of the rows inside the window, 0 to 1; alone it replaces
        ``max_rejected=0``.
    :param on_threshold: ``fail`` or ``warn``, once every valid row was sent.
    :param lease_wait: how long to wait while another run holds the account.
    :param validate_only: judge every row and check the goals, send and record nothing.
    :param lookback: older conversions are counted as ``out_of_window``; at most and by default 90 days.
    :param value_decimals: decimals amounts are rounded to, half-even.
    :param phone_region: region of phone numbers written without a country code, such as ``US``.
    :param click_id_dashes: ``accept``, ``remove`` or ``refuse`` click ids written with dashes; what the service makes
        of them is not documented.
    """

    entity_name: ClassVar[str] = "offline_conversions"

    def __init__(self, *, click_id_dashes: str = "accept", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.click_id_dashes = click_id_dashes

    def entity_options(self) -> Mapping[str, object]:
        """Return the settings of offline conversions."""
        return {"click_id_dashes": self.click_id_dashes}
