"""The ledger as a script, for databases where the loader may not create tables."""

from __future__ import annotations

from sqlalchemy.engine import Dialect
from sqlalchemy.engine.url import URL
from sqlalchemy.schema import CreateIndex, CreateTable

from airflow_provider_bingads import __version__
from airflow_provider_bingads.warehouse.ledger.schema import VERSION, LedgerTables, ledger_tables

__all__ = ["ledger_ddl"]

_ROLE = "bingads_loader"


def ledger_ddl(dialect_name: str, schema: str | None = None, role: str = _ROLE) -> str:
    """Return the script that creates a ledger of the present version, grants included.

    :param dialect_name: SQLAlchemy's name of the database, such as ``postgresql``.
    :param schema: database schema of the tables, None for the default one.
    :param role: who loads; gets SELECT and INSERT, and UPDATE on the lease only.
    """
    dialect = URL.create(dialect_name).get_dialect()()
    tables = ledger_tables(schema)
    statements = [*_schema(dialect, schema), *_tables(dialect, tables), _stamp(dialect, tables)]
    statements += _grants(dialect, tables, schema, role)
    return "\n\n".join(f"{statement.strip()};" for statement in statements) + "\n"


def _schema(dialect: Dialect, schema: str | None) -> list[str]:
    if schema is None or dialect.name != "postgresql":
        return []
    return [f"CREATE SCHEMA IF NOT EXISTS {dialect.identifier_preparer.quote_schema(schema)}"]


def _tables(dialect: Dialect, tables: LedgerTables) -> list[str]:
    statements: list[str] = []
    for table in tables.metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=dialect)))
        statements += [str(CreateIndex(index).compile(dialect=dialect)) for index in sorted(table.indexes, key=str)]
    return statements


def _stamp(dialect: Dialect, tables: LedgerTables) -> str:
    name = dialect.identifier_preparer.format_table(tables.version)
    return f"INSERT INTO {name} (version, provider_version, at) VALUES ({VERSION}, '{__version__}', CURRENT_TIMESTAMP)"  # noqa: S608 - names and numbers of our own


def _grants(dialect: Dialect, tables: LedgerTables, schema: str | None, role: str) -> list[str]:
    if dialect.name == "sqlite":  # whoever may write the file may write every table in it
        return []
    prepare = dialect.identifier_preparer
    names = ", ".join(prepare.format_table(table) for table in tables.metadata.sorted_tables)
    grantee = prepare.quote(role)
    grants = [f"GRANT USAGE ON SCHEMA {prepare.quote_schema(schema)} TO {grantee}"] if schema else []
    grants.append(f"GRANT SELECT, INSERT ON {names} TO {grantee}")
    grants.append(f"GRANT UPDATE ON {prepare.format_table(tables.lease)} TO {grantee}")
    return grants
