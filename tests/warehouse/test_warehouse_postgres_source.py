"""Reading from PostgreSQL: one read-only snapshot, a server-side cursor, odd cells and all."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby

import pytest
from sqlalchemy import Engine

from airflow_provider_bingads.exceptions import FixSource, RetryLater, Stopped
from airflow_provider_bingads.warehouse import ColumnShape, SourceRequest, describe_source, open_source

pytestmark = pytest.mark.postgres

CUTOFF = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.fixture
def purchases(postgres_engine: Engine) -> Engine:
    with postgres_engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE purchases (id bigint PRIMARY KEY, account numeric(20, 2), zoned timestamptz, "
            "naive timestamp, day date, text_time text, value double precision)"
        )
        connection.exec_driver_sql(
            "INSERT INTO purchases SELECT i, mod(i, 3), t, t AT TIME ZONE 'UTC', t::date, t::text, i / 2.0 "
            "FROM (SELECT i, timestamptz '2026-09-01 00:00+00' + i * interval '1 hour' AS t "
            "FROM generate_series(1, 2500) i) n"
        )
        connection.exec_driver_sql("INSERT INTO purchases (id, account) VALUES (2501, NULL)")
    return postgres_engine


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


def test_shapes_tell_native_times_from_texts(purchases: Engine) -> None:
    shape = describe_source(purchases, table="purchases")
    assert shape.primary_key == ("id",)
    assert shape.columns == {
        "id": ColumnShape(is_temporal=False, has_timezone=False),
        "account": ColumnShape(is_temporal=False, has_timezone=False),
        "zoned": ColumnShape(is_temporal=True, has_timezone=True),
        "naive": ColumnShape(is_temporal=True, has_timezone=False),
        "day": ColumnShape(is_temporal=True, has_timezone=False),
        "text_time": ColumnShape(is_temporal=False, has_timezone=False),
        "value": ColumnShape(is_temporal=False, has_timezone=False),
    }
    query = describe_source(purchases, sql="SELECT zoned, naive AS n, day, text_time FROM purchases")
    assert [(c.is_temporal, c.has_timezone) for c in query.columns.values()] == [
        (True, True),
        (True, False),
        (True, False),
        (False, False),
    ]


@pytest.mark.parametrize(
    ("column", "cutoff"),
    [("zoned", CUTOFF), ("naive", CUTOFF.replace(tzinfo=None)), ("day", CUTOFF.replace(tzinfo=None))],
)
@pytest.mark.parametrize("source", [{"table": "purchases"}, {"sql": "SELECT * FROM purchases;"}])
def test_a_cutoff_is_pushed_down_and_what_it_leaves_out_is_counted(
    purchases: Engine, column: str, cutoff: datetime, source: dict[str, str]
) -> None:
    request = SourceRequest(columns=("id",), cutoff_column=column, cutoff=cutoff, **source)  # type: ignore[arg-type]
    opened = open_source(purchases, request)
    ids = {row[0] for chunk in opened.chunks() for row in chunk}
    assert ids == {*range(30 * 24, 2501), 2501}
    assert opened.count_before_cutoff() == {None: 30 * 24 - 1}
    opened.close()


def test_a_cutoff_on_a_text_is_left_to_the_reader(purchases: Engine) -> None:
    request = SourceRequest(table="purchases", columns=("id",), cutoff_column="text_time", cutoff=CUTOFF)
    source = open_source(purchases, request)
    assert sum(len(chunk) for chunk in source.chunks()) == 2501
    assert source.count_before_cutoff() == {}
    source.close()


def test_accounts_come_in_order_and_what_is_left_out_is_counted_for_each(purchases: Engine) -> None:
    request = SourceRequest(
        table="purchases",
        columns=("id", "account"),
        account_column="account",
        cutoff_column="zoned",
        cutoff=CUTOFF,
        chunk_size=500,
    )
    source = open_source(purchases, request)
    accounts = [row[1] for chunk in source.chunks() for row in chunk]
    assert [account for account, _ in groupby(accounts)] == [Decimal(0), Decimal(1), Decimal(2), None]
    assert source.count_before_cutoff() == {"0": 239, "1": 240, "2": 240}
    again = {row[1] for chunk in source.chunks(accounts=["1"]) for row in chunk}
    assert again == {Decimal(1)}
    source.close()


def test_rows_and_counts_come_from_one_snapshot(purchases: Engine) -> None:
    request = SourceRequest(table="purchases", columns=("id",), cutoff_column="zoned", cutoff=CUTOFF, chunk_size=100)
    source = open_source(purchases, request)
    chunks = source.chunks()
    read_first = len(next(chunks))
    with purchases.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO purchases (id, zoned) VALUES (9001, '2026-12-01'), (9002, '2026-01-01')"
        )
    assert read_first + sum(len(chunk) for chunk in chunks) == 2500 - 719 + 1
    assert source.count_before_cutoff() == {None: 719}
    source.close()


def test_the_reader_cannot_write(purchases: Engine) -> None:
    with purchases.begin() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION sneaky() RETURNS bigint LANGUAGE sql AS 'DELETE FROM purchases RETURNING id'"
        )
    with pytest.raises(FixSource, match="25006"):
        read(purchases, sql="SELECT sneaky() AS id", columns=("id",))


def test_times_that_python_cannot_hold_come_as_texts(purchases: Engine) -> None:
    rows = read(
        purchases,
        sql="SELECT 'infinity'::timestamptz AS a, '20000-01-01'::timestamp AS b, '0044-03-15 BC'::date AS c, "
        "'2026-10-01 10:00:00.5+02'::timestamptz AS d, '2026-10-01'::date AS e, NULL::timestamp AS f",
        columns=("a", "b", "c", "d", "e", "f"),
    )
    a, b, c, d, e, f = rows[0]
    assert (a, b, c) == ("infinity", "20000-01-01 00:00:00", "0044-03-15 BC")
    assert d == datetime(2026, 10, 1, 8, 0, 0, 500000, tzinfo=UTC)
    assert (e, f) == (date(2026, 10, 1), None)


def test_a_pooled_connection_keeps_its_own_ways_after_a_read(purchases: Engine) -> None:
    read(purchases, table="purchases", columns=("id",))
    with purchases.begin() as connection:
        connection.exec_driver_sql("INSERT INTO purchases (id) VALUES (9003)")
        assert connection.exec_driver_sql("SELECT '2026-10-01'::date").scalar() == date(2026, 10, 1)


def test_closing_from_another_thread_ends_a_running_query(purchases: Engine) -> None:
    source = open_source(purchases, SourceRequest(sql="SELECT pg_sleep(60)::text AS id", columns=("id",)))
    timer = threading.Timer(0.3, source.close)
    timer.start()
    with pytest.raises(Stopped):
        next(source.chunks())
    timer.join()


def test_a_connection_that_breaks_in_the_middle_asks_for_a_retry(purchases: Engine) -> None:
    source = open_source(purchases, SourceRequest(table="purchases", columns=("id",), chunk_size=100))
    chunks = source.chunks()
    next(chunks)
    with purchases.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE state = 'idle in transaction' AND datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(RetryLater):
        list(chunks)
    source.close()


def test_a_throttle_wait_longer_than_the_servers_idle_limit_does_not_end_the_read(purchases: Engine) -> None:
    with purchases.begin() as connection:
        connection.exec_driver_sql("SELECT set_config('idle_in_transaction_session_timeout', '100ms', false)")
    source = open_source(purchases, SourceRequest(table="purchases", columns=("id",), chunk_size=100))
    chunks = source.chunks()
    next(chunks)
    with purchases.connect() as connection:
        connection.exec_driver_sql("SELECT pg_sleep(0.4)")
    assert sum(len(chunk) for chunk in chunks) == 2401
    source.close()


def test_a_value_the_query_fails_on_is_never_repeated(purchases: Engine) -> None:
    with purchases.begin() as connection:
        connection.exec_driver_sql("UPDATE purchases SET text_time = 'jane.doe@example.com' WHERE id = 7")
    with pytest.raises(FixSource, match="22P02") as caught:
        read(purchases, sql="SELECT id, text_time::integer AS n FROM purchases WHERE id = 7", columns=("id", "n"))
    assert "jane" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_bound_values_are_never_repeated(purchases: Engine) -> None:
    with pytest.raises(FixSource) as caught:
        read(
            purchases,
            sql="SELECT id FRM purchases WHERE text_time = :who",
            parameters={"who": "jane.doe@example.com"},
            columns=("id",),
        )
    assert "jane" not in str(caught.value)


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("zoned >= :x", "2026-12-01"),
        ("zoned >= :x", datetime(2026, 12, 1, tzinfo=UTC)),
        ("day >= %(x)s", "2026-12-01"),
        ("naive >= :x", datetime(2026, 12, 1, tzinfo=UTC).replace(tzinfo=None)),
        ("id > :x", 2_184),
        ("id + 5000000000 > :x", 5_000_002_184),
        ("id > :x", "2184"),
        ("value > :x", Decimal("1092.0")),
    ],
)
def test_a_parameter_is_what_it_would_be_as_a_literal(purchases: Engine, condition: str, value: object) -> None:
    """Airflow's templates make texts of everything; a text has to compare with a time or a number."""
    sql = f"SELECT id FROM purchases WHERE {condition} AND zoned IS NOT NULL"
    rows = read(purchases, sql=sql, parameters={"x": value}, columns=("id",))
    assert {row[0] for row in rows} <= set(range(2_184, 2_501))
    assert len(rows) >= 316


@pytest.mark.parametrize(
    ("request_of", "words"),
    [
        ({"table": "purchase", "columns": ("id",)}, ["no table", '"purchases"']),
        ({"table": "nowhere.purchases", "columns": ("id",)}, ["no table"]),
        ({"table": "otherdb.public.purchases", "columns": ("id",)}, ["another", "otherdb"]),
        ({"table": "purchases", "columns": ("Valeu", "idd")}, ['"Valeu"', '"value"', '"idd"', '"id"']),
        ({"sql": "SELECT id FROM purchasess", "columns": ("id",)}, ["does not exist", "42P01", "purchasess"]),
        ({"sql": "SELECT idd FROM purchases", "columns": ("id",)}, ["does not exist", "42703", "idd"]),
        ({"sql": "SELECT id, account AS id FROM purchases", "columns": ("id",)}, ["twice", '"id"']),
    ],
)
def test_what_cannot_be_read_ends_in_a_sentence(
    purchases: Engine, request_of: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(FixSource) as caught:
        read(purchases, **request_of)
    for word in words:
        assert word in str(caught.value)


def test_a_column_is_found_whatever_its_case_if_only_one_can_be_meant(purchases: Engine) -> None:
    assert read(purchases, table="purchases", columns=("ID", "Value"))[0] == (1, 0.5)


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", 'a"b', "drop table x; --", "%s", "%%", "a.b", "ünï", "Order"]
)
def test_a_table_and_column_of_any_name_are_read_if_they_exist(postgres_engine: Engine, name: str) -> None:
    preparer = postgres_engine.dialect.identifier_preparer
    quoted = preparer.quote_identifier(name).replace("%%", "%")
    with postgres_engine.begin() as connection:
        cursor = connection.connection.cursor()
        cursor.execute(f"CREATE TABLE {quoted} ({quoted} text)")
        cursor.execute(f"INSERT INTO {quoted} VALUES ('here')")
    assert read(postgres_engine, table=(name,), columns=(name,)) == [("here",)]


def test_a_table_without_the_right_to_read_it_says_what_to_grant(purchases: Engine) -> None:
    role = f"reader_{threading.get_ident()}"
    with purchases.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {role}")
        schema = connection.exec_driver_sql("SELECT current_schema()").scalar()
        connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
    options = f"{purchases.url.query['options']} -crole={role}"
    from sqlalchemy import create_engine

    restricted = create_engine(purchases.url.set(query={"options": options}), hide_parameters=True)
    try:
        with pytest.raises(FixSource, match="grant SELECT"):
            read(restricted, table="purchases", columns=("id",))
    finally:
        restricted.dispose()
        with purchases.begin() as connection:
            connection.exec_driver_sql(f"DROP OWNED BY {role}")
            connection.exec_driver_sql(f"DROP ROLE {role}")


def test_a_server_that_is_not_there_asks_for_a_retry(purchases: Engine) -> None:
    from sqlalchemy import create_engine

    nobody = create_engine(purchases.url.set(port=1), hide_parameters=True)
    with pytest.raises(RetryLater, match="cannot be reached"):
        describe_source(nobody, table="purchases")


def test_a_cutoff_a_day_early_still_returns_rows_without_a_time(purchases: Engine) -> None:
    request = SourceRequest(
        table="purchases", columns=("id",), cutoff_column="zoned", cutoff=CUTOFF + timedelta(days=3650)
    )
    source = open_source(purchases, request)
    assert [row for chunk in source.chunks() for row in chunk] == [(2501,)]
    source.close()
