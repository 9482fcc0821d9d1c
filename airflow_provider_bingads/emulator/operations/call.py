"""One admitted call on its way through an operation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow_provider_bingads.emulator.journal import CallRecord, Journal
from airflow_provider_bingads.emulator.settings import Settings
from airflow_provider_bingads.emulator.store import Store

__all__ = ["Call", "Handler"]


@dataclass(slots=True)
class Call:
    """A decoded request whose sender is known.

    :param body: the request by API field names, or the operation's own decoded form.
    :param account_id: from the header; 0 where the operation needs none.
    :param customer_id: the same.
    :param now: seconds since 1970 by which the service judges this call.
    :param record: where the journal keeps what becomes of it.
    :param refuse_last_item: an injected fault needs an error to distort: the last item is refused with 5612.
    """

    body: Any
    account_id: int
    customer_id: int
    now: float
    store: Store
    journal: Journal
    record: CallRecord
    settings: Settings
    refuse_last_item: bool = False


Handler = Callable[[Call], dict[str, Any]]
"""Carries a call out and returns the reply by API field names, item errors as ``ItemError``.

:raises RefusalError: the call is refused as a whole.
"""
