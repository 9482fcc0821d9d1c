"""A ledger that records nothing: what is left of a run is the price of everything but recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from airflow_provider_bingads.domain.records import Entries, Known, OpenCall, OpenRow, RunIdentity, RunRecord
from airflow_provider_bingads.sync.ports import Lease, LeaseHolder

__all__ = ["NoLedger"]


class NoLedger:
    """Implements ``sync.ports.Ledger`` for a benchmark; nothing is remembered, so nothing is safe."""

    def acquire(self, stream_id: str, owner: str, seconds: float) -> Lease | LeaseHolder:
        """Grant the lease."""
        return Lease(stream_id, owner, 1, datetime.now(UTC) + timedelta(seconds=seconds))

    def renew(self, lease: Lease, seconds: float) -> Lease | None:
        """Grant it again."""
        return Lease(lease.stream_id, lease.owner, lease.epoch, datetime.now(UTC) + timedelta(seconds=seconds))

    def release(self, lease: Lease, not_before: datetime | None = None) -> None:
        """Do nothing."""

    def start_run(self, run: RunRecord) -> None:
        """Do nothing."""

    def finish_run(self, run: RunRecord) -> None:
        """Do nothing."""

    def runs_of_earlier_tries(self, identity: RunIdentity, operation: str) -> frozenset[str]:  # noqa: ARG002 - as the port has it
        """Know of none."""
        return frozenset()

    def known(self, stream_id: str, keys: Sequence[str]) -> Mapping[str, Sequence[Known]]:  # noqa: ARG002 - as the port has it
        """Know nothing."""
        return {}

    def open_calls(self, stream_id: str) -> Sequence[OpenCall]:  # noqa: ARG002 - as the port has it
        """Know of none."""
        return ()

    def forgotten(self, stream_id: str) -> frozenset[str]:  # noqa: ARG002 - as the port has it
        """Know of none."""
        return frozenset()

    def waiting_rows(self, stream_id: str, before_run_id: str, event_after: datetime) -> Sequence[OpenRow]:  # noqa: ARG002 - as the port has it
        """Know of none."""
        return ()

    def record(self, entries: Entries) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
