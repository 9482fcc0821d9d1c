"""What the proof has to know of one entity: how to make a row of it, and how to find it at the service."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from airflow_provider_bingads.domain.entity import EventEntity
from airflow_provider_bingads.entities import event_entities

__all__ = ["Case", "Row", "case_of", "cases"]

Row = dict[str, Any]
"""A source row: column -> value; ``order_id`` names it and ``account`` routes it."""


@dataclass(frozen=True, slots=True)
class Case:
    """One entity, as ``cases/<entity>.py`` describes it; found by the entity's name.

    Everything here is written from the documents alone: it imports neither the entity nor the emulator's rules, so
    that it can judge both.

    :param columns: the source's columns, ``order_id`` first and ``account`` last.
    :param state: the list of ``GET state`` that holds the entity's objects.
    :param prepare: sets the service up, given a function that posts to a control page and the account ids.
    :param valid: the n-th valid row.
    :param refused: a row that passes every check of ours and that the service refuses.
    :param invalid: a row that is refused here and never sent; holds ``marker`` in a cell that would be sent.
    :param young: a row that the service takes only after some hours (``deferred`` until then).
    :param key_of_row: what the service tells events apart by, from a source row.
    :param key_of_object: the same, from an object of ``GET state``.
    :param value_column: a column whose change makes another content of the same event.
    :param value_of_object: that value at the service.
    :param marker: text that must never leave the process.
    """

    name: str
    columns: tuple[str, ...]
    state: str
    prepare: Callable[[Callable[[str, object], Any], Sequence[str]], None]
    valid: Callable[[int], Row]
    refused: Callable[[int], Row]
    invalid: Callable[[int], Row]
    young: Callable[[int], Row]
    key_of_row: Callable[[Mapping[str, Any]], Hashable]
    key_of_object: Callable[[Mapping[str, Any]], Hashable]
    value_column: str
    value_of_object: Callable[[Mapping[str, Any]], Any]
    marker: str

    @property
    def entity(self) -> EventEntity:
        """The shipped description of the entity."""
        return next(entity for entity in event_entities() if entity.name == self.name)


def case_of(name: str) -> Case:
    """Return the case of an entity.

    :raises ModuleNotFoundError: nobody has written it; the proof must not pass without.
    """
    case: Case = import_module(f"tests.proof.cases.{name}").CASE
    return case


def cases() -> tuple[Case, ...]:
    """Return the case of every entity of the package."""
    return tuple(case_of(entity.name) for entity in event_entities())
