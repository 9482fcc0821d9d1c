"""Ten thousand broken rows among good ones: each ends with a reason that names column and key, its mates applied."""

from __future__ import annotations

import json
import random
from datetime import datetime
from typing import Any

import pytest
from operators_world import Warehouse, run

from tests.domain.bad_rows import CANARIES, FIELD_OF, GOALS, HASHED, NOW, RAW, BadRow, bad_rows, good_row

BAD, GOOD = 5_000, 1_500
"""Of each: two tables of them are sent."""


@pytest.fixture
def service_of_that_day(bingads_emulator: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give the emulator on the day the rows were made for, with their goals."""
    monkeypatch.setenv("AIRFLOW_CONN_BINGADS_DEFAULT", bingads_emulator.connection_json)
    bingads_emulator.advance((NOW - datetime.fromisoformat(bingads_emulator.now())).total_seconds() - 3600)
    for goal in GOALS:
        bingads_emulator.add_goal(goal, age_hours=24 * 100)
    return bingads_emulator


def fill(warehouse: Warehouse, columns: tuple[str, ...], broken: list[BadRow]) -> None:
    chance = random.Random(3)
    names = ("id", *columns)
    good = [good_row(10_000_000 + number, chance, columns) for number in range(GOOD)]
    for row in good:
        row["external_attribution_credit"] = row["external_attribution_model"] = None
    values = [tuple(row[name] for name in names) for row in good] + [row.values(names) for row in broken]
    chance.shuffle(values)
    warehouse.execute(f"CREATE TABLE mixed (id INTEGER PRIMARY KEY, {', '.join(columns)})")
    warehouse.execute(f"INSERT INTO mixed VALUES ({', '.join('?' * len(names))})", values)


@pytest.mark.slow
@pytest.mark.parametrize("columns", [RAW, HASHED], ids=["raw", "hashed"])
def test_each_of_ten_thousand_bad_rows_names_column_and_key(
    warehouse: Warehouse, service_of_that_day: Any, columns: tuple[str, ...]
) -> None:
    broken = list(bad_rows(columns, BAD, storable_only=True))
    fill(warehouse, columns, broken)
    ran = run(table="mixed", columns={FIELD_OF[name]: name for name in columns}, on_threshold="warn", max_rejected=BAD)
    assert ran.error is None, ran.error
    assert ran.counts["applied"] == GOOD
    assert ran.counts.get("invalid", 0) + ran.counts.get("deferred", 0) == BAD
    assert len(service_of_that_day.state()["offline_conversions"]) == GOOD

    named: dict[str, set[str]] = {}
    for error in warehouse.rows("SELECT source_ref, column_name, message, remedy FROM bingads_error"):
        assert error["message"]
        assert error["remedy"]
        named.setdefault(error["source_ref"], set()).update((error["column_name"] or "").split(", "))
    silent = [row.kind for row in broken if not row.columns <= named.get(str(row.cells["id"]), set())]
    assert silent == []
    everything = json.dumps(ran.xcom) + json.dumps(warehouse.rows("SELECT * FROM bingads_error"), default=str)
    everything += json.dumps(warehouse.rows("SELECT * FROM bingads_row"), default=str)
    assert [canary for canary in CANARIES if canary in everything] == []
