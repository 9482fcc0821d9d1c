"""The ledger: every row's outcome, append-only, on a SQL database."""

from __future__ import annotations

from airflow_provider_bingads.warehouse.ledger.ddl import ledger_ddl
from airflow_provider_bingads.warehouse.ledger.ledger import SqlLedger
from airflow_provider_bingads.warehouse.ledger.opening import ledger_for

__all__ = ["SqlLedger", "ledger_ddl", "ledger_for"]
