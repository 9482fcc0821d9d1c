"""What may happen at a point: the process dies, stands still, or lets another one go first."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tests.proof.attempt import Attempt, Hook

__all__ = ["freeze_at", "kill_at", "stop_at", "two_writers"]

_PATIENCE_SECONDS = 60.0


def kill_at(number: int) -> Hook:
    """Kill the process at the n-th point it passes, from 1."""

    def hook(attempt: Attempt, _name: str) -> None:
        if len(attempt.passed) == number:
            attempt.kill()

    return hook


def stop_at(number: int) -> Hook:
    """Ask the process to end at the n-th point it passes."""

    def hook(attempt: Attempt, _name: str) -> None:
        if len(attempt.passed) == number:
            attempt.stopped = True

    return hook


def freeze_at(number: int, meanwhile: Callable[[], object]) -> Hook:
    """Stand still at the n-th point while something else happens."""

    def hook(attempt: Attempt, _name: str) -> None:
        if len(attempt.passed) == number:
            meanwhile()

    return hook


def two_writers(one: Attempt, first: int, other: Attempt, second: int) -> int:
    """Let one try run to its n-th point, the other from its beginning to its m-th, then each to its end.

    Strictly one at a time: the other has a thread only to keep its stack while it stands still.

    :return: 1 when both points were met.
    """
    stands, goes_on, ended = threading.Event(), threading.Event(), threading.Event()
    met = False

    def stand(attempt: Attempt, _name: str) -> None:
        nonlocal met
        if len(attempt.passed) == second:
            met = True
            stands.set()
            assert goes_on.wait(_PATIENCE_SECONDS)

    def run_other() -> None:
        try:
            other.run()
        finally:
            ended.set()
            stands.set()

    other.hook = stand
    thread = threading.Thread(target=run_other, daemon=True)

    def start_other(attempt: Attempt, _name: str) -> None:
        if len(attempt.passed) == first:
            thread.start()
            assert stands.wait(_PATIENCE_SECONDS)

    one.hook = start_other
    one.run()
    goes_on.set()
    if thread.ident is not None:
        assert ended.wait(_PATIENCE_SECONDS)
        thread.join()
    return int(met)
