"""Runs, reasons, rows and calls of a ledger as tables on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bingads.cli.terminal import clock, console, day_clock, few, heading, lines, plain, reason, table

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from airflow_provider_bingads.warehouse.ledger.reports import (
        Attention,
        AttentionLine,
        CallLine,
        CodeLine,
        DoubtLine,
        Page,
        ReasonLine,
        RunLine,
        RunStory,
    )

__all__ = ["show_attention", "show_in_doubt", "show_run", "show_runs"]

_SHORT_ID: Final = 12
"""Digits of a run's id that hold its millisecond."""
_GROUPS: Final[Mapping[str, Sequence[str]]] = {
    "done": ("applied", "skipped", "duplicate", "superseded", "out_of_window"),
    "yours to fix": ("rejected", "invalid", "already_rejected", "held"),
    "waiting": ("deferred", "unknown"),
}
_SHORT_GROUPS: Final = {"yours to fix": "to fix", "waiting": "waiting"}
_MORE: Final = "There are more: raise --limit, or narrow the question."


def show_runs(found: Page[RunLine]) -> None:
    """Print a list of runs."""
    screen = console()
    if not found.items:
        screen.print("No run is recorded that answers to this.")
        return
    made = table("run", "started", "outcome", "rows, task", flexible=("rows, task",))
    short = _unique([run.run_id for run in found.items])
    for run in found.items:
        task = f"{run.dag_id}.{run.task_id} {_which_try(run)}, account {run.account_id}"
        made.add_row(
            plain(run.run_id[:short]),
            plain(day_clock(run.started_at)),
            lines(plain(run.outcome), run.error_class),
            lines(_in_short(run), plain(task, "dim")),
        )
    screen.print(made)
    _say_more(screen, found)
    screen.print("Times are UTC. `bingads ledger show RUN` tells more of one.", style="dim")


def show_run(story: RunStory) -> None:
    """Print one run."""
    screen, run = console(), story.run
    screen.print(heading(f"Run {run.run_id}").append(", ").append(plain(run.outcome)))
    screen.print(plain(f"{run.dag_id}.{run.task_id}, {_which_try(run)}"), soft_wrap=True)
    screen.print(plain(f"{run.operation} on account {run.account_id} ({run.environment}), namespace {run.namespace}"))
    end = f"to {clock(run.ended_at)} UTC ({run.duration_seconds:,.1f} s)" if run.ended_at else "and has not ended"
    screen.print(plain(f"from {clock(run.started_at)} {end}"))
    if run.counts is None:
        screen.print("It still runs, or it was killed: the next run on the account settles what it left open.")
    else:
        _print_counts(screen, run)
    if run.error_class:
        screen.print(f"Ended by {run.error_class}; its sentence stands in the task's log.")
    if story.codes.items:
        screen.print()
        screen.print(heading("Why rows failed or wait"))
        screen.print(_codes(story.codes.items))
        _say_more(screen, story.codes)
    if story.attention.items:
        screen.print()
        screen.print(heading("Rows that need somebody, of those this run judged last"))
        screen.print(_rows(story.attention.items))
        _say_more(screen, story.attention)
    screen.print()
    screen.print(heading("Calls") if story.calls.items else "It made no call that sends rows.")
    if story.calls.items:
        screen.print(_calls(story.calls.items))
        _say_more(screen, story.calls)


def show_attention(found: Attention) -> None:
    """Print what needs somebody."""
    screen = console()
    if not found.rows.items:
        screen.print("Nothing needs anybody.")
        return
    screen.print(heading("Reasons, most frequent first"))
    screen.print(_reasons(found.reasons.items))
    _say_more(screen, found.reasons)
    screen.print()
    screen.print(heading("Rows, newest first"))
    screen.print(_rows(found.rows.items))
    _say_more(screen, found.rows)
    screen.print("Times are UTC. `bingads ledger row KEY` tells the story of one.", style="dim")


def show_in_doubt(found: Page[DoubtLine]) -> None:
    """Print what is in doubt."""
    screen = console()
    if not found.items:
        screen.print("Nothing is in doubt.")
        return
    made = table(
        "since", "what", "state", "why, and what happens next", flexible=("what", "why, and what happens next")
    )
    for it in found.items:
        what = it.source_ref if it.source_ref is not None else f"call {it.call_id} of {few(it.n_rows, 'row')}"
        task = f"{it.dag_id}.{it.task_id} {it.dag_run_id}, account {it.account_id}"
        why = lines(reason(it.reason, it.next), plain(task, "dim"))
        made.add_row(plain(day_clock(it.since)), plain(what, ""), plain(it.state), why)
    screen.print(made)
    _say_more(screen, found)
    screen.print("Times are UTC.", style="dim")


# Tables -------------------------------------------------------------------------------------------------------------


def _codes(codes: Sequence[CodeLine]) -> Table:
    made = table("rows", "owner", "why, and what to do", right=("rows",), flexible=("why, and what to do",))
    for it in codes:
        made.add_row(f"{it.rows:,}", plain(it.owner), _why(it))
    return made


def _reasons(reasons: Sequence[ReasonLine]) -> Table:
    made = table("rows", "state", "owner", "why, and what to do", right=("rows",), flexible=("why, and what to do",))
    for it in reasons:
        why = lines(_why(it), plain(f"for example row {it.example}", "dim"))
        made.add_row(f"{it.rows:,}", plain(it.state), plain(it.owner), why)
    return made


def _rows(rows: Sequence[AttentionLine]) -> Table:
    made = table("row", "state", "why", "last seen", flexible=("row", "why"))
    for it in rows:
        more = f" (and {it.n_errors - 1} more)" if it.n_errors > 1 else ""
        why = f"{it.code or it.error_code or ''} {it.reason or ''}{more}".strip()
        made.add_row(plain(it.source_ref, ""), plain(it.state), plain(why, ""), plain(day_clock(it.last_seen)))
    return made


def _why(it: CodeLine | ReasonLine) -> Text:
    column = f" (column {it.column})" if it.column else ""
    return lines(plain(f"{_named(it.code, it.error_code)}{column}", "bold"), reason(it.reason, it.remedy))


def _named(code: int | None, error_code: str | None) -> str:
    return " ".join(str(part) for part in (code, error_code) if part is not None)


def _calls(calls: Sequence[CallLine]) -> Table:
    made = table("sent", "rows", "end, call, TrackingId", flexible=("end, call, TrackingId",))
    for it in calls:
        parts = [
            f"HTTP {it.http_status}" if it.http_status else "",
            f"{it.latency_ms:,} ms" if it.latency_ms else "",
            f"{it.attempts} attempts" if it.attempts and it.attempts > 1 else "",
        ]
        ended = plain(it.state).append("".join(f", {part}" for part in parts if part), style="not bold default")
        told = lines(
            ended,
            _named(it.code, it.error_code),
            it.detail,
            f"call {it.call_id}",
            f"TrackingId {it.tracking_id}" if it.tracking_id else None,
        )
        results = [f"{it.rows:,}", f"{it.applied:,} applied" if it.applied else None]
        results.append(f"{it.rejected:,} rejected" if it.rejected else None)
        made.add_row(plain(clock(it.sent_at)), lines(*results), told)
    return made


def _in_short(run: RunLine) -> str:
    if run.counts is None:
        return "no counts: it still runs, or it was killed"
    parts = [(run.counts["applied"], "applied")]
    parts += [(sum(run.counts[name] for name in _GROUPS[group]), label) for group, label in _SHORT_GROUPS.items()]
    parts.append((run.counts.get("forgotten", 0), "forgotten"))
    told = ", ".join(f"{number:,} {label}" for number, label in parts if number)
    return f"{few(run.counts['source_rows'], 'row')}: {told or 'nothing new'}"


def _print_counts(screen: Any, run: RunLine) -> None:
    counts = dict(run.counts or {})
    calls = f"{few(run.calls or 0, 'call')}, {run.retries or 0:,} of them repeated"
    screen.print(plain(f"{few(counts.pop('source_rows'), 'source row')}; {calls}", ""))
    for label, names in _GROUPS.items():
        told = ", ".join(f"{counts[name]:,} {name.replace('_', ' ')}" for name in names if counts.get(name))
        screen.print(plain(f"  {label}: {told or 'none'}", ""))
    others = {name for names in _GROUPS.values() for name in names}
    if rest := ", ".join(
        f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items() if number and name not in others
    ):
        screen.print(plain(f"  besides: {rest}"))


def _which_try(run: RunLine) -> str:
    mapped = f" [{run.map_index}]" if run.map_index >= 0 else ""
    return f"{run.dag_run_id}{mapped} try {run.try_number}"


def _unique(ids: Sequence[str]) -> int:
    """Return how many digits tell these ids apart."""
    lengths = range(_SHORT_ID, 32)
    return next((length for length in lengths if len({it[:length] for it in ids}) == len(ids)), 32)


def _say_more(screen: Any, page: Page[Any]) -> None:
    if page.truncated:
        screen.print(_MORE, style="yellow")
