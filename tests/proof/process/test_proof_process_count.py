"""The counting itself: it finds each kind of wrong that it is there to find, and nothing where nothing is wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Connection, text

from tests.proof.process import process_count
from tests.proof.process.process_count import Counted, count

TIME = "2026-11-01T12:00:00"
TABLES = (
    "CREATE TABLE offline_conversions (order_id, microsoft_click_id, conversion_name, conversion_time)",
    "CREATE TABLE bingads_call (call_id, event, tracking_id)",
    "CREATE TABLE bingads_row (source_ref, state, rank, call_id, row_index)",
    "CREATE TABLE bingads_error (call_id, row_index, origin, code, tracking_id)",
    "CREATE TABLE bingads_run (run_id, event, outcome, source_rows, "
    + ", ".join(f'"{name}"' for name in process_count._COUNTERS)
    + ")",
    (
        "INSERT INTO offline_conversions VALUES ('good-1', 'a', 'Purchase', '2026-11-01T12:00:00Z'), "
        "('good-2', 'b', 'Purchase', '2026-11-01T12:00:00Z'), ('refused-3', 'c', 'Purchase', '2026-11-01T12:00:00Z'), "
        "('invalid-4', 'd', 'Purchase', '2026-11-01T12:00:00Z')"
    ),
    "INSERT INTO bingads_call VALUES ('call', 'intent', NULL), ('call', 'answered', 'track')",
    (
        "INSERT INTO bingads_row VALUES ('good-1', 'applied', 100, 'call', 0), ('good-2', 'applied', 100, 'call', 1), "
        "('refused-3', 'rejected', 60, 'call', 2), ('invalid-4', 'invalid', 50, 'run', 0)"
    ),
    "INSERT INTO bingads_error VALUES ('call', 2, 'service', 5616, 'track'), ('run', 0, 'local', 5611, NULL)",
    "INSERT INTO bingads_run VALUES ('run', 'end', 'success', 4, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0)",
)


class Service:
    """The pages of an emulator that holds both good rows, applied by one call."""

    def __init__(self) -> None:
        self.held = [self.row("a"), self.row("b")]
        self.calls = [self.call("track", applied=["k1", "k2"])]

    def row(self, click: str) -> dict[str, str]:
        return {"MicrosoftClickId": click, "ConversionName": "Purchase", "ConversionTime": f"{TIME}.0000000Z"}

    def call(self, tracking_id: str, *, applied: list[str] | None = None, again: list[str] | None = None) -> Any:
        return {
            "tracking_id": tracking_id,
            "answered": True,
            "received_at": f"2026-11-02T00:00:0{len(getattr(self, 'calls', []))}.000000Z",
            "applied_keys": applied or [],
            "repeated_keys": again or [],
        }

    def get(self, _url: str, page: str) -> Any:
        if page.startswith("state"):
            return {"offline_conversions": copy.deepcopy(self.held)}
        return {"calls": copy.deepcopy(self.calls)}


@pytest.fixture
def connection() -> Iterator[Connection]:
    with sqlalchemy.create_engine("sqlite://").connect() as connection:
        for statement in TABLES:
            connection.execute(text(statement))
        yield connection


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    made = Service()
    monkeypatch.setattr(process_count, "_get", made.get)
    return made


def numbers(counted: Counted) -> tuple[int, int, int]:
    return counted.lost, counted.duplicated, counted.lies


def test_nothing_is_found_where_nothing_is_wrong(connection: Connection, service: Service) -> None:
    counted = count(connection, "")
    assert counted.clean, counted
    assert (counted.rows, counted.due) == (4, 2)


WRONG_AT_THE_SERVICE: dict[str, tuple[Callable[[Service], object], tuple[int, int, int]]] = {
    "a row is missing, and the ledger says it is there": (lambda it: it.held.pop(), (1, 0, 1)),
    "a row is held twice": (lambda it: it.held.append(it.row("a")), (0, 1, 0)),
    "a row is held that is due to nobody": (lambda it: it.held.append(it.row("c")), (0, 0, 1)),
    "a row came again after its answer": (lambda it: it.calls.append(it.call("two", again=["k1"])), (0, 1, 0)),
}
WRONG_IN_THE_LEDGER: dict[str, tuple[str, tuple[int, int, int]]] = {
    "a held row without an outcome": ("DELETE FROM bingads_row WHERE source_ref = 'good-1'", (0, 0, 1)),
    "a held row that waits": (
        "UPDATE bingads_row SET state = 'held', rank = 25 WHERE source_ref = 'good-1'",
        (0, 0, 1),
    ),
    "two outcomes": ("INSERT INTO bingads_row VALUES ('good-1', 'invalid', 50, 'run', 1)", (0, 0, 1)),
    "an outcome of no row": ("INSERT INTO bingads_row VALUES ('good-9', 'deferred', 10, 'run', 1)", (0, 0, 1)),
    "a refusal without a reason": ("DELETE FROM bingads_error WHERE origin = 'service'", (0, 0, 1)),
    "a call left open": ("INSERT INTO bingads_call VALUES ('late', 'intent', NULL)", (0, 0, 1)),
    "counters that do not sum up": ("UPDATE bingads_run SET source_rows = 5", (0, 0, 1)),
}


@pytest.mark.parametrize("case", WRONG_AT_THE_SERVICE)
def test_what_is_wrong_at_the_service_is_found(connection: Connection, service: Service, case: str) -> None:
    spoil, expected = WRONG_AT_THE_SERVICE[case]
    spoil(service)
    assert numbers(count(connection, "")) == expected


@pytest.mark.parametrize("case", WRONG_IN_THE_LEDGER)
def test_what_is_wrong_in_the_ledger_is_found(connection: Connection, service: Service, case: str) -> None:
    statement, expected = WRONG_IN_THE_LEDGER[case]
    connection.execute(text(statement))
    assert numbers(count(connection, "")) == expected


def test_a_row_sent_again_before_its_answer_was_in_the_ledger_is_no_duplicate(
    connection: Connection, service: Service
) -> None:
    """Two processes at work: the other could not know."""
    service.calls.append(service.call("two", again=["k1"]))
    late = process_count.datetime.fromisoformat("2026-11-02T00:00:09+00:00").timestamp()
    counted = count(connection, "", seen={"track": late})
    assert (counted.duplicated, counted.resent) == (0, 1)
    assert count(connection, "", seen={"track": late - 60}).duplicated == 1


def test_counts_of_two_uploads_add_up() -> None:
    both = Counted(4, 2, 1, 0, 1, 3) + Counted(4, 2, 0, 2, 0, 1)
    assert (both.rows, both.due, both.lost, both.duplicated, both.lies, both.resent) == (8, 4, 1, 2, 1, 4)
