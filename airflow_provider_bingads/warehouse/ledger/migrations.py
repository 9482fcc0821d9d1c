"""From whatever ledger a database holds to the present one, as a list of statements.

The same list is executed at first use and printed by ``bingads ledger init --sql``. A step adds; it never rewrites
what is recorded, so that old rows stay readable as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Final

from sqlalchemy import ClauseElement, Connection, func, insert, inspect, select
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from airflow_provider_bingads import __version__
from airflow_provider_bingads.exceptions import FixLedger
from airflow_provider_bingads.warehouse.ledger.backend import Backend
from airflow_provider_bingads.warehouse.ledger.schema import VERSION, LedgerTables
from airflow_provider_bingads.warehouse.ledger.views import views

__all__ = ["migrate", "statements", "version_of"]

_WITHOUT_VIEWS: Final = 1


def version_of(connection: Connection, tables: LedgerTables) -> int:
    """Return the version of the ledger in this database, 0 where there is none.

    :raises FixLedger: a newer release of the provider made it.
    """
    if not inspect(connection).has_table(tables.version.name, schema=tables.version.schema):
        return 0
    version = connection.execute(select(func.max(tables.version.c.version))).scalar() or 0
    if version > VERSION:
        raise FixLedger(
            f"The ledger has version {version}, this release of airflow-provider-bingads knows versions up to "
            f"{VERSION}. Install the newer release on this worker too."
        )
    return int(version)


def migrate(connection: Connection, tables: LedgerTables, backend: Backend) -> None:
    """Bring the ledger to the present version, inside a transaction that the caller commits.

    :raises FixLedger: a newer release of the provider made this ledger.
    """
    backend.lock_schema(connection)
    found = version_of(connection, tables)
    if found == VERSION:
        return
    schema = tables.metadata.schema
    if schema is not None and not inspect(connection).has_schema(schema):
        connection.exec_driver_sql(f"CREATE SCHEMA {connection.dialect.identifier_preparer.quote_schema(schema)}")
    for statement in statements(connection.dialect, tables, found):
        connection.exec_driver_sql(statement)
    now = backend.now(connection).astimezone(UTC).replace(tzinfo=None)
    connection.execute(insert(tables.version).values(version=VERSION, provider_version=__version__, at=now))


def statements(dialect: Dialect, tables: LedgerTables, found: int) -> list[str]:
    """Return what leads from one version to the present one.

    :param dialect: of the ledger's database.
    :param found: version that is there, 0 for none.
    """
    if found == 0:
        steps = list(_tables(dialect, tables))
    else:
        steps = [statement for version in range(found, VERSION) for statement in _step(version, dialect, tables)]
    return [*steps, *_views(dialect, tables, replace=found > _WITHOUT_VIEWS)]


def _step(version: int, dialect: Dialect, tables: LedgerTables) -> Iterator[str]:
    """Yield what leads from a version to the next."""
    if version == _WITHOUT_VIEWS:  # and without an index over the errors but their key
        for index in sorted(tables.error.indexes, key=str):
            yield _text(CreateIndex(index), dialect)


def _tables(dialect: Dialect, tables: LedgerTables) -> Iterator[str]:
    for table in tables.metadata.sorted_tables:
        yield _text(CreateTable(table), dialect)
        for index in sorted(table.indexes, key=str):
            yield _text(CreateIndex(index), dialect)


def _views(dialect: Dialect, tables: LedgerTables, *, replace: bool) -> Iterator[str]:
    prepare = dialect.identifier_preparer
    schema = f"{prepare.quote_schema(tables.metadata.schema)}." if tables.metadata.schema else ""
    for view in views(tables):
        if replace:
            yield f"DROP VIEW IF EXISTS {schema}{view.name}"
        yield f"CREATE VIEW {schema}{view.name} AS {_text(view.statement, dialect)}"


def _text(element: ClauseElement, dialect: Dialect) -> str:
    return str(element.compile(dialect=dialect, compile_kwargs={"literal_binds": True})).strip()
