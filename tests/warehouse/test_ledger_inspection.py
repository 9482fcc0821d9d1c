"""What a ledger says of itself: the same on every database, bounded, and with keys that stay as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event, insert, select

from airflow_provider_bingads.warehouse import ledger_for
from airflow_provider_bingads.warehouse.ledger.inspection import LedgerInspection
from airflow_provider_bingads.warehouse.ledger.reports import Page, document
from airflow_provider_bingads.warehouse.ledger.schema import LedgerTables, ledger_tables
from tests import private_mariadb, private_postgres
from tests.cli.filled_ledger import CHANGED, DOUBTED, INVALID, REFUSED, copied, filled_file

KEYS = {
    "runs": "account_id calls counts customer_id dag_id dag_run_id duration_seconds ended_at environment error_class "
    "map_index namespace operation outcome provider_version retries run_id started_at task_id throttle_wait_seconds "
    "try_number",
    "attention": "account_id code column dag_id dag_run_id environment error_code event_time field_path first_seen "
    "group_name last_seen n_errors operation owner reason remedy row_key run_id source_ref state task_id tracking_id",
    "reasons": "code column error_code example last_seen owner reason remedy rows state",
    "in_doubt": "account_id call_id dag_id dag_run_id deadline_at environment n_rows next operation reason run_id "
    "since source_ref state task_id",
    "codes": "code column error_code owner reason remedy rows",
    "calls": "applied attempts batch_id call_id code deadline_at detail ended_at error_code http_status latency_ms "
    "parent_batch_id rejected rows sent_at sequence state tracking_id",
    "row": "account_id environment namespace operation present same_event source_ref steps versions",
    "present": "call_id code column dag_id dag_run_id error_code next not_before owner reason remedy run_id since "
    "state task_id tracking_id version",
    "versions": "amount content_hash currency event_time first_seen group_name last_seen number remote_key row_key",
    "steps": "at attempts batch_id call_id code dag_id dag_run_id deadline_at detail error_code event generation "
    "http_status latency_ms map_index message not_before reasons row_index rows run_id state task_id tracking_id "
    "try_number version",
    "step reasons": "code column details error_code field_path message origin owner remedy",
}
"""Public, as the changelog says of XCom and command line: a key may be added, none may go."""


def answers(ledger: LedgerInspection) -> dict[str, Any]:
    """Ask everything there is to ask."""
    (run,) = [it for it in ledger.runs().items if it.dag_run_id == "scheduled__1"]
    return {
        "runs": document(ledger.runs()),
        "show": document(ledger.run(run.run_id[:14])),
        "attention": document(ledger.attention(superseded=True)),
        "by code": document(ledger.attention(code="5610")),
        "in_doubt": document(ledger.in_doubt()),
        **{key: document(ledger.row(key)) for key in (REFUSED, INVALID, CHANGED, DOUBTED)},
        "by row key": document(ledger.row(ledger.row(REFUSED).rows.items[0].versions.items[0].row_key)),
    }


@pytest.fixture
def sqlite_ledger(tmp_path: Path) -> LedgerInspection:
    return LedgerInspection(create_engine(f"sqlite:///{copied(tmp_path)}"))


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.postgres), "mariadb"])
def elsewhere(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Return a database of a server that holds a copy of the same ledger."""
    own = {"postgres": private_postgres.own_database, "mariadb": private_mariadb.own_database}[request.param]
    with own(request.getfixturevalue(f"{request.param}_url"), "ledger_inspection") as engine:
        yield _moved(engine)


def _moved(engine: Engine) -> Engine:
    ledger_for(engine).close()
    tables = ledger_tables()
    source = create_engine(f"sqlite:///{filled_file()}")
    with source.connect() as read, engine.begin() as write:
        for table in _recorded(tables):
            rows = [dict(row._mapping) for row in read.execute(select(table))]
            write.execute(insert(table), rows)
    source.dispose()
    return engine


def _recorded(tables: LedgerTables) -> list[Any]:
    return [tables.run, tables.batch, tables.call, tables.row, tables.error]


def test_every_database_gives_the_same_answers(elsewhere: Engine, sqlite_ledger: LedgerInspection) -> None:
    assert answers(LedgerInspection(elsewhere)) == answers(sqlite_ledger)


def test_the_keys_of_every_answer_stand(sqlite_ledger: LedgerInspection) -> None:
    told = answers(sqlite_ledger)
    (row,) = told[REFUSED]["rows"]["items"]
    found = {
        "runs": told["runs"]["items"][0],
        "attention": told["attention"]["rows"]["items"][0],
        "reasons": told["attention"]["reasons"]["items"][0],
        "in_doubt": told["in_doubt"]["items"][0],
        "codes": told["show"]["codes"]["items"][0],
        "calls": told["show"]["calls"]["items"][0],
        "row": row,
        "present": row["present"][0],
        "versions": row["versions"]["items"][0],
        "steps": row["steps"]["items"][0],
        "step reasons": row["steps"]["items"][-1]["reasons"][0],
    }
    assert {name: sorted(it) for name, it in found.items()} == {name: keys.split() for name, keys in KEYS.items()}
    assert sorted(told["show"]) == ["attention", "calls", "codes", "run"]
    assert sorted(told[REFUSED]) == ["found_by", "key", "rows"]


@pytest.mark.parametrize("size", [2_000, 4_000, 8_000])
def test_an_answer_can_be_cut_to_a_size_and_says_so(sqlite_ledger: LedgerInspection, size: int) -> None:
    found = sqlite_ledger.attention(superseded=True)
    many = Page([it for it in found.rows.items for _ in range(50)], truncated=False)
    made = document(many, size)
    assert len(json.dumps(made)) <= size
    assert made["truncated"] is True
    assert made["items"]


def test_a_story_is_cut_from_its_beginning_before_a_row_is_left_out(sqlite_ledger: LedgerInspection) -> None:
    story = sqlite_ledger.row(DOUBTED)
    made = document(story, 3_500)
    (row,) = made["rows"]["items"]
    assert row["steps"]["truncated"] is True
    assert row["steps"]["items"][-1]["state"] == "applied"
    assert row["present"][0]["state"] == "applied"


def test_the_story_of_a_row_is_looked_up_never_searched_for(sqlite_ledger: LedgerInspection, tmp_path: Path) -> None:
    """At ten million rows a scan is the difference between a screen and a minute."""
    engine = create_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    plans: list[str] = []

    @event.listens_for(engine, "after_cursor_execute")
    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            explained = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(line for *_, line in explained)

    ledger = LedgerInspection(engine)
    row_key = ledger.row(DOUBTED).rows.items[0].versions.items[0].row_key
    ledger.row(row_key)
    engine.dispose()
    tables = ("bingads_row", "bingads_error", "bingads_call", "bingads_batch")
    assert any("ix_bingads_row_key" in line for line in plans)
    assert [line for line in plans if line.startswith("SCAN") and any(name in line for name in tables)] == []
