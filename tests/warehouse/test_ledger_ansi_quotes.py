"""A MySQL or MariaDB server whose own mode reads double quotes as the quotes of names."""

from __future__ import annotations

import pytest
from sqlalchemy import URL, create_engine, text

from airflow_provider_bingads.cli.findings import Status
from airflow_provider_bingads.cli.ledger_checks import ledger_finding
from airflow_provider_bingads.warehouse import ledger_for
from airflow_provider_bingads.warehouse.ledger.inspection import LedgerInspection
from tests.warehouse.ledger_records import entries, row

pytestmark = pytest.mark.mariadb


@pytest.mark.parametrize("mode", ["ANSI_QUOTES", "ANSI", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES"])
def test_a_ledger_works_where_double_quotes_quote_names(mariadb_database: URL, mode: str) -> None:
    """SQLAlchemy writes names as the server's mode has it when an engine first connects; the session must agree."""
    asked = {"init_command": f"SET sql_mode = '{mode}'"}
    engine = create_engine(mariadb_database, hide_parameters=True, connect_args=asked)
    try:
        ledger = ledger_for(engine)
        ledger.record(entries(row(message='a "quoted" \\ word')))
        ledger.close()
        assert ledger_finding(engine, None).status is Status.OK
        assert LedgerInspection(engine).attention().rows.items == []
        with engine.connect() as connection:
            assert connection.execute(text("SELECT message FROM bingads_row")).scalar() == 'a "quoted" \\ word'
    finally:
        engine.dispose()
