"""Which reads a DataFrame can be made of, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bingads.api.rights import is_read
from airflow_provider_bingads.contract import service
from airflow_provider_bingads.exceptions import FixConfiguration, FixRequest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Read", "frame_of", "read_named"]


@dataclass(frozen=True, slots=True)
class Read:
    """One read operation with its request.

    :param element: name of the reply's list; None to find the only one.
    """

    service: str
    operation: str
    body: Mapping[str, Any]
    element: str | None = None


def _accounts() -> Read:
    body = {"CustomerId": None, "OnlyParentAccounts": False}
    return Read("CustomerManagement", "GetAccountsInfo", body, "AccountsInfo")


def _goals() -> Read:
    body = {
        "ConversionGoalIds": None,
        "ConversionGoalTypes": _all_flags("ConversionGoalType"),
        "ReturnAdditionalFields": _all_flags("ConversionGoalAdditionalField"),
    }
    return Read("CampaignManagement", "GetConversionGoalsByIds", body, "ConversionGoals")


_NAMED: Final[dict[str, Callable[[], Read]]] = {"accounts": _accounts, "goals": _goals}


def read_named(what: str, body: Mapping[str, Any] | None) -> Read:
    """Return the read of a short name, or of ``Service.Operation``.

    :raises FixConfiguration: there is none, or it would change something.
    """
    found = _NAMED.get(what)
    if found is not None:
        return found()
    service_name, _, operation = what.partition(".")
    if not operation or not is_read(operation):
        short = ", ".join(_NAMED)
        raise FixConfiguration(f"{what!r} cannot be read; give {short}, or a read as 'Service.GetSomething'.")
    return Read(service_name, operation, body or {})


def frame_of(read: Read, reply: Mapping[str, Any]) -> pd.DataFrame:
    """Make a frame of a reply, fields of objects inside as ``Outer.Inner``.

    :raises FixRequest: the reply holds errors, so that rows would be missing without a word.
    :raises FixConfiguration: the reply holds no list or several.
    """
    import pandas as pd

    errors = reply.get("PartialErrors") or []
    name = f"{read.service}.{read.operation}"
    if errors:
        raise FixRequest(
            f"{name} answered with {len(errors)} errors, the first {errors[0].get('ErrorCode')!r}.",
            service=read.service,
            operation=read.operation,
            code=errors[0].get("Code"),
            error_code=errors[0].get("ErrorCode"),
        )
    rows = reply.get(read.element or _only_list(read, reply)) or []
    return pd.json_normalize([row for row in rows if row is not None])


def _only_list(read: Read, reply: Mapping[str, Any]) -> str:
    lists = [name for name, value in reply.items() if isinstance(value, list) and name != "PartialErrors"]
    if len(lists) != 1:
        raise FixConfiguration(
            f"The reply of {read.service}.{read.operation} holds {len(lists)} lists; use call() and take one of them."
        )
    return lists[0]


def _all_flags(type_name: str) -> str:
    return ", ".join(service("CampaignManagement").type(type_name).enum or ())
