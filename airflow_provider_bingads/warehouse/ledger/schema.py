"""The ledger's tables: one for each record of ``domain/records.py``, append-only but for the lease.

Portable on purpose: hex strings, integers, VARCHAR and naive UTC times; no JSON, enum, UUID, sequence, RETURNING
(``delivery.md`` 3.2). A column has the name of the record's field.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    FromClause,
    Index,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    and_,
    func,
    literal_column,
)
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.types import TypeEngine

from airflow_provider_bingads.domain.outcomes import Counter, RowState

__all__ = [
    "COUNTERS",
    "KEY_PREFIX",
    "VERSION",
    "Ascii",
    "LedgerTables",
    "indexes",
    "key_prefix",
    "ledger_tables",
    "same_key",
]

VERSION: Final = 3
"""Version of the tables and views below; raised with each step added to ``migrations``."""

KEY_PREFIX: Final = 8
"""Characters of a row's key in the key index."""

COUNTERS: Final = ("source_rows", *(c.value for c in Counter), *(s.value for s in RowState))
"""Counters with a column of their own on ``bingads_run``; any other stands in ``more_counts``."""

_TIME: Final = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
_LONG: Final = Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
_MYSQL: Final = ("mysql", "mariadb")
_NOT_ON, _ONLY_ON = "not on", "only on"
_INNODB: Final = {
    # Whatever the server's or the schema's defaults: transactions, any character, no two names that count as one.
    f"{dialect}_{option}": value
    for dialect in _MYSQL
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}
# An amount is a copy for people: unconstrained where the database can, so that no amount can fail an outcome.
_MONEY: Final = Numeric(38, 9).with_variant(postgresql.NUMERIC(), "postgresql")
_PROBLEM: Final = "rank < 100"
"""Rows that are not applied: few, so an index over them alone costs an applied row nothing."""


def key_prefix(row_key: ColumnElement[str]) -> ColumnElement[str]:
    """Return what the key index holds: 32 of the key's 128 bits.

    Keys are random, so each insert meets a page of its own; an index a third of the size has a third of the pages to
    write, and at ten million rows one look-up in four hundred meets a second row.
    """
    return func.substr(row_key, literal_column("1"), literal_column(str(KEY_PREFIX)))


def same_key(one: FromClause, other: FromClause) -> ColumnElement[bool]:
    """Return the condition that two records have the same key, in a form the key index serves."""
    return and_(key_prefix(one.c.row_key) == key_prefix(other.c.row_key), one.c.row_key == other.c.row_key)


def indexes(table: Table, dialect_name: str) -> list[Index]:
    """Return a table's indexes in this kind of database, by name.

    MariaDB has no indexes over expressions, and neither it nor MySQL has any over a part of the rows.
    """
    there = [i for i in table.indexes if dialect_name in i.info.get(_ONLY_ON, (dialect_name,))]
    return sorted((i for i in there if dialect_name not in i.info.get(_NOT_ON, ())), key=lambda index: str(index.name))


class Ascii(String):
    """Ids, hashes and names of ours: never cut to fit, and compared byte by byte, at half a collation's cost."""


def _ascii(length: int) -> TypeEngine[str]:
    return (
        Ascii(length)
        .with_variant(postgresql.VARCHAR(length, collation="C"), "postgresql")
        .with_variant(mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb")
    )


def _exact(length: int) -> TypeEngine[str]:
    """Any text, compared byte by byte."""
    return (
        String(length)
        .with_variant(postgresql.VARCHAR(length, collation="C"), "postgresql")
        .with_variant(mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")
    )


@dataclass(frozen=True, slots=True)
class LedgerTables:
    """The tables of one ledger, bound to its database schema."""

    metadata: MetaData
    version: Table
    lease: Table
    run: Table
    batch: Table
    call: Table
    row: Table
    error: Table


def _version(metadata: MetaData) -> Table:
    return Table(
        "bingads_schema_version",
        metadata,
        Column("version", Integer, primary_key=True, autoincrement=False),
        Column("provider_version", String(40), nullable=False),
        Column("at", _TIME, nullable=False),
    )


def _lease(metadata: MetaData) -> Table:
    return Table(
        "bingads_lease",
        metadata,
        Column("stream_id", _ascii(32), primary_key=True),
        Column("owner", String(1000), nullable=False),
        Column("epoch", BigInteger, nullable=False),
        Column("acquired_at", _TIME, nullable=False),
        Column("expires_at", _TIME, nullable=False),
    )


def _run(metadata: MetaData) -> Table:
    counters = [Column(name, BigInteger, nullable=False) for name in COUNTERS]
    table = Table(
        "bingads_run",
        metadata,
        Column("run_id", _ascii(32), primary_key=True),
        Column("event", _ascii(8), primary_key=True),
        Column("at", _TIME, nullable=False),
        Column("stream_id", _ascii(32), nullable=False),
        Column("environment", String(20), nullable=False),
        Column("account_id", String(40), nullable=False),
        Column("customer_id", String(40)),
        Column("operation", String(80), nullable=False),
        Column("namespace", String(100), nullable=False),
        Column("dag_id", String(250), nullable=False),
        Column("task_id", String(250), nullable=False),
        Column("dag_run_id", String(250), nullable=False),
        Column("map_index", Integer, nullable=False),
        Column("try_number", Integer, nullable=False),
        Column("epoch", BigInteger, nullable=False),
        Column("started_at", _TIME, nullable=False),
        Column("duration_ms", BigInteger),
        Column("provider_version", String(40), nullable=False),
        Column("config_sha", _ascii(64), nullable=False),
        *counters,
        Column("more_counts", Text, nullable=False),
        Column("codes", _LONG, nullable=False),
        Column("calls", BigInteger, nullable=False),
        Column("retries", BigInteger, nullable=False),
        Column("throttle_wait_ms", BigInteger, nullable=False),
        Column("outcome", String(20)),
        Column("error_class", String(200)),
    )
    Index("ix_bingads_run_dag_run", table.c.dag_run_id)
    Index("ix_bingads_run_stream", table.c.stream_id, table.c.at)
    return table


def _batch(metadata: MetaData) -> Table:
    table = Table(
        "bingads_batch",
        metadata,
        Column("batch_id", _ascii(32), primary_key=True),
        Column("stream_id", _ascii(32), nullable=False),
        Column("run_id", _ascii(32), nullable=False),
        Column("sequence", Integer, nullable=False),
        Column("parent_batch_id", _ascii(32)),
        Column("operation", String(80), nullable=False),
        Column("n_rows", Integer, nullable=False),
        Column("members", _LONG, nullable=False),
        Column("payload_sha", _ascii(64), nullable=False),
        Column("created_at", _TIME, nullable=False),
    )
    Index("ix_bingads_batch_run", table.c.run_id)
    return table


def _call(metadata: MetaData) -> Table:
    table = Table(
        "bingads_call",
        metadata,
        Column("call_id", _ascii(32), primary_key=True),
        Column("event", _ascii(16), primary_key=True),
        Column("rank", SmallInteger, nullable=False),
        Column("batch_id", _ascii(32), nullable=False),
        Column("stream_id", _ascii(32), nullable=False),
        Column("run_id", _ascii(32), nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("epoch", BigInteger, nullable=False),
        Column("at", _TIME, nullable=False),
        Column("deadline_at", _TIME),
        Column("http_status", Integer),
        Column("code", Integer),
        Column("error_code", String(100)),
        Column("tracking_id", String(100)),
        Column("n_applied", Integer, nullable=False),
        Column("n_rejected", Integer, nullable=False),
        Column("latency_ms", Integer, nullable=False),
        Column("detail", String(1000)),
    )
    # open_calls is then an anti-join of two index ranges, however many calls were answered before.
    Index("ix_bingads_call_stream", table.c.stream_id, table.c.rank, table.c.call_id)
    return table


def _row(metadata: MetaData) -> Table:
    table = Table(
        "bingads_row",
        metadata,
        Column("call_id", _ascii(32), primary_key=True),
        Column("row_index", Integer, primary_key=True, autoincrement=False),
        Column("stream_id", _ascii(32), nullable=False),
        Column("run_id", _ascii(32), nullable=False),
        Column("row_key", _ascii(32), nullable=False),
        Column("content_hash", _ascii(16), nullable=False),
        Column("gen", Integer, nullable=False),
        Column("state", _ascii(12), nullable=False),
        # In the key: a late writer may add the outcome of a call that recovery had called unknown.
        Column("rank", SmallInteger, primary_key=True, autoincrement=False),
        Column("code", Integer),
        Column("error_code", String(100)),
        Column("field_path", String(200)),
        Column("column_name", String(200)),
        Column("message", String(500)),
        Column("n_errors", Integer, nullable=False),
        Column("source_ref", _exact(128), nullable=False),
        Column("event_time", _TIME),
        Column("group_name", String(200)),
        Column("remote_key", String(200)),
        Column("remote_id", String(64)),
        Column("amount", _MONEY),
        Column("currency", String(10)),
        Column("not_before", _TIME),
        Column("at", _TIME, nullable=False),
    )
    Index("ix_bingads_row_key", key_prefix(table.c.row_key), info={_NOT_ON: _MYSQL})
    first_characters = {"mysql_length": KEY_PREFIX, "mariadb_length": KEY_PREFIX}
    Index("ix_bingads_row_key", table.c.row_key, info={_ONLY_ON: _MYSQL}).kwargs.update(first_characters)
    Index("ix_bingads_row_source", table.c.source_ref)
    problem: ColumnElement[bool] = literal_column(_PROBLEM)
    Index(
        "ix_bingads_row_problem",
        table.c.stream_id,
        table.c.run_id,
        postgresql_where=problem,
        sqlite_where=problem,
        info={_NOT_ON: _MYSQL},
    )
    # There every row is in the index; the rank in front makes one range of those that are not applied.
    problems = (table.c.rank, table.c.stream_id, table.c.run_id)
    Index("ix_bingads_row_problem", *problems, info={_ONLY_ON: _MYSQL})
    return table


def _error(metadata: MetaData) -> Table:
    table = Table(
        "bingads_error",
        metadata,
        Column("call_id", _ascii(32), primary_key=True),
        Column("row_index", Integer, primary_key=True, autoincrement=False),
        Column("error_index", Integer, primary_key=True, autoincrement=False),
        Column("stream_id", _ascii(32), nullable=False),
        Column("run_id", _ascii(32), nullable=False),
        Column("row_key", _ascii(32), nullable=False),
        Column("source_ref", _exact(128), nullable=False),
        Column("origin", _ascii(8), primary_key=True),
        Column("code", Integer),
        Column("error_code", String(100)),
        Column("field_path", String(200)),
        Column("column_name", String(200)),
        Column("message", String(500)),
        Column("details", String(500)),
        Column("remedy", String(500)),
        Column("owner", String(20), nullable=False),
        Column("type", String(60)),
        Column("appealable", Boolean),
        Column("disapproved_text", String(500)),
        Column("location", String(200)),
        Column("publisher_country", String(100)),
        Column("reason_code", Integer),
        Column("tracking_id", String(100)),
        Column("at", _TIME, nullable=False),
    )
    Index("ix_bingads_error_run", table.c.run_id)
    Index("ix_bingads_error_source", table.c.source_ref)
    return table


@lru_cache(maxsize=16)
def ledger_tables(schema: str | None = None) -> LedgerTables:
    """Return the tables of a ledger.

    :param schema: database schema they stand in; None for the connection's default.
    """
    metadata = MetaData(schema=schema)
    tables = LedgerTables(
        metadata=metadata,
        version=_version(metadata),
        lease=_lease(metadata),
        run=_run(metadata),
        batch=_batch(metadata),
        call=_call(metadata),
        row=_row(metadata),
        error=_error(metadata),
    )
    for table in metadata.sorted_tables:
        table.kwargs.update(_INNODB)
    return tables
