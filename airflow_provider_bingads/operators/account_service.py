"""What a delivery asks of the service for one account, answered by the client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_bingads.domain.entity import EventEntity, PrepareRows
from airflow_provider_bingads.domain.outcomes import Violation
from airflow_provider_bingads.domain.rows import Candidate
from airflow_provider_bingads.sync.delivery import Reference
from airflow_provider_bingads.sync.ports import Sender

if TYPE_CHECKING:
    from airflow_provider_bingads.api.client import Client

__all__ = ["ClientAccountService", "prepare_for_account"]


@dataclass(slots=True, eq=False)
class ClientAccountService:
    """Implements ``sync.run.AccountService``.

    :param customer_id: customer for every account that the source names none for.
    """

    client: Client
    entity: EventEntity
    customer_id: str | None
    _customers: dict[str, str] = field(default_factory=dict)

    def use_customer(self, account_id: str, customer_id: str) -> None:
        """Reach this account through this customer."""
        self._customers[account_id] = customer_id

    def customer_of(self, account_id: str) -> str | None:
        """Return the customer named for the account; None lets the client resolve it."""
        return self._customers.get(account_id) or self.customer_id or self.client.settings.customer_id

    def sender(self, account_id: str) -> Sender:
        """Return what sends the account's batches."""
        return self.client.sender(
            self.entity.service,
            self.entity.operation,
            self.entity.list_element,
            account_id=account_id,
            customer_id=self.customer_of(account_id),
        )

    def reference(self, account_id: str) -> Reference | None:
        """Read what must exist in the account, such as its goals."""
        check = self.entity.reference
        if check is None:
            return None
        body = self.client.call(
            check.service,
            check.operation,
            check.body,
            account_id=account_id,
            customer_id=self.customer_of(account_id),
        )
        judge: Reference = check.judge(body)
        return judge


@dataclass(frozen=True, slots=True)
class _Unrouted:
    """Refuses rows whose account column names no account: they are never sent to a guessed one."""

    prepare: PrepareRows
    violation: Violation

    def __call__(self, rows: Sequence[Sequence[Any]], now: datetime) -> list[Candidate]:
        return [self._refuse(candidate) for candidate in self.prepare(rows, now)]

    def _refuse(self, candidate: Candidate) -> Candidate:
        return replace(candidate, payload=None, violations=(self.violation, *candidate.violations))


def prepare_for_account(prepare: PrepareRows, account_id: str, account_id_column: str | None) -> PrepareRows:
    """Return the row function of an account, or of the rows that name none.

    :param account_id: '' for the rows that name none.
    """
    if account_id or account_id_column is None:
        return prepare
    violation = Violation(
        error_code="AccountIdInvalid",
        code=None,
        field="CustomerAccountId",
        column=account_id_column,
        reason="names no account: it is empty or not a number",
        remedy=f"write the account's numeric id into {account_id_column}, or filter such rows out",
    )
    return _Unrouted(prepare, violation)
