"""What other warehouses are asked: their real dialects, a parser of their SQL, nobody behind it.

No server of these kinds can be run here, so nothing is read; each statement that reading would send is compiled by the
vendor's dialect, sent as far as the driver, and taken apart by a parser of that SQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.warehouse.standins.client import RefusedError, StandIn, running
from tests.warehouse.standins.environments import DIALECTS

pytestmark = pytest.mark.judge

CUTOFF = datetime(2026, 9, 1, tzinfo=UTC)
TIMES = {"zoned": [True, True], "naive": [True, False], "day": [True, False]}
CATALOG = {"bigquery": "own-project", "databricks": "main", "redshift": "dwh"}
QUOTE = {"bigquery": "`", "databricks": "`", "redshift": '"'}
BOUND = {
    "bigquery": {"zoned": "TIMESTAMP", "naive": "DATETIME", "day": "DATETIME"},
    "databricks": dict.fromkeys(TIMES, "TIMESTAMP"),
    "redshift": dict.fromkeys(TIMES, "datetime"),
}


@pytest.fixture(scope="module", params=["bigquery", "databricks", "redshift"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def warehouse(kind: str) -> Iterator[StandIn]:
    with running(DIALECTS, kind) as stand_in:
        yield stand_in


def selects(read: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
    """Return the statements about rows, each with the types of its parameters."""
    return [(text, types) for text, types in read["statements"] if text.startswith("SELECT ")]


def test_native_times_are_told_from_others(warehouse: StandIn) -> None:
    table = warehouse.describe(table="offline_conversions")["columns"]
    assert {name: told for name, told in table.items() if told != [False, False]} == TIMES
    query = warehouse.describe(sql="SELECT order_id, zoned, naive, day FROM offline_conversions")
    assert query["columns"] == {"order_id": [False, False], **TIMES}


@pytest.mark.parametrize("column", TIMES)
def test_the_cutoff_is_sent_as_the_columns_own_kind_of_time(warehouse: StandIn, kind: str, column: str) -> None:
    cutoff = CUTOFF if column == "zoned" else CUTOFF.replace(tzinfo=None)
    query = f"SELECT order_id, {column} FROM offline_conversions"
    for source, times in ({"table": "offline_conversions"}, 3), ({"sql": query}, 2):
        read = warehouse.read(columns=["order_id"], cutoff_column=column, cutoff=cutoff, **source)
        filtered = [types for text, types in selects(read) if "WHERE" in text and "1 = 0" not in text]
        assert filtered == [{"bingads_cutoff": BOUND[kind][column]}] * times


def test_rows_come_by_account_and_accounts_compare_as_texts(warehouse: StandIn, kind: str) -> None:
    account = f"{QUOTE[kind]}offline_conversions{QUOTE[kind]}.{QUOTE[kind]}account{QUOTE[kind]}"
    read = warehouse.read(
        table="offline_conversions",
        columns=["order_id", "account"],
        account_column="account",
        cutoff_column="zoned",
        cutoff=CUTOFF,
        only_accounts=["1", "2"],
    )
    (rows, _), (before, _), (count, _) = selects(read)
    text = {"bigquery": "STRING", "databricks": "STRING", "redshift": "VARCHAR"}[kind]
    assert f"trim(CAST({account} AS {text})) IN " in rows
    assert rows.endswith(f"ORDER BY {account}")
    assert before.endswith(f"GROUP BY {account}")
    assert count.startswith("SELECT count(*) AS ")


@pytest.mark.parametrize(
    ("table", "parts"),
    [
        ("offline_conversions", ["offline_conversions"]),
        ("my_sales.offline_conversions", ["my_sales", "offline_conversions"]),
        ("`Some-Sales`.`offline_conversions`", ["Some-Sales", "offline_conversions"]),
        (["x' sales", "ünï conversions"], ["x' sales", "ünï conversions"]),
    ],
)
def test_each_part_of_a_name_is_quoted_by_itself(warehouse: StandIn, kind: str, table: Any, parts: list[str]) -> None:
    read = warehouse.read(table=table, columns=["order_id"])
    origin = ".".join(f"{QUOTE[kind]}{part}{QUOTE[kind]}" for part in parts)
    assert [text.split("\nFROM ")[1] for text, _ in selects(read)] == [origin] * 2


def test_a_catalog_is_a_name_of_its_own(warehouse: StandIn, kind: str) -> None:
    own = [CATALOG[kind], "my sales", "offline_conversions"]
    other = ["other-place", "my sales", "offline_conversions"]
    quoted = {True: [f"{QUOTE[kind]}{part}{QUOTE[kind]}" for part in own]}
    quoted[False] = [f"{QUOTE[kind]}{part}{QUOTE[kind]}" for part in other]
    mine = selects(warehouse.read(table=own, columns=["order_id"]))
    assert {text.split("\nFROM ")[1] for text, _ in mine} == {".".join(quoted[True][kind != "bigquery" :])}
    if kind == "redshift":
        with pytest.raises(RefusedError, match='reads one database; "other-place" is another'):
            warehouse.read(table=other, columns=["order_id"])
        return
    foreign = selects(warehouse.read(table=other, columns=["order_id"]))
    assert {text.split("\nFROM ")[1].split(" \n")[0] for text, _ in foreign} == {".".join(quoted[False])}


def test_columns_of_any_name_are_quoted(warehouse: StandIn, kind: str) -> None:
    columns = ["order_id", "MIXED", "order", "per % cent: 'x'"]
    (rows, _), *_ = selects(warehouse.read(table="offline_conversions", columns=columns))
    sent = [f"{QUOTE[kind]}{name}{QUOTE[kind]}" for name in ("order_id", "Mixed", "order", "per % cent: 'x'")]
    for name in sent:
        assert f".{name}" in rows.replace("%%", "%")


def test_a_querys_parameters_are_bound(warehouse: StandIn, kind: str) -> None:
    sql = "SELECT order_id FROM offline_conversions WHERE account = :a AND order_id LIKE '10%' AND day > :d -- end"
    read = warehouse.read(sql=sql, columns=["order_id"], parameters={"a": 1, "d": "2026-01-01"})
    kinds = {"bigquery": ("INT64", "STRING"), "databricks": ("INT", "STRING"), "redshift": ("int", "str")}[kind]
    assert [types for _, types in selects(read)] == [dict(zip("ad", kinds, strict=True))] * 2


@pytest.mark.parametrize(
    ("request_of", "words"),
    [
        ({"table": "offline_sales", "columns": ["order_id"]}, ["no table", '"offline_conversions"']),
        ({"table": "offline_conversions", "columns": ["`; DROP TABLE x"]}, ["no column"]),
        ({"table": ['x`"; DROP TABLE y'], "columns": ["order_id"]}, ["x`"]),
        ({"sql": "SELECT FROM WHERE", "columns": ["order_id"]}, ["does not understand"]),
        ({"sql": "SELECT 1; DROP TABLE x", "columns": ["order_id"]}, ["several statements"]),
    ],
)
def test_what_cannot_be_read_ends_in_a_sentence(
    warehouse: StandIn, request_of: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(RefusedError) as caught:
        warehouse.read(**request_of)
    assert caught.value.kind == "FixSource"
    for word in words:
        assert word in str(caught.value)
    assert "jane" not in str(caught.value)


def test_names_that_a_dialect_misreads_are_refused(warehouse: StandIn, kind: str) -> None:
    for name in {"bigquery": ("a.conversions", "a`conversions"), "databricks": ("a%conversions", "a`conversions")}.get(
        kind, ()
    ):
        with pytest.raises(RefusedError, match="misreads the name"):
            warehouse.read(table=[name], columns=["order_id"])


def test_a_table_that_may_not_be_read_says_what_to_grant(warehouse: StandIn, kind: str) -> None:
    """BigQuery's dialect asks for a table beside its driver, whose errors are not SQLAlchemy's."""
    if kind == "bigquery":
        with pytest.raises(RefusedError, match="grant SELECT") as caught:
            warehouse.describe(table="closed.offline_conversions")
        assert "jane" not in str(caught.value)
