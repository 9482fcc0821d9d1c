"""One holder at a time, by the database's clock."""

from __future__ import annotations

import multiprocessing
import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event

from airflow_provider_bingads.sync.ports import Lease, LeaseHolder
from airflow_provider_bingads.warehouse import SqlLedger, ledger_for
from tests.warehouse.ledger_records import STREAM


def test_a_lease_is_held_by_one(ledger: SqlLedger) -> None:
    before = datetime.now(UTC)
    lease = ledger.acquire(STREAM, "first", 60)
    assert isinstance(lease, Lease)
    assert lease.epoch == 1
    holder = ledger.acquire(STREAM, "second", 60)
    assert isinstance(holder, LeaseHolder)
    assert holder.owner == "first"
    assert holder.expires_at == lease.expires_at
    assert abs(holder.acquired_at - before) < timedelta(seconds=30)
    assert 30 < holder.seconds_left <= 60


def test_even_its_own_holder_cannot_take_it_again(ledger: SqlLedger) -> None:
    """The earlier try of the same task may still be running."""
    ledger.acquire(STREAM, "me", 60)
    assert isinstance(ledger.acquire(STREAM, "me", 60), LeaseHolder)


def test_streams_do_not_hinder_each_other(ledger: SqlLedger) -> None:
    assert isinstance(ledger.acquire("1" * 32, "me", 60), Lease)
    assert isinstance(ledger.acquire("2" * 32, "you", 60), Lease)


def test_an_expired_lease_goes_to_the_next_with_a_higher_epoch(ledger: SqlLedger) -> None:
    first = ledger.acquire(STREAM, "first", 0)
    assert isinstance(first, Lease)
    second = ledger.acquire(STREAM, "second", 60)
    assert isinstance(second, Lease)
    assert second.epoch == 2
    assert ledger.renew(first, 60) is None
    ledger.release(first)
    assert isinstance(ledger.acquire(STREAM, "third", 60), LeaseHolder)


def test_renewing_extends_it(ledger: SqlLedger) -> None:
    lease = ledger.acquire(STREAM, "me", 1)
    assert isinstance(lease, Lease)
    renewed = ledger.renew(lease, 600)
    assert renewed is not None
    assert renewed.epoch == lease.epoch
    assert renewed.expires_at > lease.expires_at + timedelta(seconds=500)


def test_a_lease_that_ran_out_but_that_nobody_took_can_be_renewed(ledger: SqlLedger) -> None:
    lease = ledger.acquire(STREAM, "me", 0)
    assert isinstance(lease, Lease)
    assert ledger.renew(lease, 60) is not None
    assert isinstance(ledger.acquire(STREAM, "you", 60), LeaseHolder)


def test_a_released_lease_is_free_at_once(ledger: SqlLedger) -> None:
    lease = ledger.acquire(STREAM, "me", 60)
    assert isinstance(lease, Lease)
    ledger.release(lease)
    assert isinstance(ledger.acquire(STREAM, "you", 60), Lease)


def test_a_lease_can_be_kept_until_an_open_call_is_past(ledger: SqlLedger) -> None:
    lease = ledger.acquire(STREAM, "me", 60)
    assert isinstance(lease, Lease)
    ledger.release(lease, not_before=lease.expires_at - timedelta(seconds=20))
    holder = ledger.acquire(STREAM, "you", 60)
    assert isinstance(holder, LeaseHolder)
    assert holder.expires_at == lease.expires_at - timedelta(seconds=20)


def test_a_clock_far_ahead_does_not_keep_the_lease_beyond_its_end(ledger: SqlLedger) -> None:
    """``not_before`` comes from the provider's clock, which is the emulator's there."""
    lease = ledger.acquire(STREAM, "me", 60)
    assert isinstance(lease, Lease)
    ledger.release(lease, not_before=lease.expires_at + timedelta(days=90))
    holder = ledger.acquire(STREAM, "you", 60)
    assert isinstance(holder, LeaseHolder)
    assert holder.expires_at == lease.expires_at


def test_an_owner_of_any_length_is_cut(ledger: SqlLedger) -> None:
    lease = ledger.acquire(STREAM, "o" * 5000, 60)
    assert isinstance(lease, Lease)
    assert ledger.renew(lease, 60) is not None


@pytest.mark.parametrize("asked", ["acquire", "renew", "release"])
def test_a_process_frozen_in_the_middle_holds_nobody_up(engine: Engine, asked: str) -> None:
    """It stops right after its statement, before it can say anything else to the database, and never goes on."""
    frozen, woken = threading.Event(), threading.Event()

    def freeze(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("UPDATE") and threading.current_thread() is not threading.main_thread():
            frozen.set()
            woken.wait(60)

    mine, others = ledger_for(engine), ledger_for(engine)
    held = mine.acquire(STREAM, "frozen", 0)
    assert isinstance(held, Lease)
    work = {"acquire": lambda: mine.acquire(STREAM, "frozen", 0), "renew": lambda: mine.renew(held, 0)}
    thread = threading.Thread(target=work.get(asked, lambda: mine.release(held)), daemon=True)
    event.listen(engine, "after_cursor_execute", freeze)
    try:
        thread.start()
        assert frozen.wait(30)
        started = time.monotonic()
        assert isinstance(others.acquire(STREAM, "other", 60), Lease)
        assert time.monotonic() - started < 5
    finally:
        woken.set()
        thread.join(30)
        event.remove(engine, "after_cursor_execute", freeze)
        mine.close()
        others.close()


def contend(url: str, schema: str | None, worker: int, times: int, log: str) -> None:
    """Take and give back the lease, writing down when by one clock that all processes share."""
    engine = create_engine(url)
    ledger = ledger_for(engine, schema)
    with Path(log).open("w", encoding="ascii") as out:
        for _ in range(times):
            while isinstance(lease := ledger.acquire(STREAM, f"worker {worker}", 30), LeaseHolder):
                time.sleep(0.01 + 0.002 * worker)
            taken = time.monotonic_ns()
            time.sleep(0.0005)
            given_back = time.monotonic_ns()
            ledger.release(lease)
            out.write(f"{taken} {given_back} {lease.epoch}\n")
    ledger.close()


def overlaps_and_epochs(logs: list[Path]) -> tuple[int, list[int]]:
    grants = sorted(tuple(map(int, line.split())) for log in logs for line in log.read_text("ascii").splitlines())
    overlaps = sum(later[0] < earlier[1] for earlier, later in pairwise(grants))
    return overlaps, [grant[2] for grant in grants]


@pytest.mark.parametrize(
    "database",
    [
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ],
)
def test_eight_processes_never_hold_it_together(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    schema = None
    url = f"sqlite:///{request.getfixturevalue('memory_folder') / 'ledger.db'}"
    if database == "postgres":
        url = request.getfixturevalue("postgres_database").render_as_string(hide_password=False)
        schema = request.getfixturevalue("postgres_schema")
    if database == "mariadb":
        url = request.getfixturevalue("mariadb_database").render_as_string(hide_password=False)
    ledger_for(create_engine(url), schema).close()
    logs = [tmp_path / f"log{worker}" for worker in range(8)]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "psycopg2", "pymysql"])
    workers = [
        context.Process(target=contend, args=(url, schema, worker, 50, str(log))) for worker, log in enumerate(logs)
    ]
    for process in workers:
        process.start()
    for process in workers:
        process.join()
    assert [process.exitcode for process in workers] == [0] * 8
    overlaps, epochs = overlaps_and_epochs(logs)
    assert overlaps == 0
    assert epochs == list(range(1, 401))


def test_renewals_do_not_wait_for_reads(engine: Engine, ledger: SqlLedger) -> None:
    """Reads, writes and lease renewals have a connection each."""
    lease = ledger.acquire(STREAM, "me", 60)
    assert isinstance(lease, Lease)
    with ledger._read.use():
        assert ledger.renew(lease, 60) is not None
