"""What a ledger on MariaDB and MySQL has to get right beside what every ledger has."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import URL, Connection, Engine, Table, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from airflow_provider_bingads.cli.findings import Status
from airflow_provider_bingads.cli.ledger_checks import ledger_finding
from airflow_provider_bingads.exceptions import FixLedger, RetryLater
from airflow_provider_bingads.sync.ports import Lease
from airflow_provider_bingads.warehouse import SqlLedger, ledger_for
from airflow_provider_bingads.warehouse.failures import Trouble, trouble_of
from airflow_provider_bingads.warehouse.ledger import migrations, mysql
from airflow_provider_bingads.warehouse.ledger.mysql import MysqlBackend
from airflow_provider_bingads.warehouse.ledger.schema import VERSION, ledger_tables
from tests.warehouse.ledger_records import STREAM, entries, error, name, row, run

pytestmark = pytest.mark.mariadb


@pytest.fixture
def engine(mariadb_engine: Engine) -> Engine:
    return mariadb_engine


def rows_in(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM bingads_row")).scalar_one())


def threads_of(connection: Connection) -> list[int]:
    others = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
    return list(connection.execute(text(others)).scalars())


def test_a_session_is_strict_whatever_the_server_is(engine: Engine, ledger: SqlLedger) -> None:
    asked = "SELECT @@session.sql_mode, @@session.time_zone, @@character_set_connection"
    with engine.connect() as plain:
        plain.exec_driver_sql("SET SESSION sql_mode = ''")
    with ledger._write.use() as connection:
        mode, zone, charset = connection.exec_driver_sql(asked).one()
        isolation = connection.exec_driver_sql("SHOW SESSION VARIABLES LIKE 't%%_isolation'").first()
        with pytest.raises(DBAPIError) as caught:
            connection.exec_driver_sql("INSERT INTO bingads_schema_version VALUES (9, REPEAT('x', 41), '2026-01-01')")
    assert {"STRICT_ALL_TABLES", "NO_ZERO_DATE", "NO_BACKSLASH_ESCAPES"} <= set(mode.split(","))
    assert (zone, charset) == ("+00:00", "utf8mb4")
    assert isolation is not None
    assert isolation[1] == "READ-COMMITTED"
    assert trouble_of(caught.value) is Trouble.VALUE


def test_every_table_is_transactional_and_tells_every_letter_apart(engine: Engine, ledger: SqlLedger) -> None:
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT engine, table_collation FROM information_schema.tables "
                 "WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'")
        ).all()  # fmt: skip
    assert [tuple(told) for told in found] == [("InnoDB", "utf8mb4_bin")] * 7


@pytest.mark.parametrize("mode", ["NO_BACKSLASH_ESCAPES", ""])
def test_a_text_is_quoted_as_the_session_reads_it(engine: Engine, ledger: SqlLedger, mode: str) -> None:
    """A proxy may hand out a session whose settings are gone; a backslash must not end a text there."""
    texts = ["\\", "\\'", "'", "''; DROP TABLE bingads_row; --", "a\\\\'b", "%s %% %", "🎯\n\t\x1a", "plain"]
    with ledger._write.use() as connection:
        connection.exec_driver_sql(f"SET SESSION sql_mode = 'STRICT_ALL_TABLES,{mode}'")
    ledger.record(entries(*(row(row_index=i, message=words) for i, words in enumerate(texts))))
    with engine.connect() as connection:
        stored = connection.execute(text("SELECT message FROM bingads_row ORDER BY row_index")).scalars()
        assert list(stored) == texts


def test_statements_stay_below_what_the_server_takes(engine: Engine, ledger: SqlLedger) -> None:
    backend: Any = ledger.backend
    backend._most_characters = 2_000
    ledger.record(entries(*(row(row_index=i, message="🎯" * 100) for i in range(300))))
    assert rows_in(engine) == 300


def test_what_somebody_wrote_between_the_look_and_the_write_is_left_out(
    engine: Engine, ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look finds nothing, then another process writes the same keys and commits."""
    other = ledger_for(engine)
    look = mysql._missing
    turns: list[int] = []

    def looked(*given: Any) -> Any:
        found = look(*given)
        if not turns:
            other.record(entries(row(row_index=3)))
        turns.append(len(found))
        return found

    ledger.record(entries(row(row_index=1)))
    monkeypatch.setattr(mysql, "_missing", looked)
    ledger.record(entries(*(row(row_index=i) for i in range(5))))
    assert turns[:2] == [4, 3]
    assert rows_in(engine) == 5
    other.close()


def test_a_deadlock_is_run_again(engine: Engine, ledger: SqlLedger) -> None:
    """Two processes that meet at a new stream's first lease make one; the one that gives way must come again."""
    ledger.acquire("1" * 32, "me", 60)
    ledger.acquire("2" * 32, "me", 60)
    both_hold = threading.Barrier(2, timeout=30)
    met: list[bool] = [False, False]

    def work(first: str, second: str, number: int) -> Callable[[Connection], None]:
        def update(connection: Connection) -> None:
            connection.execute(text("UPDATE bingads_lease SET epoch = epoch + 1 WHERE stream_id = :s"), {"s": first})
            if not met[number]:
                met[number] = True
                both_hold.wait()
            connection.execute(text("UPDATE bingads_lease SET epoch = epoch + 1 WHERE stream_id = :s"), {"s": second})

        return update

    other = ledger_for(engine)
    thread = threading.Thread(target=lambda: other.change("t", work("2" * 32, "1" * 32, 1)))
    thread.start()
    ledger.change("t", work("1" * 32, "2" * 32, 0))
    thread.join()
    other.close()
    with engine.connect() as connection:
        assert set(connection.execute(text("SELECT epoch FROM bingads_lease")).scalars()) == {3}


def test_a_lock_that_is_not_given_up_asks_for_a_retry(
    engine: Engine, ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = ledger.acquire(STREAM, "me", 60)
    assert isinstance(lease, Lease)
    with ledger._lease.use() as connection:
        connection.exec_driver_sql("SET SESSION innodb_lock_wait_timeout = 1")
    with engine.begin() as holding:
        holding.execute(text("SELECT * FROM bingads_lease FOR UPDATE"))
        with pytest.raises(RetryLater, match="1205"):
            ledger.renew(lease, 60)
    assert ledger.renew(lease, 60)


class FrozenClock(MysqlBackend):
    """A database whose clock stands still, so that a renewal changes nothing."""

    def now(self, connection: Connection) -> Any:
        if not hasattr(self, "_moment"):
            self._moment = super().now(connection)
        return self._moment


def test_a_renewal_that_changes_nothing_is_a_renewal(engine: Engine) -> None:
    """MySQL by itself counts the rows changed, not those found; the lease must not look lost for it."""
    ledger = SqlLedger(engine, FrozenClock())
    lease = ledger.acquire(STREAM, "me", 60)
    assert isinstance(lease, Lease)
    assert ledger.renew(lease, 60) == lease
    ledger.close()


@pytest.mark.parametrize("when", ["idle", "in a transaction"])
def test_a_killed_connection_costs_one_retry(engine: Engine, when: str) -> None:
    class Killing(MysqlBackend):
        left = 1

        def append(self, connection: Connection, table: Table, records: Sequence[Any], **given: Any) -> None:
            super().append(connection, table, records, **given)
            if table.name == "bingads_row" and when != "idle" and self.left:
                self.left -= 1
                kill(engine)

    ledger = SqlLedger(engine, Killing())
    ledger.known(STREAM, [name("k")])
    ledger.acquire(STREAM, "me", 30)
    if when == "idle":
        kill(engine)
    ledger.record(entries(row(row_index=2), error()))
    assert rows_in(engine) == 1
    assert len(ledger.known(STREAM, [name("k")])) == 1
    assert ledger.acquire(STREAM, "you", 30).owner == "me"
    ledger.close()


def kill(engine: Engine) -> None:
    with engine.connect() as connection:
        for thread in threads_of(connection):
            with suppress(DBAPIError):  # it may be gone by itself
                connection.exec_driver_sql(f"KILL {thread}")


def test_a_server_that_is_gone_asks_for_a_retry(engine: Engine) -> None:
    with pytest.raises(RetryLater, match="cannot be reached"):
        ledger_for(create_engine(engine.url.set(port=1)))


@pytest.mark.parametrize(
    ("change", "words"),
    [({"database": "nowhere_at_all"}, "1049"), ({"username": "nobody", "password": "wrong"}, "(1045|1698)")],
)
def test_a_server_that_lets_nobody_in_says_what_to_correct(engine: Engine, change: dict[str, str], words: str) -> None:
    with pytest.raises(FixLedger, match=f"lets this connection not in .{words}"):
        ledger_for(create_engine(engine.url.set(**change)))  # type: ignore[arg-type]


@pytest.mark.parametrize("statement", range(1, 13))
def test_a_crash_while_the_tables_are_made_is_made_good(
    engine: Engine, statement: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each statement commits by itself: whatever stands, the next creator completes it."""
    real = migrations.statements

    def cut(*given: Any) -> list[str]:
        return [*real(*given)[:statement], "SELECT this ends it"]

    with monkeypatch.context() as patched:
        patched.setattr(migrations, "statements", cut)
        with pytest.raises(FixLedger):
            ledger_for(engine)
    assert "bingads_schema_version" not in inspect(engine).get_table_names() or not versions(engine)
    ledger = ledger_for(engine)
    ledger.record(entries(row(), error()))
    assert versions(engine) == [VERSION]
    assert len(inspect(engine).get_view_names()) == 5
    indexes = {index["name"] for index in inspect(engine).get_indexes("bingads_row")}
    assert indexes == {"ix_bingads_row_key", "ix_bingads_row_problem", "ix_bingads_row_source"}
    ledger.close()


def versions(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT version FROM bingads_schema_version")).scalars())


def test_a_creator_that_takes_too_long_asks_for_a_retry(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mysql, "SCHEMA_LOCK_SECONDS", 1)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"SELECT GET_LOCK('{mysql._SCHEMA_LOCK}', 1)")
        with pytest.raises(RetryLater, match="making or migrating"):
            ledger_for(engine)
        connection.exec_driver_sql(f"SELECT RELEASE_LOCK('{mysql._SCHEMA_LOCK}')")
    ledger_for(engine).close()


def test_a_ledger_schema_is_a_database_of_its_own(engine: Engine) -> None:
    schema = f"Ledger `%s {uuid.uuid4().hex[:8]}"
    quoted = f"`{schema.replace('`', '``')}`"
    ledger = ledger_for(engine, schema)
    try:
        ledger.record(entries(row(), error()))
        ledger.record(entries(row(), error()))
        assert ledger.known(STREAM, [name("k")])
        lease = ledger.acquire(STREAM, "me", 60)
        assert ledger.renew(lease, 60)  # type: ignore[arg-type]
    finally:
        ledger.close()
        with engine.begin() as connection:
            connection.execute(text(f"DROP DATABASE {quoted}"))


@pytest.fixture
def loader(engine: Engine) -> Iterator[URL]:
    """URL of a user that may connect and nothing else."""
    user = f"loader_{uuid.uuid4().hex[:8]}"
    with engine.begin() as connection:
        connection.execute(text(f"CREATE USER {user} IDENTIFIED BY 'secret'"))
        connection.execute(text(f"GRANT SHOW VIEW ON {engine.url.database}.* TO {user}"))
    yield engine.url.set(username=user, password="secret")
    with engine.begin() as connection:
        connection.execute(text(f"DROP USER {user}"))


def run_script(engine: Engine, script: str) -> None:
    connection = engine.raw_connection()
    cursor = connection.cursor()
    for statement in script.split(";\n"):
        if statement.strip():
            cursor.execute(statement)
    connection.commit()
    connection.close()


def test_with_the_printed_script_a_loader_works_and_what_it_recorded_cannot_be_changed(
    engine: Engine, loader: URL
) -> None:
    restricted = create_engine(loader, hide_parameters=True)
    user = str(loader.username)
    with pytest.raises(FixLedger, match="CREATE TABLE IF NOT EXISTS bingads_row") as caught:
        ledger_for(restricted)
    script = str(caught.value).partition("\n\n")[2].replace("bingads_loader", user)
    run_script(engine, script)
    run_script(engine, script)
    assert versions(engine) == [VERSION]
    ledger = ledger_for(restricted)
    ledger.start_run(run())
    for _ in range(2):
        ledger.record(entries(row(), error()))
    lease = ledger.acquire(STREAM, "me", 60)
    assert ledger.renew(lease, 60)  # type: ignore[arg-type]
    ledger.release(lease)  # type: ignore[arg-type]
    assert ledger.known(STREAM, [name("k")])
    ledger.close()
    tables = ["batch", "call", "row", "error", "run", "schema_version"]
    changes = [f"UPDATE bingads_{table} SET at = NULL" for table in tables if table != "batch"]
    changes += [f"DELETE FROM bingads_{table}" for table in [*tables, "lease"]]
    changes += [f"TRUNCATE bingads_{table}" for table in tables]
    for change in changes:
        with restricted.connect() as connection, pytest.raises(DBAPIError) as refused:
            connection.execute(text(change))
        assert trouble_of(refused.value) is Trouble.PERMISSION
    with restricted.connect() as connection:
        for view in inspect(engine).get_view_names():
            connection.execute(text(f"SELECT * FROM {view}")).all()
    restricted.dispose()


def test_a_server_that_only_reads_ends_in_a_sentence(engine: Engine, ledger: SqlLedger) -> None:
    with ledger._write.use() as connection:
        connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
    with pytest.raises(FixLedger, match="1792"):
        ledger.record(entries(row()))


def test_keys_are_looked_up_by_their_index(engine: Engine, ledger: SqlLedger) -> None:
    ledger.record(entries(*(row(row_index=i, row_key=name("k", i)) for i in range(3))))
    statement = mysql._look_up(ledger_tables().row, engine.dialect, 2)
    with engine.connect() as connection:
        keys = (name("k", 1), name("k", 2), STREAM)
        plan = connection.exec_driver_sql(f"EXPLAIN {statement}", keys).mappings().one()
    assert plan["key"] == "ix_bingads_row_key"


def test_the_clock_is_the_databases_in_utc(engine: Engine, ledger: SqlLedger) -> None:
    with ledger._read.use() as connection:
        connection.exec_driver_sql("SET SESSION time_zone = '+05:00'")
        assert abs(ledger.backend.now(connection).timestamp() - time.time()) < 60


def test_the_check_before_the_first_run_leaves_nothing_behind(engine: Engine, loader: URL) -> None:
    """What is defined is not undone by a rollback, so the rehearsal is of another kind there."""
    assert ledger_finding(engine, None).status is Status.OK
    assert inspect(engine).get_table_names() == []
    restricted = create_engine(loader, hide_parameters=True)
    assert ledger_finding(restricted, None).status is Status.FAILED
    restricted.dispose()
    ledger_for(engine).close()
    assert f"version {VERSION}" in ledger_finding(engine, None).sentence
