"""The ledger as a script, for databases where the loader may not create tables."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.url import URL

from airflow_provider_bingads import __version__
from airflow_provider_bingads.warehouse.ledger.migrations import statements
from airflow_provider_bingads.warehouse.ledger.schema import VERSION, LedgerTables, ledger_tables
from airflow_provider_bingads.warehouse.ledger.views import views

__all__ = ["ledger_ddl"]

_ROLE = "bingads_loader"


def ledger_ddl(
    dialect_name: str, schema: str | None = None, role: str = _ROLE, *, keeper: str | None = None, found: int = 0
) -> str:
    """Return the script that makes a ledger of the present version, grants included.

    The loader gets SELECT and INSERT, and UPDATE on the lease alone: that recorded outcomes only ever accumulate is
    then the database's promise, not only this package's. It needs SELECT on the source besides. With these rights it
    may replay and release; to forget and to prune takes a role of its own, the keeper.

    :param dialect_name: SQLAlchemy's name of the database, such as ``postgresql``.
    :param schema: database schema of the tables, None for the default one.
    :param role: the database role that loads.
    :param keeper: a second role that keeps the ledger: as the loader, and UPDATE on outcomes and their reasons
        (``bingads ledger forget``) and DELETE (``bingads ledger prune``). None where nobody needs it.
    :param found: version of a ledger that is there already, 0 for none; of the present one only the grants are left.
    """
    dialect = URL.create(dialect_name).get_dialect()()
    tables = ledger_tables(schema)
    script = _schema(dialect, schema) if found == 0 else []
    # Compiled for a driver, a percent sign is doubled; a script is read by people and by psql.
    script += [statement.replace("%%", "%") for statement in statements(dialect, tables, found)]
    script += [_stamp(dialect, tables)] if found < VERSION else []
    script += _grants(dialect, tables, role)
    script += _keeper_grants(dialect, tables, keeper) if keeper else []
    head = f"-- Ledger of airflow-provider-bingads, version {VERSION}, for {dialect_name}"
    return "\n\n".join([head, *(f"{statement};" for statement in script)]) + "\n"


def _schema(dialect: Dialect, schema: str | None) -> list[str]:
    if schema is None or dialect.name != "postgresql":
        return []
    return [f"CREATE SCHEMA IF NOT EXISTS {dialect.identifier_preparer.quote_schema(schema)}"]


def _stamp(dialect: Dialect, tables: LedgerTables) -> str:
    name = dialect.identifier_preparer.format_table(tables.version)
    if dialect.name in {"mysql", "mariadb"}:  # a script that ended early is run again there
        values = f"{VERSION}, '{__version__}', UTC_TIMESTAMP(6)"
        absent = f"NOT EXISTS (SELECT 1 FROM {name} WHERE version = {VERSION})"  # noqa: S608 - names and numbers of our own
        return f"INSERT INTO {name} (version, provider_version, at) SELECT {values} FROM DUAL WHERE {absent}"  # noqa: S608 - the same
    return f"INSERT INTO {name} (version, provider_version, at) VALUES ({VERSION}, '{__version__}', CURRENT_TIMESTAMP)"  # noqa: S608 - names and numbers of our own


def _grants(dialect: Dialect, tables: LedgerTables, role: str) -> list[str]:
    if dialect.name == "sqlite":  # whoever may write the file may write every table in it
        return []
    prepare = dialect.identifier_preparer
    schema = prepare.quote_schema(tables.metadata.schema) if tables.metadata.schema else None
    usage = [f"GRANT USAGE ON SCHEMA {schema} TO {prepare.quote(role)}"]
    read = [f"{schema}.{view.name}" if schema else view.name for view in views(tables)]
    return [
        *(usage if schema and dialect.name == "postgresql" else ()),
        *_grant(dialect, "SELECT, INSERT", _names(dialect, tables.metadata.sorted_tables), role),
        *_grant(dialect, "UPDATE", _names(dialect, [tables.lease]), role),
        *_grant(dialect, "SELECT", read, role),
    ]


def _keeper_grants(dialect: Dialect, tables: LedgerTables, keeper: str) -> list[str]:
    if dialect.name == "sqlite":
        return []
    deleted = [tables.error, tables.row, tables.call, tables.batch, tables.run]
    return [
        *_grants(dialect, tables, keeper),
        *_grant(dialect, "UPDATE", _names(dialect, [tables.row, tables.error]), keeper),
        *_grant(dialect, "DELETE", _names(dialect, deleted), keeper),
    ]


def _names(dialect: Dialect, tables: Sequence[Table]) -> list[str]:
    return [dialect.identifier_preparer.format_table(table) for table in tables]


def _grant(dialect: Dialect, rights: str, names: Sequence[str], role: str) -> list[str]:
    """Return one statement for all names, or one each where the database takes no more."""
    grantee = dialect.identifier_preparer.quote(role)
    lists = names if dialect.name in {"mysql", "mariadb"} else [", ".join(names)]
    return [f"GRANT {rights} ON {listed} TO {grantee}" for listed in lists]
