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
    ("9" * 20, ""),
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
