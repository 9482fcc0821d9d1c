"""``bingads check``: one tick, or one cross with its remedy, for everything a run needs."""

from __future__ import annotations

import click

from airflow_provider_bingads.cli.findings import show
from airflow_provider_bingads.cli.outside_tasks import airflow_at_hand

__all__ = ["check"]


@click.command(short_help="Check connection, source and ledger before the first run.")
@click.argument("conn")
@click.option("--warehouse", metavar="CONN", help="Airflow connection of the source; needs --table.")
@click.option("--table", metavar="T", help="Source table, up to three parts; needs --warehouse.")
@click.option("--operator", metavar="O", help="Operator that reads it, such as offline_conversions.")
@click.option("--account-id", metavar="ID", help="Account of the operator; default the connection's.")
@click.option("--column", "columns", metavar="FIELD=COLUMN", multiple=True, help="As in the operator's columns.")
@click.option("--constant", "constants", metavar="FIELD=VALUE", multiple=True, help="As in the operator's constants.")
@click.option("--source-key", metavar="COLUMN", multiple=True, help="Columns that name a row; default the primary key.")
@click.option("--source-timezone", metavar="ZONE", help="Zone of times without one, such as Europe/Berlin.")
@click.option("--phone-region", metavar="XX", help="Region of phone numbers without country code.")
@click.option("--ledger", metavar="CONN", help="Airflow connection of the ledger; default the warehouse.")
@click.option("--ledger-schema", metavar="NAME", help="Database schema of the ledger.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
@click.pass_context
def check(
    context: click.Context,
    *,
    conn: str,
    warehouse: str | None,
    table: str | None,
    operator: str | None,
    account_id: str | None,
    ledger: str | None,
    ledger_schema: str | None,
    as_json: bool,
    columns: tuple[str, ...],
    constants: tuple[str, ...],
    source_key: tuple[str, ...],
    source_timezone: str | None,
    phone_region: str | None,
) -> None:
    """Check the connection CONN and, where named, the source table and the ledger. Nothing is sent or written.

    Exit code 0: a run can start. Exit code 1: each cross says what to do.
    """
    from airflow_provider_bingads.cli.examination import Examination
    from airflow_provider_bingads.cli.source_checks import SourceOptions
    from airflow_provider_bingads.cli.source_table import entity_of

    if (warehouse is None) != (table is None):
        raise click.UsageError("--warehouse and --table belong together.")
    options = SourceOptions(
        table=table,
        columns=_pairs("--column", columns),
        constants=_pairs("--constant", constants),
        source_key=source_key or None,
        source_timezone=source_timezone,
        phone_region=phone_region,
    )
    examination = Examination(
        conn_id=conn,
        entity=entity_of(operator),
        options=options,
        warehouse=warehouse,
        ledger=ledger or warehouse,
        ledger_schema=ledger_schema,
        account_id=account_id,
    )
    with airflow_at_hand():
        findings = examination.run()
    context.exit(0 if show(findings, as_json=as_json) else 1)


def _pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    pairs = dict(item.partition("=")[::2] for item in given)
    if not all(name and value for name, value in pairs.items()):
        raise click.UsageError(f"{option} takes FIELD=VALUE.")
    return pairs
