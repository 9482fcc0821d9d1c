"""Counts what was lost and what was sent twice, from the outside: ``count.py WAREHOUSE.db EMULATOR_URL``.

This program knows neither the provider nor the emulator's code. It reads the source table and the ledger with SQL, and
asks the emulator over HTTP what it holds and what it was sent.

lost        rows of the source that are due (every purchase the demo did not break on purpose) and that the emulator
            does not hold.
duplicated  conversions the emulator was sent again although an earlier call with them had been answered and the
            answer stands in the ledger.
resent      conversions sent again at all; after a kill at most those of the calls that were open at that moment.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import urllib.request
from contextlib import closing
from typing import Any

_DUE = """
SELECT microsoft_click_id, conversion_name, replace(conversion_time, ' ', 'T')
FROM offline_conversions WHERE purchase_id NOT IN (SELECT purchase_id FROM broken_on_purpose)
"""
_COMMITTED = "SELECT tracking_id FROM bingads_call WHERE event = 'answered' AND tracking_id IS NOT NULL"


def count(warehouse: str, emulator: str) -> dict[str, int]:
    """Return the three numbers, and how many rows were due."""
    with closing(sqlite3.connect(warehouse)) as connection:
        due = {(click.lower(), goal, time) for click, goal, time in connection.execute(_DUE)}
        committed = {tracking_id for (tracking_id,) in connection.execute(_COMMITTED)}
    held = {
        (row["MicrosoftClickId"].lower(), row["ConversionName"], row["ConversionTime"][:19])
        for row in _get(emulator, "state?only=offline_conversions")["offline_conversions"]
        if row["MicrosoftClickId"]
    }
    resent, duplicated = _sent_again(_get(emulator, "calls?keys=1")["calls"], committed)
    return {"due": len(due), "lost": len(due - held), "duplicated": duplicated, "resent": resent}


def _sent_again(calls: list[dict[str, Any]], committed: set[str]) -> tuple[int, int]:
    """Return how many keys came in again, and how many of them after an answer that was committed."""
    resent = duplicated = 0
    settled: set[str] = set()
    for call in calls:
        again = call["repeated_keys"]
        resent += len(again)
        duplicated += sum(key in settled for key in again)
        if call["answered"] and call["tracking_id"] in committed:
            settled.update(call["applied_keys"], again)
    return resent, duplicated


def _get(emulator: str, name: str) -> Any:
    with urllib.request.urlopen(f"{emulator}/__emulator__/{name}", timeout=60) as reply:
        return json.load(reply)


if __name__ == "__main__":
    for name, number in count(*sys.argv[1:]).items():
        print(f"{name} = {number}")
