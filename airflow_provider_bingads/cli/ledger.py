"""``bingads ledger``: creates the ledger, or prints the script for it; reading and keeping stand beside."""

from __future__ import annotations

import json

import click

from airflow_provider_bingads.cli.ledger_keep import KEEPING
from airflow_provider_bingads.cli.ledger_read import READING
from airflow_provider_bingads.cli.outside_tasks import airflow_at_hand, database_engine

__all__ = ["ledger"]

_DEFAULT_DIALECT = "postgresql"


@click.group(short_help="The tables that remember every row's outcome.")
def ledger() -> None:
    """Work on the ledger, the tables that remember every row's outcome."""


for _command in (*READING, *KEEPING):
    ledger.add_command(_command)


@ledger.command("init")
@click.option("--sql", "as_sql", is_flag=True, help="Print the script with tables and grants; touch nothing.")
@click.option("--conn", "conn_id", metavar="CONN", help="Create or migrate the ledger on this Airflow connection.")
@click.option("--dialect", metavar="NAME", help=f"Database of the script; default {_DEFAULT_DIALECT}.")
@click.option("--schema", metavar="NAME", help="Database schema of the tables; default the connection's own.")
@click.option("--role", metavar="NAME", help="Role that loads; gets SELECT and INSERT, UPDATE on the lease only.")
@click.option("--keeper", metavar="NAME", help="A second role, that may forget and prune besides.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def init(
    *,
    as_sql: bool,
    conn_id: str | None,
    dialect: str | None,
    schema: str | None,
    role: str | None,
    keeper: str | None,
    as_json: bool,
) -> None:
    """Create the ledger on a connection, or print its script for whoever may create tables.

    With both --sql and --conn the script is for that connection's database.
    """
    if not as_sql and conn_id is None:
        raise click.UsageError("Give --conn CONN to create the ledger, or --sql to print its script.")
    if not as_sql and (dialect or role or keeper):
        raise click.UsageError("--dialect, --role and --keeper belong to --sql; a connection brings its own.")
    if as_sql:
        _print_script(dialect or _dialect_of(conn_id), schema, role, keeper, as_json=as_json)
    elif conn_id is not None:
        _create(conn_id, schema, as_json=as_json)


def _dialect_of(conn_id: str | None) -> str:
    if conn_id is None:
        return _DEFAULT_DIALECT
    with airflow_at_hand():
        engine = database_engine(conn_id)
        engine.dispose()
        return engine.dialect.name


def _print_script(dialect: str, schema: str | None, role: str | None, keeper: str | None, *, as_json: bool) -> None:
    from airflow_provider_bingads.warehouse import ledger_ddl
    from airflow_provider_bingads.warehouse.ledger.opening import refuse_dialect

    refuse_dialect(dialect)
    script = ledger_ddl(dialect, schema, role, keeper=keeper) if role else ledger_ddl(dialect, schema, keeper=keeper)
    click.echo(json.dumps({"dialect": dialect, "schema": schema, "sql": script}) if as_json else script, nl=as_json)


def _create(conn_id: str, schema: str | None, *, as_json: bool) -> None:
    with airflow_at_hand():
        from airflow_provider_bingads.warehouse import ledger_for

        engine = database_engine(conn_id)
        dialect = engine.dialect.name
        try:
            ledger_for(engine, schema).close()
        finally:
            engine.dispose()
    if as_json:
        click.echo(json.dumps({"ok": True, "conn_id": conn_id, "dialect": dialect, "schema": schema}))
    else:
        where = f"schema {schema!r}" if schema else "the default schema"
        click.echo(f"The ledger stands, in {where} of connection {conn_id!r} ({dialect}).")
