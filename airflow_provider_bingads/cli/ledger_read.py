"""``bingads ledger runs | show | row | attention | in-doubt``: what the ledger knows, for people and machines."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from airflow_provider_bingads.cli.ledger_place import at_most, inspected, narrowing, on_a_ledger, print_json

__all__ = ["READING"]


@click.command(short_help="The last runs: how each ended, and its rows.")
@on_a_ledger
@narrowing
@click.option("--dag-run", "dag_run_id", metavar="ID", help="Only of this run of a DAG, such as manual__1.")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    metavar="TIME",
    help="Only runs that began then or later; a date, or 2026-01-31T06:00:00, in UTC.",
)
@at_most(20, "runs")
def runs(
    *,
    conn_id: str,
    schema: str | None,
    as_json: bool,
    account_id: str | None,
    dag_id: str | None,
    dag_run_id: str | None,
    since: datetime | None,
    limit: int,
) -> None:
    """List the last runs, newest first: one line for each account of each try of a task. Times are UTC."""
    from airflow_provider_bingads.cli.ledger_tables import show_runs
    from airflow_provider_bingads.warehouse.ledger.reports import document

    with inspected(conn_id, schema) as ledger:
        found = ledger.runs(
            limit=limit,
            account_id=account_id,
            dag_id=dag_id,
            dag_run_id=dag_run_id,
            since=since and since.replace(tzinfo=UTC),
        )
    print_json(document(found)) if as_json else show_runs(found)


@click.command(short_help="One run: its counts, reasons, calls and rows.")
@click.argument("run")
@on_a_ledger
@at_most(10, "calls, and most rows, to list")
def show(*, run: str, conn_id: str, schema: str | None, as_json: bool, limit: int) -> None:
    """Show one run: its counts, why rows failed, its calls with TrackingId, its rows that need somebody.

    RUN is the run's id, the beginning of it, or the run id of a DAG run. Calls that went wrong come first. Times are
    UTC.
    """
    from airflow_provider_bingads.cli.ledger_tables import show_run
    from airflow_provider_bingads.warehouse.ledger.reports import document

    with inspected(conn_id, schema) as ledger:
        found = ledger.run(run, limit=limit)
    print_json(document(found)) if as_json else show_run(found)


@click.command(short_help="The whole story of one row of the source.")
@click.argument("key")
@on_a_ledger
@click.option("--account-id", metavar="ID", help="Only of this account (the number).")
@at_most(50, "steps of the story, the newest")
def row(*, key: str, conn_id: str, schema: str | None, as_json: bool, account_id: str | None, limit: int) -> None:
    """Tell the story of one row: its versions, each verdict, each call with TrackingId, and what happens next.

    KEY is the value of source_key (several columns: a JSON list, such as '["eu", 4711]'), or the 32 hex digits of a
    row_key. Times are UTC.
    """
    from airflow_provider_bingads.cli.ledger_story import show_story
    from airflow_provider_bingads.warehouse.ledger.reports import document

    with inspected(conn_id, schema) as ledger:
        found = ledger.row(key, account_id=account_id, limit=limit)
    print_json(document(found)) if as_json else show_story(found)


@click.command(short_help="What needs somebody: why, whose it is, what to do.")
@on_a_ledger
@narrowing
@click.option("--owner", type=click.Choice(["data", "marketing", "platform"]), help="Only what they can mend.")
@click.option("--code", metavar="CODE", help="Only of this reason: Microsoft's number, or the name.")
@click.option("--superseded", is_flag=True, help="With the rows changed after they were applied; nothing to mend.")
@at_most(20, "reasons, and most rows, to list")
def attention(
    *,
    conn_id: str,
    schema: str | None,
    as_json: bool,
    account_id: str | None,
    dag_id: str | None,
    owner: str | None,
    code: str | None,
    superseded: bool,
    limit: int,
) -> None:
    """List what needs somebody: the reasons, most frequent first, then the rows, newest first. Times are UTC."""
    from airflow_provider_bingads.cli.ledger_tables import show_attention
    from airflow_provider_bingads.warehouse.ledger.reports import document

    with inspected(conn_id, schema) as ledger:
        found = ledger.attention(
            limit=limit, account_id=account_id, dag_id=dag_id, owner=owner, code=code, superseded=superseded
        )
    print_json(document(found)) if as_json else show_attention(found)


@click.command("in-doubt", short_help="Rows and calls whose outcome is not known.")
@on_a_ledger
@narrowing
@at_most(20, "rows and calls")
def in_doubt(
    *, conn_id: str, schema: str | None, as_json: bool, account_id: str | None, dag_id: str | None, limit: int
) -> None:
    """List the rows whose outcome is unknown or held, and the calls without a recorded answer, oldest first.

    Times are UTC.
    """
    from airflow_provider_bingads.cli.ledger_tables import show_in_doubt
    from airflow_provider_bingads.warehouse.ledger.reports import document

    with inspected(conn_id, schema) as ledger:
        found = ledger.in_doubt(limit=limit, account_id=account_id, dag_id=dag_id)
    print_json(document(found)) if as_json else show_in_doubt(found)


READING = (runs, show, row, attention, in_doubt)
"""The commands that only read."""
