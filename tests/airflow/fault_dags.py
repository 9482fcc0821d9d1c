"""DAGs that are interrupted on purpose: each has an account and a source table of its own, all share one ledger."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG

from airflow_provider_bingads.operators.offline_conversions import ApplyOfflineConversionsOperator

TABLES = ("retried", "refused", "limited", "marked", "killed", "orphaned", "twofold", "shared")
"""One for each account of the emulator, in this order."""

ACCOUNTS = dict(zip(TABLES, os.environ.get("TEST_ACCOUNT_IDS", "").split(), strict=False))
SOURCE: dict[str, Any] = {"warehouse_conn_id": "warehouse", "ledger_conn_id": "ledger", "source_timezone": "UTC"}
SHAPE: dict[str, Any] = {"batch_size": 25, "max_in_flight": 2, "max_rejected": 20, "phone_region": "US"}
RETRIES: dict[str, Any] = {"retries": 3, "retry_delay": timedelta(seconds=1)}


def upload(dag_id: str, table: str, **task: Any) -> None:
    """Declare a DAG whose one task sends one table to that table's account."""
    with DAG(dag_id, schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=2):
        ApplyOfflineConversionsOperator(
            task_id="apply", table=table, account_id=ACCOUNTS.get(table), **SOURCE | SHAPE | RETRIES | task
        )


upload("retried", "retried")
upload("refused", "refused")
upload("limited", "limited", execution_timeout=timedelta(seconds=8))
upload("marked", "marked")
upload("killed", "killed")
upload("orphaned", "orphaned")
upload("twofold", "twofold")
upload("shared", "shared")
upload("shared_too", "shared")
