"""Gives an account up when call after call applies nothing for a cause that lies in none of their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from airflow_provider_bingads.domain.calls import CallResult
from airflow_provider_bingads.domain.catalogue import advice
from airflow_provider_bingads.domain.outcomes import RowState
from airflow_provider_bingads.exceptions import RetryLater
from airflow_provider_bingads.sync.entries import Verdict

__all__ = ["Breaker"]

_FRUITLESS_CALLS: Final = 3
"""Calls in a row that applied nothing before the account is given up (``delivery.md`` 5.2, systemic breaker)."""
_NOT_THE_ROWS_FAULT: Final = frozenset({RowState.DEFERRED, RowState.UNKNOWN})


@dataclass(slots=True)
class Breaker:
    """Counts the calls in a row that came to nothing."""

    service: str
    operation: str
    account: str
    _fruitless: int = 0

    def note(self, result: CallResult, verdicts: Sequence[Verdict | None]) -> RetryLater | None:
        """Note how a call ended; return the reason to stop once enough of them came to nothing."""
        waiting = [verdict for verdict in verdicts if verdict and verdict.state in _NOT_THE_ROWS_FAULT]
        if not waiting or len(waiting) < len(verdicts):
            self._fruitless = 0
            return None
        self._fruitless += 1
        if self._fruitless < _FRUITLESS_CALLS:
            return None
        first = waiting[0].errors[0] if waiting[0].errors else None
        why = advice(self.service, first.code, first.error_code).meaning if first else result.detail
        return RetryLater(
            f"{self.operation} for account {self.account}: the last {self._fruitless} calls applied nothing, "
            f"and not because of their rows: {why}"
        )
