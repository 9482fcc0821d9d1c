"""What the delivery asks: known keys, open calls, waiting rows, earlier tries."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from airflow_provider_bingads.domain.outcomes import CallEventKind, RowState
from airflow_provider_bingads.domain.records import Known, OpenRow
from airflow_provider_bingads.domain.source_refs import NULL_REFERENCE
from airflow_provider_bingads.warehouse import SqlLedger
from tests.warehouse.ledger_records import START, STREAM, after, batch, call, entries, identity, name, row, run

LONG_AGO = START - timedelta(days=90)
OTHER = "6" * 32
A, B = "a" * 16, "b" * 16


def test_known_holds_the_best_state_of_each_content(ledger: SqlLedger) -> None:
    ledger.record(
        entries(
            row(call_id=name("c", 1), state="deferred", run_id=name("r", 1)),
            row(call_id=name("c", 2), state="applied", run_id=name("r", 2)),
            row(call_id=name("c", 3), state="superseded", content_hash=B, run_id=name("r", 3)),
            row(call_id=name("c", 4), state="rejected", row_key=name("k", 2), run_id=name("r", 4)),
        )
    )
    known = ledger.known(STREAM, [name("k"), name("k", 2), name("k", 3)])
    assert set(known) == {name("k"), name("k", 2)}
    assert sorted(known[name("k")]) == [
        Known(A, RowState.APPLIED, 100, name("r", 2)),
        Known(B, RowState.SUPERSEDED, 30, name("r", 3)),
    ]
    assert list(known[name("k", 2)]) == [Known(A, RowState.REJECTED, 60, name("r", 4))]


def test_streams_do_not_know_each_others_rows(ledger: SqlLedger) -> None:
    ledger.record(entries(row(stream_id=OTHER)))
    assert ledger.known(STREAM, [name("k")]) == {}


def test_keys_that_begin_alike_are_told_apart(ledger: SqlLedger) -> None:
    """The index holds the first quarter of a key only."""
    ledger.record(entries(row(row_key="0" * 31 + "1")))
    assert ledger.known(STREAM, ["0" * 31 + "2"]) == {}
    assert set(ledger.known(STREAM, ["0" * 31 + "2", "0" * 31 + "1"])) == {"0" * 31 + "1"}


def test_a_replay_counts_until_it_has_its_own_outcome(ledger: SqlLedger) -> None:
    ledger.record(
        entries(row(call_id=name("c", 1), state="rejected"), row(call_id=name("c", 2), state="deferred", gen=1))
    )
    assert ledger.known(STREAM, [name("k")])[name("k")][0].state is RowState.DEFERRED
    ledger.record(entries(row(call_id=name("c", 3), state="rejected", gen=1)))
    assert ledger.known(STREAM, [name("k")])[name("k")][0].state is RowState.REJECTED


def test_applied_is_evidence_that_no_replay_undoes(ledger: SqlLedger) -> None:
    ledger.record(entries(row(call_id=name("c", 1)), row(call_id=name("c", 2), state="deferred", gen=3)))
    assert ledger.known(STREAM, [name("k")])[name("k")][0].state is RowState.APPLIED


@pytest.mark.parametrize("number", [0, 1, 499, 500, 501, 5000])
def test_any_number_of_keys_is_looked_up(ledger: SqlLedger, number: int) -> None:
    ledger.record(entries(*(row(row_index=i, row_key=f"{i:08x}" + "0" * 24) for i in range(0, number, 2))))
    known = ledger.known(STREAM, [f"{i:08x}" + "0" * 24 for i in range(number)])
    assert len(known) == (number + 1) // 2


def test_a_call_is_open_until_its_end_is_known(ledger: SqlLedger) -> None:
    members = [(name("1"), A), (name("2"), B)]
    ledger.start_run(run(identity=identity(dag_run_id="scheduled__7")))
    for number, events in enumerate(
        [
            [CallEventKind.INTENT],
            [CallEventKind.INTENT, CallEventKind.UNKNOWN],
            [CallEventKind.INTENT, CallEventKind.ANSWERED],
            [CallEventKind.INTENT, CallEventKind.NOT_APPLIED],
            [CallEventKind.INTENT, CallEventKind.UNKNOWN, CallEventKind.RECONCILED],
        ]
    ):
        ids = {"call_id": name("c", number), "batch_id": name("b", number)}
        ledger.record(entries(batch(members, batch_id=name("b", number)), *(call(event, **ids) for event in events)))
    ledger.record(entries(call(CallEventKind.INTENT, call_id=name("c", 9), batch_id=name("b", 0), stream_id=OTHER)))
    first, second = ledger.open_calls(STREAM)
    assert (first.call_id, first.batch_id, first.has_unknown) == (name("c", 0), name("b", 0), False)
    assert (second.call_id, second.has_unknown) == (name("c", 1), True)
    assert first.members == tuple(members)
    assert (first.run_id, first.dag_run_id) == (name("r"), "scheduled__7")
    assert (first.created_at, first.deadline_at) == (START, after(2))


def waiting(ledger: SqlLedger, run_id: str = name("r", 99), event_after: datetime = LONG_AGO) -> list[OpenRow]:
    return sorted(ledger.waiting_rows(STREAM, run_id, event_after), key=lambda found: found.row_key)


def test_waiting_rows_name_the_dag_run_that_read_them(ledger: SqlLedger) -> None:
    ledger.start_run(run(run_id=name("r", 1), identity=identity(dag_run_id="first")))
    ledger.start_run(run(run_id=name("r", 2), identity=identity(dag_run_id="second")))
    ledger.record(
        entries(
            row(call_id=name("c", 1), run_id=name("r", 1), state="deferred", at=after(1)),
            row(call_id=name("c", 2), run_id=name("r", 2), state="deferred", at=after(60)),
        )
    )
    assert waiting(ledger) == [OpenRow(name("k"), A, RowState.DEFERRED, "second", after(1))]


@pytest.mark.parametrize("state", ["deferred", "unknown", "held"])
def test_each_state_that_waits_is_listed(ledger: SqlLedger, state: str) -> None:
    ledger.record(entries(row(state=state)))
    assert [found.state.value for found in waiting(ledger)] == [state]


@pytest.mark.parametrize("state", ["applied", "rejected", "invalid", "superseded", "duplicate"])
def test_a_row_that_got_its_outcome_waits_no_more(ledger: SqlLedger, state: str) -> None:
    ledger.record(entries(row(call_id=name("c", 1), state="deferred")))
    ledger.record(entries(row(call_id=name("c", 2), state=state, at=after(1))))
    assert waiting(ledger) == []


def test_a_row_whose_content_changed_and_was_judged_waits_no_more(ledger: SqlLedger) -> None:
    ledger.record(entries(row(call_id=name("c", 1), state="deferred")))
    ledger.record(entries(row(call_id=name("c", 2), state="rejected", content_hash=B, at=after(1))))
    assert waiting(ledger) == []


def test_rows_that_this_run_judged_are_not_those_its_source_lacks(ledger: SqlLedger) -> None:
    ledger.record(entries(row(call_id=name("c", 1), run_id=name("r", 1), state="unknown")))
    ledger.record(entries(row(call_id=name("c", 2), run_id=name("r", 2), state="deferred", at=after(1))))
    assert waiting(ledger, run_id=name("r", 2)) == []
    assert len(waiting(ledger, run_id=name("r", 3))) == 1


def test_rows_past_their_window_wait_no_more_and_rows_without_a_time_do(ledger: SqlLedger) -> None:
    ledger.record(
        entries(
            row(row_index=0, row_key=name("1"), state="deferred", event_time=START - timedelta(days=91)),
            row(row_index=1, row_key=name("2"), state="deferred", event_time=START - timedelta(days=89)),
            row(row_index=2, row_key=name("3"), state="deferred", event_time=None),
        )
    )
    assert [found.row_key for found in waiting(ledger)] == [name("2"), name("3")]


MENDED = {"row_key": name("k", 2), "content_hash": B}


@pytest.mark.parametrize(
    ("event", "keys"),
    [
        ({**MENDED, "at": after(1), "run_id": name("r", 2)}, []),
        ({**MENDED, "at": after(1), "run_id": name("r", 2), "state": "rejected"}, []),
        ({**MENDED, "at": after(-1), "run_id": name("r", 2)}, [name("k")]),
        ({**MENDED, "at": after(1), "run_id": name("r", 1)}, [name("k")]),
        ({**MENDED, "at": after(1), "run_id": name("r", 2), "source_ref": "2"}, [name("k")]),
        ({**MENDED, "at": after(1), "run_id": name("r", 2), "stream_id": OTHER}, [name("k")]),
        ({**MENDED, "at": after(1), "run_id": name("r", 3)}, [name("k")]),
        ({**MENDED, "at": after(1), "run_id": name("r", 4)}, [name("k")]),
    ],
    ids=[
        "applied", "refused", "an older one", "two rows of one run", "another row", "another stream", "another task",
        "another DAG",
    ],
)  # fmt: skip
def test_a_key_waits_no_more_once_a_later_run_read_its_row_under_another(
    ledger: SqlLedger, event: dict[str, object], keys: list[str]
) -> None:
    """A row whose identity could not be read waits under a key of its own, and gets another when it is mended."""
    for number, of in ((1, {}), (2, {}), (3, {"task_id": "another"}), (4, {"dag_id": "another"})):
        ledger.start_run(run(run_id=name("r", number), identity=identity(**of)))
    ledger.record(
        entries(row(call_id=name("c", 1), run_id=name("r", 1), state="deferred"), row(call_id=name("c", 2), **event))
    )
    assert [found.row_key for found in waiting(ledger)] == keys


@pytest.mark.parametrize("shared", ["", NULL_REFERENCE])
def test_rows_without_a_name_of_their_own_do_not_settle_one_another(ledger: SqlLedger, shared: str) -> None:
    for number in (1, 2):
        ledger.start_run(run(run_id=name("r", number)))
    ledger.record(
        entries(
            row(call_id=name("c", 1), run_id=name("r", 1), state="deferred", source_ref=shared),
            row(call_id=name("c", 2), run_id=name("r", 2), source_ref=shared, **MENDED, at=after(1)),
        )
    )
    assert [found.row_key for found in waiting(ledger)] == [name("k")]


def test_other_streams_rows_do_not_wait_here(ledger: SqlLedger) -> None:
    ledger.record(entries(row(state="deferred", stream_id=OTHER)))
    assert waiting(ledger) == []


def test_earlier_tries_of_the_same_task_instance_are_found_over_accounts(ledger: SqlLedger) -> None:
    """A killed try has begun and never ended; its refusals count like any other's."""

    def began(number: int, *, ended: bool = True, **of: object) -> None:
        ledger.start_run(run(run_id=name("r", number), identity=identity(**of)))
        if ended:
            ledger.finish_run(run(run_id=name("r", number), identity=identity(**of), ended_at=after(1)))

    began(1, try_number=1)
    began(2, try_number=1)
    began(3, ended=False, try_number=2)
    began(4, try_number=3)
    began(5, dag_run_id="scheduled__2")
    began(6, task_id="another")
    began(7, dag_id="another")
    began(8, map_index=4)
    found = ledger.runs_of_earlier_tries(identity(try_number=3), "ApplyOfflineConversions")
    assert found == {name("r", 1), name("r", 2), name("r", 3)}
    assert not ledger.runs_of_earlier_tries(identity(try_number=3), "AnotherOperation")


def test_three_lanes_work_at_once(engine: Engine, ledger: SqlLedger) -> None:
    """Writes, reads and renewals come from a thread each."""
    lease = ledger.acquire(STREAM, "me", 60)
    errors: list[BaseException] = []

    def repeat(work: object, times: int) -> None:
        try:
            for turn in range(times):
                work(turn)  # type: ignore[operator]
        except Exception as error:  # noqa: BLE001 - the test looks at it
            errors.append(error)

    def write(turn: int) -> None:
        keys = [f"{turn:04x}{i:04x}" + "0" * 24 for i in range(200)]
        ledger.record(entries(*(row(call_id=name("c", turn), row_index=i, row_key=key) for i, key in enumerate(keys))))

    threads = [
        threading.Thread(target=repeat, args=(write, 20)),
        threading.Thread(target=repeat, args=(lambda turn: ledger.known(STREAM, [name("k", turn)]), 60)),
        threading.Thread(target=repeat, args=(lambda _: ledger.renew(lease, 60), 20)),  # type: ignore[arg-type]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(ledger.known(STREAM, [f"{t:04x}{i:04x}" + "0" * 24 for t in range(20) for i in range(200)])) == 4000
