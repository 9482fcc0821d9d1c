"""Sends won deals from a CRM's table whose columns have names of their own."""

from datetime import UTC, datetime

from airflow.sdk import DAG

from airflow_provider_bingads.operators.offline_conversions import ApplyOfflineConversionsOperator

with DAG(
    "crm_deals", schedule="@hourly", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1
):
    ApplyOfflineConversionsOperator(
        task_id="apply",
        warehouse_conn_id="warehouse",
        table="crm.deals",
        source_key="deal_no",
        columns={
            "ConversionTime": "won_at",
            "ConversionValue": "amount_eur",
            "MicrosoftClickId": "msclkid",
            "EmailAddress": "contact_email",
        },
        constants={"ConversionName": "Won deal", "ConversionCurrencyCode": "EUR"},
        source_timezone="Europe/Berlin",  # won_at is a timestamp without time zone
        max_rejected_ratio=0.01,
    )
