"""One row is called a row."""

from __future__ import annotations

import pytest

from airflow_provider_bingads.sync.report import counted


@pytest.mark.parametrize(("number", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1234, "1,234 rows")])
def test_a_number_agrees_with_what_it_counts(number: int, text: str) -> None:
    assert counted(number, "row", "rows") == text
