"""Forgetting: what leads to a person is erased everywhere, and a tombstone keeps the rows from being sent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from airflow_provider_bingads.domain.identity import erased_key
from airflow_provider_bingads.domain.outcomes import FORGOTTEN_CONTENT, FORGOTTEN_REFERENCE, CallEventKind, RowState
from airflow_provider_bingads.domain.records import RowRecord
from airflow_provider_bingads.exceptions import LeaseBusy, LeaseLost
from airflow_provider_bingads.sync.ports import Lease
from airflow_provider_bingads.warehouse import SqlLedger
from airflow_provider_bingads.warehouse.ledger import forget as forgetting
from airflow_provider_bingads.warehouse.ledger.keeper import LedgerKeeper
from airflow_provider_bingads.warehouse.ledger.kept import Scope
from tests.warehouse.ledger_records import START, STREAM, after, batch, call, entries, error, identity, name, row, run

A, B = "a" * 16, "b" * 16
HEX_KEY = "0123456789abcdef0123456789abcdef"
OTHER_STREAM = "6" * 32
CANARY = "canary-4711"


@pytest.fixture
def keeper(ledger: SqlLedger) -> LedgerKeeper:
    ledger.start_run(run())
    return LedgerKeeper(ledger, owner="somebody")


def ask(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(found) for found in connection.execute(text(query))]


def recorded(number: int, **given: object) -> RowRecord:
    values = {"call_id": name("c", number), "row_key": HEX_KEY, "source_ref": "17"}
    return row(**{**values, **given})


def everything(engine: Engine) -> str:
    """Return all that the ledger's tables hold, as text."""
    tables = ("run", "batch", "call", "row", "error")
    return "\n".join(str(ask(engine, f"SELECT * FROM bingads_{table}")) for table in tables)


def test_every_text_that_leads_to_the_person_is_gone(engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    texts = {"source_ref": CANARY, "message": f"{CANARY} is wrong", "remote_key": CANARY, "remote_id": CANARY}
    ledger.record(
        entries(
            recorded(1, **texts, group_name=CANARY, state="rejected", n_errors=1),
            recorded(2, **texts, group_name="Lead", content_hash=B, amount=12, currency="EUR"),
            recorded(3, source_ref="another name of the same event", state="duplicate", message=CANARY),
            error(
                call_id=name("c", 1),
                source_ref=CANARY,
                message=CANARY,
                details=CANARY,
                disapproved_text=CANARY,
                location=CANARY,
            ),
            error(call_id=name("c", 3), source_ref="x", message=CANARY, origin="local"),
        )
    )
    found = keeper.forget(CANARY, apply=True)
    assert (found.row_events, found.errors, found.tombstones) == (3, 2, 1)
    assert [stored.source_ref for stored in found.rows] == [CANARY]
    assert CANARY not in everything(engine)
    assert "another name" not in everything(engine)
    left = ask(engine, "SELECT state, group_name, currency FROM bingads_row WHERE state = 'applied'")
    assert left == [("applied", "Lead", "EUR")]


def test_what_is_not_meant_stays_as_it_is(engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    ledger.record(
        entries(
            recorded(1, source_ref="17"),
            recorded(2, source_ref="170", row_key=name("0", 2), message="kept", remote_key="click", state="rejected"),
            error(call_id=name("c", 2), source_ref="170", message="kept too"),
        )
    )
    keeper.forget("17", apply=True)
    assert ask(engine, "SELECT source_ref, message, remote_key FROM bingads_row WHERE source_ref <> ''") == [
        ("170", "kept", "click")
    ]
    assert ask(engine, "SELECT source_ref, message FROM bingads_error") == [("170", "kept too")]


def test_the_tombstone_is_one_event_of_its_key(engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    ledger.record(entries(recorded(1, state="rejected", event_time=after(-5)), recorded(2, row_key=name("0", 2))))
    found = keeper.forget("17", apply=True)
    assert found.tombstones == 2
    known = ledger.known(STREAM, [HEX_KEY, name("0", 2)])
    assert all(sum(entry.forgotten for entry in told) == 1 for told in known.values())
    stones = ask(engine, "SELECT row_key, state, error_code, source_ref, run_id FROM bingads_row "
                 "WHERE error_code = 'Forgotten' ORDER BY row_key")  # fmt: skip
    assert [stone[:4] for stone in stones] == [
        (name("0", 2), "invalid", "Forgotten", ""),
        (HEX_KEY, "invalid", "Forgotten", ""),
    ]
    assert {stone[4] for stone in stones} == set(found.run_ids)
    assert ask(engine, "SELECT dag_id, outcome, source_rows, invalid FROM bingads_run_summary WHERE outcome = 'forget'")


def test_a_trial_run_writes_nothing(engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    ledger.record(entries(recorded(1, state="rejected"), error(call_id=name("c", 1))))
    before = everything(engine)
    found = keeper.forget("17")
    assert (found.applied, found.row_events, found.errors, found.tombstones) == (False, 1, 1, 1)
    assert found.rows[0].dag_id == "sales"
    assert everything(engine) == before


def test_forgetting_twice_leaves_one_tombstone(ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    ledger.record(entries(recorded(1)))
    keeper.forget("17", apply=True)
    by_name, by_key = keeper.forget("17", apply=True), keeper.forget(HEX_KEY, apply=True)
    assert (by_name.rows, by_name.tombstones) == ((), 0)
    assert (by_key.row_events, by_key.tombstones) == (0, 0)


def test_what_a_late_writer_brought_back_can_be_forgotten_by_its_row_key(
    engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper
) -> None:
    ledger.record(entries(recorded(1, state="unknown")))
    keeper.forget(HEX_KEY, apply=True)
    ledger.record(entries(recorded(1, source_ref=CANARY)))
    assert keeper.forget(HEX_KEY.upper(), apply=True).row_events == 1
    assert CANARY not in everything(engine)


def test_nobody_is_forgotten_where_nobody_is_meant(ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    """The names of those forgotten before are empty, and an empty name must not mean them."""
    ledger.record(entries(recorded(1)))
    keeper.forget("17", apply=True)
    assert keeper.forget("").rows == ()
    assert keeper.forget("18", apply=True).rows == ()


def test_the_scope_tells_two_tables_with_the_same_numbers_apart(ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    ledger.start_run(run(run_id=name("r", 2), identity=identity(task_id="europe")))
    ledger.start_run(run(run_id=name("r", 3), stream_id=OTHER_STREAM, account_id="1002"))
    ledger.record(
        entries(
            recorded(1),
            recorded(2, row_key=name("0", 2), run_id=name("r", 2)),
            recorded(3, row_key=name("0", 3), run_id=name("r", 3), stream_id=OTHER_STREAM),
        )
    )
    expected = [
        (Scope(), 3),
        (Scope(task_id="europe"), 1),
        (Scope(task_id="upload"), 2),
        (Scope(account_id="1002"), 1),
        (Scope(account_id="1003"), 0),
    ]
    for scope, rows in expected:
        assert len(keeper.forget("17", scope=scope).rows) == rows
    keeper.forget("17", scope=Scope(account_id="1002"), apply=True)
    assert len(keeper.forget("17").rows) == 2


def test_while_a_run_holds_the_account_nothing_is_forgotten_and_its_holder_is_named(
    engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper
) -> None:
    ledger.start_run(run(run_id=name("r", 3), stream_id=OTHER_STREAM))
    ledger.record(entries(recorded(1), recorded(2, run_id=name("r", 3), stream_id=OTHER_STREAM)))
    held = ledger.acquire(OTHER_STREAM, "sales/upload run 7 try 1", 60)
    before = everything(engine)
    with pytest.raises(LeaseBusy, match="sales/upload run 7 try 1"):
        keeper.forget("17", apply=True)
    assert everything(engine) == before
    assert isinstance(ledger.acquire(STREAM, "next", 1), Lease), "the lease of the other stream was given back"
    ledger.release(held)  # type: ignore[arg-type]


def test_the_leases_are_given_back(ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    ledger.record(entries(recorded(1)))
    keeper.forget("17", apply=True)
    assert isinstance(ledger.acquire(STREAM, "next", 1), Lease)


def test_a_lease_that_another_run_took_meanwhile_ends_it_before_anything_is_changed(
    engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.record(entries(recorded(1)))
    monkeypatch.setattr(forgetting.leases, "renew", lambda *_args, **_given: None)
    before = everything(engine)
    with pytest.raises(LeaseLost, match="nothing was changed"):
        keeper.forget("17", apply=True)
    assert everything(engine) == before


@pytest.mark.parametrize("state", ["deferred", "unknown", "held", "rejected", "invalid", "superseded"])
def test_a_forgotten_row_waits_for_nobody(engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper, state: str) -> None:
    ledger.record(entries(recorded(1, state=state)))
    keeper.forget("17", apply=True)
    assert ledger.waiting_rows(STREAM, "another", START - timedelta(days=90)) == []
    for view in ("attention", "in_doubt"):
        assert ask(engine, f"SELECT * FROM bingads_{view}") == []
    assert ask(engine, "SELECT state, error_code FROM bingads_row_current") == [("invalid", "Forgotten")]


def test_forgotten_rows_do_not_hide_each_other(engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    """All of them have the same empty name."""
    ledger.record(
        entries(
            *(recorded(n, row_key=name("0", n), source_ref=str(n), at=after(n)) for n in range(3)),
            *(recorded(n, row_key=name("0", n), source_ref=str(n), state="rejected") for n in range(3, 6)),
        )
    )
    for number in range(6):
        keeper.forget(str(number), apply=True)
    states = ask(engine, "SELECT row_key, state FROM bingads_row_current ORDER BY row_key")
    assert states == [(name("0", n), "applied" if n < 3 else "invalid") for n in range(6)]


def test_what_was_applied_stays_applied_once(engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    ledger.record(
        entries(
            recorded(1, state="deferred"),
            recorded(2, at=after(1)),
            recorded(3, state="superseded", content_hash=B, at=after(2)),
        )
    )
    keeper.forget("17", apply=True)
    assert ask(engine, "SELECT state FROM bingads_row_current") == [("applied",)]
    states = {entry.state for entry in ledger.known(STREAM, [HEX_KEY])[HEX_KEY] if not entry.forgotten}
    assert states == {RowState.APPLIED, RowState.SUPERSEDED}


def test_a_forgotten_row_is_neither_replayed_nor_released(ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    ledger.record(entries(recorded(1, state="rejected", code=5603), recorded(2, state="held", row_key=name("0", 2))))
    keeper.forget("17", apply=True)
    assert keeper.replay(code=5603).rows == ()
    assert keeper.replay(error_code="Forgotten").left_out == {"forgotten": 2}
    assert keeper.replay(keys=[HEX_KEY]).left_out == {"forgotten": 1}
    assert keeper.release([name("0", 2)]).rows == ()


def test_the_members_of_an_open_call_stay_for_the_next_run_to_close_it(ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    ledger.record(
        entries(batch([(HEX_KEY, A)]), call(CallEventKind.INTENT), recorded(1, state="deferred", call_id=name("c", 9)))
    )
    keeper.forget("17", apply=True)
    (open_call,) = ledger.open_calls(STREAM)
    assert open_call.members == ((HEX_KEY, A),)


@pytest.mark.parametrize("key", ["17", HEX_KEY])
def test_each_source_row_found_is_recognised_from_then_on(ledger: SqlLedger, keeper: LedgerKeeper, key: str) -> None:
    """By stream, DAG, task and name, of each name that its events have."""
    ledger.start_run(run(run_id=name("r", 2), identity=identity(task_id="europe")))
    ledger.start_run(run(run_id=name("r", 3), stream_id=OTHER_STREAM, account_id="1002"))
    ledger.record(
        entries(
            recorded(1, state="rejected"),
            recorded(2, content_hash=B, at=after(1)),
            recorded(3, run_id=name("r", 2), state="duplicate"),
            recorded(4, source_ref="another name", state="duplicate"),
            recorded(5, run_id=name("r", 3), stream_id=OTHER_STREAM),
            recorded(6, source_ref="18", row_key=name("0", 6)),
        )
    )
    assert ledger.forgotten(STREAM) == frozenset()
    for _ in range(2):
        keeper.forget(key, apply=True)
        assert ledger.forgotten(STREAM) == {
            erased_key(STREAM, "sales", "upload", "17"),
            erased_key(STREAM, "sales", "europe", "17"),
            erased_key(STREAM, "sales", "upload", "another name"),
        }
        assert ledger.forgotten(OTHER_STREAM) == {erased_key(OTHER_STREAM, "sales", "upload", "17")}


def test_the_tombstone_of_a_source_row_names_nobody_and_shows_in_no_view(
    engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper
) -> None:
    ledger.record(entries(recorded(1, source_ref=CANARY, state="rejected", event_time=after(-5))))
    keeper.forget(CANARY, apply=True)
    assert ask(
        engine,
        "SELECT row_key, source_ref, content_hash, event_time, state FROM bingads_row "
        f"WHERE error_code = '{FORGOTTEN_REFERENCE}'",
    ) == [(erased_key(STREAM, "sales", "upload", CANARY), "", FORGOTTEN_CONTENT, None, "invalid")]
    assert CANARY not in everything(engine)
    assert ask(engine, "SELECT row_key FROM bingads_row_current") == [(HEX_KEY,)]
    for view in ("attention", "in_doubt"):
        assert ask(engine, f"SELECT * FROM bingads_{view}") == []


def test_a_source_row_brought_back_under_another_name_gets_a_tombstone_too(
    ledger: SqlLedger, keeper: LedgerKeeper
) -> None:
    ledger.record(entries(recorded(1)))
    keeper.forget("17", apply=True)
    ledger.record(entries(recorded(2, source_ref="late", state="unknown")))
    assert keeper.forget(HEX_KEY, apply=True).tombstones == 0
    assert erased_key(STREAM, "sales", "upload", "late") in ledger.forgotten(STREAM)


def test_a_row_of_which_no_run_is_known_gets_the_tombstone_of_its_event_alone(
    ledger: SqlLedger, keeper: LedgerKeeper
) -> None:
    ledger.record(entries(recorded(1, run_id=name("r", 9))))
    assert keeper.forget("17", apply=True).tombstones == 1
    assert ledger.forgotten(STREAM) == frozenset()


def test_a_run_that_forgot_counts_rows_as_forgotten(engine: Engine, ledger: SqlLedger, keeper: LedgerKeeper) -> None:
    """They are nobody's to fix."""
    ledger.record(entries(recorded(1, state="rejected"), recorded(2, row_key=name("0", 2))))
    keeper.forget("17", apply=True)
    told = "SELECT source_rows, invalid, more_counts, codes FROM bingads_run_summary WHERE outcome = 'forget'"
    assert ask(engine, told) == [(2, 0, '{"forgotten": 2}', "[]")]
