"""SQLAlchemy adapters: the source that is read, the ledger that remembers."""

from __future__ import annotations

from airflow_provider_bingads.warehouse.ledger import SqlLedger, ledger_ddl, ledger_for
from airflow_provider_bingads.warehouse.query import SourceRequest, account_text
from airflow_provider_bingads.warehouse.shape import ColumnShape, SourceShape, describe_source
from airflow_provider_bingads.warehouse.source import open_source

__all__ = [
    "ColumnShape",
    "SourceRequest",
    "SourceShape",
    "SqlLedger",
    "account_text",
    "describe_source",
    "ledger_ddl",
    "ledger_for",
    "open_source",
]
