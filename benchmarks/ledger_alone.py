"""What the ledger costs by itself: rows a second written, milliseconds for a look-up of 1,000 keys.

    python benchmarks/ledger_alone.py sqlite 1000000
    python benchmarks/ledger_alone.py postgresql+psycopg2://postgres@127.0.0.1/bench 2000000

Writes one transaction for each group of batches, as the delivery does: their intents before, outcomes after. A row
carries what a real one does: key, time, goal, click id, amount. ``sqlite`` uses a file in a temporary folder.
"""

from __future__ import annotations

import argparse
import base64
import os
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import create_engine

from airflow_provider_bingads.domain.outcomes import CALL_RANK, CallEventKind
from airflow_provider_bingads.domain.records import BatchRecord, CallRecord, Entries, RowRecord
from airflow_provider_bingads.warehouse import SqlLedger, ledger_for

STREAM = os.urandom(16).hex()
NOW = datetime.now(UTC)
BATCH_ROWS = 1000


def identifier(number: int, letter: str) -> str:
    return f"{time.time_ns():016x}{letter}{number:015x}"


def batch_of(first: int, run_id: str) -> tuple[Entries, Entries, list[str]]:
    """Return what is written before a call and after it, and the rows' keys."""
    batch_id, call_id = identifier(first, "b"), identifier(first, "c")
    keys = os.urandom(16 * BATCH_ROWS).hex()
    rows = [
        RowRecord(
            call_id,
            index,
            STREAM,
            run_id,
            keys[32 * index : 32 * index + 32],
            keys[32 * index : 32 * index + 16],
            0,
            "applied",
            100,
            None,
            None,
            None,
            None,
            None,
            0,
            str(10_000_000 + first + index),
            NOW - timedelta(seconds=first + index),
            "Online purchase",
            f"{keys[32 * index : 32 * index + 32]}",
            None,
            Decimal(first + index) / 100,
            "EUR",
            None,
            NOW,
        )
        for index in range(BATCH_ROWS)
    ]
    members = base64.b64encode(os.urandom(24 * BATCH_ROWS)).decode()
    batch = BatchRecord(batch_id, STREAM, run_id, first, None, "Apply", BATCH_ROWS, members, "0" * 64, NOW)
    about = (batch_id, STREAM, run_id, 1, 1, NOW, NOW, 200, None, None, call_id, 0, 0, 9, None)
    opened, closed = (
        CallRecord(call_id, kind, CALL_RANK[kind], *about) for kind in (CallEventKind.INTENT, CallEventKind.ANSWERED)
    )
    return Entries([batch], [opened], [], []), Entries([], [closed], rows, []), [row.row_key for row in rows]


def merged(parts: list[Entries]) -> Entries:
    return Entries(
        [r for p in parts for r in p.batches],
        [r for p in parts for r in p.calls],
        [r for p in parts for r in p.rows],
        [r for p in parts for r in p.errors],
    )


def measure(ledger: SqlLedger, total: int, batches_a_write: int, report_every: int) -> None:
    run_id = identifier(0, "r")
    spent = cpu = 0.0
    since, recent, sample = 0.0, 0, []
    for first in range(0, total, BATCH_ROWS * batches_a_write):
        made = [batch_of(first + BATCH_ROWS * n, run_id) for n in range(batches_a_write)]
        intents, outcomes = merged([m[0] for m in made]), merged([m[1] for m in made])
        sample.append(made[0][2][first // 1000 % 1000])
        started, worked = time.perf_counter(), time.thread_time()
        ledger.record(intents)
        ledger.record(outcomes)
        took = time.perf_counter() - started
        cpu += time.thread_time() - worked
        spent, since, recent = spent + took, since + took, recent + len(outcomes.rows)
        if recent >= report_every:
            print(
                f"{first + recent:>12,} rows: {recent / since:>9,.0f} rows/s, {lookup(ledger, sample):.1f} ms a look-up"
            )
            since, recent = 0.0, 0
    print(f"written: {total / spent:,.0f} rows/s, {cpu / total * 1e6:.1f} microseconds of Python a row")


def lookup(ledger: SqlLedger, sample: list[str]) -> float:
    """Return the median milliseconds of a look-up of 1,000 keys, half of them recorded."""
    times = []
    for turn in range(5):
        known = [sample[(turn * 500 + n * 7) % len(sample)] for n in range(500)]
        keys = [*known, *(os.urandom(16).hex() for _ in range(500))]
        started = time.perf_counter()
        found = ledger.known(STREAM, keys)
        times.append((time.perf_counter() - started) * 1000)
        assert len(found) == len(set(known))
    return statistics.median(times)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("database", help="sqlite, or a SQLAlchemy URL")
    arguments.add_argument("rows", type=int)
    arguments.add_argument("--batches-a-write", type=int, default=4)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'ledger.db'}" if given.database == "sqlite" else given.database
        ledger = ledger_for(create_engine(url, hide_parameters=True))
        measure(ledger, given.rows, given.batches_a_write, max(given.rows // 10, 1))
        ledger.close()


if __name__ == "__main__":
    main()
