"""Sends the orders of the last week each hour, from a table that knows only the local time of the sale."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from airflow_provider_bingads.operators.offline_conversions import ApplyOfflineConversionsOperator

with DAG(
    "shop_orders", schedule="@hourly", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1
):
    ApplyOfflineConversionsOperator(
        task_id="apply",
        warehouse_conn_id="warehouse",
        table="sales.orders",  # schema and table
        source_key="order_id",
        columns={"ConversionTime": "sold_at", "ConversionValue": "total", "MicrosoftClickId": "msclkid"},
        constants={"ConversionName": "Purchase", "ConversionCurrencyCode": "EUR"},
        source_timezone="Europe/Berlin",  # sold_at is a timestamp without time zone
        lookback=timedelta(days=7),
        max_rejected_ratio=0.01,
    )
