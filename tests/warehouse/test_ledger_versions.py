"""A ledger comes to life with the rights at hand, and an old one goes on with what it holds."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, inspect, text

from airflow_provider_bingads.exceptions import FixConfiguration, FixLedger
from airflow_provider_bingads.warehouse import SqlLedger, ledger_ddl, ledger_for
from airflow_provider_bingads.warehouse.filesystems import network_filesystem
from airflow_provider_bingads.warehouse.ledger.keeper import LedgerKeeper
from airflow_provider_bingads.warehouse.ledger.schema import VERSION
from tests.warehouse.conftest import POSTGRES
from tests.warehouse.ledger_records import STREAM, entries, error, name, row, run

EARLIER = {version: Path(__file__).with_name(f"ledger_version_{version}.sql") for version in range(1, VERSION)}
DEFINITION_OF_KEY_INDEX = {
    "sqlite": "SELECT sql FROM sqlite_master WHERE name = 'ix_bingads_row_key'",
    "postgresql": "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() "
    "AND indexname = 'ix_bingads_row_key'",
}
VIEWS = {
    "bingads_attention",
    "bingads_in_doubt",
    "bingads_partial_error",
    "bingads_row_current",
    "bingads_run_summary",
}


def run_script(engine: Engine, script: str) -> None:
    with engine.begin() as connection:
        cursor = connection.connection.cursor()
        for statement in script.split(";\n"):
            if statement.strip():
                cursor.execute(statement)


def version_of(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT max(version) FROM bingads_schema_version")).scalar_one())


@pytest.mark.parametrize("engine", ["sqlite", pytest.param("psycopg2", marks=POSTGRES)], indirect=True)
@pytest.mark.parametrize("version", sorted(EARLIER))
def test_a_ledger_of_an_earlier_version_is_migrated_and_its_rows_stay_readable(engine: Engine, version: int) -> None:
    run_script(engine, EARLIER[version].read_text(encoding="utf-8"))
    ledger = ledger_for(engine)
    assert version_of(engine) == VERSION
    assert set(inspect(engine).get_view_names()) == VIEWS
    assert ledger.known(STREAM, ["0123456789abcdef0123456789abcdef"])
    with engine.connect() as connection:
        told = connection.execute(text('SELECT source_ref, state, "column" FROM bingads_attention')).all()
        index = connection.execute(text(DEFINITION_OF_KEY_INDEX[engine.dialect.name])).scalar_one()
    assert [tuple(found) for found in told] == [("order-1", "rejected", "amount")]
    assert "substr" in index
    ledger.record(entries(row(), error(source_ref="order-2")))
    ledger.close()
    ledger_for(engine).close()


def test_a_ledger_of_a_later_release_is_left_alone(engine: Engine, ledger: SqlLedger) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO bingads_schema_version VALUES (999, '9.9', CURRENT_TIMESTAMP)"))
    with pytest.raises(FixLedger, match="Install the newer release"):
        ledger_for(engine)


def test_several_tasks_may_make_the_ledger_at_once(engine: Engine) -> None:
    errors: list[Exception] = []

    def make() -> None:
        try:
            ledger_for(engine).close()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            errors.append(error)

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert version_of(engine) == VERSION


def test_the_printed_script_makes_the_same_ledger(engine: Engine, tmp_path: Path) -> None:
    script = ledger_ddl(engine.dialect.name).partition("\nGRANT")[0]
    run_script(engine, script)
    ledger = ledger_for(engine)
    ledger.start_run(run())
    assert version_of(engine) == VERSION
    assert set(inspect(engine).get_view_names()) == VIEWS
    ledger.close()


@pytest.mark.parametrize("dialect", ["mysql", "mariadb", "postgresql", "sqlite"])
def test_the_script_compiles_for_every_database_a_ledger_may_stand_in(dialect: str) -> None:
    script = ledger_ddl(dialect)
    assert script.count("CREATE TABLE") == 7
    assert script.count(" VIEW bingads_") == 5


@pytest.mark.postgres
def test_a_ledger_schema_is_made_where_the_role_may(postgres_engine: Engine) -> None:
    schema = f"Ledger %s {uuid.uuid4().hex[:8]}"
    ledger = ledger_for(postgres_engine, schema)
    ledger.record(entries(row(), error()))
    ledger.record(entries(row(), error()))
    assert ledger.known(STREAM, [name("k")])
    ledger.close()
    with postgres_engine.begin() as connection:
        preparer = connection.dialect.identifier_preparer
        connection.execute(text(f"DROP SCHEMA {preparer.quote_schema(schema).replace('%%', '%')} CASCADE"))


@pytest.fixture
def loader(postgres_engine: Engine) -> Iterator[Engine]:
    """Engine of a role that may connect and nothing else, in a schema that it may not create in."""
    role = f"loader_{uuid.uuid4().hex[:8]}"
    with postgres_engine.begin() as connection:
        schema = connection.execute(text("SELECT current_schema()")).scalar_one()
        connection.execute(text(f"CREATE ROLE {role}"))
        connection.execute(text(f"GRANT USAGE ON SCHEMA {schema} TO {role}"))
    options = f"{postgres_engine.url.query['options']} -crole={role}"
    engine = create_engine(postgres_engine.url.set(query={"options": options}), hide_parameters=True)
    yield engine
    engine.dispose()
    with postgres_engine.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {role}"))
        connection.execute(text(f"DROP ROLE {role}"))


def role_of(engine: Engine) -> str:
    return str(engine.url.query["options"]).rpartition("=")[2]


def script_in(message: str, role: str) -> str:
    """Return the script that a message holds, for this role."""
    return message.partition("\n\n")[2].replace("bingads_loader", role)


@pytest.mark.postgres
def test_without_the_right_to_create_the_message_holds_the_script_that_helps(
    postgres_engine: Engine, loader: Engine
) -> None:
    with pytest.raises(FixLedger, match="CREATE TABLE bingads_row") as caught:
        ledger_for(loader)
    run_script(postgres_engine, script_in(str(caught.value), role_of(loader)))
    ledger = ledger_for(loader)
    ledger.start_run(run())
    ledger.record(entries(row(), error()))
    ledger.record(entries(row(), error()))
    lease = ledger.acquire(STREAM, "me", 60)
    assert ledger.renew(lease, 60)  # type: ignore[arg-type]
    ledger.release(lease)  # type: ignore[arg-type]
    assert ledger.known(STREAM, [name("k")])
    assert ledger.open_calls(STREAM) == []
    with loader.connect() as connection:
        for view in sorted(VIEWS):
            connection.execute(text(f"SELECT * FROM {view}")).all()
    ledger.close()


@pytest.mark.postgres
def test_with_those_grants_what_is_recorded_cannot_be_changed(postgres_engine: Engine, loader: Engine) -> None:
    run_script(postgres_engine, ledger_ddl("postgresql", role=role_of(loader)))
    ledger_for(loader).close()
    tables = ["batch", "call", "row", "error", "run", "schema_version"]
    changes = [
        f"UPDATE bingads_{table} SET {'version = 9' if 'version' in table else 'run_id = NULL'}" for table in tables
    ]
    changes += [f"DELETE FROM bingads_{table}" for table in [*tables, "lease"]]
    changes += [f"TRUNCATE bingads_{table}" for table in tables]
    for change in changes:
        with loader.connect() as connection, pytest.raises(Exception, match="permission denied"):
            connection.execute(text(change))


@pytest.mark.postgres
def test_a_loader_may_replay_and_to_forget_and_prune_takes_a_keeper(postgres_engine: Engine, loader: Engine) -> None:
    role = role_of(loader)
    run_script(postgres_engine, ledger_ddl("postgresql", role=role))
    ledger = ledger_for(loader)
    keeper = LedgerKeeper(ledger)
    ledger.start_run(run())
    refused = row(state="rejected", code=5603, event_time=datetime.now(UTC), row_key="0" * 32)
    ledger.record(
        entries(refused, row(call_id=name("c", 2), source_ref="2", event_time=datetime(2020, 1, 1, tzinfo=UTC)))
    )
    assert keeper.replay(code=5603, apply=True).rows
    assert keeper.prune().tables[1].rows == 1
    for keep in (partial(keeper.forget, "1"), keeper.prune):
        with pytest.raises(FixLedger, match="bingads_keeper") as caught:
            keep(apply=True)
    run_script(postgres_engine, script_in(str(caught.value), role).replace("bingads_keeper", role))
    assert keeper.prune(apply=True).tables[1].rows == 1
    assert keeper.forget("1", apply=True).tombstones == 1
    ledger.close()


@pytest.mark.parametrize(("dialect", "grants"), [("postgresql", 8), ("mysql", 33), ("sqlite", 0)])
def test_a_keeper_gets_what_a_loader_gets_and_more(dialect: str, grants: int) -> None:
    script = ledger_ddl(dialect, role="loads", keeper="keeps")
    with_keeper = [line for line in script.splitlines() if line.startswith("GRANT")]
    assert len([line for line in with_keeper if "loads" in line]) < max(1, grants)
    assert len(with_keeper) == grants


@pytest.mark.postgres
def test_a_missing_grant_ends_in_the_grants(postgres_engine: Engine, loader: Engine) -> None:
    script = ledger_ddl("postgresql", role=role_of(loader))
    run_script(postgres_engine, script.replace("GRANT SELECT, INSERT", "GRANT SELECT"))
    ledger = ledger_for(loader)
    with pytest.raises(FixLedger, match="GRANT SELECT, INSERT") as caught:
        ledger.start_run(run())
    assert "CREATE TABLE" not in str(caught.value)
    run_script(postgres_engine, script_in(str(caught.value), role_of(loader)))
    ledger.start_run(run())
    ledger.close()


@pytest.mark.postgres
def test_an_old_ledger_that_may_not_be_migrated_ends_in_the_steps(postgres_engine: Engine, loader: Engine) -> None:
    run_script(postgres_engine, EARLIER[1].read_text(encoding="utf-8"))
    with postgres_engine.begin() as connection:
        connection.execute(text(f"GRANT SELECT ON bingads_schema_version TO {role_of(loader)}"))
    with pytest.raises(FixLedger, match="CREATE VIEW") as caught:
        ledger_for(loader)
    assert "CREATE TABLE" not in str(caught.value)
    run_script(postgres_engine, script_in(str(caught.value), role_of(loader)))
    ledger_for(loader).close()


@pytest.mark.postgres
def test_a_read_only_server_ends_in_a_sentence(postgres_engine: Engine) -> None:
    options = f"{postgres_engine.url.query['options']} -cdefault_transaction_read_only=on"
    engine = create_engine(postgres_engine.url.set(query={"options": options}))
    with pytest.raises(FixLedger, match="25006"):
        ledger_for(engine)


def test_a_file_that_may_not_be_written_ends_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger_for(create_engine(f"sqlite:///{path}")).close()
    ledger = ledger_for(create_engine(f"sqlite:///file:{path}?mode=ro&uri=true"))
    with pytest.raises(FixLedger, match="SQLITE_READONLY"):
        ledger.start_run(run())


@pytest.mark.parametrize(
    ("url", "schema", "words"),
    [
        ("sqlite://", None, "memory"),
        ("sqlite:///:memory:", None, "memory"),
        ("sqlite:////nowhere/else/ledger.db", None, "SQLITE_CANTOPEN"),
        ("sqlite:////data/ledger.db", "main", "no schemas"),
    ],
)
def test_a_sqlite_ledger_needs_a_file_of_its_own(url: str, schema: str | None, words: str) -> None:
    with pytest.raises(FixLedger, match=words):
        ledger_for(create_engine(url), schema)


def test_other_databases_are_refused_with_the_reason() -> None:
    class Dialect:
        name = "snowflake"

    class Fake:
        dialect = Dialect()

    with pytest.raises(FixConfiguration, match=r"ledger_conn_id is required.*snowflake"):
        ledger_for(Fake())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/data/ledger.db", None),
        ("/data/share/ledger.db", "nfs4"),
        ("/data/share/deep/er/ledger.db", "nfs4"),
        ("/data/shared/ledger.db", None),
        ("/data/with space/ledger.db", "cifs"),
        ("/data/share/local/ledger.db", None),
    ],
)
def test_a_network_file_system_is_recognised(tmp_path: Path, path: str, kind: str | None) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "rootfs / ext4 rw 0 0\nserver:/x /data/share nfs4 rw 0 0\n//server/y /data/with\\040space cifs rw 0 0\n"
        "/dev/sdb /data/share/local xfs rw 0 0\n"
    )
    assert network_filesystem(Path(path), mounts) == kind
    assert network_filesystem(Path(path), tmp_path / "absent") is None
