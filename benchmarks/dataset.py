"""The rows that every contestant sends: made from their number alone, so that all runs have the same."""

from __future__ import annotations

import hashlib
import io
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import create_engine, make_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "GOALS",
    "POSTGRESQL_OPTIONS",
    "SCHEMA",
    "SERVICE_STARTS_AT",
    "TABLE",
    "build_mariadb",
    "build_postgresql",
    "build_sqlite",
    "connect_mariadb",
    "connect_postgresql",
]

SERVICE_STARTS_AT: Final = datetime(2026, 11, 1, 12, tzinfo=UTC)
"""The emulator's clock begins here, so that the rows need not follow the calendar."""
GOALS: Final = ("Purchase", "Lead", "Phone call")
TABLE: Final = "offline_conversions"
SCHEMA: Final = "bench"
"""Of the table on PostgreSQL, and of the ledger beside it; on MariaDB the database."""
POSTGRESQL_OPTIONS: Final = f"-c search_path={SCHEMA} -c timezone=UTC"

_NEWEST: Final = SERVICE_STARTS_AT - timedelta(hours=3)
_SPREAD_SECONDS: Final = 80 * 86_400
_PRIME: Final = 2_654_435_761
_CURRENCIES: Final = ("USD", "EUR", "GBP")
_SQLITE_DDL: Final = f"""
CREATE TABLE {TABLE} (
    conversion_id INTEGER PRIMARY KEY,
    microsoft_click_id TEXT NOT NULL,
    conversion_name TEXT NOT NULL,
    conversion_time TEXT NOT NULL,
    conversion_value REAL NOT NULL,
    conversion_currency_code TEXT NOT NULL
)
"""
_POSTGRESQL_DDL: Final = f"""
CREATE TABLE {TABLE} (
    conversion_id BIGINT PRIMARY KEY,
    microsoft_click_id CHAR(32) NOT NULL,
    conversion_name VARCHAR(100) NOT NULL,
    conversion_time TIMESTAMPTZ NOT NULL,
    conversion_value DOUBLE PRECISION NOT NULL,
    conversion_currency_code CHAR(3) NOT NULL
)
"""

_MARIADB_DDL: Final = f"""
CREATE TABLE {TABLE} (
    conversion_id BIGINT PRIMARY KEY,
    microsoft_click_id CHAR(32) NOT NULL,
    conversion_name VARCHAR(100) NOT NULL,
    conversion_time DATETIME NOT NULL,
    conversion_value DOUBLE NOT NULL,
    conversion_currency_code CHAR(3) NOT NULL
)
"""

Row = tuple[int, str, str, str, float, str]


def rows(count: int) -> Iterator[Row]:
    """Yield conversions: times all over 80 days, every click its own, three goals and currencies."""
    for number in range(1, count + 1):
        happened = _NEWEST - timedelta(seconds=number * _PRIME % _SPREAD_SECONDS)
        yield (
            number,
            hashlib.sha256(b"click %d" % number).hexdigest()[:32],
            GOALS[number % len(GOALS)],
            happened.strftime("%Y-%m-%d %H:%M:%S"),
            (500 + number * 7_919 % 50_000) / 100,
            _CURRENCIES[number % len(_CURRENCIES)],
        )


def build_sqlite(path: Path, count: int) -> None:
    """Write a warehouse file; its times are text in UTC, as SQLite has no type of its own for them."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(_SQLITE_DDL)
        connection.executemany(f"INSERT INTO {TABLE} VALUES (?, ?, ?, ?, ?, ?)", rows(count))


def build_postgresql(url: str, count: int) -> None:
    """Write the table into a schema of its own, which is emptied first.

    :param url: SQLAlchemy URL of a PostgreSQL database.
    """
    lines = "".join("\t".join(map(str, row)) + "\n" for row in rows(count))
    with closing(connect_postgresql(url)) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE; CREATE SCHEMA {SCHEMA}; {_POSTGRESQL_DDL}")
        cursor.copy_expert(f"COPY {TABLE} FROM STDIN", io.StringIO(lines))
        connection.commit()


def build_mariadb(url: str, count: int) -> None:
    """Write the table into a database of its own, which is replaced.

    :param url: SQLAlchemy URL of any database of a MariaDB or MySQL server, with PyMySQL as its driver.
    """
    with closing(create_engine(url).raw_connection()) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {SCHEMA}")
        cursor.execute(f"CREATE DATABASE {SCHEMA} CHARACTER SET utf8mb4")
    with closing(connect_mariadb(url)) as connection, connection.cursor() as cursor:
        cursor.execute(_MARIADB_DDL)
        cursor.executemany(f"INSERT INTO {TABLE} VALUES (%s, %s, %s, %s, %s, %s)", list(rows(count)))
        connection.commit()


def connect_mariadb(url: str) -> Any:
    """Return a connection of the driver's own, in the database of the rows."""
    return create_engine(make_url(url).set(database=SCHEMA)).raw_connection()


def connect_postgresql(url: str) -> Any:
    """Return a connection of the driver's own, in the schema of the rows."""
    return create_engine(url, connect_args={"options": POSTGRESQL_OPTIONS}).raw_connection()
