"""What a database must be able to do to hold a ledger; one module for each implements it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Table
from sqlalchemy.engine import Dialect

__all__ = ["KEY_FACT", "Backend", "KeyFact", "multi_row_insert"]

KeyFact = tuple[str, str, int, str, int, str]
"""Key, content, gen, state, rank and run of one recorded outcome."""

KEY_FACT: Final = ("row_key", "content_hash", "gen", "state", "rank", "run_id")
"""The columns of a ``KeyFact``."""


class Backend(Protocol):
    """The database's own way of writing fast, of telling the time and of looking keys up.

    Every connection handed in is in autocommit: transactions are opened and ended by statements.
    """

    begin: str
    """The statement that opens a writing transaction."""
    gate: threading.Lock | None
    """Held for a writing transaction where the database takes one writer at a time, so that waiting is fair."""

    def prepare(self, connection: Connection, *, appends: bool) -> None:
        """Set what a fresh connection needs; called once for each.

        :param appends: it is the one that records rows by the thousand.
        """
        ...

    def lock_schema(self, connection: Connection) -> None:
        """Make sure, inside a transaction, that one process at a time creates or migrates."""
        ...

    def unlock_schema(self, connection: Connection) -> None:
        """End that, where the end of the transaction does not; a connection that breaks must end it too."""
        ...

    def now(self, connection: Connection) -> datetime:
        """Return the database's clock as an aware UTC time."""
        ...

    def append(
        self, connection: Connection, table: Table, records: Sequence[Sequence[Any]], *, careful: bool, plain: bool
    ) -> None:
        """Insert records inside a transaction.

        :param records: at least one, fields in the order of the table's columns.
        :param careful: leave out what is there already, at the price of speed; without it that is an error.
        :param plain: escape everything beyond ASCII.
        """
        ...

    def find(self, connection: Connection, table: Table, stream_id: str, keys: Sequence[str]) -> list[KeyFact]:
        """Return what is recorded of these keys, and perhaps of others that begin as one of them does.

        :param keys: each once, in order.
        """
        ...


def multi_row_insert(table: Table, dialect: Dialect, n_rows: int, marker: str, conflict: str) -> str:
    """Return an INSERT of several rows.

    :param marker: how the driver writes a positional parameter.
    :param conflict: the clause that leaves out existing keys, with ``{key}`` where its columns belong.
    """
    prepare = dialect.identifier_preparer
    names = ", ".join(prepare.format_column(column) for column in table.columns)
    key = ", ".join(prepare.format_column(column) for column in table.primary_key.columns)
    row = f"({', '.join([marker] * len(table.columns))})"
    rows = ", ".join([row] * n_rows)
    return f"INSERT INTO {prepare.format_table(table)} ({names}) VALUES {rows} {conflict.format(key=key)}"  # noqa: S608 - names are the schema's own
