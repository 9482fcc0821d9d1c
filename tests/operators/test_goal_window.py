"""A goal's conversion window, judged from the goals the service tells and the click times the source tells."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from operators_world import TaskInstance, Warehouse, conversions, run

HOUR_AFTER_CLICK = "strftime('%Y-%m-%dT%H:%M:%SZ', conversion_time, '-61 minutes')"


@pytest.mark.parametrize("transport", ["rest", "soap"])
def test_a_sale_after_its_goals_window_waits_until_the_goal_is_widened(
    warehouse: Warehouse, service: Any, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = service.connection
    connection["extra"]["transport"] = transport
    monkeypatch.setenv("AIRFLOW_CONN_BINGADS_DEFAULT", json.dumps(connection))
    service.add_goal("Hasty", ConversionWindowInMinutes=60)
    warehouse.add(conversions(2) + conversions(3, start=10, conversion_name="Hasty"))
    sql = f"SELECT *, {HOUR_AFTER_CLICK} AS click_time FROM offline_conversions"

    first = run(table=None, sql=sql, source_key="order_id")

    assert first.error is None
    assert first.counts == {"source_rows": 5, "applied": 2, "deferred": 3}
    (reason,) = warehouse.rows("SELECT DISTINCT code, column_name, owner, message FROM bingads_error")
    assert (reason["code"], reason["column_name"], reason["owner"]) == (5617, "conversion_time", "marketing")
    assert "60 minutes" in reason["message"]

    service.reset()
    service.add_goal("Purchase")
    service.add_goal("Hasty", ConversionWindowInMinutes=120)
    second = run(table=None, sql=sql, source_key="order_id", ti=TaskInstance(run_id="manual__2"))

    assert second.counts == {"source_rows": 5, "applied": 3, "skipped": 2}


def test_without_a_click_time_the_window_is_left_to_the_service(warehouse: Warehouse, service: Any) -> None:
    service.add_goal("Hasty", ConversionWindowInMinutes=60)
    service.add_clicks({row["microsoft_click_id"]: 1.0 for row in conversions(1)})
    warehouse.add(conversions(1, conversion_name="Hasty"))

    ran = run()

    assert isinstance(ran.error, AirflowFailException)
    assert ran.counts == {"source_rows": 1, "rejected": 1}
    assert ran.xcom["partial_errors"]["items"][0]["code"] == 5617
