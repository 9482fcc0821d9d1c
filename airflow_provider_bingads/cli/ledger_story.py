"""The story of a row on a terminal: where it stands and why, then what happened, in the order it happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_bingads.cli.terminal import clean, clock, console, heading, indented, lines, plain, table

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from airflow_provider_bingads.warehouse.ledger.reports import Present, Reason, RowStory, Step, Story, Version

__all__ = ["show_story"]


def show_story(story: Story) -> None:
    """Print everything known of a key."""
    screen = console()
    for number, row in enumerate(story.rows.items):
        if number:
            screen.rule()
        _show_row(screen, row)
    if story.rows.truncated:
        screen.print("More rows bear this key: narrow it with --account-id.", style="yellow")


def _show_row(screen: Any, row: RowStory) -> None:
    screen.print(heading(f"Row {row.source_ref}"))
    screen.print(plain(f"{row.operation} on account {row.account_id} ({row.environment}), namespace {row.namespace}"))
    for present in row.present:
        _show_present(screen, row, present)
    if not row.present:
        screen.print("No outcome is recorded yet.")
    if row.same_event:
        same = ", ".join(map(clean, row.same_event))
        screen.print(f"The same event (identifier, goal and time) is also row {same}.")
    screen.print()
    screen.print(heading("Versions the source had"))
    screen.print(_versions(row.versions.items))
    screen.print()
    screen.print(heading("What happened (UTC), oldest first"))
    if row.steps.truncated:
        screen.print("Earlier steps are left out: raise --limit.", style="yellow")
    screen.print(_steps(row.steps.items))


def _show_present(screen: Any, row: RowStory, present: Present) -> None:
    state = heading("Now ").append(plain(present.state)).append(f" since {clock(present.since)} UTC")
    screen.print(state.append(f", by {clean(present.dag_id)}.{clean(present.task_id)} {clean(present.dag_run_id)}"))
    decisive = [
        step
        for step in row.steps.items
        if step.state == present.state and (step.call_id or step.run_id) == present.call_id
    ]
    for told in decisive[-1].reasons if decisive else ():
        screen.print(indented(_reason(told)))
    if present.tracking_id:
        screen.print(indented(plain(f"TrackingId {present.tracking_id}")))
    screen.print(indented(plain(f"next: {present.next}")))


def _reason(told: Reason) -> Text:
    column = f" (column {told.column})" if told.column else ""
    return lines(
        plain(f"{_named(told.code, told.error_code)}{column}", "bold"),
        told.message,
        told.details,
        f"→ {told.remedy} ({told.owner})" if told.remedy else None,
    )


def _named(code: int | None, error_code: str | None) -> str:
    return " ".join(str(part) for part in (code, error_code) if part is not None)


def _versions(versions: Sequence[Version]) -> Table:
    made = table("", "recorded", "content", flexible=("content",))
    for it in versions:
        amount = "" if it.amount is None else f"{it.amount.normalize():f} {it.currency or ''}".strip()
        parts = [
            f"event {clock(it.event_time)}" if it.event_time else "",
            f"goal {it.group_name}" if it.group_name else "",
            amount,
            f"click id {it.remote_key}" if it.remote_key else "",
        ]
        keys = f"row_key {it.row_key} content {it.content_hash}"
        content = lines(", ".join(part for part in parts if part), plain(keys, "dim"))
        made.add_row(f"v{it.number}", clock(it.first_seen), content)
    return made


def _steps(steps: Sequence[Step]) -> Table:
    made = table("when", "", "what", flexible=("what",))
    run = None
    for it in steps:
        made.add_row(clock(it.at), f"v{it.version}" if it.version else "", _step(it, same_run=it.run_id == run))
        run = it.run_id
    return made


def _step(it: Step, *, same_run: bool) -> Text:
    head = plain(it.event if it.event in _ASKED else it.state or it.event).append(_of_the_event(it), style="default")
    task = f"run {it.run_id} {it.dag_id}.{it.task_id} {it.dag_run_id} try {it.try_number}"
    return lines(
        head,
        None if it.event in _ASKED else _named(it.code, it.error_code),
        it.detail,
        f"not before {clock(it.not_before)} UTC" if it.not_before is not None else None,
        f"call {it.call_id}" if it.event == "sent" else None,
        f"TrackingId {it.tracking_id}" if it.tracking_id else None,
        None if same_run else plain(task, "dim"),
    )


_ASKED = ("replayed", "released", "forgotten")


def _of_the_event(it: Step) -> str:
    parts = ["decided here, not sent"] if it.event == "judged" else []
    if it.event == "sent" and it.rows:
        parts.append(f"row {(it.row_index or 0) + 1:,} of {it.rows:,}")
    if it.http_status:
        parts.append(f"HTTP {it.http_status}")
    if it.latency_ms:
        parts.append(f"{it.latency_ms:,} ms")
    if it.attempts and it.attempts > 1:
        parts.append(f"{it.attempts} attempts")
    if it.generation:
        parts.append(f"replay {it.generation}")
    return "".join(f", {part}" for part in parts)
