"""Many rows go in by few statements, which take once what all their rows share; what is stored does not show it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from sqlalchemy import Engine, select

from airflow_provider_bingads.domain.records import RowRecord
from airflow_provider_bingads.warehouse import SqlLedger
from airflow_provider_bingads.warehouse.ledger.schema import ledger_tables
from tests.warehouse.ledger_records import entries, name, row


def stored(engine: Engine) -> list[tuple[object, ...]]:
    table = ledger_tables().row
    with engine.connect() as connection:
        return [tuple(found) for found in connection.execute(select(table).order_by(table.c.row_index))]


def expected(records: list[RowRecord]) -> list[tuple[object, ...]]:
    return [tuple(record._replace(at=record.at.replace(tzinfo=None))) for record in records]


def alike(index: int) -> RowRecord:
    return row(row_index=index)


def all_apart(index: int) -> RowRecord:
    state = "rejected" if index % 7 == 0 else "applied"
    reason = f"reason {index}" if index % 7 == 0 else None
    return row(
        row_index=index,
        row_key=name("k", index),
        state=state,
        message=reason,
        source_ref=f"order {index}",
        amount=Decimal(index),
        currency="EUR" if index % 2 else None,
    )


def alike_but_the_last(index: int) -> RowRecord:
    return row(row_index=index, group_name="Lead" if index == 1_098 else "Purchase", amount=Decimal(1))


def alike_at_both_ends(index: int) -> RowRecord:
    return row(row_index=index, currency="USD" if index % 1_000 in {0, 999} else None)


@pytest.mark.parametrize("count", [1, 99, 100, 1_000, 1_099])
@pytest.mark.parametrize("make", [alike, all_apart, alike_but_the_last, alike_at_both_ends])
def test_every_row_is_stored_as_it_was_given(
    engine: Engine, ledger: SqlLedger, make: Callable[[int], RowRecord], count: int
) -> None:
    records = [make(index) for index in range(count)]
    ledger.record(entries(*records))
    assert stored(engine) == expected(records)


def test_rows_that_share_ever_other_columns_are_stored_too(engine: Engine, ledger: SqlLedger) -> None:
    """Only few sorts of statements are kept; the others must find one that fits."""
    fields = ("message", "group_name", "remote_key", "currency", "error_code", "field_path")
    records = [
        row(row_index=100 * turn + index, **{field: f"{index}"})
        for turn, field in enumerate(fields)
        for index in range(100)
    ]
    for turn in range(len(fields)):
        ledger.record(entries(*records[100 * turn : 100 * turn + 100]))
    assert stored(engine) == expected(records)


def test_the_same_row_a_hundred_times_is_one_row(engine: Engine, ledger: SqlLedger) -> None:
    ledger.record(entries(*[row()] * 100))
    assert stored(engine) == expected([row()])
