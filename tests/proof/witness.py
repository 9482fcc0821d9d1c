"""Sees what leaves a process, and holds it against the ledger at that very moment."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from tests.proof.attempt import Attempt
    from tests.proof.world import World

__all__ = ["Witness"]


class Witness:
    """Notes what was sent, and by whom.

    :param problems: what must never be, as sentences.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._sent: set[tuple[int, bytes]] = set()
        self._marker = world.case.marker.encode()
        self._reader: sqlite3.Connection | None = None
        self.problems: list[str] = []

    def sees(self, attempt: Attempt, request: httpx.Request) -> None:
        """Judge one request before the service sees it."""
        body = request.read()
        if self._marker in body:
            self.problems.append("a row that is invalid here left the process")
        if self._world.entity.list_element.encode() not in body:
            return
        self._sent.add((attempt.number, body))
        if self._world.transport == "rest" and self._intents() < len(self._sent):
            self.problems.append(f"try {attempt.number} sent a batch before its intent was durable")

    def _intents(self) -> int:
        if self._reader is None:
            self._reader = sqlite3.connect(self._world.ledger_file, check_same_thread=False, timeout=0)
        query = "SELECT count(*) FROM bingads_call WHERE event = 'intent'"
        return int(self._reader.execute(query).fetchone()[0])

    def close(self) -> None:
        """Close the look into the ledger."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
