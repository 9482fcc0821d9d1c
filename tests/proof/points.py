"""The points of the shipped delivery by name; a test holds this list to what runs really pass.

``before`` and ``after`` stand around a piece of work; the points of ``ledger`` around each statement that matters and
around each transaction's begin and commit; those of ``wire`` around the service's own work.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

__all__ = ["POINTS"]

_WORK: Final = (
    "run.cutoff", "run.acquire", "run.start", "run.recover", "run.reference", "run.close", "run.finish", "run.release",
    "run.account", "run.skip",
    "delivery.read", "delivery.prepare", "delivery.write", "delivery.send", "delivery.lease",
    "wire.sign-in", "wire.call",
)  # fmt: skip
_MOMENTS: Final = ("delivery.judged", "delivery.intent", "delivery.reply", "delivery.closing", "ledger.clock")
_STATEMENTS: Final = (
    "version", "earlier", "holder", "acquire", "renew", "release", "known", "open_calls", "forgotten", "waiting_rows",
)  # fmt: skip
_TRANSACTIONS: Final = {
    "start": ("bingads_run",),
    "finish": ("bingads_run",),
    "intent": ("bingads_batch", "bingads_call", "bingads_row", "bingads_error"),
    "outcome": ("bingads_call", "bingads_row", "bingads_error"),
}


def _points() -> Iterator[str]:
    for work in _WORK:
        yield from (f"{work}.before", f"{work}.after")
    yield from _MOMENTS
    for read in _STATEMENTS:
        yield from (f"ledger.{read}.before", f"ledger.{read}.after")
    for transaction, tables in _TRANSACTIONS.items():
        around = (f"{moment}.{side}" for moment in ("begin", "commit") for side in ("before", "after"))
        yield from (f"ledger.{transaction}.{point}" for point in (*around, *tables))


POINTS: Final = tuple(_points())
"""Every point a delivery can pass, but those of making a ledger's tables (``ledger.create``)."""
