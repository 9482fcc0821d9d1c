"""A row on its way from the source to the service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from airflow_provider_bingads.domain.outcomes import Violation

__all__ = ["Batch", "Candidate"]


@dataclass(slots=True, eq=False)
class Candidate:
    """One source row after validation; it holds no raw e-mail or phone number.

    :param source_ref: the key column verbatim, several as a JSON list; at most 128 characters.
    :param key: identity of the row at the service, 32 hex digits; for a row whose identity cannot be told, a key
        of its source_ref.
    :param content: hash of the non-null fields, 16 hex digits.
    :param payload: API field -> JSON-ready value in wire order; None where the row is not to be sent.
    :param violations: every reason against sending it; empty for a valid row.
    :param out_of_window: older than ``lookback``; counted, never written.
    :param rounded: its amount had more decimals than ``value_decimals``.
    :param event_time: aware UTC time of the event.
    :param group_name: what the service groups by (the goal's name).
    :param remote_key: the click id; never an e-mail address, a phone number or a hash of one.
    :param preceding_time: aware UTC time of what the event followed (the click), where the source tells it.
    :param erased: its source row was forgotten on request: it is counted, whatever event it is of.
    :param gen: generation its outcome is recorded under; that of a replay is above what it replays.
    """

    source_ref: str
    key: str
    content: str
    payload: Mapping[str, object] | None
    violations: tuple[Violation, ...] = ()
    out_of_window: bool = False
    rounded: bool = False
    event_time: datetime | None = None
    group_name: str | None = None
    remote_key: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    preceding_time: datetime | None = None
    gen: int = 0
    erased: bool = False


@dataclass(slots=True, eq=False)
class Batch:
    """The rows of one call.

    :param batch_id: 32 hex digits, ordered by time.
    :param rows: at most the operation's limit; the index in this list is the service's ``Index``.
    :param sequence: position of the batch in its run, from 0.
    :param parent_id: the batch this one was split from, None for a first one.
    """

    batch_id: str
    rows: list[Candidate]
    sequence: int
    parent_id: str | None = None
