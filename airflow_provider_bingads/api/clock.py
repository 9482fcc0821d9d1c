"""The time that counts: the machine's, or the emulator's under ``environment=emulator`` (design 3)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from airflow_provider_bingads.api.http import HttpStack, WireReply, WireRequest
from airflow_provider_bingads.exceptions import RetryLater

__all__ = ["EmulatorClock", "system_now"]

_GOOD_FOR_SECONDS: Final = 1.0
_ASK_SECONDS: Final = 5.0


def system_now() -> datetime:
    """Return the machine's time, aware, in UTC."""
    return datetime.now(UTC)


class EmulatorClock:
    """Asks the emulator for its time, at most once a second, and counts on from there.

    :param health_url: address of ``GET /__emulator__/health``.
    """

    def __init__(self, http: HttpStack, health_url: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._http = http
        self._request = WireRequest(health_url, {"Accept": "application/json"}, method="GET")
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._asked_at: float | None = None
        self._told = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        """Return the emulator's time, aware, in UTC.

        :raises RetryLater: the emulator does not answer.
        """
        with self._lock:
            asked_at, present = self._asked_at, self._monotonic()
            if asked_at is None or present - asked_at > _GOOD_FOR_SECONDS:
                self._told = self._ask()
                self._asked_at = asked_at = self._monotonic()
                present = asked_at
            return self._told + timedelta(seconds=present - asked_at)

    def _ask(self) -> datetime:
        reply = self._http.send(self._request, _ASK_SECONDS)
        if not isinstance(reply, WireReply):
            raise RetryLater(f"The emulator does not tell its time: {reply.sentence}.")
        try:
            told = datetime.fromisoformat(msgspec.json.decode(reply.body)["now"])
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
            raise RetryLater("The emulator's health page tells no time; is base_url really an emulator?") from None
        return told.astimezone(UTC) if told.tzinfo else told.replace(tzinfo=UTC)
