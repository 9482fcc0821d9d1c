"""Reading from Snowflake: the real dialect and connector, a DuckDB in the server's place.

The stand-in tells upper from lower case in names less well than Snowflake does; what case a name is sent in is judged
by the statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

import pytest

from tests.warehouse.standins.client import RefusedError, StandIn, running
from tests.warehouse.standins.environments import SNOWFLAKE

pytestmark = pytest.mark.judge

START = datetime(2026, 9, 1, tzinfo=UTC)
CUTOFF = datetime(2026, 10, 1, tzinfo=UTC)
ROWS = 1050
HOURS = 30 * 24 - 1
"""Rows before the cutoff."""


def when(number: int) -> datetime:
    return START + timedelta(hours=number)


@pytest.fixture(scope="module")
def snowflake() -> Iterator[StandIn]:
    """Give a warehouse with a table of purchases, one an hour, the last without account and times."""
    rows = ", ".join(
        f"({n}, 'a{n % 3}', '{when(n):%Y-%m-%d %H:%M:%S}', '{when(n):%Y-%m-%d %H:%M:%S}+00:00', "
        f"'{when(n):%Y-%m-%d %H:%M:%S}+00:00', '{when(n):%Y-%m-%d}', {n / 4}, {n / 8}, 'x{n}', '{n}%')"
        for n in range(1, ROWS)
    )
    with running(SNOWFLAKE, "snowflake") as stand_in:
        stand_in.execute(
            "CREATE DATABASE IF NOT EXISTS WAREHOUSE",
            "CREATE SCHEMA IF NOT EXISTS WAREHOUSE.SALES",
            "CREATE TABLE PURCHASES (ID NUMBER(38, 0) PRIMARY KEY, ACCOUNT VARCHAR, NAIVE TIMESTAMP_NTZ, "
            "LOCALLY TIMESTAMP_LTZ, ZONED TIMESTAMP_TZ, DAY DATE, AMOUNT NUMBER(12, 2), SHARE FLOAT, "
            '"lower" VARCHAR, "Mixed Case" VARCHAR)',
            f"INSERT INTO PURCHASES VALUES {rows}",
            f"INSERT INTO PURCHASES (ID) VALUES ({ROWS})",
            "CREATE TABLE EVENTS (ID NUMBER, BODY VARIANT, ACCOUNT NUMBER(38, 0))",
            "INSERT INTO EVENTS SELECT 1, PARSE_JSON('{\"a\": [1]}'), 77",
            "CREATE VIEW RECENT AS SELECT ID, NAIVE FROM PURCHASES WHERE ID > 1000",
        )
        yield stand_in


def test_every_row_comes_once_as_python_knows_its_values(snowflake: StandIn) -> None:
    columns = ["id", "account", "naive", "locally", "zoned", "day", "amount", "share", "lower", "Mixed Case"]
    read = snowflake.read(table="purchases", columns=columns, chunk_size=400)
    expected = [
        [n, f"a{n % 3}", when(n).replace(tzinfo=None), when(n), when(n), when(n).date(), n / 4, n / 8, f"x{n}", f"{n}%"]
        for n in range(1, ROWS)
    ]
    assert sorted(read["rows"]) == [*expected, [ROWS, *[None] * 9]]
    assert read["sizes"] == [400, 400, 250]
    assert read["expected_rows"] == ROWS
    row = read["rows"][0]
    assert [type(cell) for cell in row] == [int, str, datetime, datetime, datetime, date, Decimal, float, str, str]


def test_shapes_tell_native_times_and_the_key(snowflake: StandIn) -> None:
    times = {"naive": [True, False], "locally": [True, True], "zoned": [True, True], "day": [True, False]}
    shape = snowflake.describe(table="PURCHASES")
    assert shape["primary_key"] == ["id"]
    assert shape["columns"] == {
        name: times.get(name, [False, False])
        for name in ("id", "account", "naive", "locally", "zoned", "day", "amount", "share", "lower", "Mixed Case")
    }
    query = snowflake.describe(sql='SELECT naive, locally, zoned, day, id AS "id" FROM purchases')
    assert query["columns"] == {**times, "id": [False, False]}
    assert snowflake.describe(table="recent")["columns"] == {"id": [False, False], "naive": [True, False]}


@pytest.mark.parametrize("source", [{"table": "purchases"}, {"sql": "SELECT * FROM purchases;"}])
@pytest.mark.parametrize("column", ["naive", "locally", "zoned", "day"])
def test_a_cutoff_is_pushed_down_and_what_it_leaves_out_is_counted(
    snowflake: StandIn, column: str, source: dict[str, str]
) -> None:
    cutoff = CUTOFF if column in {"locally", "zoned"} else CUTOFF.replace(tzinfo=None)
    read = snowflake.read(columns=["id"], cutoff_column=column, cutoff=cutoff, **source)
    assert {row[0] for row in read["rows"]} == set(range(HOURS + 1, ROWS + 1))
    assert read["before_cutoff"] == {"None": HOURS}
    assert read["expected_rows"] == (ROWS - HOURS if "table" in source else None)


def test_accounts_come_in_order_and_a_second_pass_reads_some(snowflake: StandIn) -> None:
    read = snowflake.read(
        table="purchases",
        columns=["id", "account"],
        account_column="account",
        cutoff_column="zoned",
        cutoff=CUTOFF,
        accounts=["a1"],
        chunk_size=200,
    )
    accounts = [account for account, _ in groupby(row[1] for row in read["rows"])]
    assert sorted(accounts, key=str) == ["None", "a0", "a1", "a2"] or accounts == ["a0", "a1", "a2", None]
    assert {row[1] for row in read["again"]} == {"a1"}
    assert len(read["again"]) == sum(row[1] == "a1" for row in read["rows"])
    counted = {f"a{rest}": sum(n % 3 == rest for n in range(1, HOURS + 1)) for rest in range(3)}
    assert read["before_cutoff"] == counted


@pytest.mark.parametrize(
    ("table", "account", "rows"), [("purchases", "a2", 350), ("events", "77", 1), ("events", "7", 0)]
)
def test_a_second_pass_alone_compares_accounts_as_texts(
    snowflake: StandIn, table: str, account: str, rows: int
) -> None:
    read = snowflake.read(table=table, columns=["account"], account_column="account", only_accounts=[account])
    assert len(read["rows"]) == rows


def test_a_variant_comes_as_its_json(snowflake: StandIn) -> None:
    [[body]] = snowflake.read(table="events", columns=["body"])["rows"]
    assert re.sub(r"\s", "", body) == '{"a":[1]}'


@pytest.mark.parametrize(
    ("table", "sent"),
    [
        ("purchases", "purchases"),
        ("PURCHASES", '"PURCHASES"'),
        ("sales.purchases", "sales.purchases"),
        ("WAREHOUSE.SALES.PURCHASES", '"WAREHOUSE"."SALES"."PURCHASES"'),
        ("warehouse.sales.purchases", "warehouse.sales.purchases"),
        (["warehouse", "sales", "purchases"], "warehouse.sales.purchases"),
    ],
)
def test_names_are_folded_as_snowflake_folds_them_unless_quoted(snowflake: StandIn, table: Any, sent: str) -> None:
    read = snowflake.read(table=table, columns=["ID", "LOWER", "mixed case"])
    select = next(text for text, _ in read["statements"] if text.startswith("SELECT"))
    origin = sent.replace("warehouse.sales.", '"WAREHOUSE"."SALES".') if "warehouse" in sent else sent
    assert select.endswith((f"FROM {sent}", f"FROM {origin}"))
    assert re.findall(r'\.(id|"lower"|"Mixed Case")(?=[, ])', select) == ["id", '"lower"', '"Mixed Case"']


def test_percent_signs_and_parameters_of_a_query_mean_what_they_say(snowflake: StandIn) -> None:
    sql = """SELECT id, "Mixed Case" AS name, ' :id' AS "colon" FROM purchases
    WHERE "Mixed Case" LIKE '10_%' AND id < :most"""
    read = snowflake.read(sql=sql, columns=["id", "name", "colon"], parameters={"most": 102})
    assert sorted(read["rows"]) == [[n, f"{n}%", " :id"] for n in (10, 100, 101)]


@pytest.mark.parametrize(
    ("request_of", "words"),
    [
        ({"table": "purchase", "columns": ["id"]}, ["no table", '"purchases"']),
        ({"table": "nowhere.purchases", "columns": ["id"]}, ["no table", '"nowhere.purchases"']),
        ({"table": "other.sales.purchases", "columns": ["id"]}, ["no table", '"other.sales.purchases"']),
        ({"table": '"purchases"', "columns": ["id"]}, ["no table", "Without quotes there is one."]),
        ({"table": ["sa.les", "purchases"], "columns": ["id"]}, ["misreads", '"sa.les"']),
        ({"table": ['x"; DROP TABLE purchases; --'], "columns": ["id"]}, ["no table"]),
        ({"table": "purchases", "columns": ['id" FROM purchases; --']}, ["no column"]),
        ({"sql": "SELECT id FROM purchasess", "columns": ["id"]}, ["does not exist", "42S02"]),
        ({"sql": "SELECT id FRM purchases", "columns": ["id"]}, ["does not understand"]),
        ({"sql": "SELECT CAST(account AS INT) AS n FROM purchases", "columns": ["n"]}, ["a value of the data"]),
    ],
)
def test_what_cannot_be_read_ends_in_a_sentence(
    snowflake: StandIn, request_of: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(RefusedError) as caught:
        snowflake.read(**request_of)
    assert caught.value.kind == "FixSource"
    for word in words:
        assert word in str(caught.value)
    assert "a0" not in str(caught.value)
    assert snowflake.read(table="purchases", columns=["id"])["expected_rows"] == ROWS
