"""How an event entity describes itself to the rest: facts as data, one instance in each file of ``entities``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from airflow_provider_bingads.domain.rows import Candidate

__all__ = ["EventEntity", "EventField", "Preparation", "PrepareRows", "ReferenceCheck"]


@dataclass(frozen=True, slots=True)
class EventField:
    """One field a source column or a constant can be mapped to.

    :param name: API field, or a field of ours that becomes one (``EmailAddress``) or is only checked (``click_time``).
    :param default_column: column used when ``columns`` does not name one: the name in snake_case.
    :param sql_type: portable SQL type for ``bingads columns --ddl``.
    :param required: a row without it is invalid.
    :param personal: raw personal data; may not be part of ``source_key``.
    :param help: one sentence for people: what it is, unit, shape.
    :param example: a value for the example row.
    """

    name: str
    default_column: str
    sql_type: str
    required: bool
    personal: bool
    help: str
    example: str


@dataclass(frozen=True, slots=True)
class Preparation:
    """How the rows of one run are to be read; built once, from the operator's arguments.

    :param columns: the source's column names, in the order of each row's values.
    :param mapping: API field -> source column, for every field that has one.
    :param constants: API field -> value for every row.
    :param source_key: columns that name a row.
    :param account_id: the account of these rows; part of the identity.
    :param source_timezone: IANA name by which naive times are read; None refuses them.
    :param lookback_days: rows with an event older than this are out of window.
    :param value_decimals: decimals money is rounded to, half-even.
    :param phone_region: ISO 3166 region for phone numbers without a country code.
    :param currency_codes: the ISO 4217 codes.
    :param options: settings of the entity by name, such as ``click_id_dashes``.
    """

    columns: tuple[str, ...]
    mapping: Mapping[str, str]
    constants: Mapping[str, object]
    source_key: tuple[str, ...]
    account_id: str
    source_timezone: str | None
    lookback_days: int
    value_decimals: int
    phone_region: str | None
    currency_codes: frozenset[str]
    options: Mapping[str, object]


class PrepareRows(Protocol):
    """Validates, normalises and identifies rows; pure, and the hot path: tens of thousands of rows a second."""

    def __call__(self, rows: Sequence[Sequence[Any]], now: datetime) -> list[Candidate]:
        """Return one candidate a row, in order, with *all* violations of each."""
        ...


@dataclass(frozen=True, slots=True)
class ReferenceCheck:
    """What must exist in the account before a row can be accepted, such as a conversion goal.

    :param service: API service of the read.
    :param operation: the read operation.
    :param body: its request body.
    :param judge: given the reply's body, returns a function from a candidate's ``group_name`` and the candidate to the
        violation to add (deferred, never final), or None.
    """

    service: str
    operation: str
    body: Mapping[str, object]
    judge: Callable[[Mapping[str, Any]], Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class EventEntity:
    """One entity whose rows are events the service de-duplicates.

    :param name: plural, snake_case; used in logs and on the command line.
    :param service: API service, such as ``CampaignManagement``.
    :param operation: the operation that sends rows.
    :param list_element: name of the request's list.
    :param batch_limit: most rows the operation takes in one call.
    :param fields: everything that can be mapped.
    :param time_field: the field ``lookback`` applies to.
    :param lookback_days: default and maximum of ``lookback``.
    :param compile: builds the row function for one run; raises FixSource or FixConfiguration where mapping,
        constants, zone or key are wrong.
    :param reference: read before the first row; None when nothing has to exist.
    :param field_of_code: the field that a code of the service is about, so that a refusal names its column.
    """

    name: str
    service: str
    operation: str
    list_element: str
    batch_limit: int
    fields: tuple[EventField, ...]
    time_field: str
    lookback_days: int
    compile: Callable[[Preparation], PrepareRows]
    reference: ReferenceCheck | None
    field_of_code: Mapping[int, str]
