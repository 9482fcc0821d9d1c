"""What a person does to the ledger between two runs of an operator, against the emulator over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from operators_world import Warehouse, conversions, run
from sqlalchemy import create_engine

from airflow_provider_bingads.warehouse import ledger_for
from airflow_provider_bingads.warehouse.ledger.keeper import LedgerKeeper


@pytest.fixture
def keeper(warehouse: Warehouse) -> Iterator[LedgerKeeper]:
    engine = create_engine(f"sqlite:///{warehouse.path}", hide_parameters=True)
    ledger = ledger_for(engine)
    yield LedgerKeeper(ledger)
    ledger.close()
    engine.dispose()


def add_rows(warehouse: Warehouse, number: int, *, refused: int, service: Any) -> None:
    """Add rows, some of which the service refuses in the next call: its clock is a day ahead, and they are old."""
    old = (datetime.now(UTC) - timedelta(days=89, hours=12)).strftime("%Y-%m-%dT%H:%M:%SZ")
    warehouse.add(conversions(number - refused))
    warehouse.add(conversions(refused, start=number, conversion_time=old))
    service.set_faults([{"match": {"op": "ApplyOfflineConversions"}, "do": "clock_skew(24)", "times": 1}])


def states(warehouse: Warehouse) -> dict[str, str]:
    found = warehouse.rows("SELECT source_ref, state FROM bingads_row_current")
    return {row["source_ref"]: row["state"] for row in found}


def test_rows_refused_for_a_cause_that_is_gone_are_replayed_and_applied_exactly_once(
    warehouse: Warehouse, service: Any, keeper: LedgerKeeper
) -> None:
    add_rows(warehouse, 10, refused=2, service=service)
    assert run(on_threshold="warn").counts == {"source_rows": 10, "applied": 8, "rejected": 2}
    assert run(on_threshold="warn").counts == {"source_rows": 10, "skipped": 8, "already_rejected": 2}
    assert len(keeper.replay(code=5609).rows) == 2
    found = keeper.replay(code=5609, apply=True)
    assert {row.source_ref for row in found.rows} == {name for name, state in states(warehouse).items()
                                                      if state == "deferred"}  # fmt: skip
    ran = run()
    assert (ran.error, ran.counts) == (None, {"source_rows": 10, "skipped": 8, "applied": 2})
    assert run().counts == {"source_rows": 10, "skipped": 10}
    assert len(service.state()["offline_conversions"]) == 10
    assert service.stats()["keys_received_again"] == 0
    assert set(states(warehouse).values()) == {"applied"}


def test_a_forgotten_row_is_not_sent_though_its_source_shows_it_with_new_content(
    warehouse: Warehouse, service: Any, keeper: LedgerKeeper
) -> None:
    add_rows(warehouse, 3, refused=1, service=service)
    run(on_threshold="warn")
    (refused,) = [name for name, state in states(warehouse).items() if state == "rejected"]
    keeper.forget(refused, apply=True)
    warehouse.execute(f"UPDATE offline_conversions SET conversion_value = 77 WHERE order_id = '{refused}'")
    ran = run()
    assert (ran.error, ran.counts) == (None, {"source_rows": 3, "skipped": 2, "already_rejected": 1})
    assert len(service.state()["offline_conversions"]) == 2
    for table in ("row", "error"):
        assert not warehouse.rows(f"SELECT 1 FROM bingads_{table} WHERE source_ref = '{refused}'")


def everything_recorded(warehouse: Warehouse) -> list[list[dict[str, Any]]]:
    return [warehouse.rows(f"SELECT * FROM bingads_{table}") for table in ("batch", "call", "row", "error")]


@pytest.mark.parametrize("by_row_key", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        "microsoft_click_id = 'f' || substr(microsoft_click_id, 2)",
        f"hashed_email_address = '{'ab' * 32}', microsoft_click_id = NULL",
        "conversion_name = 'Lead'",
        "conversion_time = strftime('%Y-%m-%dT%H:%M:%SZ', conversion_time, '-7 minutes')",
    ],
)
def test_a_forgotten_deal_is_not_sent_under_another_identity_either(
    warehouse: Warehouse, service: Any, keeper: LedgerKeeper, change: str, by_row_key: bool
) -> None:
    """One was applied, one waits; afterwards the click id, the address, the goal or the time of both is put right."""
    later = (datetime.now(UTC) + timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    warehouse.add(conversions(1))
    warehouse.add(conversions(1, start=1, conversion_time=later))
    run(on_threshold="warn")
    assert states(warehouse) == {"order-0": "applied", "order-1": "deferred"}
    for row in warehouse.rows("SELECT source_ref, row_key FROM bingads_row_current"):
        keeper.forget(row["row_key" if by_row_key else "source_ref"], apply=True)
    warehouse.execute(f"UPDATE offline_conversions SET {change}")
    warehouse.execute(
        "UPDATE offline_conversions SET conversion_time = "
        "strftime('%Y-%m-%dT%H:%M:%SZ', conversion_time, '-6 hours') WHERE order_id = 'order-1'"
    )
    before = everything_recorded(warehouse)
    ran = run()
    assert ran.error is None
    assert ran.counts["source_rows"] == 2
    assert ran.counts.get("skipped", 0) + ran.counts.get("already_rejected", 0) == 2
    assert len(service.state()["offline_conversions"]) == 1
    assert everything_recorded(warehouse) == before
    warehouse.execute("UPDATE offline_conversions SET order_id = 'again-' || order_id, conversion_value = 5")
    again = run().counts
    assert again.keys().isdisjoint({"skipped", "already_rejected"}), "documented: another key is another row"


def test_a_run_after_pruning_sends_nothing_twice(warehouse: Warehouse, service: Any, keeper: LedgerKeeper) -> None:
    warehouse.add(conversions(5))
    run()
    warehouse.execute("UPDATE bingads_row SET event_time = datetime(event_time, '-121 days') WHERE row_index < 2")
    found = keeper.prune(apply=True)
    assert {share.table: share.rows for share in found.tables if share.rows} == {"bingads_row": 2}
    warehouse.execute(
        "UPDATE offline_conversions SET conversion_time = '2020-01-01T00:00:00Z' "
        "WHERE order_id NOT IN (SELECT source_ref FROM bingads_row)"
    )
    assert run().counts == {"source_rows": 5, "skipped": 3, "out_of_window": 2}
    assert service.stats()["keys_received_again"] == 0
