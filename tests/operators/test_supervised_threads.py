"""The main thread stays with Airflow while the delivery works elsewhere, and nothing outlives a stop by long."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from airflow_provider_bingads.operators import threads
from airflow_provider_bingads.operators.runtime import LogProgress, RunClock, ids
from airflow_provider_bingads.operators.threads import LaneExecutor, Supervisor


class Interruption(BaseException):
    """What Airflow raises in the main thread when a task's time is over."""


class Bomb(threads._Request):
    """Interrupts whoever serves it."""

    def serve(self) -> None:
        raise Interruption


def test_the_job_runs_elsewhere_and_its_requests_run_here() -> None:
    supervisor = Supervisor(threading.Event())
    here = threading.get_ident()
    there, asked = supervisor.run(lambda: (threading.get_ident(), supervisor.in_main(threading.get_ident)))
    assert there != here
    assert asked == here


def test_what_the_job_raises_is_raised_here() -> None:
    supervisor = Supervisor(threading.Event())

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        supervisor.run(fail)
    with pytest.raises(ValueError, match="no"):
        supervisor.run(lambda: supervisor.in_main(fail))


def test_an_interrupted_main_thread_stops_the_job_and_lets_it_end() -> None:
    stop = threading.Event()
    supervisor = Supervisor(stop)
    ended = threading.Event()

    def job() -> None:
        threading.Thread(target=lambda: supervisor._requests.put(Bomb(lambda: None)), daemon=True).start()
        stop.wait(10)
        ended.set()

    with pytest.raises(Interruption):
        supervisor.run(job)
    assert stop.is_set()
    assert ended.is_set()


def test_a_lane_keeps_its_order_and_hands_over_errors() -> None:
    executor = LaneExecutor(send_threads=2)
    order = []
    for number in range(20):
        executor.start("write", number, lambda number=number: order.append(number))
    executor.start("write", "bad", lambda: 1 / 0)
    done = [executor.next(5) for _ in range(21)]
    assert order == list(range(20))
    assert isinstance(done[-1].error, ZeroDivisionError)  # type: ignore[union-attr]
    assert executor.next(0.01) is None
    executor.shutdown(1.0)


def test_the_send_lane_sends_as_many_at_once_as_it_may() -> None:
    executor = LaneExecutor(send_threads=3)
    together = threading.Barrier(3, timeout=5)
    for number in range(3):
        executor.start("send", number, together.wait)
    assert {executor.next(5).error for _ in range(3)} == {None}  # type: ignore[union-attr]
    executor.shutdown(1.0)


def test_later_ids_sort_after_earlier_ones_and_are_32_hex_digits() -> None:
    new = ids()
    made = [new() for _ in range(1000)]
    assert made == sorted(set(made))
    assert {len(one) for one in made} == {32}
    assert int(made[0], 16) > 0


def test_waiting_ends_at_once_when_the_task_is_asked_to_end() -> None:
    stop = threading.Event()
    clock = RunClock(lambda: datetime.now(UTC), stop)
    assert clock.wait(0) is False
    stop.set()
    assert clock.wait(1000) is True
    assert clock.wait(0) is True


class Lines:
    """A logger that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, event: str, *args: object) -> None:
        self.lines.append(event % args)


def test_progress_is_said_every_ten_seconds_with_rate_and_time_left() -> None:
    log, now = Lines(), [0.0]
    progress = LogProgress(log, lambda: now[0])
    progress.expect(100_000)
    for _ in range(25):
        now[0] += 1.0
        progress.advance(read=1000, done=1000, failed=1)
    assert log.lines == [
        "10,000 rows done (1,000 rows/s), 10 rejected or invalid, about 90 s left",
        "20,000 rows done (1,000 rows/s), 20 rejected or invalid, about 80 s left",
    ]


def test_progress_of_unknown_length_claims_no_end() -> None:
    log, now = Lines(), [0.0]
    progress = LogProgress(log, lambda: now[0])
    now[0] = 30.0
    progress.advance(done=3000)
    assert log.lines == ["3,000 rows done (100 rows/s), 0 rejected or invalid"]


class BrokenLog:
    """What is left of a log when only the worker that reads it was killed."""

    def info(self, event: str, *args: object) -> None:
        raise BrokenPipeError(event % args)


def test_log_that_nobody_reads_any_more_stops_no_delivery() -> None:
    now = [0.0]
    progress = LogProgress(BrokenLog(), lambda: now[0])
    now[0] = 30.0
    progress.advance(done=3000)
    progress.say("Account 1 is held by another run")
    assert progress.sentence(now[0]).startswith("3,000 rows done")
