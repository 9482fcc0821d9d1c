"""What holds at any moment, also in the middle of trouble; ``invariants`` adds what holds once trouble is over."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.proof.case import Row
from tests.proof.invariants import Problem, Seen
from tests.proof.packed import keys_of

if TYPE_CHECKING:
    from tests.proof.world import World

__all__ = ["calls_tell_the_truth", "once_settled", "rows_tell_the_truth"]

_TERMINAL_RANK = 30


def once_settled(world: World) -> Iterator[Problem]:
    """Hold the ledger's calls to what the service did with them, after everything was delivered."""
    yield from calls_tell_the_truth(world)
    yield from refusals_tell_the_truth(world)
    yield from no_call_stays_open(world)


def rows_tell_the_truth(world: World, seen: Seen, rows: Iterable[Row]) -> Iterator[Problem]:
    """Hold the service against the ledger.

    :param rows: every row the source ever had.
    """
    for (_, key), objects in seen.held.items():
        if len(objects) > 1:
            yield Problem("duplicated", f"the service holds {key} {len(objects)} times")
    for row in rows:
        place = (row["account"] if world.by_account else world.accounts[0], world.case.key_of_row(row))
        states = {recorded["state"] for recorded in seen.recorded.get(row["order_id"], ())}
        if "applied" in states and place not in seen.held:
            yield Problem("lie", f"{row['order_id']} is recorded as applied and not at the service")
        if any(world.case.marker in str(cell) for cell in row.values()) and place in seen.held:
            yield Problem("lie", f"{row['order_id']} is invalid and at the service")


def calls_tell_the_truth(world: World) -> Iterator[Problem]:
    """Hold each call's closing event against the rows recorded of it."""
    with closing(sqlite3.connect(world.ledger_file)) as ledger:
        for call_id, event, applied, rejected, rows, rows_applied, rows_rejected in ledger.execute(_ANSWERED):
            if (applied, rejected) != (rows_applied, rows_rejected):
                counted = (
                    f"{applied} applied and {rejected} rejected rows, recorded are {rows_applied}, {rows_rejected}"
                )
                yield Problem("lie", f"call {call_id[-4:]} ({event}) counts {counted} of {rows}")
        for call_id, members in ledger.execute(_RECONCILED):
            for key in keys_of(members):
                best = ledger.execute("SELECT max(rank) FROM bingads_row WHERE row_key = ?", (key,)).fetchone()[0]
                if (best or 0) < _TERMINAL_RANK:
                    yield Problem("lie", f"call {call_id[-4:]} is reconciled, and a row of it has no outcome")
        for (call_id,) in ledger.execute(_CLOSED_AGAIN):
            yield Problem("lie", f"call {call_id[-4:]} had its answer and was held to be open by a later run")
        for (source_ref,) in ledger.execute(_WITHOUT_REASON):
            yield Problem("lie", f"{source_ref} is refused without a reason in the ledger")


def refusals_tell_the_truth(world: World) -> Iterator[Problem]:
    """Find rows said not to be applied by a call whose very request the service had taken.

    Rows that one run sent more than once are left out: the last call's word is about the last call.
    """
    names = {one.number: one.identity for one in world.attempts}
    tries = {(name.dag_run_id, name.task_id, name.try_number): number for number, name in names.items()}
    rows = {row["order_id"]: row for row in world.rows}
    with closing(sqlite3.connect(world.ledger_file)) as ledger:
        for source_ref, dag_run, task, number, sent_at, ended_at in ledger.execute(_NOT_APPLIED):
            row = rows.get(source_ref)
            if row is None:
                continue
            place = (row["account"] if world.by_account else world.accounts[0], world.case.key_of_row(row))
            attempt, taken_at = world.witness.taken.get(place, (0, None))
            if attempt != tries.get((dag_run, task, number)) or taken_at is None:
                continue
            if _moment(sent_at) <= taken_at <= _moment(ended_at):
                yield Problem("lie", f"{source_ref} is said not to be applied by the call that brought it")


def _moment(stored: str) -> datetime:
    return datetime.fromisoformat(stored).replace(tzinfo=UTC)


def no_call_stays_open(world: World) -> Iterator[Problem]:
    """Find calls whose end nobody wrote down, once everything has been delivered."""
    with closing(sqlite3.connect(world.ledger_file)) as ledger:
        for (call_id,) in ledger.execute(_OPEN):
            yield Problem("lie", f"call {call_id[-4:]} is still open after everything was delivered")


_ANSWERED = """
    SELECT c.call_id, c.event, c.n_applied, c.n_rejected, b.n_rows,
        count(CASE WHEN r.state = 'applied' THEN 1 END), count(CASE WHEN r.state = 'rejected' THEN 1 END)
    FROM bingads_call c JOIN bingads_batch b ON b.batch_id = c.batch_id
        LEFT JOIN bingads_row r ON r.call_id = c.call_id AND r.run_id = c.run_id
    WHERE c.event IN ('answered', 'not_applied') GROUP BY c.call_id, c.event, c.n_applied, c.n_rejected, b.n_rows
"""
_RECONCILED = """
    SELECT c.call_id, b.members FROM bingads_call c JOIN bingads_batch b ON b.batch_id = c.batch_id
    WHERE c.event = 'reconciled'
"""
_CLOSED_AGAIN = """
    SELECT c.call_id FROM bingads_call c JOIN bingads_call a ON a.call_id = c.call_id AND a.event = 'answered'
        JOIN bingads_run ended ON ended.run_id = a.run_id AND ended.event = 'end'
        JOIN bingads_run began ON began.run_id = c.run_id AND began.event = 'start'
    WHERE c.event IN ('unknown', 'reconciled') AND began.at > ended.at
"""
_WITHOUT_REASON = """
    SELECT r.source_ref FROM bingads_row r WHERE r.state IN ('rejected', 'invalid') AND NOT EXISTS (
        SELECT 1 FROM bingads_error e WHERE e.call_id = r.call_id AND e.row_index = r.row_index
            AND (e.code IS NOT NULL OR e.error_code IS NOT NULL))
"""
_NOT_APPLIED = """
    SELECT r.source_ref, s.dag_run_id, s.task_id, s.try_number, i.at, c.at
    FROM bingads_row r JOIN bingads_call c ON c.call_id = r.call_id AND c.event = 'not_applied'
        JOIN bingads_call i ON i.call_id = r.call_id AND i.event = 'intent'
        JOIN bingads_batch b ON b.batch_id = c.batch_id AND b.parent_batch_id IS NULL
        JOIN bingads_run s ON s.run_id = r.run_id AND s.event = 'start'
    WHERE r.state = 'deferred' AND NOT EXISTS (
        SELECT 1 FROM bingads_row o WHERE o.row_key = r.row_key AND o.run_id = r.run_id AND o.call_id <> r.call_id)
"""
_OPEN = """
    SELECT c.call_id FROM bingads_call c WHERE c.event = 'intent' AND NOT EXISTS (
        SELECT 1 FROM bingads_call later WHERE later.call_id = c.call_id AND later.rank >= 3)
"""
