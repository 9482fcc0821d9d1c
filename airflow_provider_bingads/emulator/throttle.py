"""The call rate limit: a sliding window of 60 seconds for each user and customer (api-facts F.5)."""

from __future__ import annotations

from collections import deque
from typing import Final

from airflow_provider_bingads.emulator.refusals import Family, RefusalError, ServiceError

__all__ = ["CALL_RATE_EXCEEDED", "Throttle"]

WINDOW_SECONDS: Final = 60.0
CALL_RATE_EXCEEDED: Final = ServiceError(117, "CallRateExceeded", "Too many calls in a minute; wait 60 seconds.")


class Throttle:
    """Counts calls; a refused call counts too (assumed), so that a client that hammers stays out."""

    def __init__(self) -> None:
        self._calls: dict[str, deque[float]] = {}

    def admit(self, who: str, now: float, limit: int | None) -> None:
        """Count one call.

        :param who: user and customer.
        :param now: seconds since 1970.
        :param limit: calls in any 60 seconds; None for no limit.
        :raises RefusalError: 117.
        """
        if limit is None:
            return
        calls = self._calls.setdefault(who, deque())
        while calls and calls[0] <= now - WINDOW_SECONDS:
            calls.popleft()
        calls.append(now)
        if len(calls) > limit:
            raise RefusalError(Family.ACCESS, CALL_RATE_EXCEEDED)
