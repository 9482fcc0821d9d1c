"""Work for a ledger that is out of reach for a moment: it is done again after a pause, a few times."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from airflow_provider_bingads.exceptions import RetryLater
from airflow_provider_bingads.sync.ports import Clock

__all__ = ["insist"]

T = TypeVar("T")
_PAUSES_SECONDS = (0.5, 2.0, 8.0)


def insist(clock: Clock, work: Callable[[], T]) -> T:
    """Do the work and return its value, repeating it after pauses where the ledger is out of reach.

    :param work: may be repeated without harm.
    :raises RetryLater: the ledger stayed out of reach.
    """
    for pause in _PAUSES_SECONDS:
        try:
            return work()
        except RetryLater:
            clock.wait(pause)
    return work()
