"""Builds the demo's warehouse: every purchase of the data set, moved into the last 80 days, and 500 broken rows."""

from __future__ import annotations

import csv
import gzip
import hashlib
import sqlite3
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dags_examples.demo.mistakes import MISTAKES, Conversion

if TYPE_CHECKING:
    from collections.abc import Iterator

PURCHASES = Path(__file__).resolve().parents[1] / "data" / "cdnow_purchases.csv.gz"
FIRST_DAY = date(1997, 1, 1)
DAYS = 546
"""From the first to the last day of the data set, both included."""
DAYS_AFTER = 80
"""What they are compressed into: inside the 90 days in which the service accepts a conversion."""
GOALS = ("First purchase", "Repeat purchase")
BROKEN_ROWS = 500

_TIME = "%Y-%m-%d %H:%M:%S"
_TABLES = """
CREATE TABLE offline_conversions (
    purchase_id INTEGER PRIMARY KEY,
    microsoft_click_id TEXT,
    email_address TEXT,
    conversion_name TEXT,
    conversion_time TEXT,
    conversion_value NUMERIC,
    conversion_currency_code TEXT,
    loaded_at TEXT
);
CREATE TABLE broken_on_purpose (purchase_id INTEGER PRIMARY KEY, mistake TEXT NOT NULL);
"""


class Purchase(NamedTuple):
    """One line of the data set."""

    number: int
    customer: str
    day: date
    amount_usd: str
    is_first: bool


def build(path: Path, *, newest: datetime, purchases: int | None = None) -> dict[str, int]:
    """Write the warehouse file and return how many rows it holds of each sort.

    :param newest: UTC time that no conversion lies after.
    :param purchases: how many purchases to take, spread evenly over the data set; None for all.
    """
    path.unlink(missing_ok=True)
    rows = [_conversion(purchase, newest) for purchase in _sample(list(_purchases()), purchases)]
    broken = list(_broken(rows, newest))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(_TABLES)
        insert = f"INSERT INTO offline_conversions VALUES ({', '.join('?' * len(Conversion._fields))})"
        connection.executemany(insert, rows)
        connection.executemany(insert, [row for row, _ in broken])
        connection.executemany(
            "INSERT INTO broken_on_purpose VALUES (?, ?)", [(row.purchase_id, mistake) for row, mistake in broken]
        )
    return {"purchases": len(rows), "broken on purpose": len(broken)}


def _purchases() -> Iterator[Purchase]:
    seen: set[str] = set()
    with gzip.open(PURCHASES, "rt", newline="") as lines:
        for number, line in enumerate(csv.DictReader(lines), start=1):
            customer = line["customer_id"]
            day = date.fromisoformat(line["purchased_on"])
            yield Purchase(number, customer, day, line["amount_usd"], customer not in seen)
            seen.add(customer)


def _sample(purchases: list[Purchase], wanted: int | None) -> list[Purchase]:
    if wanted is None or wanted >= len(purchases):
        return purchases
    return [purchases[index * len(purchases) // wanted] for index in range(wanted)]


def _conversion(purchase: Purchase, newest: datetime) -> Conversion:
    digest = hashlib.sha256(f"{purchase.customer} {purchase.number}".encode()).hexdigest()
    second_of_day = int(digest[32:40], 16) % 86_400
    elapsed = timedelta(days=(purchase.day - FIRST_DAY).days, seconds=second_of_day)
    happened = newest - (timedelta(days=DAYS) - elapsed) * DAYS_AFTER / DAYS
    # a fifth of the customers are known by e-mail as well
    email = f"Customer.{purchase.customer}@example.com" if purchase.customer.endswith(("0", "5")) else None
    return Conversion(
        purchase_id=purchase.number,
        microsoft_click_id=digest[:32],
        email_address=email,
        conversion_name=GOALS[0] if purchase.is_first else GOALS[1],
        conversion_time=f"{happened:{_TIME}}",
        conversion_value=purchase.amount_usd,
        conversion_currency_code="USD",
        loaded_at=f"{happened + timedelta(hours=1):{_TIME}}",
    )


def _broken(rows: list[Conversion], newest: datetime) -> Iterator[tuple[Conversion, str]]:
    """Copy rows from all over the table and break each in one way, every way equally often."""
    next_id = rows[-1].purchase_id + 1
    for index in range(BROKEN_ROWS):
        mistake = MISTAKES[index % len(MISTAKES)]
        original = rows[index * len(rows) // BROKEN_ROWS]
        fresh_click = hashlib.sha256(f"broken {index}".encode()).hexdigest()[:32]
        copy = original._replace(purchase_id=next_id + index)
        if not mistake.repeats_original:
            copy = copy._replace(microsoft_click_id=fresh_click)
        yield mistake.make(copy, newest), mistake.name
