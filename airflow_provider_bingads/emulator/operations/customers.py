"""The reads of Customer Management a client finds its way by: ``GetUser``, ``GetAccount``, ``GetAccountsInfo``."""

from __future__ import annotations

from typing import Any, Final

from airflow_provider_bingads.emulator.operations.call import Call
from airflow_provider_bingads.emulator.rules.customers import (
    ACCOUNT_RULES,
    ACCOUNTS_INFO_RULES,
    USER_RULES,
    EntityCase,
)

__all__ = ["get_account", "get_accounts_info", "get_user"]

_SUPER_ADMIN: Final = 41
_INFO: Final = ("Id", "Name", "Number", "AccountLifeCycleStatus", "PauseReason")


def get_user(call: Call) -> dict[str, Any]:
    """Return the user of the access token with the roles.

    :raises RefusalError: 1001 for any other user.
    """
    world = call.store.world
    user_id = call.body.get("UserId")
    USER_RULES.admit(EntityCase(user_id, user_id == world.user["Id"]))
    role = {
        "RoleId": _SUPER_ADMIN,
        "CustomerId": world.customer_id,
        "AccountIds": None,
        "LinkedAccountIds": None,
        "CustomerLinkPermission": None,
    }
    return {"User": world.user, "CustomerRoles": [role]}


def get_account(call: Call) -> dict[str, Any]:
    """Return one account.

    :raises RefusalError: 1001, 2108.
    """
    account_id = call.body.get("AccountId")
    accounts = call.store.world.accounts
    ACCOUNT_RULES.admit(EntityCase(account_id, account_id in accounts))
    return {"Account": accounts[account_id]}


def get_accounts_info(call: Call) -> dict[str, Any]:
    """Return the accounts of a customer, by default of all customers of the user.

    :raises RefusalError: 1001.
    """
    world = call.store.world
    customer_id = call.body.get("CustomerId")
    ACCOUNTS_INFO_RULES.admit(EntityCase(customer_id, customer_id == world.customer_id))
    infos = [{name: account.get(name) for name in _INFO} for account in world.accounts.values()]
    return {"AccountsInfo": infos}
