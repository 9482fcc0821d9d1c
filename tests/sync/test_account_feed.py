"""The one stream of rows is cut into accounts, whatever the account column holds."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_bingads.sync.feed import AccountFeed, account_of

CELLS: list[tuple[Any, str]] = [
    (None, ""),
    ("", ""),
    ("  ", ""),
    ("ACME-77", ""),
    ("12,5", ""),
    (True, ""),
    (-5, ""),
    (12.5, ""),
    (False, ""),
    ("12.0.0", ""),
    ("0", ""),
    ("9" * 20, ""),
    ("9" * 19, "9" * 19),
    ("٣", ""),
    (b"12", ""),
    (123, "123"),
    ("123", "123"),
    (" 123 ", "123"),
    ("0123", "123"),
    (123.0, "123"),
    ("123.0", "123"),
]


@pytest.mark.parametrize(("cell", "account"), CELLS)
def test_an_account_is_digits_and_anything_else_names_none(cell: Any, account: str) -> None:
    assert account_of(cell) == account


def test_cells_that_name_no_account_may_stand_at_both_ends() -> None:
    rows = [[None], [""], ["7"], ["7"], ["9"], ["x"]]
    feed = AccountFeed(iter([rows[:4], rows[4:]]), 0, "")
    seen = []
    while (account := feed.account()) is not None:
        while (chunk := feed.next_chunk(account)) is not None:
            seen.append((account, len(chunk)))
    assert seen == [("", 2), ("7", 2), ("9", 1), ("", 1)]


def test_without_an_account_column_all_rows_belong_to_the_given_account() -> None:
    feed = AccountFeed(iter([[[1], [2]], [[3]]]), None, "42")
    assert [feed.account(), feed.next_chunk("42"), feed.next_chunk("42"), feed.next_chunk("42"), feed.account()] == [
        "42",
        [[1], [2]],
        [[3]],
        None,
        None,
    ]


def test_a_row_is_looked_at_without_being_taken() -> None:
    feed = AccountFeed(iter([[], [["7", "a"], ["7", "b"]], [["8", "c"]]]), 0, "")

    assert feed.peek() == feed.peek() == ["7", "a"]
    assert feed.next_chunk("8") is None
    assert feed.next_chunk("7") == [["7", "a"], ["7", "b"]]
    assert feed.peek() == ["8", "c"]
    assert feed.next_chunk("7") is None
    assert feed.next_chunk("8") == [["8", "c"]]
    assert (feed.peek(), feed.account(), feed.next_chunk("8")) == (None, None, None)


def test_a_source_that_ended_is_not_asked_again() -> None:
    """A cursor that is read past its end may raise, or begin anew."""
    asked = iter([[["7"]], None, [["8"]]])
    feed = AccountFeed(iter(lambda: next(asked), None), 0, "")

    assert [feed.next_chunk("7"), feed.account(), feed.account()] == [[["7"]], None, None]


def test_spellings_of_one_account_stay_together() -> None:
    rows = [["07"], ["7"], [7], [7.0], ["8"]]
    feed = AccountFeed(iter([rows]), 0, "")

    assert feed.next_chunk("7") == rows[:4]
