"""Hand-made histories, and literally what the views say of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, text

from airflow_provider_bingads.domain.outcomes import CallEventKind
from airflow_provider_bingads.warehouse import SqlLedger
from airflow_provider_bingads.warehouse.ledger.inspection import LedgerInspection
from tests.warehouse.ledger_records import after, batch, call, entries, error, identity, name, of, row, run

A, B = "a" * 16, "b" * 16
FROM = ("emulator", "1001", "ApplyOfflineConversions", "sales", "upload", "scheduled__1")
"""What every view begins with: environment, account_id, operation, dag_id, task_id, dag_run_id."""


def ask(engine: Engine, sql: str) -> list[tuple[Any, ...]]:
    """Return rows with times as texts of minutes, which SQLite hands out and PostgreSQL does not."""
    with engine.connect() as connection:
        if engine.dialect.name == "mysql":  # in which double quotes make a text, and CAST knows CHAR alone
            connection.execute(text("SET SESSION sql_mode = 'ANSI_QUOTES'"))
            sql = sql.replace("AS VARCHAR(128)", "AS CHAR(128)")
        return [tuple(plain(value) for value in found) for found in connection.execute(text(sql))]


def plain(value: Any) -> Any:
    if isinstance(value, datetime):
        value = value.isoformat(" ", "microseconds")
    if isinstance(value, str) and value.startswith("2026-11-01"):
        return value[11:16]
    return float(value) if isinstance(value, Decimal) else value


def attention(engine: Engine) -> list[tuple[Any, ...]]:
    return ask(engine, "SELECT source_ref, state, owner, reason FROM bingads_attention ORDER BY source_ref, run_id")


def rejected(number: int, **given: Any) -> list[Any]:
    """Return a rejected row and its reason."""
    ids = {**of(number), "row_key": name("k", number)}
    ids |= {key: given[key] for key in given.keys() & {"run_id", "row_key", "source_ref", "at"}}
    reason = error(
        code=5617, error_code="InvalidGoal", message="no such goal", remedy="create it", owner="marketing", **ids
    )
    return [row(state="rejected", **{**ids, **given}), reason]


def test_attention_names_whose_it_is_and_what_to_do(engine: Engine, ledger: SqlLedger) -> None:
    ledger.start_run(run(run_id=name("r", 1)))
    ledger.record(
        entries(
            row(
                call_id=name("r", 1),
                run_id=name("r", 1),
                row_key=name("k", 1),
                state="invalid",
                source_ref="17",
                column_name="amount",
                error_code="InvalidValue",
                message="first sentence",
                n_errors=2,
                group_name="Purchase",
                event_time=after(-60),
                at=after(1),
            ),
            *(
                error(
                    call_id=name("r", 1),
                    run_id=name("r", 1),
                    error_index=index,
                    origin="local",
                    column_name="amount",
                    message=message,
                    remedy=remedy,
                    owner="data",
                    source_ref="17",
                )
                for index, message, remedy in [(1, "second sentence", "other"), (0, "first sentence", "mend it")]
            ),
        )
    )
    assert ask(engine, "SELECT * FROM bingads_attention") == [
        (
            *FROM,
            name("r", 1),
            "17",
            "invalid",
            "data",
            "amount",
            "first sentence",
            "mend it",
            None,
            "InvalidValue",
            None,
            2,
            "Purchase",
            "07:00",
            None,
            "08:01",
            "08:01",
            name("k", 1),
            A,
            "5" * 32,
        )
    ]


def test_only_states_that_need_somebody_need_attention(engine: Engine, ledger: SqlLedger) -> None:
    ledger.start_run(run())
    states = ["applied", "rejected", "invalid", "duplicate", "superseded", "deferred", "unknown", "held"]
    ledger.record(
        entries(
            *(row(row_index=i, row_key=name("k", i), source_ref=state, state=state) for i, state in enumerate(states))
        )
    )
    assert [found[0] for found in attention(engine)] == ["deferred", "held", "invalid", "rejected", "superseded"]


@pytest.mark.parametrize(
    ("error_code", "needs"),
    [
        ("OfflineConversionNameInvalid", True),
        ("NotEligibleForEnhancedConversions", True),
        ("PhoneRegionNotDeclared", True),
        ("FutureConversionTimeCannotBeSet", False),
        ("OfflineConversionNotAcceptedForGoal", False),
        ("RunStopped", False),
    ],
)
def test_a_deferred_row_needs_attention_only_where_somebody_must_act(
    engine: Engine, ledger: SqlLedger, error_code: str, *, needs: bool
) -> None:
    ledger.start_run(run())
    ledger.record(entries(row(source_ref="17", state="deferred", error_code=error_code)))
    assert [found[0] for found in attention(engine)] == (["17"] if needs else [])


def test_a_row_that_was_mended_and_applied_leaves_attention(engine: Engine, ledger: SqlLedger) -> None:
    """The mended row has another key, because the goal is part of it: only its source_ref ties the two."""
    ledger.start_run(run(run_id=name("r", 1)))
    ledger.start_run(run(run_id=name("r", 2), identity=identity(dag_run_id="scheduled__2")))
    ledger.record(
        entries(*rejected(1, source_ref="17"), *rejected(1, source_ref="18", row_index=1, row_key=name("k", 9)))
    )
    assert [found[0] for found in attention(engine)] == ["17", "18"]
    ledger.record(entries(row(**of(2), row_key=name("k", 2), source_ref="17", at=after(60))))
    assert [found[0] for found in attention(engine)] == ["18"]


def test_a_row_that_was_mended_wrongly_stays_with_its_new_reason_only(engine: Engine, ledger: SqlLedger) -> None:
    ledger.start_run(run(run_id=name("r", 1)))
    ledger.start_run(run(run_id=name("r", 2)))
    ledger.record(entries(*rejected(1, source_ref="17")))
    ledger.record(
        entries(
            row(call_id=name("r", 2), run_id=name("r", 2), state="invalid", source_ref="17", message="new", at=after(9))
        )
    )
    assert attention(engine) == [("17", "invalid", "data", "new")]


def test_first_seen_is_when_this_version_was_first_judged(engine: Engine, ledger: SqlLedger) -> None:
    ledger.start_run(run(run_id=name("r", 1)))
    ledger.start_run(run(run_id=name("r", 2)))
    ledger.record(entries(row(**of(1), state="deferred", source_ref="17", at=after(1))))
    ledger.record(entries(*rejected(2, source_ref="17", row_key=name("k"), at=after(61))))
    assert ask(engine, "SELECT first_seen, last_seen FROM bingads_attention") == [("08:01", "09:01")]


def test_the_same_number_in_another_tasks_table_is_another_row(engine: Engine, ledger: SqlLedger) -> None:
    """Two tables may count their rows from 1; what is applied from one must not hide what is wrong in the other."""
    ledger.start_run(run(run_id=name("r", 1), identity=identity(task_id="europe")))
    ledger.start_run(run(run_id=name("r", 2), identity=identity(task_id="america")))
    ledger.record(entries(*rejected(1, source_ref="17")))
    ledger.record(entries(row(**of(2), row_key=name("k", 2), source_ref="17", at=after(5))))
    assert [found[0] for found in attention(engine)] == ["17"]
    states = ask(engine, "SELECT task_id, source_ref, state FROM bingads_row_current ORDER BY task_id")
    assert states == [("america", "17", "applied"), ("europe", "17", "rejected")]


def test_an_event_that_another_dag_sent_leaves_attention(engine: Engine, ledger: SqlLedger) -> None:
    ledger.start_run(run(run_id=name("r", 1)))
    ledger.start_run(run(run_id=name("r", 2), identity=identity(dag_id="backfill")))
    ledger.record(entries(*rejected(1, source_ref="17")))
    ledger.record(
        entries(
            row(
                call_id=name("c", 2),
                run_id=name("r", 2),
                row_key=name("k", 1),
                content_hash=B,
                source_ref="x",
                at=after(5),
            )
        )
    )
    assert attention(engine) == []


def test_a_value_changed_after_it_was_applied_needs_attention_though_its_event_was_sent(
    engine: Engine, ledger: SqlLedger
) -> None:
    ledger.start_run(run(run_id=name("r", 1)))
    ledger.start_run(run(run_id=name("r", 2)))
    ledger.record(entries(row(**of(1), source_ref="17")))
    changed = row(
        call_id=name("r", 2), run_id=name("r", 2), state="superseded", content_hash=B, source_ref="17", at=after(5)
    )
    ledger.record(entries(changed))
    assert [found[:2] for found in attention(engine)] == [("17", "superseded")]
    assert ask(engine, "SELECT source_ref, state FROM bingads_row_current") == [("17", "superseded")]


def test_a_row_and_its_duplicate_are_both_told(engine: Engine, ledger: SqlLedger) -> None:
    ledger.start_run(run())
    ledger.record(entries(row(source_ref="17"), row(call_id=name("r"), state="duplicate", source_ref="18")))
    states = ask(engine, "SELECT source_ref, state FROM bingads_row_current ORDER BY source_ref")
    assert states == [("17", "applied"), ("18", "duplicate")]


def test_row_current_tells_where_a_row_comes_from_and_what_it_was(engine: Engine, ledger: SqlLedger) -> None:
    ledger.start_run(run())
    ledger.record(
        entries(
            row(call_id=name("c", 1), state="deferred", source_ref="17"),
            row(
                call_id=name("c", 2),
                source_ref="17",
                event_time=after(-60),
                group_name="Purchase",
                remote_key="click",
                amount=Decimal("12.5"),
                currency="EUR",
                at=after(3),
            ),
        )
    )
    assert ask(engine, "SELECT * FROM bingads_row_current") == [
        (
            *FROM,
            name("r"),
            "5" * 32,
            "17",
            "applied",
            None,
            None,
            None,
            None,
            0,
            "07:00",
            "Purchase",
            "click",
            None,
            12.5,
            "EUR",
            None,
            "08:03",
            name("k"),
            A,
            name("c", 2),
            0,
            None,
        )
    ]


def test_partial_error_tells_every_reason_with_its_call(engine: Engine, ledger: SqlLedger) -> None:
    ledger.start_run(run())
    ledger.record(
        entries(
            batch([(name("0"), A)], batch_id=name("b", 3)),
            call(CallEventKind.INTENT, batch_id=name("b", 3)),
            call(CallEventKind.ANSWERED, batch_id=name("b", 3)),
            error(code=5603, error_index=0, field_path="[0].Click", message="bad", remedy="mend", tracking_id="t-1"),
            error(code=5610, error_index=1, message="also bad", details="d", type="EditorialError", appealable=True),
            error(call_id=name("r"), row_index=7, origin="local", column_name="amount", source_ref="24"),
        )
    )
    assert ask(
        engine,
        "SELECT environment, batch_id, row_index, error_index, source_ref, origin, code, field_path, "
        '"column", message, remedy, owner, tracking_id FROM bingads_partial_error ORDER BY row_index, error_index',
    ) == [
        ("emulator", name("b", 3), 0, 0, "1", "service", 5603, "[0].Click", None, "bad", "mend", "data", "t-1"),
        ("emulator", name("b", 3), 0, 1, "1", "service", 5610, None, None, "also bad", None, "data", None),
        ("emulator", None, 7, 0, "24", "local", None, None, "amount", None, None, "data", None),
    ]


def test_in_doubt_lists_open_calls_and_rows_without_an_outcome(engine: Engine, ledger: SqlLedger) -> None:
    ledger.start_run(run())
    members = [(name(str(i)), A) for i in range(3)]
    for number, events in enumerate(
        [
            [CallEventKind.INTENT],
            [CallEventKind.INTENT, CallEventKind.UNKNOWN],
            [CallEventKind.INTENT, CallEventKind.ANSWERED],
            [CallEventKind.INTENT, CallEventKind.UNKNOWN],
        ]
    ):
        ids = {"call_id": name("c", number), "batch_id": name("b", number)}
        ledger.record(entries(batch(members, batch_id=name("b", number)), *(call(event, **ids) for event in events)))
    ledger.record(
        entries(
            row(
                call_id=name("c", 3), row_index=0, row_key=name("k", 1), state="unknown", source_ref="17", message="why"
            ),
            row(call_id=name("c", 3), row_index=1, row_key=name("k", 2), state="held", source_ref="18"),
            row(call_id=name("c", 3), row_index=2, row_key=name("k", 3), state="unknown", source_ref="19"),
            row(call_id=name("c", 4), row_index=2, row_key=name("k", 3), source_ref="19", at=after(5)),
        )
    )
    assert ask(
        engine,
        "SELECT dag_id, source_ref, state, n_rows, call_id, since, deadline_at, reason FROM bingads_in_doubt "
        "ORDER BY call_id, source_ref",
    ) == [
        ("sales", None, "unknown", 3, name("c", 0), "08:00", "08:02", "sent, and no answer is recorded"),
        ("sales", None, "unknown", 3, name("c", 1), "08:00", "08:02", "sent, and no answer is recorded"),
        ("sales", "17", "unknown", 1, name("c", 3), "08:00", None, "why"),
        ("sales", "18", "held", 1, name("c", 3), "08:00", None, None),
    ]


@pytest.mark.parametrize(("days", "state"), [(-1, "unknown"), (1, "in_flight"), (None, "unknown")])
def test_a_call_without_an_answer_is_in_flight_until_its_deadline(
    engine: Engine, ledger: SqlLedger, days: int | None, state: str
) -> None:
    """By the database's clock, whatever zone a session is set to."""
    deadline = None if days is None else datetime.now(UTC) + timedelta(days=days)
    ledger.start_run(run())
    ledger.record(entries(batch([(name("1"), A)]), call(CallEventKind.INTENT, deadline_at=deadline)))
    assert ask(engine, "SELECT state FROM bingads_in_doubt") == [(state,)]
    inspection = LedgerInspection(engine)
    assert [line.state for line in inspection.in_doubt().items] == [state]
    assert [line.state for line in inspection.run("scheduled__1").calls.items] == [state]


def test_run_summary_has_a_row_for_each_account_of_each_try(engine: Engine, ledger: SqlLedger) -> None:
    ledger.start_run(run(run_id=name("r", 1)))
    ledger.start_run(run(run_id=name("r", 2), account_id="1002"))
    ledger.finish_run(
        run(run_id=name("r", 1), ended_at=after(2), counts={"source_rows": 9, "applied": 9}, calls=1, outcome="success")
    )
    assert ask(
        engine,
        "SELECT account_id, dag_id, dag_run_id, try_number, started_at, ended_at, outcome, duration_ms, source_rows, "
        "applied, rejected, calls FROM bingads_run_summary ORDER BY account_id",
    ) == [
        ("1001", "sales", "scheduled__1", 1, "08:00", "08:02", "success", 120_000, 9, 9, 0, 1),
        ("1002", "sales", "scheduled__1", 1, "08:00", None, "unfinished", None, None, None, None, None),
    ]


def test_a_row_is_found_by_its_key_in_the_source(engine: Engine, ledger: SqlLedger) -> None:
    """The documented join leads from an outcome back to the source's own columns."""
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE purchases (id INTEGER PRIMARY KEY, customer VARCHAR(20))"))
        connection.execute(text("INSERT INTO purchases VALUES (17, 'C-1'), (18, 'C-2')"))
    ledger.start_run(run())
    ledger.record(entries(*rejected(1, source_ref="18", run_id=name("r"))))
    assert ask(
        engine,
        "SELECT source.customer, attention.reason FROM bingads_attention AS attention "
        "JOIN purchases AS source ON CAST(source.id AS VARCHAR(128)) = attention.source_ref",
    ) == [("C-2", "no such goal")]


def test_the_views_use_the_indexes(engine: Engine, ledger: SqlLedger) -> None:
    """One row's story must not read the whole table."""
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        for view in ("bingads_row_current", "bingads_attention"):
            plan = str(connection.execute(text(f"{explain} SELECT * FROM {view} WHERE source_ref = '17'")).all())
            assert "ix_bingads_row_source" in plan
            assert "SCAN r" not in plan.replace("SCAN r USING INDEX", "")
