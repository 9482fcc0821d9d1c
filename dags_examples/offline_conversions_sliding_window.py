"""Reads the last seven days at each run, so that rows which arrive late are still sent; what was sent stays sent.

One run at a time: two would read the same rows, and the second would only wait for the first.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from airflow_provider_bingads.operators.offline_conversions import ApplyOfflineConversionsOperator

with DAG(
    "offline_conversions_sliding_window",
    schedule="@hourly",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
):
    ApplyOfflineConversionsOperator(
        task_id="apply",
        warehouse_conn_id="warehouse",
        table="offline_conversions",
        source_timezone="UTC",
        lookback=timedelta(days=7),
    )
