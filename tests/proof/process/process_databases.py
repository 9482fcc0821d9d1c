"""The source table on each database, made by plain SQL, and the connections of both sides.

Each row says by its key what has to become of it: ``good`` is applied, ``refused`` is refused by the service (its
click is registered as later than the conversion), ``invalid`` is refused before it is sent (no such currency).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, make_url, text

__all__ = ["NAMES", "Database", "mariadb", "postgres", "sqlite"]

NAMES: Final = ("sqlite", "postgres", "mariadb")
REFUSED_EVERY: Final = 977
"""Every so many rows one is refused by the service; a prime, so that refusals fall everywhere in a batch."""
INVALID_EVERY: Final = 1409

_TABLE: Final = """
CREATE TABLE offline_conversions (
    order_id VARCHAR(40) PRIMARY KEY, microsoft_click_id VARCHAR(40), conversion_name VARCHAR(40),
    conversion_time {time}, conversion_value NUMERIC(12, 2), conversion_currency_code VARCHAR(10))
"""
_ROWS: Final = """
INSERT INTO offline_conversions
SELECT {key}, {click}, 'Purchase', {time}, 1 + i % 500 + 0.25, CASE WHEN i % {invalid} = 0 THEN 'XXQ' ELSE 'USD' END
FROM {numbers} WHERE i % {refused} <> 0 OR i % {invalid} <> 0
"""
_KIND: Final = "CASE WHEN i % {refused} = 0 THEN 'refused' WHEN i % {invalid} = 0 THEN 'invalid' ELSE 'good' END"
_RECURSIVE: Final = (
    "(WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {rows}) "
    "SELECT i FROM numbers) AS n"
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between the databases.

    :param time: type of the time column.
    :param key: the key of row ``i`` from its kind.
    :param click: 32 hex digits of ``i``.
    :param at: the time of row ``i``, within the last 80 days and at least an hour ago.
    :param numbers: the numbers from 1 to ``{rows}`` as a table.
    """

    time: str
    key: str
    click: str
    at: str
    numbers: str
    before: tuple[str, ...] = ()
    arguments: dict[str, Any] = field(default_factory=dict)


_DIALECTS: Final = {
    "sqlite": Dialect(
        time="TEXT",
        key=f"({_KIND}) || printf('-%07d', i)",
        click="printf('%032x', i)",
        at="strftime('%Y-%m-%dT%H:%M:%SZ', 'now', printf('-%d minutes', 60 + i % 115000))",
        numbers=_RECURSIVE,
    ),
    "postgresql": Dialect(
        time="TIMESTAMPTZ",
        key=f"({_KIND}) || '-' || lpad(i::text, 7, '0')",
        click="lpad(to_hex(i), 32, '0')",
        at="date_trunc('second', now()) - make_interval(mins => 60 + i % 115000)",
        numbers="generate_series(1, {rows}) AS n(i)",
    ),
    "mysql": Dialect(
        time="DATETIME",
        key=f"CONCAT({_KIND}, '-', LPAD(i, 7, '0'))",
        click="LPAD(LOWER(HEX(i)), 32, '0')",
        at="DATE_SUB(UTC_TIMESTAMP(), INTERVAL 60 + i % 115000 MINUTE)",
        numbers=_RECURSIVE,
        before=("SET SESSION max_recursive_iterations = 10000000",),
        arguments={"source_timezone": "UTC"},
    ),
}


@dataclass(frozen=True, slots=True)
class Database:
    """One database with the source table, and beside it the ledger.

    :param url: where the tests, which count from the outside, reach it.
    :param through: host and port where tries reach it instead, for a way that can be cut.
    :param schema: schema of the ledger's tables; None for the default one.
    """

    name: str
    url: URL
    through: tuple[str, int] | None = None
    schema: str | None = None

    @property
    def engine(self) -> Engine:
        """An engine without a pool: what counts must not hold a connection while a server goes down."""
        return sqlalchemy.create_engine(self.url, poolclass=sqlalchemy.NullPool)

    @property
    def prefix(self) -> str:
        """What stands before a name of the ledger's."""
        return f"{self.schema}." if self.schema else ""

    @property
    def connection_json(self) -> str:
        """The value of ``AIRFLOW_CONN_WAREHOUSE`` for tries."""
        host, port = self.through or (self.url.host, self.url.port)
        if self.name == "sqlite":
            return json.dumps({"conn_type": "sqlite", "host": self.url.database})
        conn_type = "postgres" if self.name == "postgres" else "mysql"
        found = {"conn_type": conn_type, "host": host, "port": port, "schema": self.url.database}
        found |= {"login": self.url.username, "password": self.url.password}
        return json.dumps({name: value for name, value in found.items() if value is not None})

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of the operator that this database needs."""
        schema = {"ledger_schema": self.schema} if self.schema else {}
        return {**_dialect(self.url).arguments, **schema}

    def fill(self, rows: int) -> None:
        """Make the source table with so many rows, fewer by those that would be both refused and invalid."""
        dialect = _dialect(self.url)
        shares = {"refused": REFUSED_EVERY, "invalid": INVALID_EVERY}
        values = {
            "key": dialect.key.format(**shares),
            "click": dialect.click,
            "time": dialect.at,
            "numbers": dialect.numbers.format(rows=rows),
        }
        with self.connect() as connection:
            for statement in (*dialect.before, "DROP TABLE IF EXISTS offline_conversions"):
                connection.exec_driver_sql(statement)
            connection.execute(text(_TABLE.format(time=dialect.time)))
            connection.exec_driver_sql(_ROWS.format(**values, **shares).replace("%", self._percent))

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Open a connection in a transaction, and dispose of everything after it."""
        with self.engine.begin() as connection:
            yield connection

    def with_schema(self, schema: str | None) -> Database:
        """Return the same database with the ledger in another schema."""
        return replace(self, schema=schema)

    def behind(self, host: str, port: int) -> Database:
        """Return the same database, which tries reach through another address."""
        return replace(self, through=(host, port))

    @property
    def _percent(self) -> str:
        return "%" if self.name == "sqlite" else "%%"


def _dialect(url: URL) -> Dialect:
    return _DIALECTS["mysql" if url.get_backend_name() == "mariadb" else url.get_backend_name()]


def sqlite(file: Path) -> Database:
    """Return the database in a file."""
    return Database("sqlite", URL.create("sqlite", database=str(file)))


def postgres(url: URL | str) -> Database:
    """Return a PostgreSQL database."""
    return Database("postgres", make_url(url))


def mariadb(url: URL | str) -> Database:
    """Return a MariaDB or MySQL database."""
    return Database("mariadb", make_url(url))


Maker = Callable[[], Database]
