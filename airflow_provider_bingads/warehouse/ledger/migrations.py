"""From whatever ledger a database holds to the present one, as a list of statements.

The same list is executed at first use and printed by ``bingads ledger init --sql``. A step adds; it never rewrites
what is recorded, so that old rows stay readable as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sqlalchemy import ClauseElement, Connection, func, inspect, select
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from airflow_provider_bingads import __version__
from airflow_provider_bingads.exceptions import FixLedger
from airflow_provider_bingads.warehouse.ledger.backend import Backend
from airflow_provider_bingads.warehouse.ledger.schema import VERSION, LedgerTables, indexes
from airflow_provider_bingads.warehouse.ledger.views import views

__all__ = ["migrate", "statements", "version_of"]

_FIRST_WITH_VIEWS: Final = 2
_DEFINES_WITHOUT_TRANSACTION: Final = frozenset({"mysql", "mariadb"})
_STEPS: Final[Mapping[int, Sequence[str]]] = {
    2: (
        "DROP INDEX {prefix}ix_bingads_row_key",
        "CREATE INDEX ix_bingads_row_key ON {prefix}bingads_row (substr(row_key, 1, 8))",
        "CREATE INDEX ix_bingads_error_run ON {prefix}bingads_error (run_id)",
        "CREATE INDEX ix_bingads_error_source ON {prefix}bingads_error (source_ref)",
    ),
    3: (),  # the views alone: what was forgotten is no longer open
}
"""Version -> what leads to it from the one before, beside the views. Texts, so that a step never changes again."""


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
    if found < VERSION:
        _build(connection, tables, backend, found)
    backend.unlock_schema(connection)


def _build(connection: Connection, tables: LedgerTables, backend: Backend, found: int) -> None:
    schema = tables.metadata.schema
    if schema is not None and not inspect(connection).has_schema(schema):
        connection.exec_driver_sql(f"CREATE SCHEMA {connection.dialect.identifier_preparer.quote_schema(schema)}")
    for statement in statements(connection.dialect, tables, found):
        connection.exec_driver_sql(statement)
    # Last, so that whoever finds it finds all the rest; where each statement commits by itself, a crash before it
    # leaves what the next creator finds and completes.
    backend.append(
        connection, tables.version, [(VERSION, __version__, backend.now(connection))], careful=True, plain=False
    )


def statements(dialect: Dialect, tables: LedgerTables, found: int) -> list[str]:
    """Return what leads from one version to the present one.

    :param dialect: of the ledger's database.
    :param found: version that is there, 0 for none.
    """
    if found == VERSION:
        return []
    steps = list(_tables(dialect, tables)) if found == 0 else _steps(dialect, tables, found)
    return [*steps, *_views(dialect, tables, replace=found >= _FIRST_WITH_VIEWS)]


def _steps(dialect: Dialect, tables: LedgerTables, found: int) -> list[str]:
    prefix = _prefix(dialect, tables)
    texts = [text for version in range(found + 1, VERSION + 1) for text in _STEPS.get(version, ())]
    return [text.format(prefix=prefix) for text in texts]


def _tables(dialect: Dialect, tables: LedgerTables) -> Iterator[str]:
    for table in tables.metadata.sorted_tables:
        made = [_text(CreateIndex(index), dialect) for index in indexes(table, dialect.name)]
        if dialect.name in _DEFINES_WITHOUT_TRANSACTION:
            on = f" ON {dialect.identifier_preparer.format_table(table)} "
            defined = [index.removeprefix("CREATE ").replace(on, " ", 1) for index in made]
            yield _with_indexes(_text(CreateTable(table, if_not_exists=True), dialect), defined)
        else:
            yield from (_text(CreateTable(table), dialect), *made)


def _with_indexes(create_table: str, defined: Sequence[str]) -> str:
    """Return one statement for a table and its indexes, so that a crash leaves all of it or nothing."""
    columns, end, options = create_table.rpartition("\n)")
    return ", \n\t".join([columns.rstrip(), *defined]) + end + options


def _views(dialect: Dialect, tables: LedgerTables, *, replace: bool) -> Iterator[str]:
    prefix = _prefix(dialect, tables)
    # Replaced in place where that is possible, because with a dropped view go the rights granted on it.
    in_place = dialect.name in _DEFINES_WITHOUT_TRANSACTION or (replace and dialect.name != "sqlite")
    for view in views(tables):
        if replace and not in_place:
            yield f"DROP VIEW IF EXISTS {prefix}{view.name}"
        verb = "CREATE OR REPLACE VIEW" if in_place else "CREATE VIEW"
        yield f"{verb} {prefix}{view.name} AS {_text(view.statement, dialect)}"


def _prefix(dialect: Dialect, tables: LedgerTables) -> str:
    schema = tables.metadata.schema
    return f"{dialect.identifier_preparer.quote_schema(schema)}." if schema else ""


def _text(element: ClauseElement, dialect: Dialect) -> str:
    return str(element.compile(dialect=dialect, compile_kwargs={"literal_binds": True})).strip()
