"""The commands that the log of a failed task names run as they stand."""

from __future__ import annotations

import re

import pytest

from airflow_provider_bingads.operators.events import where_to_look


@pytest.mark.parametrize(
    ("conn_id", "schema", "options"),
    [
        ("warehouse", None, "--conn warehouse"),
        ("warehouse", "audit", "--conn warehouse --schema audit"),
        ("my ledger", None, "--conn 'my ledger'"),
    ],
)
def test_the_sentence_names_the_ledger_of_the_task(conn_id: str, schema: str | None, options: str) -> None:
    told = where_to_look(conn_id, schema)
    assert f"bingads ledger attention {options}," in told
    assert f"bingads ledger row KEY {options}," in told
    assert re.findall(r"FROM (\S+?)[; ]", told) == [
        f"{schema}.{name}" if schema else name for name in ("bingads_attention", "bingads_partial_error")
    ]
