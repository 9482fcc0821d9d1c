"""Runs the delivery's lanes in threads, and keeps the main thread free for Airflow.

Airflow may interrupt the main thread at any bytecode (``execution_timeout``), and only the main thread may ask it
for Connections and Variables; so the main thread waits and serves, and everything else works elsewhere.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from airflow_provider_bingads.sync.ports import Work

__all__ = ["LaneExecutor", "Supervisor"]

T = TypeVar("T")
_POLL_SECONDS = 0.2
GRACE_SECONDS = 4.5
"""Time left to the delivery after a stop; Airflow's supervisor kills the process 5 s after SIGTERM."""

_Job = tuple[object, Callable[[], Any]]


class LaneExecutor:
    """One thread a lane, ``send_threads`` of them for ``send``; implements ``sync.ports.Executor``."""

    def __init__(self, send_threads: int) -> None:
        self._threads_of = {"send": send_threads}
        self._jobs: dict[str, queue.SimpleQueue[_Job | None]] = {}
        self._threads: list[threading.Thread] = []
        self._done: queue.SimpleQueue[Work] = queue.SimpleQueue()

    def start(self, lane: str, tag: object, work: Callable[[], Any]) -> None:
        """Queue work on a lane, starting the lane's threads at its first work."""
        if lane not in self._jobs:
            self._jobs[lane] = queue.SimpleQueue()
            for number in range(self._threads_of.get(lane, 1)):
                thread = threading.Thread(
                    target=self._serve, args=(lane,), name=f"bingads-{lane}-{number}", daemon=True
                )
                self._threads.append(thread)
                thread.start()
        self._jobs[lane].put((tag, work))

    def next(self, timeout_seconds: float | None) -> Work | None:
        """Return the next finished work, None when the time is over first."""
        try:
            return self._done.get(timeout=timeout_seconds)
        except queue.Empty:
            return None

    def shutdown(self, wait_seconds: float) -> None:
        """End the threads, waiting for what runs."""
        for lane, jobs in self._jobs.items():
            for _ in range(self._threads_of.get(lane, 1)):
                jobs.put(None)
        deadline = time.monotonic() + wait_seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _serve(self, lane: str) -> None:
        while (job := self._jobs[lane].get()) is not None:
            tag, work = job
            try:
                self._done.put(Work(lane, tag, value=work()))
            except BaseException as error:  # noqa: BLE001  # whatever it is, the thread that asked must hear of it
                self._done.put(Work(lane, tag, error=error))


@dataclass(slots=True)
class _Request:
    work: Callable[[], Any]
    done: threading.Event = field(default_factory=threading.Event)
    value: Any = None
    error: BaseException | None = None

    def serve(self) -> None:
        try:
            self.value = self.work()
        except BaseException as error:  # noqa: BLE001  # it belongs to the thread that asked
            self.error = error
        finally:
            self.done.set()


class Supervisor:
    """Runs one job in a thread while the calling thread serves what only it may do.

    :param stop: set when the task is asked to end.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._main = threading.get_ident()
        self._requests: queue.SimpleQueue[_Request] = queue.SimpleQueue()

    def in_main(self, work: Callable[[], T]) -> T:
        """Have the main thread do this and return what it returned; called from any thread."""
        if threading.get_ident() == self._main:
            return work()
        request = _Request(work)
        self._requests.put(request)
        request.done.wait()
        if request.error is not None:
            raise request.error
        value: T = request.value
        return value

    def run(self, job: Callable[[], T]) -> T:
        """Run the job to its end; whatever interrupts this thread stops the job first, for at most 4.5 s."""
        outcome = _Request(job)
        thread = threading.Thread(target=self._carry_out, args=(outcome,), name="bingads-delivery", daemon=True)
        thread.start()
        try:
            while not outcome.done.is_set():
                self._serve_one()
        finally:
            self._drain(outcome)
        if outcome.error is not None:
            raise outcome.error
        value: T = outcome.value
        return value

    def _carry_out(self, outcome: _Request) -> None:
        outcome.serve()
        # An empty request wakes the waiting thread at once instead of at its next look.
        self._requests.put(_Request(lambda: None))

    def _drain(self, outcome: _Request) -> None:
        if outcome.done.is_set():
            return
        self._stop.set()
        deadline = time.monotonic() + GRACE_SECONDS
        while not outcome.done.is_set() and time.monotonic() < deadline:
            self._serve_one()

    def _serve_one(self) -> None:
        with contextlib.suppress(queue.Empty):
            self._requests.get(timeout=_POLL_SECONDS).serve()
