"""Reads the rows that were loaded in each run's interval; runs of different days may overlap, as in a backfill.

Runs on the same account take turns: the account is held by one run at a time, the others wait up to ``lease_wait``.
Intervals need their timetable: with a plain "@daily", Airflow 3 lets an interval end where it starts.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable

from airflow_provider_bingads.operators.offline_conversions import ApplyOfflineConversionsOperator

LOADED_IN_THE_INTERVAL = """
SELECT purchase_id, microsoft_click_id, conversion_name, conversion_time, conversion_value, conversion_currency_code
FROM offline_conversions
WHERE loaded_at >= :interval_start AND loaded_at < :interval_end
"""

with DAG(
    "offline_conversions_by_interval",
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=4,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
):
    ApplyOfflineConversionsOperator(
        task_id="apply",
        warehouse_conn_id="warehouse",
        sql=LOADED_IN_THE_INTERVAL,
        parameters={
            "interval_start": "{{ data_interval_start.strftime('%Y-%m-%d %H:%M:%S') }}",
            "interval_end": "{{ data_interval_end.strftime('%Y-%m-%d %H:%M:%S') }}",
        },
        source_key="purchase_id",  # a query has no primary key of its own
        source_timezone="UTC",
        lease_wait=timedelta(minutes=30),
    )
