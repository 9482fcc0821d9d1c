"""Refuses calls that the connection itself forbids, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from airflow_provider_bingads.api.settings import ConnectionSettings
from airflow_provider_bingads.exceptions import FixConfiguration

__all__ = ["check_ids", "check_rights", "is_read"]

_READS: Final = ("Get", "Search", "Find", "Query")
_DEPTH: Final = 4
_LIST_LOOKED_AT: Final = 1000


def is_read(operation: str) -> bool:
    """Tell whether an operation changes nothing, by the naming rule of the whole API."""
    return operation.startswith(_READS)


def check_ids(**ids: str | None) -> None:
    """Check that ids are numbers, before they become headers.

    :raises FixConfiguration: one is not.
    """
    for name, value in ids.items():
        if value is not None and not (value.isascii() and value.isdecimal()):
            raise FixConfiguration(f"{name} is {value!r}; it must be the number, digits only.")


def check_rights(
    settings: ConnectionSettings, service: str, operation: str, body: Mapping[str, Any], account_id: str | None
) -> None:
    """Check ``read_only`` and ``allowed_account_ids``.

    :param account_id: account of the header, if the call has one.
    :raises FixConfiguration: the connection forbids this call.
    """
    if settings.read_only and not is_read(operation):
        raise FixConfiguration(
            f"Connection {settings.conn_id!r} is read-only and {service}.{operation} changes something, so it was not"
            " sent. Use another connection, or clear read_only."
        )
    if not settings.allowed_account_ids:
        return
    for named in ({account_id} if account_id else set()) | set(_account_ids(body, _DEPTH)):
        if named not in settings.allowed_account_ids:
            raise FixConfiguration(
                f"Connection {settings.conn_id!r} does not allow account {named}, so {service}.{operation} was not"
                " sent. Add the account to allowed_account_ids, or use another connection."
            )


def _account_ids(value: Any, depth: int) -> Iterator[str]:
    """Yield the accounts a body names: ``AccountId``, ``AccountIds``, and ``Id`` of an ``Account``."""
    if depth == 0:
        return
    if isinstance(value, list | tuple):
        for item in value[:_LIST_LOOKED_AT]:
            yield from _account_ids(item, depth - 1)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if name == "AccountId" and item is not None:
                yield str(item)
            elif name == "AccountIds" and isinstance(item, list | tuple):
                yield from (str(it) for it in item)
            elif name == "Account" and isinstance(item, Mapping) and item.get("Id") is not None:
                yield str(item["Id"])
            else:
                yield from _account_ids(item, depth - 1)
