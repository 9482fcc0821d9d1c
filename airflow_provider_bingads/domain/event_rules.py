"""What an event entity says about itself: its fields, how each is read, and how fields hang together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_bingads.domain.entity import EventField, Preparation
from airflow_provider_bingads.domain.reading import Place, Read, Symbol

__all__ = ["EventRules", "FieldRule", "event_field"]


def event_field(
    name: str,
    sql_type: str,
    help: str,  # noqa: A002 - named as the attribute it becomes
    example: str,
    *,
    required: bool = False,
    personal: bool = False,
) -> EventField:
    """Describe a field whose default column is its name in snake_case."""
    column = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return EventField(
        name=name,
        default_column=column,
        sql_type=sql_type,
        required=required,
        personal=personal,
        help=help,
        example=example,
    )


@dataclass(frozen=True, slots=True)
class FieldRule:
    """How one field is read and sent.

    :param field: its facts.
    :param read: builds its reader for one run.
    :param missing: what NULL is called where the field is required.
    :param becomes: API field that is sent in its place, such as ``HashedEmailAddress`` for ``EmailAddress``.
    :param is_sent: False for a field that is only checked.
    :param encode: turns a value into what JSON takes.
    :param canonical: turns a value into the text that all its spellings share.
    """

    field: EventField
    read: Callable[[Place, Preparation], Read]
    missing: Symbol | None = None
    becomes: str | None = None
    is_sent: bool = True
    encode: Callable[[Any], object] | None = None
    canonical: Callable[[Any], str] | None = None

    @property
    def target(self) -> str:
        """Name of the value that is read: the API field that is sent, or the field itself."""
        return self.becomes or self.field.name


@dataclass(frozen=True, slots=True)
class EventRules:
    """The facts of one event entity; fields are named as in ``FieldRule.target``.

    :param entity: its name; part of every key.
    :param fields: in the order of the API's wire format.
    :param identifiers: kind and field of what identifies whom an event is about, best first.
    :param no_identifier: what a row without any is called.
    :param time: field of the event's time.
    :param group: field the service groups by.
    :param amount: money field, rounded to ``value_decimals``.
    :param currency: field of its currency.
    :param future: what a time in the future is called.
    :param not_before: field of an earlier event, and what a time before it is called.
    :param together: two fields that are given both or not at all, and what half of them is called.
    :param exclusive: pairs of fields that become the same.
    :param not_writable: names that people try -> what to do instead.
    :param longest_lookback_days: the service takes no older events.
    """

    entity: str
    fields: tuple[FieldRule, ...]
    identifiers: tuple[tuple[str, str], ...]
    no_identifier: Symbol
    time: str
    group: str
    amount: str
    currency: str
    future: Symbol
    not_before: tuple[str, Symbol]
    together: tuple[str, str, Symbol]
    exclusive: tuple[tuple[str, str], ...]
    not_writable: Mapping[str, str]
    longest_lookback_days: int
