"""Counts from the outside what an upload came to: SQL over source and ledger, HTTP to the emulator, no code of either.

The source is a table in which every row says what has to become of it (``planted``), and in which every row carries an
e-mail and a phone number that nobody but the service may see, and the service only hashed.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from airflow_provider_bingads.emulator.testing import EmulatorControl
    from tests.airflow.harness import Warehouse

__all__ = ["CLEAN", "GOAL", "ROWS", "Count", "count", "leaks", "plant"]

GOAL = "Purchase"
ROWS = 600
"""In a table; 24 calls of 25."""

_TABLE = """
CREATE TABLE {table} (
    purchase_id INTEGER PRIMARY KEY,
    microsoft_click_id TEXT,
    conversion_name TEXT,
    conversion_time TEXT,
    conversion_value TEXT,
    conversion_currency_code TEXT,
    email_address TEXT,
    phone_number TEXT,
    planted TEXT
)
"""
_EMAIL = "canary-{table}-{number:04d}@example.org"
_PHONE = "+1425{number:07d}"
_RAW = re.compile(rb"canary-[a-z]+-\d{4}|\+1425555\d{4}|(?<![0-9a-f])1?425555\d{4}(?![0-9a-f])", re.IGNORECASE)
_DIGEST = re.compile(rb"[0-9a-f]{64}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Count:
    """What was found.

    :param lost: rows to be applied that the service does not hold.
    :param duplicated: conversions held twice, and those sent again although an earlier call with them had been
        answered and the answer stands in the ledger.
    :param without_one_outcome: rows of the source for which the ledger has no final outcome, or two.
    :param lies: rows whose outcome in the ledger is not the true one, rows the ledger calls applied and the service
        does not hold or the other way round, and runs whose counters do not add up to their rows.
    :param in_doubt: calls and rows the ledger itself calls open.
    """

    lost: int = 0
    duplicated: int = 0
    without_one_outcome: int = 0
    lies: int = 0
    in_doubt: int = 0


CLEAN = Count()


def plant(warehouse: Warehouse, service: EmulatorControl, table: str, now: datetime) -> None:
    """Fill a table, with one row of each kind that must not be applied among its first."""
    warehouse.execute(f"DROP TABLE IF EXISTS {table}")
    warehouse.execute(_TABLE.format(table=table))
    rows = [_row(table, number, now - timedelta(hours=2, seconds=number)) for number in range(1, ROWS + 1)]
    rows[1] |= {name: rows[0][name] for name in _IDENTITY} | {"planted": "duplicate"}
    rows[2] |= {"conversion_value": "9,50", "planted": "invalid"}
    rows[3] |= {"email_address": f"canary-{table}-0004 at example", "planted": "invalid"}
    rows[4] |= {"phone_number": f"canary-{table}-0005", "planted": "invalid"}
    rows[5] |= {"planted": "rejected"}
    # clicked after it converted, which only the service knows
    service.add_clicks({rows[5]["microsoft_click_id"]: now.timestamp()})
    warehouse.insert(table, rows)


_IDENTITY = ("microsoft_click_id", "email_address", "phone_number", "conversion_name", "conversion_time")


def _row(table: str, number: int, happened: datetime) -> dict[str, Any]:
    row = {
        "purchase_id": number,
        "microsoft_click_id": hashlib.sha256(f"{table} {number}".encode()).hexdigest()[:32],
        "conversion_name": GOAL,
        "conversion_time": f"{happened:%Y-%m-%d %H:%M:%S}",
        "conversion_value": "9.5",
        "conversion_currency_code": "USD",
        "email_address": _EMAIL.format(table=table, number=number),
        "phone_number": _PHONE.format(number=5_550_000 + number),
        "planted": "applied",
    }
    if number % 10 in {7, 8}:
        row["microsoft_click_id"] = None
    if number % 10 == 8:
        row["email_address"] = None
    return row


def count(warehouse: Path, ledger: Path, service: EmulatorControl, table: str, account_id: str) -> Count:
    """Compare source, ledger and service for one table and its account."""
    with closing(sqlite3.connect(warehouse)) as connection:
        connection.execute("ATTACH DATABASE ? AS ledger", (str(ledger),))
        due = {_key(*row) for row in connection.execute(_DUE.format(table=table))}
        outcomes = _outcomes(connection, table, account_id)
        applied = {_key(*row) for row in connection.execute(_CALLED_APPLIED.format(table=table), (account_id,))}
        committed = {tracking_id for (tracking_id,) in connection.execute(_COMMITTED)}
        wrong_sums = len(connection.execute(_WRONG_SUMS, (account_id,)).fetchall())
        in_doubt = connection.execute(_IN_DOUBT, (account_id,)).fetchone()[0]
    held = Counter(_held(service, account_id))
    wrong = sum(found != {planted} for planted, found in outcomes if len(found) == 1)
    return Count(
        lost=len(due - held.keys()),
        duplicated=sum(held.values()) - len(held) + _sent_again(service, account_id, committed),
        without_one_outcome=sum(len(found) != 1 for _, found in outcomes),
        lies=wrong + len(applied ^ held.keys()) + wrong_sums,
        in_doubt=in_doubt,
    )


_NAMES = "microsoft_click_id, email_address, phone_number, conversion_time"
_DUE = f"SELECT {_NAMES} FROM {{table}} WHERE planted = 'applied'"
_OF_ACCOUNT = "r.run_id IN (SELECT run_id FROM ledger.bingads_run WHERE account_id = ?)"
_CALLED_APPLIED = f"""
SELECT {_NAMES} FROM {{table}} WHERE CAST(purchase_id AS TEXT) IN
    (SELECT r.source_ref FROM ledger.bingads_row r WHERE r.state = 'applied' AND {_OF_ACCOUNT})
"""
_OUTCOMES = f"""
SELECT s.purchase_id, s.planted, r.state FROM {{table}} s LEFT JOIN ledger.bingads_row r
    ON r.source_ref = CAST(s.purchase_id AS TEXT) AND r.rank >= 30 AND {_OF_ACCOUNT}
"""
_COMMITTED = "SELECT tracking_id FROM ledger.bingads_call WHERE event = 'answered' AND tracking_id IS NOT NULL"
_IN_DOUBT = "SELECT count(*) FROM ledger.bingads_in_doubt WHERE account_id = ?"
_WRONG_SUMS = """
SELECT run_id FROM ledger.bingads_run WHERE account_id = ? AND event = 'end' AND source_rows <>
    applied + rejected + invalid + duplicate + superseded + deferred + unknown + held
    + skipped + already_rejected + out_of_window
"""


def _outcomes(connection: sqlite3.Connection, table: str, account_id: str) -> list[tuple[str, set[str]]]:
    """Return of each row what was planted, and every final outcome the ledger has for it."""
    found: dict[int, tuple[str, set[str]]] = {}
    for number, planted, state in connection.execute(_OUTCOMES.format(table=table), (account_id,)):
        _, states = found.setdefault(number, (planted, set()))
        states.update({state} - {None})
    return list(found.values())


def _key(click_id: str | None, email: str | None, phone: str | None, time: str) -> tuple[str, str]:
    """Return how the service tells a conversion from others: by the first identifier it has, and its time."""
    return click_id or _digest(email or phone or ""), time.replace(" ", "T")


def _held(service: EmulatorControl, account_id: str) -> Iterator[tuple[str, str]]:
    for row in service.state("offline_conversions")["offline_conversions"]:
        if row["AccountId"] == account_id:
            identifier = row["MicrosoftClickId"] or row["HashedEmailAddress"] or row["HashedPhoneNumber"]
            yield identifier.lower(), row["ConversionTime"][:19]


def _sent_again(service: EmulatorControl, account_id: str, committed: set[str]) -> int:
    """Count the conversions that came in again after an answer that stands in the ledger."""
    settled: set[str] = set()
    again = 0
    for call in service.calls("ApplyOfflineConversions", keys=True):
        if call["account_id"] == account_id:
            again += sum(key in settled for key in call["repeated_keys"])
            if call["answered"] and call["tracking_id"] in committed:
                settled.update(call["applied_keys"], call["repeated_keys"])
    return again


def leaks(folders: Sequence[Path], tables: Sequence[str]) -> list[str]:
    """Name the files in which a planted e-mail or phone number stands, raw or hashed."""
    people = [_EMAIL.format(table=table, number=number) for table in tables for number in range(1, ROWS + 1)]
    people += [_PHONE.format(number=5_550_000 + number) for number in range(1, ROWS + 1)]
    digests = {_digest(one).encode() for one in people}
    found = []
    for path in (path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()):
        content = path.read_bytes()
        if _RAW.search(content) or not digests.isdisjoint(map(bytes.lower, _DIGEST.findall(content))):
            found.append(str(path))
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
