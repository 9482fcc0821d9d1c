"""Columns are found in whatever case the warehouse writes them, unless two could be meant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from operators_world import Warehouse, run

UPPER = """CREATE TABLE orders (ORDER_ID INTEGER PRIMARY KEY, MICROSOFT_CLICK_ID TEXT, CONVERSION_NAME TEXT,
Happened TEXT, AD_ACCOUNT TEXT)"""


@pytest.fixture
def orders(warehouse: Warehouse, service: Any) -> Warehouse:
    warehouse.execute(UPPER)
    account = service.credentials.account_id
    moment = datetime.now(UTC) - timedelta(hours=1)
    rows = [(n, f"{n:032x}", "Purchase", f"{moment:%Y-%m-%dT%H:%M:%SZ}", account) for n in range(1, 4)]
    warehouse.execute("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", rows)
    return warehouse


@pytest.mark.parametrize("account_column", ["AD_ACCOUNT", "ad_account"])
@pytest.mark.parametrize("time_column", ["Happened", "HAPPENED", "happened"])
def test_columns_are_found_in_any_case(orders: Warehouse, time_column: str, account_column: str) -> None:
    ran = run(
        table="orders",
        columns={"ConversionTime": time_column},
        source_key="order_id",
        account_id_column=account_column,
    )
    assert ran.error is None
    assert ran.counts["applied"] == 3
    assert {row["source_ref"] for row in orders.rows("SELECT source_ref FROM bingads_row")} == {"1", "2", "3"}


def test_a_column_that_is_not_there_is_named_as_it_was_given(orders: Warehouse) -> None:
    ran = run(table="orders", columns={"ConversionTime": "HAPENED"})
    assert "no column 'HAPENED'; did you mean 'Happened'?" in str(ran.error)
