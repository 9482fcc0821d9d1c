"""What the demo shows on the terminal, read from Airflow's XCom and from the ledger's views with plain SQL."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

REASONS = """
SELECT count(*) AS rows, owner, reason, remedy FROM bingads_attention
GROUP BY owner, reason, remedy ORDER BY rows DESC, reason LIMIT 10
"""
TOTALS = "SELECT state, count(*) FROM bingads_row_current GROUP BY state ORDER BY count(*) DESC"


def query(database: Path, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Return the rows of one query on a SQLite file."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql, parameters).fetchall()


def show_summary(console: Console, summary: dict[str, Any], seconds: float) -> None:
    """Print what the operator pushed as its result."""
    counters = {name: value for name, value in summary.items() if isinstance(value, int) and value and name != "calls"}
    line = ", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in counters.items())
    console.print(f"  {line}")
    rate = summary["source_rows"] / max(summary["duration_seconds"], 0.001)
    console.print(
        f"  {summary['calls']} calls; {summary['duration_seconds']:.1f} s in the operator ({rate:,.0f} rows/s), "
        f"{seconds:.0f} s with Airflow's start"
    )


def show_reasons(console: Console, warehouse: Path) -> None:
    """Print the ten most frequent reasons of rows that need somebody."""
    table = Table("rows", "whose", "reason", "remedy", title="The ten most frequent reasons", title_justify="left")
    table.columns[0].justify = "right"
    for rows, *texts in query(warehouse, REASONS):
        table.add_row(f"{rows:,}", *[text or "" for text in texts])
    console.print(table)


def show_totals(console: Console, warehouse: Path) -> None:
    """Print how many rows the ledger holds in each state."""
    table = Table("outcome", "rows", title="The ledger: rows by outcome", title_justify="left")
    table.columns[1].justify = "right"
    for state, rows in query(warehouse, TOTALS):
        table.add_row(state, f"{rows:,}")
    console.print(table)
