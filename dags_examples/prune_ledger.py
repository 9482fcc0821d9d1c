"""Deletes from the ledger, every night, what is past its term: never anything open, held or inside the window."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from airflow_provider_bingads.operators.ledger_keeping import PruneLedgerOperator

with DAG("prune_ledger", schedule="30 3 * * *", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):
    PruneLedgerOperator(
        task_id="prune",
        ledger_conn_id="ledger_keeper",  # the only role that may DELETE; loads keep their own
        applied_days=120,  # after the event; the service takes it, and ignores repeats, for 90
        other_days=400,
        apply=True,  # without it, a trial run that only counts
        retries=2,
        retry_delay=timedelta(minutes=5),
    )
