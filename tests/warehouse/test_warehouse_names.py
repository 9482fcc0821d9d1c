"""Names and query texts: taken apart exactly, refused in sentences, never interpreted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg2

from airflow_provider_bingads.exceptions import FixSource
from airflow_provider_bingads.warehouse.identifiers import parse_table, require_columns, shown
from airflow_provider_bingads.warehouse.query import account_text
from airflow_provider_bingads.warehouse.statements import bound, one_statement


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("orders", ("orders",)),
        ("sales.orders", ("sales", "orders")),
        ("db.sales.orders", ("db", "sales", "orders")),
        ('"my sales"."or.ders"', ("my sales", "or.ders")),
        ('"a""b"', ('a"b',)),
        ("`project`.`data set`.t", ("project", "data set", "t")),
        ("[dbo].[Order Details]", ("dbo", "Order Details")),
        (" orders ", ("orders",)),
    ],
)
def test_a_tables_name_is_split_as_databases_write_it(text: str, parts: tuple[str, ...]) -> None:
    assert parse_table(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        'a"b',
        'x"; DROP TABLE y; --',
        '"a"b',
        "a.b.c.d",
        "a\nb",
        "nul\x00",
        "x" * 129,
        '"',
        "``",
    ],
)
def test_what_cannot_be_a_name_is_refused(text: str) -> None:
    with pytest.raises(FixSource):
        parse_table(text)


@given(st.lists(st.text(min_size=1, max_size=30).filter(str.isprintable), min_size=1, max_size=3))
def test_quoted_parts_survive_whatever_they_hold(parts: list[str]) -> None:
    quoted = ".".join('"' + part.replace('"', '""') + '"' for part in parts)
    assert parse_table(quoted) == tuple(parts)
    assert parse_table(parts) == tuple(parts)


def test_names_in_messages_are_cut_and_made_visible() -> None:
    assert shown("a\tb\u202e") == '"a\\tb\\u202e"'
    assert len(shown("x" * 5000)) < 140


def test_a_column_in_another_case_is_found_unless_two_could_be_meant() -> None:
    assert require_columns("It", ["ID", "value"], ["id", "value"]) == {"ID": "id", "value": "value"}
    with pytest.raises(FixSource, match='"ID"'):
        require_columns("It", ["ID"], ["id", "Id"])
    assert require_columns("It", ["Id"], ["id", "Id"]) == {"Id": "Id"}


def test_all_missing_columns_are_named_at_once() -> None:
    with pytest.raises(FixSource) as caught:
        require_columns("Table x", ["emial", "zzz", "id"], ["id", "email"])
    assert 'no column "emial". Did you mean "email"?' in str(caught.value)
    assert 'no column "zzz". There is "email", "id".' in str(caught.value)


@pytest.mark.parametrize(
    ("sql", "query"),
    [
        ("SELECT 1", "SELECT 1"),
        ("SELECT 1;", "SELECT 1"),
        ("SELECT 1 ; -- end", "SELECT 1 "),
        ("SELECT ';' AS a;\n\n;", "SELECT ';' AS a"),
        ('SELECT ";" FROM t -- ; not the end', 'SELECT ";" FROM t -- ; not the end'),
        ("/* first; */ WITH a AS (SELECT 1) SELECT * FROM a;", "/* first; */ WITH a AS (SELECT 1) SELECT * FROM a"),
        ("SELECT $x$;$x$ AS a;", "SELECT $x$;$x$ AS a"),
        ("(SELECT 1) UNION (SELECT 2);", "(SELECT 1) UNION (SELECT 2)"),
        ("-- report\nselect 1", "-- report\nselect 1"),
    ],
)
def test_one_query_is_taken_without_what_follows_it(sql: str, query: str) -> None:
    assert one_statement(sql) == query


@pytest.mark.parametrize(
    "sql",
    [
        "",
        " ;",
        "-- nothing",
        "SELECT 1; SELECT 2",
        "DELETE FROM t",
        "/* SELECT */ DROP TABLE t",
        "INSERT INTO t SELECT 1",
    ],
)
def test_what_is_not_one_query_is_refused(sql: str) -> None:
    with pytest.raises(FixSource):
        one_statement(sql)


@pytest.mark.parametrize(
    ("sql", "parameters", "text", "values"),
    [
        ("SELECT :a", {"a": 1}, "SELECT %(a)s", {"a": 1}),
        ("SELECT %(a)s", {"a": 1}, "SELECT %(a)s", {"a": 1}),
        ("SELECT x::date, '12:30', ' :b' FROM t WHERE y = :a", {"a": 1}, None, {"a": 1}),
        ("SELECT :a::date, x::date", {"a": 1}, "SELECT (%(a)s)::date, x::date", {"a": 1}),
        ("SELECT ' :b', x::date, '10:00'", None, "SELECT ' :b', x::date, '10:00'", {}),
        ("SELECT '100%', a % 2", {}, "SELECT '100%%', a %% 2", {}),
    ],
)
def test_only_the_given_names_are_parameters(
    sql: str, parameters: dict[str, object] | None, text: str | None, values: dict[str, object]
) -> None:
    compiled = bound(sql, parameters).compile(dialect=psycopg2.dialect())
    assert str(compiled) == (text or sql.replace(":a", "%(a)s"))
    assert compiled.params == values
    assert "?" in str(bound("SELECT :a", {"a": 1}).compile(dialect=sqlite.dialect()))


def test_a_parameter_that_nothing_uses_is_a_mistake() -> None:
    with pytest.raises(FixSource, match="does not use"):
        bound("SELECT 1", {"a": 1})
    with pytest.raises(FixSource, match="must be a mapping"):
        bound("SELECT ?", [1])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (123, "123"),
        ("123", "123"),
        (" 123\n", "123"),
        (123.0, "123"),
        (1.5, "1.5"),
        (float("nan"), "nan"),
    ],
)
def test_an_account_is_named_alike_whatever_its_columns_type(value: object, text: str | None) -> None:
    assert account_text(value) == text
