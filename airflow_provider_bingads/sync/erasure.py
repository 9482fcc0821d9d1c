"""Recognises source rows that were forgotten on request, whatever identity they have now."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow_provider_bingads.domain.entity import PrepareRows
from airflow_provider_bingads.domain.identity import erased_key
from airflow_provider_bingads.domain.records import RunIdentity
from airflow_provider_bingads.domain.rows import Candidate

__all__ = ["recognising"]


@dataclass(frozen=True, slots=True)
class _Recognising:
    prepare: PrepareRows
    forgotten: Collection[str]
    stream_id: str
    dag_id: str
    task_id: str

    def __call__(self, rows: Sequence[Sequence[Any]], now: datetime) -> list[Candidate]:
        candidates = self.prepare(rows, now)
        for candidate in candidates:
            key = erased_key(self.stream_id, self.dag_id, self.task_id, candidate.source_ref)
            candidate.erased = key in self.forgotten
        return candidates


def recognising(prepare: PrepareRows, forgotten: Collection[str], stream_id: str, identity: RunIdentity) -> PrepareRows:
    """Return the row function that also tells which rows were forgotten; the same one where nobody was.

    :param forgotten: what the ledger holds of the stream (``Ledger.forgotten``).
    :param identity: the task that reads the rows: a forgotten row is recognised only where it was read before.
    """
    return _Recognising(prepare, forgotten, stream_id, identity.dag_id, identity.task_id) if forgotten else prepare
