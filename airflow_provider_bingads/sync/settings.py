"""How one run delivers: numbers and names, fixed before it starts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from airflow_provider_bingads.domain.records import RunIdentity

__all__ = ["DeliverySettings", "stream_id_of"]


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """Settings of one run.

    :param run_id: 32 hex digits; one try of one task instance.
    :param operation: the API operation that sends the rows.
    :param batch_size: rows a call, at most the operation's limit.
    :param max_in_flight: calls at once.
    :param lease_seconds: how long the account stays ours without a sign of life; renewed every third of it.
    :param lease_wait_seconds: how long to wait for an account another run holds.
    :param call_deadline_seconds: most seconds one attempt of a call may take.
    :param validate_only: judge every row, send and record none.
    :param config_sha: digest of the arguments that shape the rows, to tell runs apart.
    """

    run_id: str
    identity: RunIdentity
    environment: str
    operation: str
    namespace: str
    batch_size: int
    max_in_flight: int
    lease_seconds: float
    lease_wait_seconds: float
    call_deadline_seconds: float
    validate_only: bool
    provider_version: str
    config_sha: str

    @property
    def owner(self) -> str:
        """Who holds a lease, in words a person finds in Airflow."""
        who = self.identity
        return f"{who.dag_id}/{who.task_id} run {who.dag_run_id} try {who.try_number} [{self.run_id[-8:]}]"


def stream_id_of(*, environment: str, account_id: str, operation: str, namespace: str) -> str:
    """Name the memory that all runs on one account share, whatever DAG they belong to (``delivery.md`` 3.6).

    :return: 32 hex digits.
    """
    text = f"bingads-stream-v1\x00{environment}\x00{account_id}\x00{operation}\x00{namespace}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
