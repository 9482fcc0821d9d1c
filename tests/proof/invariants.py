"""What must hold after a scenario, seen from outside (``delivery.md`` 6.3).

The judge knows the source rows, the service's own pages and plain SQL over the ledger. It imports neither the
provider's rules nor the emulator's. A broken rule is a value, not an exception, so that a run of thousands of
scenarios ends with a list.

=====  ===============================================================================================================
I1     every valid row is at the service after the last clean try (*lost* where not)
I2     the service holds each event once, and is sent none again whose answer the sender could have read in the
       ledger: it stood there when the sender got its lease, or is its own (*duplicated* where not)
I3     no row that is invalid here has left the process, nor is it at the service
I4     the ledger tells the truth both ways: ``applied`` is there, what is there is ``applied``, ``rejected`` was
       refused by the service, every row of the source has an outcome, each run's counters sum to its rows and agree
       with what it recorded (*lies* where not)
I5     the first value the service took stands, and the ledger says so where the source has another by now
I6     one holder an epoch, epochs only grow
I7     done at most two tries after the faults stopped
I8     no second send of an operation without de-duplication while an earlier intent is open: no such operation yet
I9     at least 60 s without a call after the service asked to slow down
I10-11 personal data and secrets: planted and looked for by the part ``canaries``
I12    calls at most the minimum and what the faults account for
=====  ===============================================================================================================
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Any

from tests.proof.case import Row

if TYPE_CHECKING:
    from tests.proof.world import World

__all__ = ["Problem", "Seen", "check", "look"]

THROTTLE_SECONDS = 60.0
CALLS_A_FAULT = 8
"""One fault costs at most the attempts of its call and the halves of its batch."""
COUNTERS = (
    "out_of_window", "skipped", "applied", "rejected", "invalid", "already_rejected", "duplicate", "superseded",
    "deferred", "unknown", "held",
)  # fmt: skip
OUTCOMES = ("applied", "rejected", "invalid", "duplicate", "superseded")


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule that did not hold.

    :param kind: ``lost``, ``duplicated``, ``lie``, or the number of another rule.
    """

    kind: str
    sentence: str


@dataclass
class Seen:
    """What the service and the ledger hold, as plain values.

    :param held: (account, key) -> the objects at the service.
    :param recorded: ``source_ref`` -> the outcomes recorded of it, in the order they were written.
    """

    held: dict[tuple[str, Hashable], list[Mapping[str, Any]]] = field(default_factory=dict)
    calls: Sequence[Mapping[str, Any]] = ()
    faults: Mapping[str, int] = field(default_factory=dict)
    recorded: dict[str, list[sqlite3.Row]] = field(default_factory=dict)
    runs: Sequence[sqlite3.Row] = ()


def look(world: World) -> Seen:
    """Ask the service and the ledger for all they know."""
    seen = Seen(calls=world.get("calls", "keys=1")["calls"], faults=world.get("stats")["faults"])
    for held in world.get("state", f"only={world.case.state}")[world.case.state]:
        seen.held.setdefault((held["AccountId"], world.case.key_of_object(held)), []).append(held)
    with closing(sqlite3.connect(world.ledger_file)) as ledger:
        ledger.row_factory = sqlite3.Row
        for row in ledger.execute("SELECT * FROM bingads_row ORDER BY call_id, row_index, rank"):
            seen.recorded.setdefault(row["source_ref"], []).append(row)
        seen.runs = ledger.execute("SELECT * FROM bingads_run ORDER BY run_id, event").fetchall()
    return seen


def check(world: World) -> list[Problem]:
    """Return what does not hold in a world that has settled."""
    seen = look(world)
    return [
        *_lost_or_doubled(world, seen),
        *_lies_about_rows(world, seen),
        *_lies_in_counts(seen),
        *_first_values(world, seen),
        *_leases(seen),
        *_liveness(world),
        *_calls(world, seen),
        *(Problem("lie", sentence) for sentence in world.witness.problems),
    ]


def sorts(world: World) -> dict[str, list[Row]]:
    """Return the source's rows by what the oracle expects of them: ``valid``, ``refused``, ``invalid``."""
    case = world.case
    refused = {case.key_of_row(case.refused(number)) for number in range(5)}
    sorted_rows: dict[str, list[Row]] = {"valid": [], "refused": [], "invalid": []}
    for row in world.rows:
        marked = any(case.marker in str(cell) for cell in row.values())
        kind = "invalid" if marked else "refused" if case.key_of_row(row) in refused else "valid"
        sorted_rows[kind].append(row)
    return sorted_rows


def _place(world: World, row: Row) -> tuple[str, Hashable]:
    return (row["account"] if world.by_account else world.accounts[0], world.case.key_of_row(row))


def _states(seen: Seen, row: Row) -> set[str]:
    return {recorded["state"] for recorded in seen.recorded.get(row["order_id"], ())}


def _lost_or_doubled(world: World, seen: Seen) -> Iterator[Problem]:
    rows = sorts(world)
    # The fault adds a reason that is final to the last row of a call: the service's own word against that row.
    refusals = seen.faults.get("several_errors_per_row", 0)
    for row in rows["valid"]:
        if _place(world, row) not in seen.held:
            if refusals and "rejected" in _states(seen, row):
                refusals -= 1
                continue
            yield Problem("lost", f"{row['order_id']} is valid and not at the service")
    for (_, key), objects in seen.held.items():
        if len(objects) > 1:
            yield Problem("duplicated", f"the service holds {key} {len(objects)} times")
    yield from _sent_again(world, seen)
    places = {_place(world, row) for row in world.rows}
    for _, key in seen.held.keys() - places:
        yield Problem("lie", f"the service holds {key}, which no row of the source is")
    for row in rows["invalid"]:
        if _place(world, row) in seen.held:
            yield Problem("lie", f"{row['order_id']} is invalid and at the service")


def _sent_again(world: World, seen: Seen) -> Iterator[Problem]:
    """Find what the service took again from a sender who could have known: the service itself keeps one of each."""
    brought: dict[str, list[Mapping[str, Any]]] = {}
    for call in seen.calls:
        sender = world.witness.caller[call["number"]]
        at_lease, by_then = world.witness.known.get(call["number"], (frozenset(), frozenset()))
        for key in set(call["repeated_keys"]):
            for earlier in brought.get(key, ()):
                own = world.witness.caller[earlier["number"]] == sender
                if earlier["tracking_id"] in (by_then if own else at_lease):
                    yield Problem("duplicated", f"call {call['number']} brought what call {earlier['number']} had")
        for key in {*call["applied_keys"], *call["repeated_keys"]}:
            brought.setdefault(key, []).append(call)


def _lies_about_rows(world: World, seen: Seen) -> Iterator[Problem]:
    states_of_place: dict[tuple[str, Hashable], set[str]] = {}
    for row in world.rows:
        states_of_place.setdefault(_place(world, row), set()).update(_states(seen, row))
    for place, states in states_of_place.items():
        if "applied" in states and place not in seen.held:
            yield Problem("lie", f"{place[1]} is recorded as applied and not at the service")
        if "applied" not in states and place in seen.held and not _refused_after_all(states, seen):
            yield Problem("lie", f"{place[1]} is at the service and recorded as {sorted(states) or 'nothing'}")
        if not states & set(OUTCOMES):
            yield Problem("lie", f"{place[1]} has no outcome in the ledger")
    yield from _lies_about_refusals(world, seen)


def _lies_about_refusals(world: World, seen: Seen) -> Iterator[Problem]:
    rows = sorts(world)
    rejected = [row["order_id"] for row in rows["valid"] if "rejected" in _states(seen, row)]
    for order in rejected[seen.faults.get("several_errors_per_row", 0) :]:
        yield Problem("lie", f"{order} is recorded as rejected and no such error was sent")
    for kind, state in (("refused", "rejected"), ("invalid", "invalid")):
        for row in rows[kind]:
            if state not in _states(seen, row):
                yield Problem("lie", f"{row['order_id']} is {kind} and recorded as {sorted(_states(seen, row))}")


def _refused_after_all(states: set[str], seen: Seen) -> bool:
    """Tell whether a call took the row unheard and a later one was answered with a final error by a fault."""
    return "rejected" in states and seen.faults.get("several_errors_per_row", 0) > 0


def _lies_in_counts(seen: Seen) -> Iterator[Problem]:
    wrote: Counter[tuple[str, str]] = Counter()
    for rows in seen.recorded.values():
        wrote.update((row["run_id"], row["state"]) for row in rows)
    ever = {state for _, state in wrote}
    for run in seen.runs:
        if run["event"] != "end":
            continue
        if sum(run[name] for name in COUNTERS) != run["source_rows"]:
            yield Problem("lie", f"the counters of run {_tail(run)} do not sum to its rows")
        for state in OUTCOMES:
            found = wrote[run["run_id"], state]
            # a row recorded as duplicate or superseded by an earlier run is counted again and not written again
            again = state in {"duplicate", "superseded"} and state in ever
            if found > run[state] or (found < run[state] and not again):
                yield Problem("lie", f"run {_tail(run)} counts {run[state]} rows {state} and recorded {found}")


def _tail(run: sqlite3.Row) -> str:
    return str(run["run_id"])[-4:]


def _first_values(world: World, seen: Seen) -> Iterator[Problem]:
    first: dict[tuple[str, Hashable], Row] = {}
    for row in world.rows:
        first.setdefault(_place(world, row), row)
    for place, row in first.items():
        for held in seen.held.get(place, ()):
            value = world.case.value_of_object(held)
            now, before = row[world.case.value_column], world.earlier_values.get(row["order_id"], ())
            if value not in {now, *before}:
                yield Problem("I5", f"the service holds {place[1]} with a value no version of {row['order_id']} had")
            told = _told(seen.recorded.get(row["order_id"], ())) or _refused_after_all(_states(seen, row), seen)
            if value != now and not told:
                yield Problem("I5", f"the service kept an earlier value of {row['order_id']} and the ledger is silent")


def _told(recorded: Sequence[sqlite3.Row]) -> bool:
    return any(row["state"] == "superseded" or (row["state"] == "applied" and row["message"]) for row in recorded)


def _leases(seen: Seen) -> Iterator[Problem]:
    starts = [run for run in seen.runs if run["event"] == "start"]
    holders: dict[tuple[str, int], str] = {}
    for run in starts:
        other = holders.setdefault((run["stream_id"], run["epoch"]), run["run_id"])
        if other != run["run_id"]:
            yield Problem("I6", f"two runs held epoch {run['epoch']}")


def _liveness(world: World) -> Iterator[Problem]:
    last = world.attempts[-1]
    if not last.ok:
        yield Problem("I7", f"not done {world.clean_tries} tries after the faults stopped: {last.error!r}")


def _calls(world: World, seen: Seen) -> Iterator[Problem]:
    by_attempt: dict[int, list[Mapping[str, Any]]] = {}
    for call in seen.calls:
        by_attempt.setdefault(world.witness.caller[call["number"]], []).append(call)
    smallest = ceil(len(world.rows) / world.batch_rows) + 2 * len(world.accounts)
    for attempt, calls in by_attempt.items():
        faults = sum(call["fault"] is not None for call in calls)
        if len(calls) > smallest + CALLS_A_FAULT * faults:
            yield Problem("I12", f"try {attempt} made {len(calls)} calls, {faults} of which met a fault")
        for call, following in pairwise(calls):
            waited = (_time(following) - _time(call)).total_seconds()
            if call["fault"] == "throttle_117" and waited < THROTTLE_SECONDS:
                yield Problem("I9", f"try {attempt} called again {waited:.0f} s after the service asked to slow down")


def _time(call: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(call["received_at"])
