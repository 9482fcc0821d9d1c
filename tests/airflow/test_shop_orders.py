"""The example ``docs/examples/shop_orders.py`` on a PostgreSQL table that knows only the local time of a sale."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy

from tests.airflow.harness import ROOT, postgres_connection_json
from tests.private_postgres import own_database

if TYPE_CHECKING:
    from airflow_provider_bingads.emulator.testing import EmulatorControl
    from tests.airflow.harness import InProcessAirflow

CREATE = """
CREATE SCHEMA sales;
CREATE TABLE sales.orders (order_id integer PRIMARY KEY, sold_at timestamp, total numeric(12, 2), msclkid text)
"""
INSERT = "INSERT INTO sales.orders VALUES (:order_id, :sold_at, 19.9, :msclkid)"


def order(number: int, sold_at: datetime) -> dict[str, Any]:
    """Return one row, its time as a clock on a wall in Berlin shows it."""
    local = sold_at.astimezone(ZoneInfo("Europe/Berlin")).replace(tzinfo=None)
    return {"order_id": number, "sold_at": local, "msclkid": hashlib.md5(str(number).encode()).hexdigest()}


@pytest.mark.postgres
def test_order_that_arrives_late_is_sent_while_it_is_inside_the_window(
    airflow: InProcessAirflow, emulator: EmulatorControl, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.add_goal("Purchase")
    now = datetime.fromisoformat(emulator.now()).astimezone(UTC).replace(microsecond=0)
    example = ROOT / "docs" / "examples" / "shop_orders.py"
    with own_database(postgres_url, "shop_orders") as engine:
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", postgres_connection_json(engine.url))
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text(CREATE))
            connection.execute(sqlalchemy.text(INSERT), [order(1, now - timedelta(minutes=1))])
        assert airflow.run(example, "shop_orders", logical_date=now).summary()["applied"] == 1
        with engine.begin() as connection:
            late = [order(2, now - timedelta(days=6, hours=23)), order(3, now - timedelta(days=7, hours=1))]
            connection.execute(sqlalchemy.text(INSERT), late)
        again = airflow.run(example, "shop_orders", logical_date=now + timedelta(hours=1)).summary()
    assert (again["applied"], again["skipped"], again["out_of_window"]) == (1, 1, 1)
    times = {row["ConversionTime"][:19] for row in emulator.state()["offline_conversions"]}
    assert times == {f"{now - ago:%Y-%m-%dT%H:%M:%S}" for ago in (timedelta(minutes=1), timedelta(days=6, hours=23))}
