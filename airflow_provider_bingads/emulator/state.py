"""What the service holds as applied, as the control interface shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, Final

import msgspec

from airflow_provider_bingads.contract import service
from airflow_provider_bingads.emulator.contract_json import encode
from airflow_provider_bingads.emulator.rules.conversion_goals import OFFLINE_GOAL
from airflow_provider_bingads.emulator.store import Store

__all__ = ["KINDS", "state"]


def state(
    store: Store, *, only: str | None = None, offset: int = 0, limit: int | None = None
) -> dict[str, msgspec.Raw]:
    """Return the entities by kind, with the API's field names and ``AccountId``, each list already in JSON.

    :param only: one kind; the others stay out.
    :param offset: entities of each kind to leave out at its beginning.
    :param limit: at most so many of each kind.
    :raises ValueError: there is no such kind.
    """
    if only is not None and only not in KINDS:
        raise ValueError(f"There is no kind {only!r}; the kinds are {', '.join(KINDS)}.")
    kinds = KINDS if only is None else {only: KINDS[only]}
    # encoded one by one: a list of some 100,000 objects would take five times the memory of its text
    return {
        name: msgspec.Raw(b"[" + b",".join(map(msgspec.json.encode, read(store, offset, limit))) + b"]")
        for name, read in kinds.items()
    }


def _conversions(store: Store, offset: int, limit: int | None) -> Iterable[dict[str, Any]]:
    return store.conversions(offset=offset, limit=limit)


def _goals(store: Store, offset: int, limit: int | None) -> Iterable[dict[str, Any]]:
    contract = service("CampaignManagement")
    found = (
        {"AccountId": str(goal.account_id), **encode(contract, OFFLINE_GOAL, goal.fields)}
        for goal in store.goals.values()
    )
    return _page(found, offset, limit)


def _accounts(store: Store, offset: int, limit: int | None) -> Iterable[dict[str, Any]]:
    contract = service("CustomerManagement")
    found = (
        {"AccountId": str(account_id), **encode(contract, "AdvertiserAccount", account)}
        for account_id, account in store.world.accounts.items()
    )
    return _page(found, offset, limit)


def _properties(store: Store, offset: int, limit: int | None) -> Iterable[dict[str, Any]]:
    found = (
        {"AccountId": str(account_id), "Name": name, "Value": value}
        for (account_id, name), value in store.account_properties.items()
    )
    return _page(found, offset, limit)


def _none(_store: Store, _offset: int, _limit: int | None) -> Iterable[dict[str, Any]]:
    return ()


def _page(found: Iterable[dict[str, Any]], offset: int, limit: int | None) -> Iterable[dict[str, Any]]:
    return islice(found, offset, None if limit is None else offset + limit)


KINDS: Final[Mapping[str, Callable[[Store, int, int | None], Iterable[dict[str, Any]]]]] = {
    "offline_conversions": _conversions,
    "conversion_goals": _goals,
    "campaigns": _none,
    "accounts": _accounts,
    "insertion_orders": _none,
    "asset_group_listing_groups": _none,
    "account_properties": _properties,
}
