"""Counts from the outside what was lost, doubled or said wrongly: plain SQL and HTTP, no code of either side.

lost        rows that are due and that the service does not hold
duplicated  conversions the service holds twice, and those it was sent again although an earlier call with them had
            been answered and that answer stood in the ledger
lies        the ledger says something else than the service: a row applied there and absent here, or the other way
            round; a row refused without a reason of the service's; a row with two outcomes or none; a call left open
"""

from __future__ import annotations

import json
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

__all__ = ["Counted", "answered_calls", "count"]

_TERMINAL: Final = 30
_OUTCOME: Final = {"good": "applied", "refused": "rejected", "invalid": "invalid"}
_CLOSED: Final = "('answered', 'not_applied', 'reconciled')"
Key = tuple[str, str, str]


@dataclass(slots=True)
class Counted:
    """What was found.

    :param due: rows that had to be applied.
    :param resent: conversions the service was sent more than once, whatever the reason.
    :param reasons: up to three examples of each kind of finding, for the message of a failed test.
    """

    rows: int = 0
    due: int = 0
    lost: int = 0
    duplicated: int = 0
    lies: int = 0
    resent: int = 0
    reasons: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def clean(self) -> bool:
        """Nothing lost, nothing doubled, nothing guessed."""
        return self.lost == self.duplicated == self.lies == 0

    def lie(self, kind: str, found: Collection[object]) -> None:
        """Add findings of one kind."""
        self.lies += len(found)
        if found:
            self.reasons[kind] += [str(one) for one in list(found)[:3]]

    def __add__(self, other: Counted) -> Counted:
        """Return the sums of both."""
        names = ("rows", "due", "lost", "duplicated", "lies", "resent")
        reasons = defaultdict(list, {kind: list(found) for kind, found in self.reasons.items()})
        for kind, found in other.reasons.items():
            reasons[kind] += found
        return Counted(*(getattr(self, name) + getattr(other, name) for name in names), reasons)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The source: key of each row by its reference, by what has to become of it."""

    keys: Mapping[str, Mapping[str, Key]]


def count(connection: Connection, emulator: str, prefix: str = "", seen: Mapping[str, float] | None = None) -> Counted:
    """Compare source, service and ledger after the last run.

    :param connection: to the database of the source and the ledger.
    :param prefix: of the ledger's tables: its schema and a dot.
    :param seen: TrackingIds with the time (seconds since 1970) at which their answer was first seen in the ledger.
        None where never two processes were at work at once: an answer that stands there was there in time.
    """
    source = _source(connection)
    counted = Counted(rows=sum(map(len, source.values())), due=len(source["good"]))
    held = _held(emulator)
    due = set(source["good"].values())
    counted.lost = len(due - held.keys())
    counted.reasons["lost"] += [str(key) for key in list(due - held.keys())[:3]]
    counted.duplicated = sum(held.values()) - len(held)
    counted.lie("held by the service, due to nobody", held.keys() - due)
    if seen is None:
        seen = dict.fromkeys(answered_calls(connection, prefix), 0.0)
    counted.resent, again = _sent_again(emulator, seen)
    counted.duplicated += again
    _compare(counted, connection, prefix, source, held)
    return counted


def answered_calls(connection: Connection, prefix: str = "") -> set[str]:
    """Return the TrackingIds of the calls whose answer stands in the ledger."""
    found = _select(connection, f"SELECT tracking_id FROM {prefix}bingads_call WHERE event = 'answered'")
    return {tracking_id for (tracking_id,) in found if tracking_id}


def _source(connection: Connection) -> dict[str, dict[str, Key]]:
    found: dict[str, dict[str, Key]] = {kind: {} for kind in _OUTCOME}
    names = "order_id, microsoft_click_id, conversion_name, conversion_time"
    for reference, click, goal, time in _select(connection, f"SELECT {names} FROM offline_conversions"):
        found[reference.split("-")[0]][reference] = (click, goal, _utc(time))
    return found


def _utc(time: Any) -> str:
    if isinstance(time, str):
        return time[:19]
    if time.tzinfo is not None:
        time = (time - time.utcoffset()).replace(tzinfo=None)
    return str(time.isoformat()[:19])


def _held(emulator: str) -> Counter[Key]:
    return Counter(
        (row["MicrosoftClickId"].lower(), row["ConversionName"], row["ConversionTime"][:19])
        for row in _get(emulator, "state?only=offline_conversions")["offline_conversions"]
    )


def _sent_again(emulator: str, seen: Mapping[str, float]) -> tuple[int, int]:
    """Return how many keys came in again, and how many of them after an answer that was in the ledger."""
    resent = after_answer = 0
    settled_at: dict[str, float] = {}
    for call in _get(emulator, "calls?keys=1")["calls"]:
        again = call["repeated_keys"]
        resent += len(again)
        received_at = datetime.fromisoformat(call["received_at"]).timestamp()
        after_answer += sum(settled_at.get(key, received_at) < received_at for key in again)
        if call["answered"] and call["tracking_id"] in seen:
            for key in (*call["applied_keys"], *again):
                settled_at.setdefault(key, seen[call["tracking_id"]])
    return resent, after_answer


def _compare(
    counted: Counted,
    connection: Connection,
    prefix: str,
    source: Mapping[str, Mapping[str, Key]],
    held: Collection[Key],
) -> None:
    best: dict[str, tuple[int, str]] = {}
    outcomes: dict[str, set[str]] = defaultdict(set)
    sql = f"SELECT DISTINCT source_ref, state, rank FROM {prefix}bingads_row"
    for reference, state, rank in _select(connection, sql.replace(" rank ", f" {_quoted(connection, 'rank')} ")):
        best[reference] = max(best.get(reference, (0, "")), (rank, state))
        if rank >= _TERMINAL:
            outcomes[reference].add(state)
    for kind, rows in source.items():
        wrong = [reference for reference in rows if best.get(reference, (0, "none"))[1] != _OUTCOME[kind]]
        counted.lie(f"{kind}, but the ledger says otherwise", [f"{one}: {best.get(one)}" for one in wrong])
        absent = [one for one, key in rows.items() if "applied" in outcomes[one] and key not in held]
        counted.lie("applied in the ledger, absent at the service", absent)
    counted.lie("two outcomes", [one for one, states in outcomes.items() if len(states) > 1])
    counted.lie("in the ledger, not in the source", best.keys() - {one for rows in source.values() for one in rows})
    counted.lie("refused without a reason of the service", _unexplained(connection, prefix))
    counted.lie("calls left open", _open_calls(connection, prefix))
    counted.lie("runs whose counters do not sum up", _wrong_sums(connection, prefix))


def _unexplained(connection: Connection, prefix: str) -> list[Any]:
    sql = (
        f"SELECT r.source_ref FROM {prefix}bingads_row r LEFT JOIN {prefix}bingads_error e ON e.call_id = r.call_id "
        "AND e.row_index = r.row_index AND e.origin = 'service' AND e.code IS NOT NULL AND e.tracking_id IS NOT NULL "
        "WHERE r.state = 'rejected' AND e.call_id IS NULL"
    )
    return list(_select(connection, sql))


def _open_calls(connection: Connection, prefix: str) -> list[Any]:
    sql = (
        f"SELECT i.call_id FROM {prefix}bingads_call i WHERE i.event = 'intent' AND NOT EXISTS (SELECT 1 FROM "
        f"{prefix}bingads_call c WHERE c.call_id = i.call_id AND c.event IN {_CLOSED})"
    )
    return list(_select(connection, sql))


_COUNTERS: Final = (
    "applied", "rejected", "invalid", "duplicate", "superseded", "deferred", "unknown", "held", "skipped",
    "already_rejected", "out_of_window",
)  # fmt: skip


def _wrong_sums(connection: Connection, prefix: str) -> list[Any]:
    total = " + ".join(_quoted(connection, name) for name in _COUNTERS)
    event = "event <> 'start' AND outcome = 'success'"
    return list(_select(connection, f"SELECT run_id FROM {prefix}bingads_run WHERE {event} AND {total} <> source_rows"))


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)


def _select(connection: Connection, sql: str) -> Iterator[Any]:
    yield from connection.exec_driver_sql(sql)


def _get(emulator: str, page: str) -> Any:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{emulator}/__emulator__/{page}", timeout=120) as reply:
        return json.load(reply)
