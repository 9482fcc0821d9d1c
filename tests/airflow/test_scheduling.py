"""What docs/scheduling.md says about whole tables, sliding windows and intervals, shown on the example DAGs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.airflow.harness import EXAMPLES, conversion

if TYPE_CHECKING:
    from airflow_provider_bingads.emulator.testing import EmulatorControl
    from tests.airflow.harness import InProcessAirflow, Warehouse

WHOLE = "offline_conversions"
SLIDING = "offline_conversions_sliding_window"
INTERVAL = "offline_conversions_by_interval"


def example(dag_id: str) -> Path:
    """Return the file of an example DAG."""
    return EXAMPLES / f"{dag_id}.py"


def upload_calls(emulator: EmulatorControl) -> int:
    """Return how many upload calls the service received."""
    return int(emulator.stats()["calls_by_operation"].get("ApplyOfflineConversions", 0))


@pytest.fixture
def now(emulator: EmulatorControl) -> datetime:
    """Return the emulator's time, to the second."""
    return datetime.fromisoformat(emulator.now()).astimezone(UTC).replace(microsecond=0)


def test_whole_table_is_sent_once_however_often_it_is_read(
    airflow: InProcessAirflow, warehouse: Warehouse, emulator: EmulatorControl, now: datetime
) -> None:
    warehouse.insert("offline_conversions", [conversion(n, now - timedelta(days=n)) for n in range(1, 31)])
    first = airflow.run(example(WHOLE), WHOLE, logical_date=now).summary()
    calls = upload_calls(emulator)
    second = airflow.run(example(WHOLE), WHOLE, logical_date=now + timedelta(days=1)).summary()
    assert (first["applied"], second["applied"], second["skipped"]) == (30, 0, 30)
    assert upload_calls(emulator) == calls


def test_row_that_arrives_late_is_sent_by_the_next_run_that_reads_it(
    airflow: InProcessAirflow, warehouse: Warehouse, now: datetime
) -> None:
    warehouse.insert("offline_conversions", [conversion(1, now - timedelta(hours=1))])
    airflow.run(example(SLIDING), SLIDING, logical_date=now)
    warehouse.insert("offline_conversions", [conversion(2, now - timedelta(days=5))])
    late = airflow.run(example(SLIDING), SLIDING, logical_date=now + timedelta(hours=1)).summary()
    assert (late["applied"], late["skipped"]) == (1, 1)


def test_row_that_arrives_after_the_sliding_window_is_counted_and_sent_by_a_run_over_the_whole_table(
    airflow: InProcessAirflow, warehouse: Warehouse, now: datetime
) -> None:
    warehouse.insert("offline_conversions", [conversion(1, now - timedelta(days=30))])
    sliding = airflow.run(example(SLIDING), SLIDING, logical_date=now).summary()
    whole = airflow.run(example(WHOLE), WHOLE, logical_date=now).summary()
    assert (sliding["out_of_window"], sliding["applied"]) == (1, 0)
    assert (whole["out_of_window"], whole["applied"]) == (0, 1)


def test_interval_reads_only_what_was_loaded_in_it(
    airflow: InProcessAirflow, warehouse: Warehouse, now: datetime
) -> None:
    """By load time, not by event time: a late row belongs to the interval in which it arrived."""
    midnight = now.replace(hour=0, minute=0, second=0)
    yesterday = midnight - timedelta(days=1)
    warehouse.insert(
        "offline_conversions",
        [
            conversion(1, yesterday - timedelta(days=1), loaded=yesterday - timedelta(hours=1)),
            conversion(2, yesterday - timedelta(days=9), loaded=yesterday),
            conversion(3, yesterday, loaded=midnight - timedelta(seconds=1)),
            conversion(4, yesterday, loaded=midnight),
        ],
    )
    summary = airflow.run(example(INTERVAL), INTERVAL, logical_date=midnight).summary()
    assert (summary["source_rows"], summary["applied"]) == (2, 2)


def test_catchup_in_any_order_sends_each_row_once(
    airflow: InProcessAirflow, warehouse: Warehouse, emulator: EmulatorControl, now: datetime
) -> None:
    midnight = now.replace(hour=0, minute=0, second=0)
    days = [midnight - timedelta(days=n) for n in range(1, 6)]
    warehouse.insert("offline_conversions", [conversion(n, day) for n, day in enumerate(days)])
    for day in (days[3], days[0], days[4], days[1], days[2]):
        assert airflow.run(example(INTERVAL), INTERVAL, logical_date=day + timedelta(days=1)).summary()["applied"] == 1
    stats = emulator.stats()
    assert (stats["keys_applied"], stats["keys_received_again"]) == (5, 0)


def test_a_second_dag_on_the_same_account_does_not_send_again(
    airflow: InProcessAirflow, warehouse: Warehouse, now: datetime
) -> None:
    """The ledger remembers by account, not by DAG; so a switch from one schedule to another costs nothing."""
    warehouse.insert("offline_conversions", [conversion(1, now - timedelta(hours=1))])
    airflow.run(example(SLIDING), SLIDING, logical_date=now)
    assert airflow.run(example(WHOLE), WHOLE, logical_date=now).summary()["skipped"] == 1


def test_clearing_a_run_sends_only_what_is_not_settled(
    airflow: InProcessAirflow, warehouse: Warehouse, now: datetime
) -> None:
    """A row mended since is judged anew, the others are skipped."""
    rows = [conversion(1, now - timedelta(hours=1)), conversion(2, now - timedelta(hours=2), conversion_value="9,50")]
    warehouse.insert("offline_conversions", rows)
    first = airflow.run(example(WHOLE), WHOLE, logical_date=now).summary()
    warehouse.execute("UPDATE offline_conversions SET conversion_value = 9.5 WHERE purchase_id = 2")
    again = airflow.run(example(WHOLE), WHOLE, logical_date=now).summary()
    assert (first["applied"], first["invalid"]) == (1, 1)
    assert (again["applied"], again["skipped"], again["invalid"]) == (1, 1, 0)


def test_refused_row_that_did_not_change_is_counted_and_not_judged_again(
    airflow: InProcessAirflow, warehouse: Warehouse, now: datetime
) -> None:
    warehouse.insert("offline_conversions", [conversion(1, now - timedelta(hours=1), conversion_value="9,50")])
    airflow.run(example(WHOLE), WHOLE, logical_date=now)
    again = airflow.run(example(WHOLE), WHOLE, logical_date=now + timedelta(days=1)).summary()
    assert (again["invalid"], again["already_rejected"]) == (0, 1)


def test_changed_row_that_was_applied_is_superseded_and_not_sent(
    airflow: InProcessAirflow, warehouse: Warehouse, emulator: EmulatorControl, now: datetime
) -> None:
    """The service keeps the first value it was sent; a change needs an adjustment."""
    warehouse.insert("offline_conversions", [conversion(1, now - timedelta(hours=1))])
    airflow.run(example(WHOLE), WHOLE, logical_date=now)
    calls = upload_calls(emulator)
    warehouse.execute("UPDATE offline_conversions SET conversion_value = 11")
    again = airflow.run(example(WHOLE), WHOLE, logical_date=now + timedelta(days=1)).summary()
    assert (again["superseded"], upload_calls(emulator)) == (1, calls)


def test_row_whose_time_has_not_come_is_deferred_and_sent_when_it_has(
    airflow: InProcessAirflow, warehouse: Warehouse, emulator: EmulatorControl, now: datetime
) -> None:
    warehouse.insert(
        "offline_conversions",
        [conversion(1, now - timedelta(hours=1)), conversion(2, now + timedelta(hours=3))],
    )
    early = airflow.run(example(WHOLE), WHOLE, logical_date=now).summary()
    emulator.advance(4 * 3600)
    later = airflow.run(example(WHOLE), WHOLE, logical_date=now + timedelta(days=1)).summary()
    assert (early["applied"], early["deferred"]) == (1, 1)
    assert (later["applied"], later["skipped"]) == (1, 1)


@pytest.mark.parametrize("dag_id", [WHOLE, SLIDING])
def test_run_without_a_logical_date_works_where_the_source_needs_none(
    airflow: InProcessAirflow, warehouse: Warehouse, now: datetime, dag_id: str
) -> None:
    warehouse.insert("offline_conversions", [conversion(1, now - timedelta(hours=1))])
    assert airflow.run(example(dag_id), dag_id, logical_date=None).summary()["applied"] == 1


def test_run_without_a_logical_date_has_no_interval_and_fails_before_it_reads(
    airflow: InProcessAirflow, warehouse: Warehouse, emulator: EmulatorControl, now: datetime
) -> None:
    warehouse.insert("offline_conversions", [conversion(1, now - timedelta(hours=1))])
    ended = airflow.run(example(INTERVAL), INTERVAL, logical_date=None)
    assert (ended.state, upload_calls(emulator)) == ("failed", 0)
