"""The books on what earlier runs sent without a known end: what settles a row, and what is still waited for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_bingads.domain.outcomes import FORGOTTEN_CONTENT, ROW_RANK, CallEventKind, RowState
from airflow_provider_bingads.domain.records import Known, OpenCall, OpenRow
from airflow_provider_bingads.sync.entries import Scribe
from airflow_provider_bingads.sync.recovery import OpenWork, Waiting

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def call(name: str, *members: tuple[str, str], hours: int = 0, unknown: bool = False) -> OpenCall:
    at = NOON + timedelta(hours=hours)
    return OpenCall(name, f"batch of {name}", "run", f"dag run of {name}", members, None, at, unknown)


def known(state: RowState, content: str) -> Known:
    return Known(content, state, ROW_RANK[state], "run")


class BooksOnly:
    """A ledger of which only what is open can be read."""

    def __init__(self, calls: Sequence[OpenCall], recorded: Mapping[str, Sequence[Known]]) -> None:
        self._calls = calls
        self._recorded = recorded
        self.lookups: list[int] = []

    def open_calls(self, stream_id: str) -> Sequence[OpenCall]:
        assert stream_id == "stream"
        return self._calls

    def forgotten(self, stream_id: str) -> frozenset[str]:
        assert stream_id == "stream"
        return frozenset()

    def known(self, stream_id: str, keys: Sequence[str]) -> Mapping[str, Sequence[Known]]:
        assert stream_id == "stream"
        self.lookups.append(len(keys))
        return {key: self._recorded[key] for key in keys if key in self._recorded}


def read(*calls: OpenCall, **recorded: Sequence[Known]) -> OpenWork:
    ledger: Any = BooksOnly(calls, recorded)
    return OpenWork.read(ledger, "stream")


@pytest.mark.parametrize(
    ("recorded", "open_still"),
    [
        ([], True),
        ([known(RowState.APPLIED, "1")], False),
        ([known(RowState.APPLIED, "2")], False),
        ([known(RowState.REJECTED, "1")], False),
        ([known(RowState.REJECTED, "2")], True),
        ([known(RowState.SUPERSEDED, "1")], False),
        ([known(RowState.INVALID, FORGOTTEN_CONTENT)], False),
        ([known(RowState.DUPLICATE, "1")], True),
        ([known(RowState.HELD, "1")], True),
        ([known(RowState.UNKNOWN, "1")], True),
        ([known(RowState.DEFERRED, "1"), known(RowState.INVALID, "1")], False),
    ],
)
def test_a_verdict_about_the_content_sent_settles_a_row_and_an_applied_key_any(
    recorded: list[Known], *, open_still: bool
) -> None:
    work = read(call("c", ("a", "1")), a=recorded)

    assert ("a" in work.unresolved) is open_still


def test_a_row_is_in_its_latest_call_and_every_content_sent_is_remembered() -> None:
    first, second = call("one", ("a", "1"), ("b", "1")), call("two", ("a", "2"), hours=1)
    work = read(first, second)

    assert work.unresolved == {"a": ("2", second), "b": ("1", first)}
    asked = [work.other_content_sent(key, content) for key, content in (("a", "2"), ("b", "1"), ("b", "2"), ("z", "1"))]
    assert asked == [True, False, True, False]
    work.resolve("a")
    work.resolve("never sent")
    assert not work.other_content_sent("a", "2")


def test_keys_are_looked_up_a_thousand_at_a_time() -> None:
    ledger: Any = BooksOnly([call("c", *((f"{number:04}", "1") for number in range(2001)))], {})
    OpenWork.read(ledger, "stream")

    assert ledger.lookups == [1000, 1000, 1]


def scribe() -> Scribe:
    return Scribe("run", "stream", "CampaignManagement", "ApplyThings", 1, {}, {})


def test_an_open_call_is_called_unknown_once() -> None:
    work = read(call("new", ("a", "1")), call("old", ("b", "1"), unknown=True))
    (event,) = work.opening(scribe(), NOON).calls

    assert (event.call_id, event.batch_id, event.event, event.at) == (
        "new",
        "batch of new",
        CallEventKind.UNKNOWN,
        NOON,
    )
    assert event.detail


def test_a_call_is_closed_when_each_of_its_rows_has_an_outcome() -> None:
    work = read(call("one", ("a", "1"), ("b", "1")), call("two", ("c", "1")), call("empty"))
    work.resolve("a")
    work.resolve("c")

    closed = work.closing(scribe(), NOON).calls
    assert [(event.call_id, event.batch_id, event.event, event.at) for event in closed] == [
        ("two", "batch of two", CallEventKind.RECONCILED, NOON),
        ("empty", "batch of empty", CallEventKind.RECONCILED, NOON),
    ]
    assert all(event.detail for event in closed)


def test_what_was_sent_up_to_a_time_is_given_up() -> None:
    work = read(call("one", ("a", "1")), call("two", ("b", "1"), hours=1), call("three", ("c", "1"), hours=2))
    work.resolve_older(NOON + timedelta(hours=1))

    assert set(work.unresolved) == {"c"}


def waiting_row(key: str, state: RowState, hours: int) -> OpenRow:
    return OpenRow(key, "1", state, f"dag run of {key}", NOON + timedelta(hours=hours))


def test_nothing_open_is_nothing_to_wait_for() -> None:
    assert read().waiting([]) == Waiting(0, 0, None, None)


def test_open_rows_and_rows_of_open_calls_are_counted_once_and_the_oldest_is_named() -> None:
    work = read(call("one", ("a", "1"), ("b", "1"), hours=3), call("two", ("c", "1"), hours=2))
    rows = [
        waiting_row("a", RowState.UNKNOWN, 4),
        waiting_row("d", RowState.DEFERRED, 5),
        waiting_row("e", RowState.HELD, 6),
    ]

    assert work.waiting(rows) == Waiting(5, 4, NOON + timedelta(hours=2), "dag run of two")
    assert work.waiting([*rows, waiting_row("f", RowState.DEFERRED, 1)]) == Waiting(
        6, 4, NOON + timedelta(hours=1), "dag run of f"
    )


@pytest.mark.parametrize("state", list(RowState))
def test_only_a_final_outcome_of_its_own_ends_the_doubt_about_a_row(state: RowState) -> None:
    """A row that waits was met all the same: it is counted with this run's rows, not with those that are gone."""
    work = read(call("one", ("a", "1")))
    work.note("a", state)
    passing = state in {RowState.DEFERRED, RowState.UNKNOWN, RowState.HELD}

    assert ("a" in work.unresolved) is (passing or state is RowState.DUPLICATE)
    assert work.waiting([]).rows == (1 if state is RowState.DUPLICATE else 0)
