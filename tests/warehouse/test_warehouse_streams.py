"""What every way of streaming has in common."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from airflow_provider_bingads.warehouse import SourceRequest, open_source
from airflow_provider_bingads.warehouse.query import build_query
from airflow_provider_bingads.warehouse.source import SqlSource
from airflow_provider_bingads.warehouse.streams import GenericStream


@pytest.fixture
def purchases(engine: Engine) -> Engine:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE purchases (id INTEGER PRIMARY KEY, account VARCHAR(9), name VARCHAR(9))"))
        rows = [{"id": i, "account": f"a{i % 3}", "name": f"{i}%"} for i in range(1, 1051)]
        connection.execute(text("INSERT INTO purchases VALUES (:id, :account, :name)"), rows)
    return engine


def generic(engine: Engine, request: SourceRequest) -> SqlSource:
    with engine.connect() as connection:
        return SqlSource(engine, request, build_query(connection, request), GenericStream())


def test_any_database_is_read_in_chunks_by_sqlalchemy_alone(purchases: Engine) -> None:
    request = SourceRequest(table="purchases", columns=("account", "id"), account_column="account", chunk_size=400)
    source = generic(purchases, request)
    chunks = list(source.chunks())
    assert [len(chunk) for chunk in chunks] == [400, 400, 250]
    assert all(type(row) is tuple for chunk in chunks for row in chunk)
    accounts = [row[0] for chunk in chunks for row in chunk]
    assert accounts == sorted(accounts)
    assert [row[0] for chunk in source.chunks(accounts=["a2", "a0"]) for row in chunk] == ["a0"] * 350 + ["a2"] * 350
    source.close()


def test_a_second_pass_alone_finds_its_accounts(purchases: Engine) -> None:
    request = SourceRequest(table="purchases", columns=("account",), account_column="account")
    for source in (generic(purchases, request), open_source(purchases, request)):
        assert sum(len(chunk) for chunk in source.chunks(accounts=["a1"])) == 350
        source.close()


def test_an_account_that_is_not_there_gives_no_rows(purchases: Engine) -> None:
    request = SourceRequest(table="purchases", columns=("account",), account_column="account")
    source = open_source(purchases, request)
    assert list(source.chunks(accounts=["nobody"])) == []
    source.close()


def test_percent_signs_and_colons_of_a_query_mean_what_they_say(purchases: Engine) -> None:
    sql = "SELECT id, name, ' :id' AS colon FROM purchases WHERE name LIKE '10%%' AND id % 2 = 1 AND id < :most"
    source = open_source(purchases, SourceRequest(sql=sql, columns=("id", "name", "colon"), parameters={"most": 104}))
    rows = [tuple(row) for chunk in source.chunks() for row in chunk]
    assert sorted(rows) == [(101, "101%", " :id"), (103, "103%", " :id")]
    source.close()


def test_an_account_column_that_is_not_read_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="one of columns"):
        SourceRequest(table="t", columns=("id",), account_column="account")
