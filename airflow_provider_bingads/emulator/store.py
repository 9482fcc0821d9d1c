"""What the service holds as applied, in memory and compact enough for millions of conversions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from airflow_provider_bingads.emulator.world import World

__all__ = ["CONVERSION_FIELDS", "ConversionRecord", "Goal", "Store"]

CONVERSION_FIELDS: Final = (
    "ConversionCurrencyCode",
    "ConversionName",
    "ConversionTime",
    "ConversionValue",
    "ExternalAttributionCredit",
    "ExternalAttributionModel",
    "HashedEmailAddress",
    "HashedPhoneNumber",
    "MicrosoftClickId",
)

ConversionRecord = tuple[
    str | None,
    str | None,
    str | None,
    float | None,
    float | None,
    str | None,
    str | None,
    str | None,
    str | None,
]
"""The values of :data:`CONVERSION_FIELDS`, the time in UTC."""

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[tuple[Any, ...]]).decode


@dataclass(frozen=True, slots=True)
class _Block:
    """The conversions that one call added, packed: a tenth of what Python objects would take."""

    account_id: int
    size: int
    packed: bytes


@dataclass(slots=True)
class Goal:
    """One conversion goal with what the API does not tell.

    :param fields: as ``OfflineConversionGoal``, ids as integers.
    :param account_id: account that owns it; with scope ``Customer`` it serves all accounts.
    :param created_at: seconds since 1970.
    """

    fields: dict[str, Any]
    account_id: int
    customer_id: int
    created_at: float

    def serves(self, account_id: int, customer_id: int) -> bool:
        """Tell whether conversions of this account may name the goal."""
        if self.fields["Scope"] == "Customer":
            return self.customer_id == customer_id
        return self.account_id == account_id


@dataclass(slots=True)
class Store:
    """All state of the emulated service.

    :param applied: key digest -> number of the call that holds it as sent: the newest one that was not answered,
        or the first that was.
    :param clicks: click id in its plain form -> seconds since 1970 of the click, for ids that tests registered.
    :param account_properties: (AccountId, name) -> value.
    """

    world: World
    goals: dict[int, Goal] = field(default_factory=dict)
    next_goal_id: int = 460_000_001
    applied: dict[bytes, int] = field(default_factory=dict)
    clicks: dict[str, float] = field(default_factory=dict)
    account_properties: dict[tuple[int, str], str] = field(default_factory=dict)
    _blocks: list[_Block] = field(default_factory=list)

    def add_conversions(self, account_id: int, records: list[ConversionRecord]) -> None:
        """Keep conversions that were applied by one call."""
        if records:
            self._blocks.append(_Block(account_id, len(records), _encode(records)))

    def count_conversions(self) -> int:
        """Count the conversions held."""
        return sum(block.size for block in self._blocks)

    def conversions(self, *, offset: int = 0, limit: int | None = None) -> Iterator[dict[str, Any]]:
        """Yield the conversions held, in the order they were applied, as the API names their fields."""
        position, end = 0, None if limit is None else offset + limit
        for block in self._blocks:
            if position + block.size > offset:
                for number, record in enumerate(_decode(block.packed), start=position):
                    if number >= offset and (end is None or number < end):
                        yield {"AccountId": str(block.account_id), **dict(zip(CONVERSION_FIELDS, record, strict=True))}
            position += block.size
            if end is not None and position >= end:
                return

    def add_goal(self, goal: Goal) -> int:
        """Keep a goal under a new id, and return the id."""
        goal_id = self.next_goal_id
        self.next_goal_id += 1
        goal.fields["Id"] = goal_id
        self.goals[goal_id] = goal
        return goal_id

    def goals_of(self, account_id: int, customer_id: int) -> list[Goal]:
        """Return the goals that serve an account, by id."""
        return [goal for goal in self.goals.values() if goal.serves(account_id, customer_id)]

    def goals_of_customer(self, customer_id: int) -> list[Goal]:
        """Return all goals of a customer, by id."""
        return [goal for goal in self.goals.values() if goal.customer_id == customer_id]
