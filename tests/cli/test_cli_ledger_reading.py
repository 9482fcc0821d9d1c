"""`bingads ledger runs | show | row | attention | in-doubt` over a ledger that real runs filled."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.cli.filled_ledger import (
    AGAIN,
    APPLIED,
    CHANGED,
    DOUBT,
    DOUBTED,
    INVALID,
    MENDED,
    REFUSED,
    WAITING,
    leave_open,
)

REPORTS = (("runs",), ("show", "scheduled__1"), ("row", REFUSED), ("attention",), ("in-doubt",))


@pytest.fixture
def asked(bingads: Callable[..., Result], filled: Path) -> Callable[..., Any]:
    """Ask for JSON."""

    def ask(*arguments: str) -> Any:
        answered = bingads("ledger", *arguments, "--conn", "ledger", "--json")
        assert answered.exit_code == 0, answered.output
        return json.loads(answered.stdout)

    return ask


@pytest.fixture
def screen(bingads: Callable[..., Result], filled: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Ask on a terminal of some width; give back the words, wherever their lines end."""

    def show(*arguments: str, width: int = 80) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        answered = bingads("ledger", *arguments, "--conn", "ledger")
        assert answered.exit_code == 0, answered.output
        assert max(map(len, answered.stdout.splitlines())) <= width
        return " ".join(answered.stdout.split())

    return show


def the_row(asked: Callable[..., Any], key: str) -> dict[str, Any]:
    (row,) = asked("row", key)["rows"]["items"]
    return dict(row)


# The story of a row -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "states", "events"),
    [
        (APPLIED, ["applied"], ["sent", "outcome"]),
        (REFUSED, ["rejected"], ["sent", "outcome"]),
        (INVALID, ["invalid"], ["judged"]),
        (WAITING, ["deferred"], ["judged"] * 4),
        (AGAIN, ["duplicate"], ["judged"]),
        (CHANGED, ["superseded"], ["sent", "outcome", "judged"]),
        (MENDED, ["applied"], ["judged", "sent", "outcome"]),
        (DOUBTED, ["applied"], ["sent", "outcome", "sent", "outcome"]),
        (DOUBT, ["unknown"], ["sent", "outcome"]),
    ],
)
def test_a_story_ends_where_the_row_stands_and_leaves_no_step_out(
    asked: Callable[..., Any], key: str, states: list[str], events: list[str]
) -> None:
    row = the_row(asked, key)
    assert [it["state"] for it in row["present"]] == states
    steps = row["steps"]["items"]
    assert [it["event"] for it in steps if it["event"] != "reconciled"] == events
    assert [it["at"] for it in steps] == sorted(it["at"] for it in steps)
    assert all(it["dag_id"] == "marketing" and it["dag_run_id"].startswith("scheduled__") for it in steps)


def test_the_story_of_an_applied_row_leads_from_its_version_to_the_tracking_id(asked: Callable[..., Any]) -> None:
    row = the_row(asked, APPLIED)
    (version,) = row["versions"]["items"]
    assert (version["group_name"], version["amount"], version["currency"]) == ("Purchase", "1.25", "USD")
    sent, outcome = row["steps"]["items"]
    assert sent["call_id"] == outcome["call_id"]
    assert (sent["rows"], sent["row_index"]) == (5, 1)
    assert (outcome["state"], outcome["http_status"]) == ("applied", 200)
    assert outcome["tracking_id"]
    assert outcome["tracking_id"] == row["present"][0]["tracking_id"]


def test_a_refused_row_says_why_whose_it_is_and_what_to_do(asked: Callable[..., Any]) -> None:
    (now,) = the_row(asked, REFUSED)["present"]
    assert (now["code"], now["column"], now["owner"]) == (5616, "conversion_time", "data")
    assert "click" in now["reason"]
    assert "source_timezone" in now["remedy"]
    assert "Correct the row" in now["next"]


def test_every_reason_of_a_row_is_told(asked: Callable[..., Any]) -> None:
    (judged,) = the_row(asked, INVALID)["steps"]["items"]
    assert [it["column"] for it in judged["reasons"]] == ["conversion_value", "microsoft_click_id"]
    assert all(it["remedy"] and it["origin"] == "local" for it in judged["reasons"])


def test_a_changed_row_has_two_versions_and_the_first_was_applied(asked: Callable[..., Any]) -> None:
    row = the_row(asked, CHANGED)
    assert [it["amount"] for it in row["versions"]["items"]] == ["3.25", "77"]
    assert [(it["version"], it["state"]) for it in row["steps"]["items"]] == [
        (1, None),
        (1, "applied"),
        (2, "superseded"),
    ]


def test_an_answer_that_never_came_is_part_of_the_story(asked: Callable[..., Any]) -> None:
    steps = the_row(asked, DOUBTED)["steps"]["items"]
    assert [it["try_number"] for it in steps[:4]] == [1, 1, 2, 2]
    assert [it["state"] for it in steps[:4]] == [None, "unknown", None, "applied"]
    (reason,) = steps[1]["reasons"]
    assert reason["remedy"] == "nothing; the next run judges the row again"
    assert steps[1]["attempts"] == 5
    assert "closed the connection" in steps[1]["detail"]


def test_a_duplicate_names_the_row_it_repeats(asked: Callable[..., Any]) -> None:
    assert the_row(asked, AGAIN)["same_event"] == ["order-0"]


def test_a_row_key_tells_the_same_story_as_the_reference(asked: Callable[..., Any]) -> None:
    row = the_row(asked, REFUSED)
    by_key = asked("row", row["versions"]["items"][0]["row_key"])
    assert by_key["found_by"] == "row_key"
    assert by_key["rows"]["items"] == [row]


def test_a_call_that_a_killed_worker_left_open_is_in_the_story_and_in_doubt(
    asked: Callable[..., Any], filled: Path
) -> None:
    """Its rows have no outcome of it: only the batch's packed members tell that the row was in it."""
    call_id = leave_open(filled, DOUBTED)
    steps = the_row(asked, DOUBTED)["steps"]["items"]
    assert [(it["event"], it["call_id"] == call_id) for it in steps] == [
        ("sent", True),
        ("sent", False),
        ("outcome", False),
    ]
    doubt = {it["call_id"]: it for it in asked("in-doubt")["items"]}
    assert (doubt[call_id]["state"], doubt[call_id]["n_rows"]) == ("unknown", 2)
    assert "settles it first" in doubt[call_id]["next"]


def test_a_long_story_keeps_its_newest_steps(asked: Callable[..., Any]) -> None:
    whole = the_row(asked, WAITING)["steps"]["items"]
    (row,) = asked("row", WAITING, "--limit", "2")["rows"]["items"]
    assert row["steps"] == {"items": whole[-2:], "truncated": True}


# Runs, attention, doubt ---------------------------------------------------------------------------------------------


def test_runs_come_newest_first_with_their_counts(asked: Callable[..., Any]) -> None:
    runs = asked("runs")
    assert [(it["dag_run_id"], it["try_number"]) for it in runs["items"]] == [
        ("scheduled__3", 2),
        ("scheduled__3", 1),
        ("scheduled__2", 1),
        ("scheduled__1", 1),
    ]
    assert runs["truncated"] is False
    assert runs["items"][-1]["counts"]["applied"] == 4
    assert asked("runs", "--limit", "1")["truncated"] is True


@pytest.mark.parametrize(
    ("option", "number"),
    [
        (("--dag", "marketing"), 4),
        (("--dag", "sales"), 0),
        (("--account-id", "1"), 0),
        (("--dag-run", "scheduled__3"), 2),
        (("--since", "2020-01-01"), 4),
        (("--since", "2999-01-01T00:00:00"), 0),
    ],
)
def test_runs_can_be_narrowed(asked: Callable[..., Any], option: tuple[str, str], number: int) -> None:
    assert len(asked("runs", *option)["items"]) == number


def test_one_run_says_why_rows_failed_and_how_its_calls_ended(asked: Callable[..., Any]) -> None:
    run = asked("show", "scheduled__1")
    assert {(it["code"], it["rows"]) for it in run["codes"]["items"]} == {(5610, 2), (5606, 1), (5616, 1)}
    assert all(it["remedy"] and it["owner"] for it in run["codes"]["items"])
    (call,) = run["calls"]["items"]
    assert (call["state"], call["rows"], call["applied"], call["rejected"]) == ("answered", 5, 4, 1)
    assert call["tracking_id"]
    assert {it["source_ref"] for it in run["attention"]["items"]} == {REFUSED, INVALID}


def test_a_run_is_named_by_the_beginning_of_its_id(asked: Callable[..., Any]) -> None:
    run_id = asked("runs")["items"][0]["run_id"]
    assert asked("show", run_id[:12])["run"]["run_id"] == run_id
    assert asked("show", run_id)["run"]["run_id"] == run_id


def test_attention_groups_by_reason_and_leaves_out_what_nobody_can_mend(asked: Callable[..., Any]) -> None:
    found = asked("attention")
    assert {it["source_ref"] for it in found["rows"]["items"]} == {REFUSED, INVALID, WAITING}
    assert sum(it["rows"] for it in found["reasons"]["items"]) == 3
    with_all = asked("attention", "--superseded")
    assert CHANGED in {it["source_ref"] for it in with_all["rows"]["items"]}


@pytest.mark.parametrize(
    ("option", "rows"),
    [
        (("--owner", "marketing"), {WAITING}),
        (("--code", "5616"), {REFUSED}),
        (("--code", "OfflineConversionValueInvalid"), {INVALID}),
        (("--dag", "sales"), set()),
    ],
)
def test_attention_can_be_narrowed(asked: Callable[..., Any], option: tuple[str, str], rows: set[str]) -> None:
    assert {it["source_ref"] for it in asked("attention", *option)["rows"]["items"]} == rows


def test_what_is_in_doubt_says_what_happens_next(asked: Callable[..., Any]) -> None:
    (doubt,) = asked("in-doubt")["items"]
    assert (doubt["source_ref"], doubt["state"]) == (DOUBT, "unknown")
    assert "clear the DAG run" in doubt["next"]


# On a terminal ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report[0])
def test_every_report_fits_the_terminal(screen: Callable[..., str], report: tuple[str, ...], width: int) -> None:
    assert "UTC" in screen(*report, width=width)


def test_the_reason_of_a_refused_row_stands_on_the_first_screen(
    bingads: Callable[..., Result], filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """24 lines of 80 columns, the smallest terminal: state, reason, column, remedy and TrackingId are among them."""
    monkeypatch.setenv("COLUMNS", "80")
    lines = bingads("ledger", "row", REFUSED, "--conn", "ledger").stdout.splitlines()
    first = " ".join(" ".join(lines[:24]).split())
    for words in ("rejected", "5616", "conversion_time", "source_timezone", "TrackingId", "next:"):
        assert words in first


def test_a_screen_says_what_the_json_says(screen: Callable[..., str]) -> None:
    told = screen("show", "scheduled__1")
    assert "9 source rows" in told
    assert "done: 4 applied, 1 duplicate" in told
    assert "5606 OfflineConversionNameInvalid (column conversion_name)" in told
    assert "HTTP 200" in told


def test_a_text_of_the_ledger_cannot_steer_the_terminal(screen: Callable[..., str], filled: Path) -> None:
    with sqlite3.connect(filled) as database:
        database.execute("UPDATE bingads_error SET message = 'red \x1b[31m [bold]text[/bold]'")
    told = screen("row", INVALID)
    assert "\x1b" not in told
    assert "[bold]text[/bold]" in told


def test_a_killed_run_is_shown_without_counts(screen: Callable[..., str], filled: Path) -> None:
    """It has a start and no end: nobody was left to count."""
    with sqlite3.connect(filled) as database:
        database.execute("DELETE FROM bingads_run WHERE dag_run_id = 'scheduled__2' AND event = 'end'")
    assert "unfinished" in screen("runs")
    told = screen("show", "scheduled__2")
    assert "and has not ended" in told
    assert "it was killed" in told


# What cannot be answered --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("row", "4711"), "the value of source_key as text"),
        (("row", ""), "Nothing is recorded"),
        (("row", "0" * 32), "Nothing is recorded"),
        (("show", "0123"), "`bingads ledger runs` lists them"),
        (("show", "scheduled__3"), "names more than one run"),
        (("show", "manual__9"), "holds no run"),
    ],
)
def test_what_is_not_there_says_where_to_look(
    bingads: Callable[..., Result], filled: Path, arguments: tuple[str, ...], said: str
) -> None:
    refused = bingads("ledger", *arguments, "--conn", "ledger")
    assert refused.exit_code == 1
    assert said in refused.output


def test_a_key_that_looks_personal_is_not_repeated(bingads: Callable[..., Result], filled: Path) -> None:
    refused = bingads("ledger", "row", "somebody@example.com", "--conn", "ledger")
    assert refused.exit_code == 1
    assert "somebody" not in refused.output
    assert "withheld:" in refused.output


def test_a_ledger_that_is_not_there_is_not_made(
    bingads: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "nothing.db"
    monkeypatch.setenv("AIRFLOW_CONN_NOTHING", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    refused = bingads("ledger", "runs", "--conn", "nothing")
    assert refused.exit_code == 1
    assert "bingads ledger init --conn" in refused.output
    assert not path.exists()


def test_an_older_ledger_names_what_brings_it_up_to_date(bingads: Callable[..., Result], filled: Path) -> None:
    with sqlite3.connect(filled) as database:
        database.execute("UPDATE bingads_schema_version SET version = 1")
    refused = bingads("ledger", "runs", "--conn", "ledger")
    assert refused.exit_code == 1
    assert "bingads ledger init" in refused.output


@pytest.mark.parametrize(
    "arguments", [("runs",), ("row", "--conn", "ledger"), ("attention", "--conn", "x", "--owner", "me")]
)
def test_a_wrong_call_exits_with_two(bingads: Callable[..., Result], arguments: tuple[str, ...]) -> None:
    assert bingads("ledger", *arguments).exit_code == 2
