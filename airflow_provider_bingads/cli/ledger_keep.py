"""``bingads ledger replay | release | forget | prune``: a trial run unless told to apply."""

from __future__ import annotations

from typing import Any

import click

from airflow_provider_bingads.cli.ledger_place import at_most, kept, narrowing, on_a_ledger, print_json

__all__ = ["KEEPING"]

_apply = click.option("--apply", is_flag=True, help="Do it; without this only say what would be done.")
_task = click.option("--task", "task_id", metavar="TASK_ID", help="Only of this task of the DAG.")


@click.command(short_help="Have refused rows judged and sent again.")
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@on_a_ledger
@click.option("--code", metavar="CODE", help="Rows refused for this: Microsoft's number, or the name of the reason.")
@click.option("--run", metavar="RUN", help="Rows refused by this run: its id, or the beginning of it.")
@narrowing
@_task
@at_most(1000, "rows to mark")
@_apply
def replay(
    *,
    keys: tuple[str, ...],
    conn_id: str,
    schema: str | None,
    as_json: bool,
    code: str | None,
    run: str | None,
    account_id: str | None,
    dag_id: str | None,
    task_id: str | None,
    limit: int,
    apply: bool,
) -> None:
    """Have refused rows judged and sent again by the next run of their source, though they did not change.

    Name rows by KEY, by --code or by --run; several of them narrow each other. It takes the rights of the role that
    loads.
    """
    from airflow_provider_bingads.cli.ledger_kept import show_replayed
    from airflow_provider_bingads.warehouse.ledger.kept import is_number

    if not (keys or code or run):
        raise click.UsageError("Name the rows: by KEY, --code or --run.")
    by_number = code is not None and is_number(code)
    with kept(conn_id, schema) as (keeper, inspection):
        done = keeper.replay(
            keys=keys,
            code=int(code) if code is not None and by_number else None,
            error_code=None if by_number else code,
            run_id=inspection.run_id_of(run) if run else None,
            scope=_scope(account_id, dag_id, task_id),
            limit=limit,
            apply=apply,
        )
    _print(done) if as_json else show_replayed(done)


@click.command(short_help="Let rows go that were held for a person.")
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@on_a_ledger
@narrowing
@_task
@at_most(1000, "rows to release")
@_apply
def release(
    *,
    keys: tuple[str, ...],
    conn_id: str,
    schema: str | None,
    as_json: bool,
    account_id: str | None,
    dag_id: str | None,
    task_id: str | None,
    limit: int,
    apply: bool,
) -> None:
    """Let held rows go: the next run of their source judges and sends them.

    Find out first whether the service has them; `bingads ledger in-doubt` lists what is held. It takes the rights of
    the role that loads.
    """
    from airflow_provider_bingads.cli.ledger_kept import show_replayed

    with kept(conn_id, schema) as (keeper, _):
        done = keeper.release(keys, scope=_scope(account_id, dag_id, task_id), limit=limit, apply=apply)
    _print(done) if as_json else show_replayed(done, released=True)


@click.command(short_help="Erase what leads to a person's row, for good.")
@click.argument("key")
@on_a_ledger
@narrowing
@_task
@_apply
def forget(
    *,
    key: str,
    conn_id: str,
    schema: str | None,
    as_json: bool,
    account_id: str | None,
    dag_id: str | None,
    task_id: str | None,
    apply: bool,
) -> None:
    """Erase what leads from the ledger to a row, and prevent that it is ever sent again.

    The row is recognised whatever its identifier, goal or time become, as long as the same task of the same DAG reads
    it under the same KEY; one that returns under another key, or is read by another task, is not.

    Its references, click ids and texts are blanked wherever they stand; hashes, times, amounts and codes stay. It
    cannot be undone, and what Microsoft Advertising was sent stays there. It takes UPDATE on bingads_row and
    bingads_error: the grants of a keeper, which `bingads ledger init --sql --keeper ROLE` prints.
    """
    from airflow_provider_bingads.cli.ledger_kept import show_forgotten

    scope = _scope(account_id, dag_id, task_id)
    with kept(conn_id, schema) as (keeper, inspection):
        done = keeper.forget(key, scope=scope, apply=apply)
        if not done.rows:
            raise inspection.nothing_recorded(key, scope)
    _print(done) if as_json else show_forgotten(done)


@click.command(short_help="Delete what is past its term.")
@on_a_ledger
@click.option(
    "--applied-days",
    type=click.IntRange(1),
    metavar="N",
    help="Keep applied rows so long after their event; default 120.",
)
@click.option(
    "--other-days", type=click.IntRange(1), metavar="N", help="Keep anything else so long after it; default 400."
)
@_apply
def prune(
    *,
    conn_id: str,
    schema: str | None,
    as_json: bool,
    applied_days: int | None,
    other_days: int | None,
    apply: bool,
) -> None:
    """Delete what is past its term, never anything open, held, or still inside the service's window.

    It may be broken off at any time, and loads go on meanwhile. It takes DELETE: the grants of a keeper, which
    `bingads ledger init --sql --keeper ROLE` prints.
    """
    from airflow_provider_bingads.cli.ledger_kept import show_pruned
    from airflow_provider_bingads.warehouse.ledger.keeper import APPLIED_DAYS, OTHER_DAYS

    with kept(conn_id, schema) as (keeper, _):
        done = keeper.prune(applied_days=applied_days or APPLIED_DAYS, other_days=other_days or OTHER_DAYS, apply=apply)
    _print(done) if as_json else show_pruned(done)


KEEPING = (replay, release, forget, prune)
"""The commands that change something, told to."""


def _scope(account_id: str | None, dag_id: str | None, task_id: str | None) -> Any:
    from airflow_provider_bingads.warehouse.ledger.kept import Scope

    return Scope(account_id=account_id, dag_id=dag_id, task_id=task_id)


def _print(done: Any) -> None:
    from airflow_provider_bingads.warehouse.ledger.reports import kept_document

    print_json(kept_document(done))
