"""The operator with source and ledger on MariaDB or MySQL, from an Airflow connection as people enter it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from operators_world import TaskInstance, run
from sqlalchemy import Engine, text

from tests.private_mariadb import own_database

pytestmark = pytest.mark.mariadb

DDL = """CREATE TABLE offline_conversions (
    order_id bigint PRIMARY KEY, microsoft_click_id varchar(40), conversion_name varchar(100),
    conversion_time timestamp(3) NULL, local_time datetime NULL, conversion_value decimal(20, 6),
    conversion_currency_code enum('USD', 'EUR'))"""
AHEAD = timedelta(hours=5, minutes=30)
"""How far the zone of the session that writes is ahead of UTC: no daylight saving time, and no whole hour."""


@pytest.fixture
def warehouse(mariadb_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    with own_database(mariadb_url, f"bingads_{uuid.uuid4().hex[:12]}") as engine:
        url = engine.url
        given = {
            "conn_type": "mysql",
            "host": url.host,
            "port": url.port,
            "login": url.username,
            "password": url.password or "",
            "schema": url.database,
        }
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(given))
        with engine.begin() as connection:
            connection.exec_driver_sql(DDL)
        yield engine


def add(engine: Engine, number: int, *, start: int = 1, age: timedelta = timedelta(hours=1)) -> list[datetime]:
    """Insert valid rows from a session in the zone above; return their moments."""
    newest = datetime.now(UTC).replace(microsecond=0) - age
    moments = [newest - timedelta(minutes=index) for index in range(number)]
    with engine.begin() as connection:
        connection.exec_driver_sql("SET time_zone = '+05:30'")
        for index, moment in enumerate(moments, start):
            local = (moment + AHEAD).replace(tzinfo=None)
            values = (index, f"{index:032x}", "Purchase", local, local, "12.5", "USD")
            connection.exec_driver_sql("INSERT INTO offline_conversions VALUES (%s, %s, %s, %s, %s, %s, %s)", values)
        connection.exec_driver_sql("SET time_zone = DEFAULT")
    return moments


def sent_times(service: Any) -> set[datetime]:
    return {datetime.fromisoformat(row["ConversionTime"]) for row in service.state()["offline_conversions"]}


def states(engine: Engine) -> dict[str, str]:
    with engine.connect() as connection:
        found = connection.execute(text("SELECT source_ref, state FROM bingads_row_current")).all()
    return {str(source_ref): str(state) for source_ref, state in found}


def test_a_timestamp_needs_no_zone_and_a_second_run_sends_nothing(warehouse: Engine, service: Any) -> None:
    moments = add(warehouse, 25)
    first = run(batch_size=10)
    assert first.error is None
    assert first.counts["applied"] == 25
    assert sent_times(service) == set(moments)
    assert states(warehouse) == {str(number): "applied" for number in range(1, 26)}
    again = run(ti=TaskInstance(run_id="manual__2"))
    assert again.counts["skipped"] == 25
    assert "applied" not in again.counts
    assert again.xcom["return_value"]["ledger"]["conn_id"] == "warehouse"


def test_a_datetime_is_read_in_the_zone_that_is_given(warehouse: Engine, service: Any) -> None:
    moments = add(warehouse, 3)
    without = run(columns={"ConversionTime": "local_time"})
    assert "source_timezone" in str(without.error)
    ran = run(columns={"ConversionTime": "local_time"}, source_timezone="Asia/Kolkata")
    assert ran.error is None
    assert sent_times(service) == set(moments)


def test_a_zero_date_is_one_invalid_row(warehouse: Engine, service: Any) -> None:
    add(warehouse, 3)
    with warehouse.begin() as connection:
        connection.exec_driver_sql("SET SESSION sql_mode = ''")
        connection.exec_driver_sql("UPDATE offline_conversions SET conversion_time = '0000-00-00' WHERE order_id = 2")
    ran = run(max_rejected=1)
    assert ran.error is None
    assert states(warehouse) == {"1": "applied", "2": "invalid", "3": "applied"}


def test_rows_older_than_the_lookback_are_not_read(warehouse: Engine, service: Any) -> None:
    add(warehouse, 3)
    add(warehouse, 4, start=100, age=timedelta(days=100))
    ran = run()
    assert (ran.counts["applied"], ran.counts["out_of_window"], ran.counts["source_rows"]) == (3, 4, 7)
    assert set(states(warehouse)) == {"1", "2", "3"}


def test_what_is_missing_is_told_in_a_sentence(warehouse: Engine, service: Any) -> None:
    ran = run(table="offline_conversion")
    assert isinstance(ran.error, AirflowFailException)
    assert 'Did you mean "offline_conversions"' in str(ran.error)
