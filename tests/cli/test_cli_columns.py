"""The expected source table is one that a run really takes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from click.testing import Result
from sqlalchemy import Engine, create_engine, text

from airflow_provider_bingads.cli.source_checks import SourceOptions, take_sample
from airflow_provider_bingads.cli.source_table import create_table
from airflow_provider_bingads.domain.entity import EventEntity
from airflow_provider_bingads.entities import event_entities

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize("entity", event_entities(), ids=lambda entity: entity.name)
def test_every_field_is_shown_with_its_column_and_meaning(bingads: Callable[..., Result], entity: EventEntity) -> None:
    shown = bingads("columns", entity.name).output
    for field in entity.fields:
        assert field.default_column in shown
        assert field.help in shown


@pytest.mark.parametrize(
    "name",
    [
        "offline_conversions",
        "OFFLINE_CONVERSIONS",
        "ApplyOfflineConversions",
        "ApplyOfflineConversionsOperator",
    ],
)
def test_an_operator_is_found_by_any_of_its_names(bingads: Callable[..., Result], name: str) -> None:
    assert json.loads(bingads("columns", name, "--json").output)["entity"] == "offline_conversions"


def test_json_says_which_columns_exclude_each_other(bingads: Callable[..., Result]) -> None:
    columns = json.loads(bingads("columns", "offline_conversions", "--json").output)["columns"]
    instead = {column["name"]: column["instead_of"] for column in columns}
    assert instead["EmailAddress"] == "HashedEmailAddress"
    assert instead["HashedPhoneNumber"] == "PhoneNumber"
    assert instead["ConversionName"] is None


def _judged(engine: Engine, entity: EventEntity, table: str) -> None:
    """Check that the example row is valid as it stands, without any argument of the operator."""
    with engine.begin() as connection:
        for statement in create_table(entity, table, engine.dialect.name).split(";\n"):
            connection.execute(text(statement.replace(":", r"\:")))
    sample = take_sample(engine, entity, SourceOptions(table=table), "1", NOW)
    assert [row.violations for row in sample.rows] == [()]
    assert sample.rows[0].payload
    assert sample.undeclared == ()


@pytest.mark.parametrize("entity", event_entities(), ids=lambda entity: entity.name)
def test_the_ddl_gives_a_table_whose_example_row_can_be_sent(entity: EventEntity, tmp_path) -> None:
    _judged(create_engine(f"sqlite:///{tmp_path}/source.db"), entity, "my_conversions")


@pytest.mark.postgres
@pytest.mark.parametrize("entity", event_entities(), ids=lambda entity: entity.name)
def test_the_ddl_gives_such_a_table_on_postgresql_too(entity: EventEntity, postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    try:
        _judged(engine, entity, "cli_ddl_example")
    finally:
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE IF EXISTS cli_ddl_example"))
        engine.dispose()


def test_the_command_prints_what_the_database_takes(bingads: Callable[..., Result]) -> None:
    script = bingads("columns", "offline_conversions", "--ddl", "--dialect", "sqlite", "--table", "sales").output
    database = sqlite3.connect(":memory:")
    database.executescript(script)
    assert database.execute("SELECT count(*) FROM sales").fetchone() == (1,)


def test_a_database_that_nobody_knows_is_a_sentence(bingads: Callable[..., Result]) -> None:
    refused = bingads("columns", "--ddl", "--dialect", "nonsense")
    assert refused.exit_code == 1
    assert "nonsense" in refused.output
