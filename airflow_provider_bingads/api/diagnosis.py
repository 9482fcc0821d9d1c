"""Finds out in which of four steps a connection fails: sign-in, developer token, account, role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bingads.domain.scrub import scrub
from airflow_provider_bingads.exceptions import BingAdsError, FixCredentials, FixRequest

if TYPE_CHECKING:
    from airflow_provider_bingads.api.client import Client

__all__ = ["CLOSED", "ROLE_NAMES", "VIEWER", "diagnose", "role_on_account", "signed_in_as"]

_DEADLINE_SECONDS: Final = 30.0
_OVERALL_SECONDS: Final = 60.0
ROLE_NAMES: Final = {
    16: "Advertiser Campaign Manager",
    33: "Aggregator",
    41: "Super Admin",
    100: "Viewer",
    203: "Standard",
}
"""The documented values of ``RoleId`` (customer-management-service/customerrole); others exist."""
VIEWER: Final = 100
"""The role that changes nothing."""
CLOSED: Final = frozenset({"Draft", "Inactive", "Suspended"})
"""Statuses of an account that takes neither conversions nor changes."""


def diagnose(client: Client) -> tuple[bool, str]:
    """Tell whether the connection works, with who is signed in and which account is reached, or why not."""
    try:
        client.sign_in()
    except BingAdsError as error:
        return False, str(error)
    try:
        user = _read(client, "GetUser", {"UserId": None})
    except FixCredentials as error:
        return False, (
            "The sign-in itself works, but the service refuses it; most often the developer token is mistyped or"
            f" belongs to the other environment. {error}"
        )
    except BingAdsError as error:
        return False, f"The sign-in works, but the service could not be asked who is signed in. {error}"
    who = signed_in_as(user.get("User"))
    settings = client.settings
    where = f"{settings.environment.value} over {settings.transport.value.upper()}"
    if settings.account_id is None:
        return True, f"Signed in as {who}; {where}; no account_id is set, so each operator has to name its account."
    return _with_account(client, settings.account_id, who, where, user.get("CustomerRoles"))


def _with_account(client: Client, account_id: str, who: str, where: str, roles: Any) -> tuple[bool, str]:
    try:
        reply = _read(client, "GetAccount", {"AccountId": account_id, "ReturnAdditionalFields": None})
    except (FixCredentials, FixRequest) as error:
        return False, f"Signed in as {who}, but account {account_id} cannot be reached with this sign-in. {error}"
    except BingAdsError as error:
        return False, f"Signed in as {who}, but account {account_id} could not be asked for. {error}"
    account = reply.get("Account") or {}
    status = account.get("AccountLifeCycleStatus")
    sentence = (
        f"Signed in as {who}; account {account_id} {scrub(str(account.get('Name') or ''), 100)!r}"
        f" ({account.get('CurrencyCode')}) is {status or 'of unknown status'}; {where}"
    )
    role = role_on_account(roles, account_id, str(account.get("ParentCustomerId") or ""))
    if role is not None:
        sentence += f"; role {ROLE_NAMES.get(role, str(role))}"
    if status in CLOSED:
        return False, f"{sentence}. Such an account takes neither conversions nor changes."
    if role == VIEWER and not client.settings.read_only:
        return False, f"{sentence}. This role changes nothing; ask a Super Admin for another, or set read_only."
    return True, f"{sentence}{'; read-only' if client.settings.read_only else ''}."


def _read(client: Client, operation: str, body: Mapping[str, Any]) -> dict[str, Any]:
    return client.call(
        "CustomerManagement",
        operation,
        body,
        deadline_seconds=_DEADLINE_SECONDS,
        overall_seconds=_OVERALL_SECONDS,
    )


def signed_in_as(user: Any) -> str:
    """Name the ``User`` of a ``GetUser`` reply without an e-mail address."""
    if not isinstance(user, dict):
        return "somebody the service does not name"
    name = user.get("Name") if isinstance(user.get("Name"), dict) else {}
    full = " ".join(str(it) for it in (name.get("FirstName"), name.get("LastName")) if it) if name else ""
    # the user name is mostly an e-mail address, which has no place in a log
    return f"{full or scrub(str(user.get('UserName') or 'a user'))} (user id {user.get('Id')})"


def role_on_account(roles: Any, account_id: str, customer_id: str) -> int | None:
    """Return the role on the account: one that names it, else one on its whole customer."""
    found = [it for it in roles if isinstance(it, dict)] if isinstance(roles, list) else []
    for role in found:
        named = [str(it) for key in ("AccountIds", "LinkedAccountIds") for it in role.get(key) or []]
        if account_id in named:
            return _int(role.get("RoleId"))
    for role in found:
        if str(role.get("CustomerId")) == customer_id and not role.get("AccountIds"):
            return _int(role.get("RoleId"))
    return None


def _int(value: Any) -> int | None:
    return value if isinstance(value, int) else None
