"""What `bingads check` finds out about the ledger: whether this connection may create, read and write it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_bingads.cli.findings import Finding, failed, passed
from airflow_provider_bingads.exceptions import BingAdsError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Table

    from airflow_provider_bingads.warehouse.ledger.schema import LedgerTables

__all__ = ["ledger_finding"]


def ledger_finding(engine: Engine, schema: str | None) -> Finding:
    """Rehearse every kind of statement in a transaction that is rolled back; nothing is left behind."""
    from airflow_provider_bingads.warehouse.failures import driver_errors
    from airflow_provider_bingads.warehouse.ledger.opening import refuse_dialect
    from airflow_provider_bingads.warehouse.ledger.refusals import refusal

    dialect = engine.dialect.name
    try:
        refuse_dialect(dialect)
        version = _rehearse(engine, schema)
    except BingAdsError as error:
        return failed("ledger", _told(error, dialect, schema))
    except driver_errors(engine) as error:
        return failed("ledger", _told(refusal(error, dialect, schema), dialect, schema))
    state = f"stands, version {version}" if version else "will be created by the first run"
    return passed("ledger", f"The ledger {state}; this connection has the rights ({dialect}).")


def _rehearse(engine: Engine, schema: str | None) -> int:
    from airflow_provider_bingads.warehouse.ledger.migrations import version_of
    from airflow_provider_bingads.warehouse.ledger.schema import ledger_tables

    tables = ledger_tables(schema)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if engine.dialect.name == "sqlite" else "BEGIN")
        try:
            version = version_of(connection, tables)
            if not version:
                tables.metadata.create_all(connection)
            _touch(connection, tables)
        finally:
            connection.exec_driver_sql("ROLLBACK")
    return version


def _touch(connection: Connection, tables: LedgerTables) -> None:
    """Ask for each right with a statement that finds no row."""
    from sqlalchemy import false, insert, select, update

    def nothing_into(table: Table) -> None:
        connection.execute(insert(table).from_select(table.columns.keys(), select(table).where(false())))

    for table in tables.metadata.sorted_tables:
        nothing_into(table)
    connection.execute(update(tables.lease).where(false()).values(owner="nobody"))


def _told(error: BingAdsError, dialect: str, schema: str | None) -> str:
    """Return the first sentence of a message that goes on with a whole script, and where to get the script."""
    text = str(error)
    if "\n\n" not in text:
        return text
    script = f"bingads ledger init --sql --dialect {dialect}" + (f" --schema {schema}" if schema else "")
    return f"{text.partition('. ')[0]}; `{script}` prints the script for somebody who may create tables."
