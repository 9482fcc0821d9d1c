"""Sends every row of the table ``offline_conversions`` once, every night; columns bear the fields' names."""

from datetime import UTC, datetime

from airflow.sdk import DAG

from airflow_provider_bingads.operators.offline_conversions import ApplyOfflineConversionsOperator

with DAG("offline_conversions", schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):
    ApplyOfflineConversionsOperator(
        task_id="apply",
        warehouse_conn_id="warehouse",
        table="offline_conversions",
        source_timezone="UTC",  # SQLite keeps no zone; this says how its times are meant
        on_threshold="warn",  # refused rows are reported, the task stays green
    )
