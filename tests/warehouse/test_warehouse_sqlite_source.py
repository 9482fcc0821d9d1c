"""Reading from SQLite: raw cells, in chunks, without holding the file's lock."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from airflow_provider_bingads.exceptions import FixSource, Stopped
from airflow_provider_bingads.warehouse import SourceRequest, describe_source, ledger_for, open_source


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path / 'warehouse.db'}", hide_parameters=True)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE purchases (id INTEGER PRIMARY KEY, account TEXT, at DATETIME, value)")
        connection.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) "
            "INSERT INTO purchases SELECT i, 'a' || (i % 3), '2026-10-01T00:00:00', i * 0.5 FROM n"
        )
    yield engine
    engine.dispose()


def rows_of(engine: Engine, **request: object) -> list[tuple[object, ...]]:
    source = open_source(engine, SourceRequest(**request))  # type: ignore[arg-type]
    try:
        return [tuple(row) for chunk in source.chunks() for row in chunk]
    finally:
        source.close()


def test_chunks_have_the_configured_size_and_hold_every_row_once(warehouse: Engine) -> None:
    source = open_source(warehouse, SourceRequest(table="purchases", columns=("id", "value"), chunk_size=1000))
    chunks = list(source.chunks())
    source.close()
    assert [len(chunk) for chunk in chunks] == [1000, 1000, 500]
    assert sorted(row[0] for chunk in chunks for row in chunk) == list(range(1, 2501))


def test_rows_come_ordered_by_account_and_a_second_pass_reads_some_accounts(warehouse: Engine) -> None:
    request = SourceRequest(table="purchases", columns=("id", "account"), account_column="account", chunk_size=700)
    source = open_source(warehouse, request)
    accounts = [row[1] for chunk in source.chunks() for row in chunk]
    assert accounts == sorted(accounts)
    again = [row[1] for chunk in source.chunks(accounts=["a1"]) for row in chunk]
    assert set(again) == {"a1"}
    assert len(again) == accounts.count("a1")
    source.close()


def test_a_second_pass_without_a_first_finds_padded_account_ids(warehouse: Engine) -> None:
    with warehouse.begin() as connection:
        connection.exec_driver_sql("UPDATE purchases SET account = ' a1 ' WHERE id = 1")
    request = SourceRequest(table="purchases", columns=("id", "account"), account_column="account")
    source = open_source(warehouse, request)
    assert 1 in {row[0] for chunk in source.chunks(accounts=["a1"]) for row in chunk}
    source.close()


def test_cells_arrive_raw_whatever_type_the_column_declares(warehouse: Engine) -> None:
    with warehouse.begin() as connection:
        connection.exec_driver_sql("UPDATE purchases SET at = 'yesterday-ish', value = X'00FF' WHERE id = 1")
        connection.exec_driver_sql("UPDATE purchases SET value = CAST(X'C328' AS TEXT) WHERE id = 2")
    rows = {row[0]: row[1:] for row in rows_of(warehouse, table="purchases", columns=("id", "at", "value"))}
    assert rows[1] == ("yesterday-ish", b"\x00\xff")
    assert rows[2][1] == b"\xc3\x28"
    assert rows[3] == ("2026-10-01T00:00:00", 1.5)


def test_the_ledger_in_the_same_file_commits_while_the_source_is_read(warehouse: Engine) -> None:
    source = open_source(warehouse, SourceRequest(table="purchases", columns=("id",), chunk_size=100))
    chunks = source.chunks()
    next(chunks)
    ledger = ledger_for(warehouse)
    assert ledger.acquire("s" * 32, "me", 30.0).owner == "me"
    assert sum(len(chunk) for chunk in chunks) == 2400
    with warehouse.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
    ledger.close()
    source.close()


def test_sqlite_never_pushes_a_cutoff_down(warehouse: Engine) -> None:
    request = SourceRequest(table="purchases", columns=("id", "at"), cutoff_column="at", cutoff=None)
    source = open_source(warehouse, request)
    assert source.count_before_cutoff() == {}
    assert describe_source(warehouse, table="purchases").columns["at"].is_temporal is False
    source.close()


def test_a_closed_source_says_so_instead_of_ending_early(warehouse: Engine) -> None:
    source = open_source(warehouse, SourceRequest(table="purchases", columns=("id",), chunk_size=100))
    chunks = source.chunks()
    next(chunks)
    source.close()
    source.close()
    with pytest.raises(Stopped):
        next(chunks)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id, value FROM purchases WHERE id > :low",
        "SELECT id, value FROM purchases WHERE id > :low;",
        "SELECT id, value FROM purchases WHERE id > :low -- the last line is a comment",
        "WITH p AS (SELECT * FROM purchases) SELECT id, value FROM p WHERE id > %(low)s; -- done;\n",
        "SELECT id, value /* ; */ FROM purchases WHERE id > :low AND ';' <> ' :high' ;;",
    ],
)
def test_a_query_is_read_whatever_follows_its_end(warehouse: Engine, sql: str) -> None:
    rows = rows_of(warehouse, sql=sql, parameters={"low": 2490}, columns=("id", "value"))
    assert [row[0] for row in rows] == list(range(2491, 2501))


@pytest.mark.parametrize(
    ("request_of", "words"),
    [
        ({"table": "purchase", "columns": ("id",)}, ["no table", '"purchase"', '"purchases"']),
        ({"table": "purchases", "columns": ("valeu",)}, ["no column", '"valeu"', '"value"']),
        ({"table": "nowhere.purchases", "columns": ("id",)}, ["no table", '"nowhere.purchases"']),
        ({"table": 'x"; DROP TABLE purchases; --', "columns": ("id",)}, ["not a table's name"]),
        ({"table": ('x"; DROP TABLE purchases; --',), "columns": ("id",)}, ["no table"]),
        ({"table": ("a\x00b",), "columns": ("id",)}, ["cannot name a table", "\\x00"]),
        ({"table": "a.b.c.d", "columns": ("id",)}, ["one to three parts"]),
        ({"table": "purchases", "columns": ('id" FROM purchases; --',)}, ["no column"]),
        ({"sql": "DELETE FROM purchases", "columns": ("id",)}, ["starts with SELECT"]),
        ({"sql": "SELECT 1; DROP TABLE purchases", "columns": ("id",)}, ["several statements"]),
        ({"sql": "SELECT id FROM purchasess", "columns": ("id",)}, ["does not exist"]),
        ({"sql": "SELECT id FRM purchases", "columns": ("id",)}, ["does not understand"]),
        ({"sql": "SELECT id, account AS id FROM purchases", "columns": ("id",)}, ["twice", '"id"']),
        ({"sql": "SELECT id FROM purchases", "parameters": {"x": 1}, "columns": ("id",)}, ["does not use", "x"]),
    ],
)
def test_what_cannot_be_read_ends_in_a_sentence(
    warehouse: Engine, request_of: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(FixSource) as caught:
        rows_of(warehouse, **request_of)
    for word in words:
        assert word in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    with warehouse.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM purchases").scalar() == 2500


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", 'a"b', "drop table x; --", "%s", "a.b", "ünï", "order"])
def test_a_table_and_column_of_any_name_are_read_if_they_exist(warehouse: Engine, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    with warehouse.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE {quoted} ({quoted} TEXT)".replace("%", "%"))
        connection.exec_driver_sql(f"INSERT INTO {quoted} VALUES ('here')")
    assert rows_of(warehouse, table=(name,), columns=(name,)) == [("here",)]


@pytest.mark.parametrize("number", [0, 1, 19, 20, 21, 99, 100, 101, 1001])
@pytest.mark.parametrize("chunk_size", [1, 7, 20, 100])
def test_every_row_comes_once_whatever_the_sizes(warehouse: Engine, number: int, chunk_size: int) -> None:
    """Twenty rows come in a step, which has to come out even at every edge."""
    sql = f"SELECT id FROM purchases WHERE id <= {number} ORDER BY id"
    source = open_source(warehouse, SourceRequest(sql=sql, columns=("id",), chunk_size=chunk_size))
    chunks = list(source.chunks())
    source.close()
    assert [row[0] for chunk in chunks for row in chunk] == list(range(1, number + 1))
    assert all(len(chunk) == chunk_size for chunk in chunks[:-1])


def test_a_row_of_many_columns_is_read_too(warehouse: Engine) -> None:
    """The twenty rows of a step share SQLite's limit of columns."""
    wide = ", ".join(f"id + {n} AS n{n}" for n in range(150))
    columns = tuple(f"n{n}" for n in range(150))
    rows = rows_of(warehouse, sql=f"SELECT {wide} FROM purchases WHERE id <= 30 ORDER BY id", columns=columns)
    assert rows == [tuple(range(number, number + 150)) for number in range(1, 31)]


def test_closing_ends_a_copy_that_is_under_way(warehouse: Engine) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    source = open_source(warehouse, SourceRequest(sql=endless, columns=("i",)))
    timer = threading.Timer(0.2, source.close)
    timer.start()
    with pytest.raises(Stopped):
        next(source.chunks())
    timer.join()


def test_a_sqlite_file_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'nothing.db'}")
    with pytest.raises(FixSource, match="does not exist"):
        open_source(engine, SourceRequest(table="t", columns=("id",)))
    assert not (tmp_path / "nothing.db").exists()
