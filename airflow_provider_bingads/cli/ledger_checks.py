"""What `bingads check` finds out about the ledger: whether this connection may create, read and write it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_bingads.cli.findings import Finding, failed, passed
from airflow_provider_bingads.exceptions import BingAdsError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from airflow_provider_bingads.warehouse.ledger.schema import LedgerTables

__all__ = ["ledger_finding"]

_REHEARSAL = "bingads_rehearsal"


def ledger_finding(engine: Engine, schema: str | None) -> Finding:
    """Rehearse every kind of statement in a transaction that is rolled back; nothing is left behind."""
    from airflow_provider_bingads.warehouse.failures import driver_errors
    from airflow_provider_bingads.warehouse.ledger.opening import refuse_dialect

    try:
        refuse_dialect(engine.dialect.name)
        version = _rehearse(engine, schema)
    except BingAdsError as error:
        return failed("ledger", error)
    except driver_errors(engine) as error:
        return failed("ledger", _told(error, engine.dialect.name, schema))
    state = f"stands, version {version}" if version else "will be created by the first run"
    return passed("ledger", f"The ledger {state}; this connection has the rights ({engine.dialect.name}).")


def _rehearse(engine: Engine, schema: str | None) -> int:
    """Return the version of the ledger that is there, 0 for none."""
    from airflow_provider_bingads.warehouse.ledger.migrations import statements, version_of
    from airflow_provider_bingads.warehouse.ledger.schema import ledger_tables

    tables = ledger_tables(schema)
    if engine.dialect.name in {"mysql", "mariadb"}:
        return _rehearse_without_rollback(engine, tables)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if engine.dialect.name == "sqlite" else "BEGIN")
        try:
            version = version_of(connection, tables)
            if not version:
                for statement in statements(connection.dialect, tables, 0):
                    connection.exec_driver_sql(statement)
            _touch(connection, tables)
        finally:
            connection.exec_driver_sql("ROLLBACK")
    return version


def _rehearse_without_rollback(engine: Engine, tables: LedgerTables) -> int:
    """Return the version; where there is none, make and drop a table of another name, as nothing defined is undone."""
    from sqlalchemy import Column, Integer, MetaData, Table

    from airflow_provider_bingads.warehouse.ledger.migrations import version_of

    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        version = version_of(connection, tables)
        if version:
            _touch(connection, tables)
        else:
            rehearsal = MetaData(schema=tables.metadata.schema)
            Table(_REHEARSAL, rehearsal, Column("id", Integer))
            rehearsal.create_all(connection)
            rehearsal.drop_all(connection)
    return version


def _touch(connection: Connection, tables: LedgerTables) -> None:
    """Ask for each right with a statement that finds no row."""
    from sqlalchemy import false, insert, select, update

    for table in tables.metadata.sorted_tables:
        connection.execute(insert(table).from_select(table.columns.keys(), select(table).where(false())))
    connection.execute(update(tables.lease).where(false()).values(owner="nobody"))


def _told(error: BaseException, dialect: str, schema: str | None) -> str:
    from airflow_provider_bingads.warehouse.failures import Trouble, code_of, trouble_of

    trouble, code = trouble_of(error), code_of(error)
    if trouble in {Trouble.CONNECTION, Trouble.BUSY, Trouble.SPACE}:
        return (
            f"The ledger's database cannot be reached, is locked or full ({code}); check host, port and login of its"
            " connection, and try again."
        )
    script = f"bingads ledger init --sql --dialect {dialect}" + (f" --schema {schema}" if schema else "")
    what = "is missing or incomplete" if trouble is Trouble.MISSING else "may not be created, read and written"
    return (
        f"The ledger {what} with the rights of this connection ({code}); `{script}` prints the script for somebody who"
        " may create tables."
    )
