"""Looks codes up in the JSON files beside this module; the sentences there are ours, not Microsoft's.

Codes are keyed by service, because numbers repeat: 1137 is a draft store in Campaign Management and a tax id in
Customer Management. The key ``*`` holds what every service shares, ``OAuth`` the token endpoint (its numbers are those
behind ``AADSTS``). A refusal that carries no code at all is looked up by its HTTP status, as the symbol ``HTTP413``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib import resources
from typing import Any, Final

__all__ = ["Action", "Advice", "Entry", "advice", "entries"]

SHARED: Final = "*"

_ALSO: Final = {"Bulk": ("Bulk", "CampaignManagement", SHARED)}
"""Bulk results repeat the codes of the entities in the file."""

_NUMBERLESS: Final = (None, 0)
"""A name without a number may arrive with 0, the number of an internal error."""


class Action(str, Enum):
    """What to do with a call or a row that came back with a code (``delivery.md`` 5.2)."""

    RETRY = "retry"
    """Repeat with backoff where repeating is safe; whether the call took effect may be open."""
    WAIT = "wait"
    """Pause every call for ``wait_seconds``, then repeat; it does not count as an attempt."""
    REAUTHENTICATE = "reauthenticate"
    """Renew the access token once and repeat; the second time it is a failure."""
    SPLIT = "split"
    """Halve the batch; at a single row it is a rejection."""
    DEFER = "defer"
    """Leave the row for a later run: the cause lies outside its content."""
    REJECT = "reject"
    """The row is refused for good, unless it changes."""
    FAIL = "fail"
    """End the task without a retry; somebody has to act first."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What one code asks for.

    :param action: what the program does.
    :param owner: who can mend it: ``data``, ``marketing`` or ``platform``.
    :param meaning: what happened, one sentence for people.
    :param remedy: what to do, for people.
    :param known: False for a code the catalogue lacks.
    :param wait_seconds: how long the service asks to wait; None where it does not say.
    """

    action: Action
    owner: str
    meaning: str
    remedy: str
    known: bool
    wait_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the catalogue.

    :param service: API service, ``*`` for all of them, ``OAuth`` for the token endpoint.
    :param code: Microsoft's number; None where only a name is documented.
    :param symbol: Microsoft's name; None where only a number is documented.
    """

    service: str
    code: int | None
    symbol: str | None
    advice: Advice


UNKNOWN: Final = Advice(
    action=Action.REJECT,
    owner="platform",
    meaning="Microsoft Advertising answered with a code that this version of the provider does not know.",
    remedy=(
        "Look the code up at https://learn.microsoft.com/advertising/guides/operation-error-codes and upgrade"
        " airflow-provider-bingads; a support case needs the TrackingId."
    ),
    known=False,
)


def advice(service: str, code: int | None, error_code: str | None = None) -> Advice:
    """Return what a code asks for; for a code the catalogue lacks, a rejection with ``known`` False.

    An unknown code of a whole call says nothing about its effect; the caller decides what that means.

    :param service: API service that answered, or ``OAuth``.
    :param code: Microsoft's number (for OAuth the one behind ``AADSTS``), None when the reply had none.
    :param error_code: Microsoft's name; it decides where one number has two meanings in one service.
    """
    table = _table()
    for key in _keys(service, code, error_code):
        found = table.get(key)
        if found is not None:
            return found.advice
    return UNKNOWN


def entries() -> tuple[Entry, ...]:
    """Return the whole catalogue, in the order of its files."""
    return tuple(entry for name in _files() for entry in _read(name))


def _keys(service: str, code: int | None, symbol: str | None) -> Iterator[tuple[str, int | None, str | None]]:
    """Yield the keys to try: number and name together, a name that stands for a missing number, number, name."""
    services = _ALSO.get(service, (service, SHARED))
    if symbol is not None:
        yield from ((name, code, symbol) for name in services)
        if code in _NUMBERLESS:
            yield from ((name, None, symbol) for name in services)
    if code is not None:
        yield from ((name, code, None) for name in services)
    if symbol is not None:
        yield from ((name, None, symbol) for name in services)


@cache
def _table() -> dict[tuple[str, int | None, str | None], Entry]:
    """Index every entry by number and name, by number alone and by name alone."""
    table: dict[tuple[str, int | None, str | None], Entry] = {}
    for entry in entries():
        table[entry.service, entry.code, entry.symbol] = entry
        if entry.code is not None:
            table[entry.service, entry.code, None] = entry
        if entry.symbol is not None:
            table[entry.service, None, entry.symbol] = entry
    return table


def _files() -> list[str]:
    return sorted(item.name for item in resources.files(__package__).iterdir() if item.name.endswith(".json"))


def _read(name: str) -> Iterator[Entry]:
    document = json.loads(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))
    for item in document["entries"]:
        yield Entry(document["service"], item["code"], item["symbol"], _advice(item))


def _advice(item: dict[str, Any]) -> Advice:
    return Advice(
        action=Action(item["action"]),
        owner=item["owner"],
        meaning=item["meaning"],
        remedy=item["remedy"],
        known=True,
        wait_seconds=item.get("wait_seconds"),
    )
