"""The count that judges interrupted uploads notices each thing that could be wrong with one."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.harness import Warehouse
from tests.airflow.outside_count import CLEAN, ROWS, Count, count, leaks, plant

ACCOUNT = "1"
LEDGER = """
CREATE TABLE bingads_run (run_id, event, account_id, source_rows, applied, rejected, invalid, duplicate, superseded,
    deferred, unknown, held, skipped, already_rejected, out_of_window);
CREATE TABLE bingads_row (run_id, source_ref, state, rank);
CREATE TABLE bingads_call (tracking_id, event);
CREATE TABLE bingads_in_doubt (account_id);
INSERT INTO bingads_run VALUES ('r', 'start', '1', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    ('r', 'end', '1', 2, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
INSERT INTO bingads_row VALUES ('r', '1', 'applied', 100), ('r', '2', 'unknown', 20), ('r', '2', 'invalid', 50);
INSERT INTO bingads_call VALUES ('t1', 'intent'), ('t1', 'answered');
"""
SOURCE = """
CREATE TABLE small (purchase_id INTEGER PRIMARY KEY, microsoft_click_id, email_address, phone_number, conversion_time,
    planted);
INSERT INTO small VALUES (1, 'aa', NULL, NULL, '2026-11-01 02:03:04', 'applied'),
    (2, 'bb', NULL, NULL, '2026-11-01 02:03:05', 'invalid');
"""


def call(tracking_id: str, *, applied: str = "", repeated: str = "", answered: bool = True) -> dict[str, Any]:
    return {
        "account_id": ACCOUNT,
        "tracking_id": tracking_id,
        "answered": answered,
        "applied_keys": [applied] if applied else [],
        "repeated_keys": [repeated] if repeated else [],
    }


def held(click_id: str, second: int) -> dict[str, Any]:
    time = f"2026-11-01T02:03:{second:02d}.0000000Z"
    return {"AccountId": ACCOUNT, "MicrosoftClickId": click_id, "ConversionTime": time}


@dataclass
class Service:
    """What the service holds, and the calls it received."""

    holds: list[dict[str, Any]] = field(default_factory=lambda: [held("aa", 4)])
    received: list[dict[str, Any]] = field(default_factory=lambda: [call("t1", applied="k")])
    clicks: dict[str, float] = field(default_factory=dict)

    def state(self, only: str) -> dict[str, Any]:
        return {only: self.holds}

    def calls(self, _operation: str, *, keys: bool) -> list[dict[str, Any]]:
        return self.received if keys else []

    def add_clicks(self, clicks: dict[str, float]) -> None:
        self.clicks.update(clicks)


def counted(folder: Path, service: Service, ledger: str = "", source: str = "") -> Count:
    for name, sql in (("source.db", SOURCE + source), ("ledger.db", LEDGER + ledger)):
        with closing(sqlite3.connect(folder / name)) as connection:
            connection.executescript(sql)
    return count(folder / "source.db", folder / "ledger.db", service, "small", ACCOUNT)  # type: ignore[arg-type]


def test_upload_that_ended_well_counts_nothing(tmp_path: Path) -> None:
    """A call sent again after its answer was lost, or before it was recorded, is no doubled conversion."""
    lost = Service(received=[call("t0", applied="k", answered=False), call("t1", repeated="k")])
    assert counted(tmp_path, lost) == CLEAN


SERVICES = {
    "a row the service does not hold": (Service(holds=[]), Count(lost=1, lies=1)),
    "a row the service must not hold": (Service(holds=[held("aa", 4), held("bb", 5)]), Count(lies=1)),
    "a conversion held twice": (Service(holds=[held("aa", 4), held("aa", 4)]), Count(duplicated=1)),
    "a key sent again after an answer": (
        Service(received=[call("t1", applied="k"), call("t2", repeated="k")]),
        Count(duplicated=1),
    ),
}


@pytest.mark.parametrize("what", SERVICES)
def test_what_is_wrong_at_the_service_is_counted(tmp_path: Path, what: str) -> None:
    service, expected = SERVICES[what]
    assert counted(tmp_path, service) == expected


LEDGERS = {
    "a row without a final outcome": (
        "DELETE FROM bingads_row WHERE state = 'invalid'",
        Count(without_one_outcome=1),
    ),
    "a row with two outcomes": (
        "INSERT INTO bingads_row VALUES ('r', '2', 'rejected', 60)",
        Count(without_one_outcome=1),
    ),
    "a row with the wrong outcome": ("UPDATE bingads_row SET state = 'rejected' WHERE rank = 50", Count(lies=1)),
    "an applied row that was not": (
        "UPDATE bingads_row SET state = 'applied', rank = 100 WHERE rank = 50",
        Count(lies=2),
    ),
    "counters that do not add up": ("UPDATE bingads_run SET applied = 3 WHERE event = 'end'", Count(lies=1)),
    "an open call": ("INSERT INTO bingads_in_doubt VALUES ('1')", Count(in_doubt=1)),
    "another account's open call": ("INSERT INTO bingads_in_doubt VALUES ('2')", CLEAN),
}


@pytest.mark.parametrize("what", LEDGERS)
def test_what_is_wrong_in_the_ledger_is_counted(tmp_path: Path, what: str) -> None:
    sql, expected = LEDGERS[what]
    assert counted(tmp_path, Service(), ledger=sql) == expected


def test_row_nobody_has_read_is_lost_and_has_no_outcome(tmp_path: Path) -> None:
    row = "INSERT INTO small VALUES (3, 'cc', NULL, NULL, '2026-11-01 02:03:06', 'applied')"
    assert counted(tmp_path, Service(), source=row) == Count(lost=1, without_one_outcome=1)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the row of canary-people-0009@example.org", True),
        ("Canary-People-0009", True),
        ("called +14255550009", True),
        ("called 4255550009 at noon", True),
        (hashlib.sha256(b"canary-people-0009@example.org").hexdigest(), True),
        (hashlib.sha256(b"+14255550009").hexdigest().upper(), True),
        (hashlib.sha256(b"somebody else").hexdigest(), False),
        ("a canary, 14255550009123", False),
    ],
)
def test_canary_is_found_raw_and_hashed(tmp_path: Path, text: str, *, found: bool) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "task.log").write_text(f"it says: {text}, and more")
    assert bool(leaks([tmp_path], ["people"])) is found


def test_planted_rows_say_what_has_to_become_of_them(tmp_path: Path) -> None:
    source, service = Warehouse(tmp_path / "source.db"), Service()
    plant(source, service, "people", datetime(2026, 11, 22, tzinfo=UTC))  # type: ignore[arg-type]
    planted = dict(source.rows("SELECT planted, count(*) FROM people GROUP BY planted"))
    assert planted == {"applied": ROWS - 5, "duplicate": 1, "invalid": 3, "rejected": 1}
    assert len(service.clicks) == 1
    assert leaks([tmp_path], ["people"])
