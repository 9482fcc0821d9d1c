"""The operators that read and keep a ledger, over one that real runs filled."""

from __future__ import annotations

import inspect
import json
import re
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from operators_world import TaskInstance, Warehouse, conversions, run

from airflow_provider_bingads.exceptions import Stopped
from airflow_provider_bingads.operators import ledger, ledger_keeping
from airflow_provider_bingads.operators.ledger import LedgerOperator, LedgerReportOperator
from airflow_provider_bingads.operators.ledger_keeping import (
    ForgetRowOperator,
    PruneLedgerOperator,
    ReleaseHeldRowsOperator,
    ReplayRowsOperator,
)
from airflow_provider_bingads.warehouse.ledger.keeper import LedgerKeeper
from airflow_provider_bingads.warehouse.ledger.kept import Pruned
from tests.cli.filled_ledger import DOUBT, INVALID, REFUSED, copied

OPERATORS = (
    LedgerReportOperator,
    ReplayRowsOperator,
    ReleaseHeldRowsOperator,
    ForgetRowOperator,
    PruneLedgerOperator,
)


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = copied(tmp_path)
    monkeypatch.setenv("AIRFLOW_CONN_LEDGER", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    return path


def done(operator: type[LedgerOperator], **arguments: Any) -> dict[str, Any]:
    """Run an operator as a task does."""
    arguments = {"ledger_conn_id": "ledger", **arguments}
    task = operator(task_id="keep", allow_nested_operators=True, **arguments)
    returned = task.execute({"ti": TaskInstance()})  # type: ignore[typeddict-item]
    assert len(json.dumps(returned)) <= 32 * 1024
    return returned


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        ({"report": "runs"}, {"items", "truncated"}),
        ({"report": "show", "ledger_run": "scheduled__1"}, {"run", "codes", "calls", "attention"}),
        ({"report": "row", "key": REFUSED}, {"key", "found_by", "rows"}),
        ({"report": "attention"}, {"reasons", "rows"}),
        ({"report": "in_doubt"}, {"items", "truncated"}),
    ],
)
@pytest.mark.usefixtures("filled")
def test_each_report_is_what_the_command_line_prints(arguments: dict[str, str], keys: set[str]) -> None:
    assert set(done(LedgerReportOperator, **arguments)) == keys


@pytest.mark.usefixtures("filled")
def test_a_report_is_narrowed_by_rendered_texts() -> None:
    """A template gives text, a number included."""
    found = done(LedgerReportOperator, report="attention", responsible="data", code="5616", limit="1")
    assert [it["source_ref"] for it in found["rows"]["items"]] == [REFUSED]
    assert done(LedgerReportOperator, report="runs", since="2999-01-01")["items"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"report": "rows"}, "runs, show, row, attention, in_doubt"),
        ({"report": "row"}, "needs key"),
        ({"report": "show"}, "needs ledger_run"),
        ({"report": "runs", "code": 5616}, "does not take code"),
        ({"report": "attention", "responsible": "me"}, "data, marketing or platform"),
        ({"report": "runs", "limit": "many"}, "limit must be a whole number"),
        ({"report": "runs", "limit": True}, "limit must be a whole number"),
        ({"report": "runs", "since": "yesterday"}, "since must be a time"),
        ({"report": "row", "key": "4711"}, "Nothing is recorded"),
        ({"report": "runs", "ledger_conn_id": "nowhere"}, "no Airflow connection 'nowhere'"),
    ],
)
@pytest.mark.usefixtures("filled")
def test_what_must_be_mended_fails_the_task_in_a_sentence(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(AirflowFailException, match=re.escape(said)):
        done(LedgerReportOperator, **arguments)


def contents(path: Path) -> list[Any]:
    with sqlite3.connect(path) as database:
        return [database.execute(f"SELECT * FROM {name}").fetchall() for name in ("bingads_row", "bingads_error")]


@pytest.mark.parametrize(
    ("operator", "arguments"),
    [
        (ReplayRowsOperator, {"keys": REFUSED}),
        (ReplayRowsOperator, {"code": 5616, "apply": "False"}),
        (ReleaseHeldRowsOperator, {"keys": [DOUBT], "apply": False}),
        (ForgetRowOperator, {"key": INVALID, "apply": "None"}),
        (PruneLedgerOperator, {"apply": ""}),
    ],
)
def test_whatever_is_not_told_to_apply_is_a_trial_run(
    filled: Path, operator: type[LedgerOperator], arguments: dict[str, Any]
) -> None:
    """The text ``False`` of a template is false."""
    before = contents(filled)
    assert done(operator, **arguments)["applied"] is False
    assert contents(filled) == before


@pytest.mark.usefixtures("filled")
def test_an_apply_that_is_neither_true_nor_false_is_refused() -> None:
    with pytest.raises(AirflowFailException, match="apply must be True or False"):
        done(PruneLedgerOperator, apply="maybe")


@pytest.mark.usefixtures("filled")
def test_a_replay_needs_to_know_which_rows() -> None:
    with pytest.raises(AirflowFailException):
        done(ReplayRowsOperator, apply=True)


def test_a_refused_row_is_sent_again_once_its_cause_is_gone_and_it_was_replayed(
    warehouse: Warehouse, service: Any
) -> None:
    service.add_clicks({f"{1:032x}": 4_000_000_000.0})
    warehouse.add(conversions(2))
    assert run(on_threshold="warn").counts == {"source_rows": 2, "applied": 1, "rejected": 1}
    service.add_clicks({f"{1:032x}": datetime.now(UTC).timestamp() - 7200})
    assert run(ti=TaskInstance(run_id="manual__2"), on_threshold="warn").counts["already_rejected"] == 1
    marked = done(ReplayRowsOperator, ledger_conn_id="warehouse", keys=["order-0", "order-1"], apply="true")
    assert ([it["source_ref"] for it in marked["rows"]["items"]], marked["applied"]) == (["order-0"], True)
    assert run(ti=TaskInstance(run_id="manual__3")).counts == {"source_rows": 2, "skipped": 1, "applied": 1}
    (row,) = done(LedgerReportOperator, ledger_conn_id="warehouse", report="row", key="order-0")["rows"]["items"]
    assert [it["event"] for it in row["steps"]["items"]] == ["sent", "outcome", "replayed", "sent", "outcome"]
    assert [it["generation"] for it in row["steps"]["items"] if it["state"]] == [0, 1, 1]


@pytest.mark.usefixtures("filled")
def test_forgetting_returns_row_keys_and_no_reference() -> None:
    returned = done(ForgetRowOperator, key=INVALID, apply=True)
    assert returned["applied"] is True
    assert INVALID not in json.dumps(returned)
    assert returned["rows"]["items"][0]["row_key"]


@pytest.mark.usefixtures("filled")
def test_a_key_nobody_knows_fails_the_task_and_is_named() -> None:
    with pytest.raises(AirflowFailException, match="Nothing is recorded of 'NOPE'"):
        done(ForgetRowOperator, key="NOPE", apply=True)


@pytest.mark.usefixtures("filled")
def test_an_empty_key_forgets_nothing() -> None:
    with pytest.raises(AirflowFailException, match="key is empty"):
        done(ForgetRowOperator, key="", apply=True)


@pytest.mark.usefixtures("filled")
def test_a_term_shorter_than_the_window_is_refused() -> None:
    with pytest.raises(AirflowFailException, match="90"):
        done(PruneLedgerOperator, applied_days="30", apply=True)


@pytest.mark.usefixtures("filled")
def test_a_prune_that_is_asked_to_end_lets_the_next_one_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    task = PruneLedgerOperator(task_id="prune", ledger_conn_id="ledger", apply=True, allow_nested_operators=True)

    def ended(self: LedgerKeeper, *, stop: Any, **_: Any) -> Pruned:
        task.on_kill()
        return Pruned(applied=True, complete=not stop(), tables=())

    monkeypatch.setattr(LedgerKeeper, "prune", ended)
    with pytest.raises(Stopped, match="the next prune goes on"):
        task.execute({"ti": TaskInstance()})  # type: ignore[typeddict-item]


def test_a_prune_may_be_ended_before_it_began() -> None:
    PruneLedgerOperator(task_id="prune", ledger_conn_id="ledger").on_kill()


@pytest.mark.parametrize("operator", OPERATORS)
def test_each_operator_documents_every_argument_and_shows_itself_in_use(operator: type[LedgerOperator]) -> None:
    text = inspect.getdoc(operator) or ""
    own = [base for base in operator.__mro__ if base.__module__ in {ledger.__name__, ledger_keeping.__name__}]
    arguments = {
        name
        for base in own
        for name, it in inspect.signature(vars(base).get("__init__", lambda: None)).parameters.items()
        if it.kind is it.KEYWORD_ONLY
    }
    assert set(re.findall(r":param (\w+):", text)) == arguments
    assert f"::\n\n    {operator.__name__}(" in text
    assert arguments <= set(operator.template_fields)
