"""The ledger's statements as MySQL 8 takes them; the suite runs them on MariaDB, which has other reserved words."""

from __future__ import annotations

import re

import pytest
from sqlalchemy.dialects import mysql as dialects
from sqlalchemy.engine import Dialect

from airflow_provider_bingads.warehouse import ledger_ddl
from airflow_provider_bingads.warehouse.ledger import mysql
from airflow_provider_bingads.warehouse.ledger.migrations import statements
from airflow_provider_bingads.warehouse.ledger.schema import LedgerTables, ledger_tables

RESERVED = re.compile(r"(?<![.`\w])rank(?![`\w])", re.IGNORECASE)
"""``rank`` neither in backticks nor behind a table's name and a dot, after which MySQL takes any word."""
MARIADB_ONLY = re.compile(
    r"INDEX IF NOT EXISTS|VIEW IF NOT EXISTS|RETURNING|\bNOCACHE\b|ON CONFLICT|INSERT IGNORE|"
    r"VALUES \(ROW|CREATE (UNIQUE )?INDEX",
    re.IGNORECASE,
)


@pytest.fixture
def dialect() -> Dialect:
    made = dialects.dialect()
    made.server_version_info = (8, 0, 36)
    return made


@pytest.fixture
def tables() -> LedgerTables:
    return ledger_tables()


def test_no_statement_uses_a_word_that_mysql_reserves_or_what_it_lacks(dialect: Dialect, tables: LedgerTables) -> None:
    written = [
        *statements(dialect, tables, 0),
        *(mysql._head(table, dialect) for table in tables.metadata.sorted_tables),
        *(mysql._keys_there(table, dialect, 2) for table in tables.metadata.sorted_tables),
        mysql._look_up(tables.row, dialect, 2),
        *mysql._SETTINGS,
    ]
    for statement in written:
        assert not RESERVED.search(statement), statement
        assert not MARIADB_ONLY.search(statement), statement


def test_each_statement_that_defines_may_be_run_twice(dialect: Dialect, tables: LedgerTables) -> None:
    kinds = {statement.partition(" bingads")[0] for statement in statements(dialect, tables, 0)}
    assert kinds == {"CREATE TABLE IF NOT EXISTS", "CREATE OR REPLACE VIEW"}


def test_an_index_over_a_part_of_the_key_stands_for_the_one_over_an_expression(
    dialect: Dialect, tables: LedgerTables
) -> None:
    script = "\n".join(statements(dialect, tables, 0))
    assert "INDEX ix_bingads_row_key (row_key(8))" in script
    assert "INDEX ix_bingads_row_problem (`rank`, stream_id, run_id)" in script
    assert script.count("ENGINE=InnoDB") == 7


@pytest.mark.parametrize("dialect_name", ["mysql", "mariadb"])
def test_the_script_ends_with_the_version_and_grants_each_right_by_itself(dialect_name: str) -> None:
    script = ledger_ddl(dialect_name, role="loader", keeper="keeper")
    views, _, rest = script.partition("INSERT INTO bingads_schema_version")
    assert views.rindex("VIEW bingads_run_summary") < len(views)
    grants = [line for line in rest.splitlines() if line.startswith("GRANT")]
    assert all(re.fullmatch(r"GRANT [A-Z, ]+ ON \w+ TO (loader|keeper);", grant) for grant in grants)
    assert "GRANT UPDATE ON bingads_lease TO loader;" in grants
    assert not any("UPDATE ON bingads_row" in grant for grant in grants if "loader" in grant)
