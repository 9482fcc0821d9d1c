"""What replay, release, forget and prune did, or would do, on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bingads.cli.terminal import clock, console, day_clock, few, lines, plain, table

if TYPE_CHECKING:
    from rich.table import Table

    from airflow_provider_bingads.warehouse.ledger.kept import Forgotten, Pruned, Replayed, StoredRow

__all__ = ["show_forgotten", "show_pruned", "show_replayed"]

_SHOWN: Final = 20
_SHOWN_RUNS: Final = 5


def show_replayed(done: Replayed, *, released: bool = False) -> None:
    """Print which rows were marked to be sent again, or would be."""
    screen = console()
    number = len(done.rows)
    if number:
        screen.print(_rows(done.rows[:_SHOWN], named=True))
        if number > _SHOWN:
            screen.print(f"and {few(number - _SHOWN, 'more row')}.")
    if done.left_out:
        from airflow_provider_bingads.warehouse.ledger.kept import LEFT_OUT

        for reason, rows in sorted(done.left_out.items(), key=lambda it: -it[1]):
            screen.print(plain(f"Left out, {few(rows, 'row')}: {LEFT_OUT.get(reason, reason)}."))
    if done.over_limit:
        screen.print(f"{few(done.over_limit, 'further row')} over the limit: repeat the command, or raise --limit.")
    what = "released" if released else "marked"
    if not number:
        screen.print(f"No row was found that can be {what}.")
    elif not done.applied:
        _say_trial(screen, f"{few(number, 'row')} would be {what}")
    else:
        tasks = ", ".join(sorted({f"{row.dag_id}.{row.task_id}" for row in done.rows}))
        screen.print(
            plain(f"{few(number, 'row')} {what}. The next run of {tasks} that reads them judges and sends them.")
        )
        more = len(done.run_ids) - _SHOWN_RUNS
        runs = ", ".join(done.run_ids[:_SHOWN_RUNS]) + (f" and {more:,} more" if more > 0 else "")
        screen.print(plain(f"It stands on record as run {runs}."))


def show_forgotten(done: Forgotten) -> None:
    """Print what was erased, or would be."""
    screen = console()
    screen.print(_rows(done.rows[:_SHOWN], named=False))
    facts = f"{few(len(done.rows), 'key')}: {few(done.row_events, 'outcome')} and {few(done.errors, 'reason')}"
    if not done.applied:
        screen.print(
            "Look at the accounts and tasks: two tables may name different people's rows by the same number; narrow it "
            "with --account-id, --dag and --task."
        )
        _say_trial(screen, f"{facts} would be blanked, for good")
        return
    screen.print(f"{facts} blanked; from now on none of it is sent, whatever the source holds.")
    screen.print("A row that returns under another key, or that another task reads, is not recognised.")
    screen.print(
        "Still to do where they hold it: the source table, backups of this database, and Microsoft Advertising, for "
        "what it was sent."
    )


def show_pruned(done: Pruned) -> None:
    """Print what was deleted, or would be."""
    screen = console()
    made = table("table", "deleted" if done.applied else "due", "oldest", right=("deleted", "due"))
    for share in done.tables:
        made.add_row(plain(share.table), f"{share.rows:,}", plain(day_clock(share.oldest)))
    screen.print(made)
    if not done.applied:
        _say_trial(screen, "What is due would be deleted, with the calls, batches and runs nothing refers to then")
    elif not done.complete:
        screen.print("It was ended early; the next prune goes on.", style="yellow")


def _rows(rows: Sequence[StoredRow], *, named: bool) -> Table:
    made = table("row" if named else "row_key", "state", "since", "why, task", flexible=("row", "why, task"))
    for row in rows:
        why = " ".join(str(part) for part in (row.code, row.error_code) if part is not None)
        task = f"{row.dag_id}.{row.task_id}, account {row.account_id}"
        made.add_row(
            plain(row.source_ref if named else row.row_key, ""),
            plain(row.state),
            plain(clock(row.at)),
            lines(why, plain(task, "dim")),
        )
    return made


def _say_trial(screen: Any, what: str) -> None:
    screen.print(f"Trial run, nothing was changed. {what}: add --apply to do it.", style="bold")
