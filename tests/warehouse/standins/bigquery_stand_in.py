"""BigQuery's SQLAlchemy dialect and DB-API over a client that knows one empty table and keeps what it is asked.

Every query is taken apart by a parser of BigQuery's SQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import sqlglot
from google.api_core.exceptions import BadRequest, Forbidden, NotFound
from google.cloud.bigquery import Row, SchemaField, TableReference
from sqlalchemy import Engine, create_engine

PROJECT, DATASET = "own-project", "sales"
_SCHEMA = [
    SchemaField("order_id", "STRING"),
    SchemaField("account", "INTEGER"),
    SchemaField("zoned", "TIMESTAMP"),
    SchemaField("naive", "DATETIME"),
    SchemaField("day", "DATE"),
    SchemaField("Mixed", "NUMERIC"),
    SchemaField("order", "STRING"),
    SchemaField("per % cent: 'x'", "STRING"),
]


class Rows:
    """An answer: no rows, or the number of none."""

    total_rows = 0
    num_dml_affected_rows = None
    job_id = None

    def __init__(self, names: list[str]) -> None:
        self._rows = [Row((0,), {names[0]: 0})] if names == ["count_1"] else []
        known = {field.name: field for field in _SCHEMA}
        self.schema = [known.get(name, SchemaField(name, "INTEGER")) for name in names]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def _should_use_bqstorage(self, *_: Any, **__: Any) -> bool:
        return False


class Client:
    """What dialect and DB-API ask of ``google.cloud.bigquery.Client``."""

    project = PROJECT

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []

    def _ensure_bqstorage_client(self, *_: Any) -> None:
        """Have none."""

    def get_table(self, reference: TableReference) -> SimpleNamespace:
        """Know the table ``offline_conversions`` of every dataset but one."""
        if reference.dataset_id == "closed":
            raise Forbidden("no bigquery.tables.get for jane.doe@example.com")
        if not reference.table_id.endswith("conversions"):
            raise NotFound("no such table")
        return SimpleNamespace(schema=_SCHEMA)

    def list_datasets(self, _project: str) -> list[SimpleNamespace]:
        """Return the one dataset."""
        return [SimpleNamespace(dataset_id=DATASET, reference=None)]

    def list_tables(self, _dataset: Any, page_size: int | None = None) -> list[SimpleNamespace]:
        """Return the one table."""
        return [SimpleNamespace(table_id="offline_conversions", table_type="TABLE")]

    def query_and_wait(self, sql: str, job_config: Any, page_size: int | None = None) -> Rows:
        """Take the query apart; keep it with the types of its parameters as the service is told them."""
        try:
            tree = sqlglot.parse_one(sql, dialect="bigquery")
        except sqlglot.errors.SqlglotError:
            raise BadRequest("Syntax error") from None
        told = [one.to_api_repr() for one in job_config.query_parameters]
        self.asked.append((sql, {one["name"]: kind(one) for one in told}))
        inner = tree.find(sqlglot.exp.Subquery) if tree.is_star else None
        return Rows([one.alias_or_name for one in (inner.this if inner else tree).selects])


def kind(parameter: dict[str, Any]) -> str:
    """Return the type of a parameter, that of its elements for an array."""
    type_ = parameter["parameterType"]
    return f"ARRAY<{type_['arrayType']['type']}>" if "arrayType" in type_ else str(type_["type"])


@contextmanager
def engine() -> Iterator[tuple[Engine, list[tuple[str, Any]]]]:
    """Give the engine, and the list of what the service was asked."""
    client = Client()
    url = f"bigquery://{PROJECT}/{DATASET}?user_supplied_client=True"
    engine = create_engine(url, connect_args={"client": client}, hide_parameters=True)
    yield engine, client.asked
    engine.dispose()
