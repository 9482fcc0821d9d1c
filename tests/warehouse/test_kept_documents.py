"""What a keeping function answers stays small, however much it did."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from airflow_provider_bingads.cli.ledger_kept import show_replayed
from airflow_provider_bingads.warehouse.ledger.kept import Replayed, StoredRow
from airflow_provider_bingads.warehouse.ledger.reports import kept_document

AT = datetime(2026, 11, 1, tzinfo=UTC)
ROWS = tuple(
    StoredRow(
        environment="production",
        account_id="1",
        operation="ApplyOfflineConversions",
        dag_id="hourly",
        task_id="send",
        run_id="a" * 32,
        stream_id="b" * 32,
        row_key="c" * 32,
        content_hash="d" * 16,
        source_ref=f"order-{number}",
        state="rejected",
        code=5616,
        error_code=None,
        event_time=AT,
        at=AT,
    )
    for number in range(1000)
)
A_YEAR = Replayed(applied=True, rows=ROWS, over_limit=0, left_out={}, run_ids=tuple(f"{n:032x}" for n in range(1000)))
"""One row of each of a thousand hourly runs."""


def test_a_replay_over_many_runs_fits_into_an_xcom() -> None:
    made = kept_document(A_YEAR, 32 * 1024)
    assert len(json.dumps(made)) <= 32 * 1024
    assert (made["n_rows"], made["n_runs"], len(made["run_ids"])) == (1000, 1000, 100)
    assert made["rows"]["items"]
    assert made["rows"]["truncated"]


def test_for_machines_every_run_is_named() -> None:
    made = kept_document(A_YEAR)
    assert (made["n_runs"], len(made["run_ids"]), len(made["rows"]["items"])) == (1000, 1000, 1000)


def test_a_terminal_is_not_flooded_with_runs(capsys: pytest.CaptureFixture[str]) -> None:
    show_replayed(A_YEAR)
    said = capsys.readouterr().out
    assert "and 995 more" in " ".join(said.split())
    assert len(said.splitlines()) < 100
