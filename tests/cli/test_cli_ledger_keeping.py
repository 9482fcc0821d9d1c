"""`bingads ledger replay | release | forget | prune`: trial runs change nothing, and the deed is what was announced."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.cli.filled_ledger import APPLIED, DOUBT, INVALID, MENDED, REFUSED

TABLES = ("bingads_run", "bingads_batch", "bingads_call", "bingads_row", "bingads_error", "bingads_lease")
TRIALS = (
    ("replay", REFUSED),
    ("replay", "--code", "5610"),
    ("replay", "--run", "scheduled__1"),
    ("release", DOUBT),
    ("forget", INVALID),
    ("prune",),
)


def contents(path: Path) -> dict[str, list[Any]]:
    with sqlite3.connect(path) as database:
        return {table: database.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES}


@pytest.fixture
def keep(bingads: Callable[..., Result], filled: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Ask for JSON."""

    def ask(*arguments: str) -> Any:
        answered = bingads("ledger", *arguments, "--conn", "ledger", "--json")
        assert answered.exit_code == 0, answered.output
        return json.loads(answered.stdout)

    return ask


@pytest.mark.parametrize("arguments", TRIALS, ids=" ".join)
def test_without_apply_nothing_changes_and_the_screen_says_so(
    bingads: Callable[..., Result], filled: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    before = contents(filled)
    told = bingads("ledger", *arguments, "--conn", "ledger")
    assert told.exit_code == 0
    assert max(map(len, told.stdout.splitlines())) <= 80
    assert "Trial run, nothing was changed" in told.stdout or "No row was found" in told.stdout
    assert contents(filled) == before


def test_replay_marks_the_rows_the_trial_run_named(keep: Callable[..., Any]) -> None:
    trial = keep("replay", "--code", "OfflineConversionValueInvalid")
    done = keep("replay", "--code", "OfflineConversionValueInvalid", "--apply")
    assert [it["source_ref"] for it in trial["rows"]["items"]] == [INVALID]
    assert done["rows"] == trial["rows"]
    assert (trial["applied"], done["applied"]) == (False, True)
    (row,) = keep("row", INVALID)["rows"]["items"]
    assert (row["present"][0]["state"], row["steps"]["items"][-1]["event"]) == ("deferred", "replayed")
    assert "next run that reads it" in row["present"][0]["next"]


def test_what_is_applied_is_never_replayed(keep: Callable[..., Any]) -> None:
    done = keep("replay", APPLIED, "--apply")
    assert done["n_rows"] == 0
    (left,) = done["left_out"]
    assert (left["reason"], left["rows"]) == ("applied", 1)
    assert "second send" in left["why"]


def test_a_replay_is_bounded(keep: Callable[..., Any]) -> None:
    done = keep("replay", "--run", "scheduled__1", "--limit", "1")
    assert (done["n_rows"], done["over_limit"]) == (1, 1)


def test_only_held_rows_are_released(keep: Callable[..., Any]) -> None:
    assert [it["reason"] for it in keep("release", DOUBT, "--apply")["left_out"]] == ["unknown"]


def test_a_forgotten_row_is_found_by_its_row_key_alone(
    keep: Callable[..., Any], bingads: Callable[..., Result]
) -> None:
    done = keep("forget", INVALID, "--apply")
    (row_key,) = [it["row_key"] for it in done["rows"]["items"]]
    assert INVALID not in json.dumps(done)
    assert bingads("ledger", "row", INVALID, "--conn", "ledger").exit_code == 1
    (row,) = keep("row", row_key)["rows"]["items"]
    assert [it["event"] for it in row["steps"]["items"]] == ["judged", "forgotten"]
    assert "forgotten on request" in row["present"][0]["next"]
    assert row["source_ref"] == ""


def test_two_forgotten_rows_do_not_share_a_story(keep: Callable[..., Any]) -> None:
    keys = [keep("forget", key, "--apply")["rows"]["items"][0]["row_key"] for key in (INVALID, REFUSED)]
    for key in keys:
        (row,) = keep("row", key)["rows"]["items"]
        assert {it["row_key"] for it in row["versions"]["items"]} == {key}


@pytest.mark.parametrize("apply", [(), ("--apply",)])
def test_forgetting_what_is_not_there_fails_and_names_it(
    bingads: Callable[..., Result], filled: Path, apply: tuple[str, ...]
) -> None:
    """A person who mistyped a key must not believe that somebody was forgotten."""
    before = contents(filled)
    told = bingads("ledger", "forget", "NOPE", "--conn", "ledger", *apply)
    read = bingads("ledger", "row", "NOPE", "--conn", "ledger")
    assert told.exit_code == read.exit_code == 1
    assert "Nothing is recorded of 'NOPE'" in told.output
    assert told.output == read.output
    assert contents(filled) == before


def test_the_sentence_names_where_was_looked(bingads: Callable[..., Result], filled: Path) -> None:
    told = bingads("ledger", "forget", INVALID, "--conn", "ledger", "--dag", "no_such", "--task", "t")
    assert told.exit_code == 1
    assert "of DAG no_such of task t" in " ".join(told.output.split())


def test_a_run_that_forgot_leaves_nothing_to_fix(bingads: Callable[..., Result], keep: Callable[..., Any]) -> None:
    (run_id,) = keep("forget", INVALID, "--apply")["run_ids"]
    shown = keep("show", run_id)
    assert {name: rows for name, rows in shown["run"]["counts"].items() if rows} == {"source_rows": 1, "forgotten": 1}
    assert shown["codes"]["items"] == []
    screen = bingads("ledger", "show", run_id, "--conn", "ledger").stdout
    assert "yours to fix: none" in screen
    assert "1 forgotten" in screen
    listed = bingads("ledger", "runs", "--limit", "1", "--conn", "ledger").stdout
    assert "1 forgotten" in listed
    assert "to fix" not in listed


def test_prune_counts_what_is_due_and_deletes_it(keep: Callable[..., Any], filled: Path) -> None:
    with sqlite3.connect(filled) as database:
        for column in ("at", "event_time"):
            database.execute(
                f"UPDATE bingads_row SET {column} = '2020-01-01 00:00:00.000000' WHERE source_ref = '{MENDED}'"
            )
    due = {it["table"]: it["rows"] for it in keep("prune")["tables"]}
    done = {it["table"]: it["rows"] for it in keep("prune", "--apply")["tables"]}
    assert due["bingads_row"] == done["bingads_row"] == 2
    assert {it["table"]: it["rows"] for it in keep("prune")["tables"]}["bingads_row"] == 0


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (("replay",), 2, "KEY, --code or --run"),
        (("replay", "--run", "manual__9"), 1, "holds no run"),
        (("release",), 2, "KEY"),
        (("prune", "--applied-days", "30"), 1, "90"),
        (("prune", "--applied-days", "0"), 2, "applied-days"),
    ],
)
def test_what_cannot_be_asked_is_said(
    bingads: Callable[..., Result], filled: Path, arguments: tuple[str, ...], exit_code: int, said: str
) -> None:
    refused = bingads("ledger", *arguments, "--conn", "ledger", "--apply")
    assert refused.exit_code == exit_code
    assert said in refused.output


def test_a_ledger_that_is_not_there_is_refused_not_made(
    bingads: Callable[..., Result], warehouse: sqlite3.Connection
) -> None:
    warehouse.execute("CREATE TABLE mine (id)")
    refused = bingads("ledger", "prune", "--conn", "warehouse", "--apply")
    assert refused.exit_code == 1
    assert "There is no ledger" in refused.output
    assert [name for (name,) in warehouse.execute("SELECT name FROM sqlite_master")] == ["mine"]


def test_the_script_grants_a_keeper_what_forgetting_and_pruning_take(bingads: Callable[..., Result]) -> None:
    script = bingads("ledger", "init", "--sql", "--role", "etl", "--keeper", "dpo").output
    assert "DELETE" in script
    assert all("DELETE" not in line for line in script.splitlines() if " TO etl" in line)
