"""Cuts the source's one ordered stream into the accounts it holds, so that one lease is held at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["AccountFeed", "account_of"]

_ID_DIGITS = 19
"""Digits of the largest 64-bit id."""

Row = Sequence[Any]


def account_of(cell: Any) -> str:
    """Read an account id from a cell.

    :return: its digits, or '' where the cell names no account; such rows are invalid, never sent elsewhere.
    """
    text = str(cell).strip() if cell is not None and not isinstance(cell, bool) else ""
    text = text.removesuffix(".0")
    return text.lstrip("0") if text.isascii() and text.isdigit() and len(text) <= _ID_DIGITS else ""


@dataclass(slots=True)
class AccountFeed:
    """Hands out chunks of one account after the other.

    :param position: index of the account column, None where all rows belong to ``account_id``.
    """

    chunks: Iterator[list[Row]]
    position: int | None
    account_id: str
    _rest: list[Row] = field(default_factory=list)
    _ended: bool = False

    def account(self) -> str | None:
        """Return the account of the next row, None at the end; reads from the source when it has to."""
        self._fill()
        return self._account(self._rest[0]) if self._rest else None

    def peek(self) -> Row | None:
        """Return the next row without taking it, None at the end."""
        self._fill()
        return self._rest[0] if self._rest else None

    def next_chunk(self, account: str) -> list[Row] | None:
        """Return the next rows of this account, None when the next row belongs to another or there is none."""
        self._fill()
        if not self._rest or self._account(self._rest[0]) != account:
            return None
        rows = self._rest
        end = len(rows) if self.position is None else self._end_of(account, rows, self.position)
        self._rest = rows[end:]
        return rows[:end]

    def _end_of(self, account: str, rows: list[Row], position: int) -> int:
        # Cells that name no account stand at both ends of an ordered column, so that each row is looked at.
        cell: Any = rows[0][position]
        for index, row in enumerate(rows):
            if row[position] is not cell and row[position] != cell:
                cell = row[position]
                if account_of(cell) != account:
                    return index
        return len(rows)

    def _account(self, row: Row) -> str:
        return self.account_id if self.position is None else account_of(row[self.position])

    def _fill(self) -> None:
        while not self._rest and not self._ended:
            rows = next(self.chunks, None)
            if rows is None:
                self._ended = True
            else:
                self._rest = rows
