"""Finds the guilty rows of a batch that was refused as a whole, in a bounded number of calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from airflow_provider_bingads.domain.outcomes import RowState
from airflow_provider_bingads.domain.rows import Batch, Candidate
from airflow_provider_bingads.sync.entries import Verdict

__all__ = ["NOT_FOUND", "Bisection"]

_MOST_CALLS: Final = 64
"""Calls spent on one refused batch (``delivery.md`` 5.3): one guilty row of 1,000 takes about 20."""

NOT_FOUND: Final = Verdict(
    RowState.DEFERRED,
    error_code="RefusedWithItsBatch",
    message="its batch was refused as a whole and the guilty row was not found; the next run tries again",
)
"""Of each row still under suspicion when the calls are spent."""


@dataclass(slots=True)
class Bisection:
    """Which batches are parts of which refused one, and what its search has cost."""

    _roots: dict[str, str] = field(default_factory=dict)
    _calls: dict[str, int] = field(default_factory=dict)
    _answered: set[str] = field(default_factory=set)

    def halves(self, batch: Batch) -> tuple[list[Candidate], ...]:
        """Return the two halves to send instead of the batch; none when its calls are spent."""
        root = self._roots.get(batch.batch_id, batch.batch_id)
        spent = self._calls.get(root, 0) + 2
        if spent > _MOST_CALLS:
            return ()
        self._calls[root] = spent
        middle = (len(batch.rows) + 1) // 2
        return batch.rows[:middle], batch.rows[middle:]

    def others_pass(self, batch: Batch, *, answered: bool) -> bool:
        """Tell whether another part of the same refused batch was answered, so that a refusal is about rows.

        :param answered: this one was, which counts for the parts after it.
        """
        root = self._roots.get(batch.batch_id)
        known = root in self._answered
        if answered and root is not None:
            self._answered.add(root)
        return known

    def descend(self, part: Batch, parent: Batch) -> None:
        """Note that a batch is a part of another."""
        self._roots[part.batch_id] = self._roots.get(parent.batch_id, parent.batch_id)
