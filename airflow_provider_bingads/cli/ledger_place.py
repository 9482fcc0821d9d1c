"""Which ledger a command works on: the options all of them share, and the connection they lead to."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

from airflow_provider_bingads.cli.outside_tasks import airflow_at_hand, database_engine

if TYPE_CHECKING:
    from airflow_provider_bingads.warehouse.ledger.inspection import LedgerInspection
    from airflow_provider_bingads.warehouse.ledger.keeper import LedgerKeeper

__all__ = ["at_most", "inspected", "kept", "narrowing", "on_a_ledger", "print_json"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


def on_a_ledger(command: _Command) -> _Command:
    """Add the options that name the ledger, and ``--json``."""
    options = (
        click.option(
            "--conn",
            "conn_id",
            metavar="CONN",
            required=True,
            help="Airflow connection of the ledger: the operator's ledger_conn_id, else its warehouse_conn_id.",
        ),
        click.option("--schema", metavar="NAME", help="Database schema of the tables; default the connection's own."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON for machines."),
    )
    return _with(options, command)


def at_most(default: int, what: str, option: str = "--limit") -> Callable[[_Command], _Command]:
    """Add ``--limit``."""
    return click.option(
        option, type=click.IntRange(1, 10_000), default=default, show_default=True, metavar="N", help=f"Most {what}."
    )


def narrowing(command: _Command) -> _Command:
    """Add the options that narrow a question to an account or a DAG."""
    options = (
        click.option("--account-id", metavar="ID", help="Only of this account (the number)."),
        click.option("--dag", "dag_id", metavar="DAG_ID", help="Only of this DAG."),
    )
    return _with(options, command)


def _with(options: tuple[Callable[[_Command], _Command], ...], command: _Command) -> _Command:
    for option in reversed(options):
        command = option(command)
    return command


@contextlib.contextmanager
def inspected(conn_id: str, schema: str | None) -> Iterator[LedgerInspection]:
    """Hand out the ledger for reading; print only after it, because Airflow's own lines go to standard error here."""
    with airflow_at_hand():
        from airflow_provider_bingads.warehouse.ledger.inspection import LedgerInspection

        engine = database_engine(conn_id)
        try:
            yield LedgerInspection(engine, schema)
        finally:
            engine.dispose()


@contextlib.contextmanager
def kept(conn_id: str, schema: str | None) -> Iterator[tuple[LedgerKeeper, LedgerInspection]]:
    """Hand out the ledger for keeping it; one that is not there is refused, not created."""
    with airflow_at_hand():
        from airflow_provider_bingads.warehouse.ledger.at_hand import kept_ledger

        engine = database_engine(conn_id)
        try:
            with kept_ledger(engine, schema, owner="bingads ledger, on the command line") as at_hand:
                yield at_hand
        finally:
            engine.dispose()


def print_json(made: dict[str, Any]) -> None:
    """Print a document for machines."""
    click.echo(json.dumps(made, indent=1, ensure_ascii=False))
