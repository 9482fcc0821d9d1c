"""Which of a row's events decides: a maximum, hence indifferent to order, repetition and lateness."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from airflow_provider_bingads.domain.outcomes import FORGOTTEN_CONTENT, ROW_RANK, RowState
from airflow_provider_bingads.domain.records import Known

__all__ = ["RowEvent", "best_of_each", "current", "known_states"]

_APPLIED = ROW_RANK[RowState.APPLIED]


class RowEvent(NamedTuple):
    """What of a recorded outcome matters for the state of its key; the last two only order what else is equal."""

    row_key: str
    content_hash: str
    gen: int
    state: str
    rank: int
    run_id: str
    at: datetime
    call_id: str
    row_index: int


def _weight(gen: int, rank: int) -> tuple[bool, int, int]:
    """Order events: ``applied`` is evidence about the world and beats all, then a replay beats what it replays."""
    return rank == _APPLIED, gen, rank


def known_states(events: Iterable[tuple[str, str, int, str, int, str]]) -> dict[str, list[Known]]:
    """Fold (key, content, gen, state, rank, run) events into one state for each key and content."""
    best: dict[tuple[str, str], tuple[tuple[bool, int, int], Known]] = {}
    for key, content, gen, state, rank, run_id in events:
        weight = _weight(gen, rank)
        held = best.get((key, content))
        if held is None or weight > held[0]:
            best[key, content] = weight, Known(content, RowState(state), rank, run_id, gen)
    known: dict[str, list[Known]] = {}
    for (key, _), (_, state_known) in best.items():
        known.setdefault(key, []).append(state_known)
    return known


def best_of_each(events: Iterable[RowEvent]) -> list[RowEvent]:
    """Return, for each content of one key, the event that decides its state."""
    best: dict[str, RowEvent] = {}
    for event in events:
        held = best.get(event.content_hash)
        if held is None or _order(event) > _order(held):
            best[event.content_hash] = event
    return list(best.values())


def current(events: Iterable[RowEvent]) -> RowEvent | None:
    """Return the event that decides the state of one key: of the contents' deciding events the newest.

    Of a forgotten key it is the tombstone, unless it was applied: that stays true.
    """
    deciding = best_of_each(events)
    if any(event.content_hash == FORGOTTEN_CONTENT for event in deciding):
        settled = [event for event in deciding if event.rank == _APPLIED]
        deciding = settled or [event for event in deciding if event.content_hash == FORGOTTEN_CONTENT]
    return max(deciding, key=_moment, default=None)


def _moment(event: RowEvent) -> tuple[datetime, str, int]:
    return event.at, event.call_id, event.row_index


def _order(event: RowEvent) -> tuple[tuple[bool, int, int], tuple[datetime, str, int]]:
    return _weight(event.gen, event.rank), _moment(event)
