"""What `bingads check` finds out from Microsoft Advertising: token, developer token, account, role, goals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bingads.api.diagnosis import CLOSED, ROLE_NAMES, VIEWER, role_on_account, signed_in_as
from airflow_provider_bingads.cli.findings import Finding, failed, passed, skipped
from airflow_provider_bingads.domain.scrub import scrub
from airflow_provider_bingads.exceptions import BingAdsError, FixCredentials

if TYPE_CHECKING:
    from airflow_provider_bingads.api.client import Client
    from airflow_provider_bingads.api.settings import ConnectionSettings
    from airflow_provider_bingads.api.token_store import TokenStore
    from airflow_provider_bingads.domain.entity import EventEntity

__all__ = ["SERVICE_CHECKS", "read_goals", "service_findings", "token_finding"]

SERVICE_CHECKS: Final = ("developer token", "account", "role")
"""What cannot be asked without an access token."""

_DEADLINE_SECONDS: Final = 30.0
_OVERALL_SECONDS: Final = 90.0


def token_finding(settings: ConnectionSettings, store: TokenStore | None) -> Finding:
    """Tell whether the refresh token still gives an access token."""
    from airflow_provider_bingads.api.endpoints import allowed_origins
    from airflow_provider_bingads.api.http import HttpStack
    from airflow_provider_bingads.api.oauth import TokenSource

    http = HttpStack(allowed_origins(settings))
    try:
        TokenSource(settings, http, store=store).get()
    except BingAdsError as error:
        return failed("token", error)
    finally:
        http.close()
    return passed("token", f"The refresh token signs in, tenant {settings.tenant!r}.")


def service_findings(client: Client, account_id: str | None) -> Iterator[Finding]:
    """Yield the findings of ``SERVICE_CHECKS``; the token works.

    :param account_id: the account to look at, None when neither connection nor caller names one.
    """
    try:
        user = _read(client, "GetUser", {"UserId": None})
    except BingAdsError as error:
        yield failed("developer token", _refused_token(error))
        yield from (skipped(name, "Not checked: the service lets nobody in.") for name in SERVICE_CHECKS[1:])
        return
    yield passed("developer token", f"Signed in as {signed_in_as(user.get('User'))}.")
    if account_id is None:
        yield skipped("account", "None is named: set account_id in the connection, or name it in each operator.")
        yield skipped("role", "Not checked: it depends on the account.")
        return
    try:
        reply = _read(client, "GetAccount", {"AccountId": account_id, "ReturnAdditionalFields": None}, account_id)
    except BingAdsError as error:
        yield failed("account", f"Account {account_id} cannot be reached with this sign-in. {error}")
        yield skipped("role", "Not checked: it depends on the account.")
        return
    account = reply.get("Account") or {}
    yield _account(account_id, account)
    yield _role(client, user.get("CustomerRoles"), account_id, str(account.get("ParentCustomerId") or ""))


def read_goals(client: Client, entity: EventEntity, account_id: str) -> Mapping[str, Any]:
    """Return the reply of the read that says what exists in the account, such as its goals.

    :raises BingAdsError: it cannot be read.
    """
    check = entity.reference
    if check is None:
        return {}
    return client.call(
        check.service,
        check.operation,
        check.body,
        account_id=account_id,
        deadline_seconds=_DEADLINE_SECONDS,
        overall_seconds=_OVERALL_SECONDS,
    )


def _read(client: Client, operation: str, body: Mapping[str, Any], account_id: str | None = None) -> dict[str, Any]:
    return client.call(
        "CustomerManagement",
        operation,
        body,
        account_id=account_id,
        deadline_seconds=_DEADLINE_SECONDS,
        overall_seconds=_OVERALL_SECONDS,
    )


def _refused_token(error: BingAdsError) -> str:
    if isinstance(error, FixCredentials):
        return (
            "The sign-in works, but the service refuses it; most often developer_token is mistyped or belongs to the"
            f" other environment. {error}"
        )
    return f"The service could not be asked who is signed in. {error}"


def _account(account_id: str, account: Mapping[str, Any]) -> Finding:
    status = account.get("AccountLifeCycleStatus") or "of unknown status"
    name = scrub(str(account.get("Name") or ""), 100)
    found = f"Account {account_id} {name!r} ({account.get('CurrencyCode')}) is {status}"
    if status not in CLOSED:
        return passed("account", f"{found}.")
    return failed(
        "account",
        f"{found}, and takes neither conversions nor changes; settle in Microsoft Advertising what the"
        " account's status bar asks for.",
    )


def _role(client: Client, roles: Any, account_id: str, customer_id: str) -> Finding:
    role = role_on_account(roles, account_id, customer_id)
    if role is None:
        return skipped("role", f"The service names no role of this user on account {account_id}.")
    name = ROLE_NAMES.get(role, f"number {role}")
    if role == VIEWER and not client.settings.read_only:
        return failed(
            "role",
            f"The role on account {account_id} is {name}, which may change nothing; ask a Super Admin for Standard, or"
            " set read_only in the connection.",
        )
    return passed("role", f"The role on account {account_id} is {name}.")
