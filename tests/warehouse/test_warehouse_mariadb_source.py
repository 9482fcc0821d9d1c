"""Reading from MariaDB and MySQL: one read-only snapshot, unbuffered rows, times with and without a zone, odd cells."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby

import pytest
from pymysql.cursors import SSCursor
from pymysql.err import OperationalError
from sqlalchemy import Engine, create_engine, text

from airflow_provider_bingads.exceptions import FixSource, RetryLater, Stopped
from airflow_provider_bingads.warehouse import ColumnShape, SourceRequest, describe_source, open_source

pytestmark = pytest.mark.mariadb

CUTOFF = datetime(2026, 10, 1, tzinfo=UTC)
NAMES = ["<script>alert(1)</script>", 'a"b', "drop table x; --", "%s", "%%", "a.b", "ünï", "Order", "rank"]


def many(engine: Engine, name: str, rows: int, filler: int = 0) -> None:
    """Make a table of so many rows by doubling one."""
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE {name} (id bigint PRIMARY KEY AUTO_INCREMENT, filler text)")
        connection.exec_driver_sql(f"INSERT INTO {name} (filler) VALUES (REPEAT('x', {filler}))")
        there = 1
        while there < rows:
            more = min(there, rows - there)
            connection.exec_driver_sql(f"INSERT INTO {name} (filler) SELECT filler FROM {name} LIMIT {more}")
            there += more


@pytest.fixture
def purchases(mariadb_engine: Engine) -> Engine:
    with mariadb_engine.begin() as connection:
        connection.exec_driver_sql("SET time_zone = '+02:00'")
        connection.exec_driver_sql(
            "CREATE TABLE purchases (id bigint PRIMARY KEY, account decimal(20, 2), instant timestamp(3) NULL, "
            "naive datetime(6), day date, text_time varchar(40), value double)"
        )
        start = datetime(2026, 9, 1, tzinfo=UTC)
        rows = []
        for i in range(1, 2501):
            moment = start + timedelta(hours=i)
            plain = moment.replace(tzinfo=None)
            local = plain + timedelta(hours=2)  # what the session's zone makes of an instant
            rows.append((i, i % 3, local, plain, plain.date(), plain.isoformat(), i / 2))
        connection.exec_driver_sql("INSERT INTO purchases VALUES (%s, %s, %s, %s, %s, %s, %s)", rows)
        connection.exec_driver_sql("INSERT INTO purchases (id, account) VALUES (2501, NULL)")
    return mariadb_engine


def read(engine: Engine, **request: object) -> list[tuple[object, ...]]:
    source = open_source(engine, SourceRequest(**request))  # type: ignore[arg-type]
    try:
        return [tuple(row) for chunk in source.chunks() for row in chunk]
    finally:
        source.close()


def test_every_row_comes_once_in_chunks_of_the_configured_size(purchases: Engine) -> None:
    source = open_source(purchases, SourceRequest(table="purchases", columns=("id",), chunk_size=1000))
    chunks = list(source.chunks())
    source.close()
    assert [len(chunk) for chunk in chunks] == [1000, 1000, 501]
    assert sorted(row[0] for chunk in chunks for row in chunk) == list(range(1, 2502))


def test_shapes_tell_instants_from_times_without_a_zone(purchases: Engine) -> None:
    shape = describe_source(purchases, table="purchases")
    assert shape.primary_key == ("id",)
    told = {name: (column.is_temporal, column.has_timezone) for name, column in shape.columns.items()}
    assert told == {
        "id": (False, False),
        "account": (False, False),
        "instant": (True, True),
        "naive": (True, False),
        "day": (True, False),
        "text_time": (False, False),
        "value": (False, False),
    }
    query = describe_source(purchases, sql="SELECT instant, naive AS n, day, text_time FROM purchases")
    assert list(query.columns.values()) == [
        ColumnShape(is_temporal=True, has_timezone=True),
        ColumnShape(is_temporal=True, has_timezone=False),
        ColumnShape(is_temporal=True, has_timezone=False),
        ColumnShape(is_temporal=False, has_timezone=False),
    ]


def test_a_timestamp_is_the_instant_whatever_zone_the_server_is_in(purchases: Engine) -> None:
    (row,) = read(
        purchases,
        sql="SELECT instant, naive, day FROM purchases WHERE id = 1",
        columns=("instant", "naive", "day"),
    )
    assert row == (
        datetime(2026, 9, 1, 1, tzinfo=UTC),
        datetime(2026, 9, 1, 1, tzinfo=UTC).replace(tzinfo=None),
        date(2026, 9, 1),
    )


@pytest.mark.parametrize(
    ("column", "cutoff"),
    [("instant", CUTOFF), ("naive", CUTOFF.replace(tzinfo=None)), ("day", CUTOFF.replace(tzinfo=None))],
)
@pytest.mark.parametrize("source", [{"table": "purchases"}, {"sql": "SELECT * FROM purchases;"}])
def test_a_cutoff_is_pushed_down_and_what_it_leaves_out_is_counted(
    purchases: Engine, column: str, cutoff: datetime, source: dict[str, str]
) -> None:
    request = SourceRequest(columns=("id",), cutoff_column=column, cutoff=cutoff, **source)  # type: ignore[arg-type]
    opened = open_source(purchases, request)
    assert opened.count_before_cutoff() == {None: 30 * 24 - 1}
    ids = {row[0] for chunk in opened.chunks() for row in chunk}
    assert ids == {*range(30 * 24, 2501), 2501}
    opened.close()


def test_a_cutoff_on_a_text_is_left_to_the_reader(purchases: Engine) -> None:
    request = SourceRequest(table="purchases", columns=("id",), cutoff_column="text_time", cutoff=CUTOFF)
    source = open_source(purchases, request)
    assert sum(len(chunk) for chunk in source.chunks()) == 2501
    assert source.count_before_cutoff() == {}
    source.close()


def test_accounts_come_in_order_and_a_second_pass_reads_some(purchases: Engine) -> None:
    request = SourceRequest(
        table="purchases",
        columns=("id", "account"),
        account_column="account",
        cutoff_column="instant",
        cutoff=CUTOFF,
        chunk_size=500,
    )
    source = open_source(purchases, request)
    accounts = [row[1] for chunk in source.chunks() for row in chunk]
    assert [account for account, _ in groupby(accounts)] == [None, Decimal(0), Decimal(1), Decimal(2)]
    assert source.count_before_cutoff() == {"0": 239, "1": 240, "2": 240}
    assert {row[1] for chunk in source.chunks(accounts=["1"]) for row in chunk} == {Decimal(1)}
    source.close()


def test_rows_and_counts_come_from_one_snapshot(purchases: Engine) -> None:
    request = SourceRequest(table="purchases", columns=("id",), cutoff_column="instant", cutoff=CUTOFF, chunk_size=100)
    source = open_source(purchases, request)
    assert source.count_before_cutoff() == {None: 719}
    with purchases.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO purchases (id, instant) VALUES (9001, '2026-12-01'), (9002, '2026-01-01')"
        )
    assert sum(len(chunk) for chunk in source.chunks()) == 2500 - 719 + 1
    assert source.count_before_cutoff() == {None: 719}
    source.close()


def test_the_rows_to_come_are_counted_in_the_zone_they_are_read_in(purchases: Engine) -> None:
    """The pool's connection is two hours ahead: there the cutoff would lie at another instant."""
    request = SourceRequest(table="purchases", columns=("id",), cutoff_column="instant", cutoff=CUTOFF)
    source = open_source(purchases, request)
    try:
        assert source.expected_rows() == 2501 - 719 == sum(map(len, source.chunks()))
    finally:
        source.close()


def test_the_reader_cannot_write(purchases: Engine) -> None:
    with purchases.begin() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION sneaky() RETURNS int MODIFIES SQL DATA BEGIN DELETE FROM purchases; RETURN 1; END"
        )
    with pytest.raises(FixSource, match="1792"):
        read(purchases, sql="SELECT sneaky() AS id", columns=("id",))


def test_cells_come_as_the_driver_gives_them(mariadb_engine: Engine) -> None:
    with mariadb_engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE cells (flag tinyint(1), price decimal(20, 6), raw binary(3), blobs varbinary(9), "
            "kind enum('a', 'b'), doc json, words text CHARACTER SET utf8mb4, latin varchar(9) CHARACTER SET latin1, "
            "big bigint unsigned, nothing int)"
        )
        connection.exec_driver_sql(
            "INSERT INTO cells VALUES (2, 12.5, X'00FF80', X'C328', 'b', '{\"a\": 1}', '🎯 ü', 'ü', "
            "18446744073709551615, NULL)"
        )
    names = ("flag", "price", "raw", "blobs", "kind", "doc", "words", "latin", "big", "nothing")
    expected = (
        2, Decimal("12.5"), b"\x00\xff\x80", b"\xc3\x28", "b", '{"a": 1}', "🎯 ü", "ü", 18446744073709551615, None,
    )  # fmt: skip
    assert read(mariadb_engine, table="cells", columns=names) == [expected]


def test_a_zero_date_is_one_odd_value(mariadb_engine: Engine) -> None:
    with mariadb_engine.begin() as connection:
        connection.exec_driver_sql("SET SESSION sql_mode = ''")
        connection.exec_driver_sql("CREATE TABLE odd (id int PRIMARY KEY, t timestamp NULL, d datetime, y date)")
        connection.exec_driver_sql("INSERT INTO odd VALUES (1, '0000-00-00', '0000-00-00', '2026-00-00')")
        connection.exec_driver_sql(
            "INSERT INTO odd VALUES (2, '2026-10-01 00:00:00', '9999-12-31 23:59:59', '0001-01-01')"
        )
    rows = read(mariadb_engine, sql="SELECT t, d, y FROM odd ORDER BY id", columns=("t", "d", "y"))
    assert rows[0] == ("0000-00-00 00:00:00", "0000-00-00 00:00:00", "2026-00-00")
    assert rows[1][1:] == (datetime.fromisoformat("9999-12-31 23:59:59"), date(1, 1, 1))


def test_a_pooled_connection_keeps_its_own_ways_after_a_read(purchases: Engine) -> None:
    read(purchases, table="purchases", columns=("id",))
    with purchases.begin() as connection:
        connection.exec_driver_sql("INSERT INTO purchases (id) VALUES (9003)")
        assert connection.exec_driver_sql("SELECT @@session.time_zone").scalar() != "+00:00"


def test_closing_from_another_thread_ends_a_running_query(purchases: Engine) -> None:
    source = open_source(purchases, SourceRequest(sql="SELECT SLEEP(60) AS id FROM purchases", columns=("id",)))
    timer = threading.Timer(0.3, source.close)
    timer.start()
    started = time.monotonic()
    with pytest.raises(Stopped):
        next(source.chunks())
    timer.join()
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("close_first", [True, False])
def test_rows_that_nobody_reads_any_more_are_not_fetched(mariadb_engine: Engine, close_first: bool) -> None:
    """The driver would read the whole rest, which may be millions of rows, before it closes a cursor."""
    many(mariadb_engine, "wide", 1_000, filler=2_000)
    slow = "SELECT id, filler, SLEEP(IF(id > 200, 1, 0)) AS nap FROM wide"
    source = open_source(mariadb_engine, SourceRequest(sql=slow, columns=("id", "filler", "nap"), chunk_size=10))
    chunks = source.chunks()
    next(chunks)
    started = time.monotonic()
    if close_first:
        source.close()
    del chunks
    gc.collect()
    source.close()
    assert time.monotonic() - started < 30


def test_a_connection_that_breaks_in_the_middle_asks_for_a_retry(mariadb_engine: Engine) -> None:
    many(mariadb_engine, "wide", 100_000, filler=2_000)
    source = open_source(mariadb_engine, SourceRequest(table="wide", columns=("id", "filler"), chunk_size=10))
    chunks = source.chunks()
    next(chunks)
    with mariadb_engine.connect() as connection:
        others = connection.exec_driver_sql(
            "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
        ).scalars()
        for other in list(others):
            connection.exec_driver_sql(f"KILL {other}")
    with pytest.raises(RetryLater):
        list(chunks)
    source.close()


@pytest.fixture
def impatient(mariadb_engine: Engine) -> Iterator[Engine]:
    """Engine of a server that gives readers one second, and statements two."""
    limits = {"net_write_timeout": 1, "wait_timeout": 1}
    with mariadb_engine.connect() as connection:
        limits |= {"max_statement_time": 2} if mariadb_engine.dialect.is_mariadb else {"max_execution_time": 2_000}
        before = {name: connection.exec_driver_sql(f"SELECT @@global.{name}").scalar() for name in limits}
        for name, value in limits.items():
            connection.exec_driver_sql(f"SET GLOBAL {name} = {value}")
    patient = create_engine(mariadb_engine.url, connect_args={"init_command": "SET SESSION wait_timeout = 600"})
    mariadb_engine.dispose()
    try:
        yield mariadb_engine
    finally:
        with patient.connect() as connection:
            for name, value in before.items():
                connection.exec_driver_sql(f"SET GLOBAL {name} = {value}")
        patient.dispose()


def test_a_throttle_wait_longer_than_the_servers_limits_does_not_end_the_read(impatient: Engine) -> None:
    """The service may ask to wait for minutes, while the server cannot send on and its statement still runs."""
    many(impatient, "wide", 20_000, filler=2_000)
    request = SourceRequest(table="wide", columns=("id", "filler"), chunk_size=10)
    source = open_source(impatient, request)
    plain = impatient.raw_connection()
    cursor = plain.cursor(SSCursor)
    cursor.execute("SELECT id, filler FROM wide")
    chunks = source.chunks()
    read_first = len(next(chunks))
    time.sleep(4)
    assert read_first + sum(len(chunk) for chunk in chunks) == 20_000
    with pytest.raises(OperationalError):  # what happens to a reader who does not ask for patience
        cursor.fetchall()
    cursor._result.unbuffered_active = False
    plain.invalidate()
    source.close()


def test_a_value_the_query_fails_on_is_never_repeated(purchases: Engine) -> None:
    with pytest.raises(FixSource, match="1690") as caught:
        read(
            purchases,
            sql="SELECT id, 18446744073709551615 + id AS n FROM purchases WHERE text_time <> 'jane.doe@example.com'",
            columns=("id", "n"),
        )
    assert "jane" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_bound_values_are_never_repeated(purchases: Engine) -> None:
    """The driver writes them into the statement, which the server quotes."""
    with pytest.raises(FixSource) as caught:
        read(
            purchases,
            sql="SELECT id FRM purchases WHERE text_time = :who",
            parameters={"who": "jane.doe@example.com"},
            columns=("id",),
        )
    assert "jane" not in str(caught.value)


@pytest.mark.parametrize(
    ("request_of", "words"),
    [
        ({"table": "purchase", "columns": ("id",)}, ["no table", '"purchases"']),
        ({"table": "nowhere.purchases", "columns": ("id",)}, ["no table"]),
        ({"table": "def.shop.purchases", "columns": ("id",)}, ["nothing above", "def"]),
        ({"table": ("a`b",), "columns": ("id",)}, ["misreads"]),
        ({"table": "purchases", "columns": ("Valeu", "idd")}, ['"Valeu"', '"value"', '"idd"', '"id"']),
        ({"sql": "SELECT id FROM purchasess", "columns": ("id",)}, ["does not exist", "1146", "purchasess"]),
        ({"sql": "SELECT idd FROM purchases", "columns": ("id",)}, ["does not exist", "1054", "idd"]),
        ({"sql": "SELECT id FRM purchases", "columns": ("id",)}, ["does not understand", "1064"]),
        ({"sql": "SELECT id, account AS id FROM purchases", "columns": ("id",)}, ["twice"]),
    ],
)
def test_what_cannot_be_read_ends_in_a_sentence(
    purchases: Engine, request_of: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(FixSource) as caught:
        read(purchases, **request_of)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_a_table_and_column_of_any_name_are_read_if_they_exist(mariadb_engine: Engine, name: str) -> None:
    quoted = "`" + name.replace("`", "``") + "`"
    connection = mariadb_engine.raw_connection()
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {quoted} ({quoted} text)")
    cursor.execute(f"INSERT INTO {quoted} VALUES ('here')")
    connection.commit()
    connection.close()
    assert read(mariadb_engine, table=(name,), columns=(name,)) == [("here",)]


def test_a_table_of_another_database_is_read_by_its_full_name(purchases: Engine) -> None:
    elsewhere = create_engine(purchases.url.set(database="information_schema"))
    name = f"{purchases.url.database}.purchases"
    assert len(read(elsewhere, table=name, columns=("id",))) == 2501
    elsewhere.dispose()


def test_a_table_without_the_right_to_read_it_says_what_to_grant(purchases: Engine) -> None:
    database = purchases.url.database
    user = f"reader_{time.monotonic_ns()}"
    with purchases.begin() as connection:
        connection.exec_driver_sql(f"CREATE USER '{user}'@'%%' IDENTIFIED BY 'secret'")
        connection.exec_driver_sql(f"GRANT CREATE VIEW ON {database}.* TO '{user}'@'%%'")
    restricted = create_engine(purchases.url.set(username=user, password="secret"), hide_parameters=True)
    try:
        with pytest.raises(FixSource, match="grant SELECT"):
            read(restricted, sql="SELECT id FROM purchases", columns=("id",))
    finally:
        restricted.dispose()
        with purchases.begin() as connection:
            connection.exec_driver_sql(f"DROP USER '{user}'@'%%'")


def test_a_server_that_is_not_there_asks_for_a_retry(purchases: Engine) -> None:
    nobody = create_engine(purchases.url.set(port=1), hide_parameters=True)
    with pytest.raises(RetryLater, match="cannot be reached"):
        describe_source(nobody, table="purchases")


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("instant >= :x", "2026-12-01"),
        ("instant >= :x", datetime(2026, 12, 1, tzinfo=UTC).replace(tzinfo=None)),
        ("day >= %(x)s", "2026-12-01"),
        ("id > :x", 2_184),
        ("id > :x", "2184"),
        ("value > :x", Decimal("1092.0")),
    ],
)
def test_a_parameter_is_what_it_would_be_as_a_literal(purchases: Engine, condition: str, value: object) -> None:
    sql = f"SELECT id FROM purchases WHERE {condition} AND instant IS NOT NULL"
    rows = read(purchases, sql=sql, parameters={"x": value}, columns=("id",))
    assert {row[0] for row in rows} <= set(range(2_184, 2_501))
    assert len(rows) >= 316


def test_the_dialect_called_mariadb_reads_the_same(purchases: Engine) -> None:
    engine = create_engine(purchases.url.set(drivername="mariadb+pymysql"))
    request = {"table": "purchases", "columns": ("id", "instant"), "cutoff_column": "instant", "cutoff": CUTOFF}
    assert read(engine, **request) == read(purchases, **request)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    engine.dispose()
