"""Creates the ledger's tables, or brings an older ledger to the present version, one step at a time.

A step adds; it never rewrites what is recorded, so that old rows stay readable as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Final

from sqlalchemy import Connection, func, insert, inspect, select

from airflow_provider_bingads import __version__
from airflow_provider_bingads.exceptions import FixLedger
from airflow_provider_bingads.warehouse.ledger.backend import Backend
from airflow_provider_bingads.warehouse.ledger.schema import VERSION, LedgerTables

__all__ = ["STEPS", "migrate", "version_of"]

STEPS: Final[Mapping[int, tuple[str, ...]]] = {}
"""Version -> the statements that lead to it from the one before."""


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
    """Create what is missing, inside a transaction that the caller commits.

    :raises FixLedger: a newer release of the provider made this ledger.
    """
    backend.lock_schema(connection)
    found = version_of(connection, tables)
    if found == VERSION:
        return
    if found == 0:
        tables.metadata.create_all(connection)
    for version in range(found + 1, VERSION + 1):
        for statement in STEPS.get(version, ()) if found else ():
            connection.exec_driver_sql(statement)
    now = backend.now(connection).astimezone(UTC).replace(tzinfo=None)
    connection.execute(insert(tables.version).values(version=VERSION, provider_version=__version__, at=now))
