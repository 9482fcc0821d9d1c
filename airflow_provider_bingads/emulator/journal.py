"""What came in and what was answered: the second witness beside a client's own ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from airflow_provider_bingads.emulator.clock import iso

__all__ = ["DIGEST_BYTES", "CallRecord", "Journal"]

DIGEST_BYTES: Final = 16


@dataclass(slots=True)
class CallRecord:
    """One call, as it stands now.

    :param rows: items it carried.
    :param applied: items it added to the state.
    :param repeated: items that were there already, silently ignored.
    :param rejected: items answered with errors.
    :param again_after_answer: repeated items whose earlier call had been answered.
    :param applied_keys: digests of the applied items, joined.
    :param repeated_keys: the same for the repeated ones.
    :param answered_at: when its complete, genuine reply had left; None while it has not.
    """

    number: int
    received_at: float
    service: str
    operation: str
    transport: str
    account_id: str | None = None
    customer_id: str | None = None
    tracking_id: str | None = None
    request_bytes: int = 0
    status: int | None = None
    fault: str | None = None
    rows: int = 0
    applied: int = 0
    repeated: int = 0
    rejected: int = 0
    again_after_answer: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    applied_keys: bytes = b""
    repeated_keys: bytes = b""
    answered_at: float | None = None

    def as_json(self, *, keys: bool = False) -> dict[str, Any]:
        """Return the record as the control API shows it.

        :param keys: with the digests, 32 hex digits each.
        """
        found = {name: getattr(self, name) for name in self.__slots__ if not name.endswith("_keys")}
        found |= {
            "received_at": iso(self.received_at),
            "answered_at": iso(self.answered_at),
            "answered": self.answered_at is not None,
            "codes": dict(self.codes),
        }
        if keys:
            found |= {"applied_keys": _split(self.applied_keys), "repeated_keys": _split(self.repeated_keys)}
        return found


class Journal:
    """All calls since the last reset, and their sums."""

    def __init__(self) -> None:
        self.calls: list[CallRecord] = []
        self.faults: Counter[str] = Counter()
        self.tokens_issued = 0
        self.redirects_followed = 0
        self.refused_keys: set[bytes] = set()
        self.received_keys_again = 0

    def open(self, call: CallRecord) -> CallRecord:
        """Keep a call that has just come in."""
        self.calls.append(call)
        return call

    def next_number(self) -> int:
        """Return the number of the next call, counted from 1."""
        return len(self.calls) + 1

    def call(self, number: int) -> CallRecord:
        """Return a call by its number."""
        return self.calls[number - 1]

    def select(self, *, after: int = 0, limit: int | None = None, operation: str | None = None) -> Iterator[CallRecord]:
        """Yield calls by number.

        :param after: only calls with a higher number.
        :param limit: at most so many.
        """
        left = len(self.calls) if limit is None else limit
        for call in self.calls[after:]:
            if left <= 0:
                return
            if operation is None or call.operation == operation:
                left -= 1
                yield call

    def stats(self, applied_keys: int) -> dict[str, Any]:
        """Return the sums over all calls.

        :param applied_keys: distinct keys that the state holds.
        """
        codes: Counter[str] = Counter()
        operations: Counter[str] = Counter()
        for call in self.calls:
            codes.update(call.codes)
            operations[call.operation] += 1
        return {
            "calls": len(self.calls),
            "calls_answered": sum(call.answered_at is not None for call in self.calls),
            "calls_by_operation": dict(operations),
            "rows_received": sum(call.rows for call in self.calls),
            "rows_rejected": sum(call.rejected for call in self.calls),
            "keys_received": applied_keys + len(self.refused_keys),
            "keys_applied": applied_keys,
            "keys_received_again": self.received_keys_again,
            "keys_received_again_after_answer": sum(call.again_after_answer for call in self.calls),
            "codes": dict(codes),
            "faults": dict(self.faults),
            "tokens_issued": self.tokens_issued,
            "redirects_followed": self.redirects_followed,
        }


def _split(digests: bytes) -> list[str]:
    return [digests[start : start + DIGEST_BYTES].hex() for start in range(0, len(digests), DIGEST_BYTES)]
