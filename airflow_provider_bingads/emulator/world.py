"""What exists before the first call: one application, one user, one customer and its accounts, derived from a seed."""

from __future__ import annotations

import base64
import hashlib
import uuid
from dataclasses import asdict, dataclass
from typing import Any, Final

from airflow_provider_bingads.emulator.clock import iso

__all__ = ["Application", "Credentials", "World", "build_world", "derived"]

_CUSTOMER_BASE: Final = 252_000_000
_USER_BASE: Final = 41_000_000
_ACCOUNT_BASE: Final = 2_190_000_000
"""Above 2**31, so that an id squeezed into 32 bits shows."""


@dataclass(frozen=True, slots=True)
class Application:
    """A registered OAuth application; without a secret it is a public client."""

    client_id: str
    client_secret: str | None


@dataclass(frozen=True, slots=True)
class Credentials:
    """All that a client needs to begin."""

    client_id: str
    client_secret: str
    refresh_token: str
    developer_token: str
    customer_id: str
    account_id: str

    def as_json(self) -> dict[str, str]:
        """Return the credentials by name."""
        return asdict(self)


@dataclass(slots=True)
class World:
    """The seeded entities, as the API shows them.

    :param accounts: AccountId -> ``AdvertiserAccount``, ids as integers.
    """

    credentials: Credentials
    applications: dict[str, Application]
    user: dict[str, Any]
    customer_id: int
    accounts: dict[int, dict[str, Any]]


def derived(seed: int, *parts: object) -> str:
    """Return 32 hex digits that follow from the seed and the parts."""
    text = "\x1f".join(str(part) for part in (seed, *parts))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def build_world(seed: int, accounts: int, now: float) -> World:
    """Build the world of a seed.

    :param accounts: how many accounts the customer has, at least 1.
    """
    customer_id, user_id = _CUSTOMER_BASE + seed, _USER_BASE + seed
    confidential = Application(str(uuid.UUID(derived(seed, "client"))), "emulator-secret-" + derived(seed, "secret"))
    public = Application(str(uuid.UUID(derived(seed, "public client"))), None)
    account_ids = [_ACCOUNT_BASE + 1_000 * seed + number for number in range(1, accounts + 1)]
    return World(
        credentials=Credentials(
            client_id=confidential.client_id,
            client_secret=confidential.client_secret or "",
            refresh_token="emulator-refresh-" + derived(seed, "refresh"),
            developer_token="EMULATOR" + derived(seed, "developer")[:12].upper(),
            customer_id=str(customer_id),
            account_id=str(account_ids[0]),
        ),
        applications={application.client_id: application for application in (confidential, public)},
        user=_user(seed, user_id, customer_id, now),
        customer_id=customer_id,
        accounts={
            account_id: _account(seed, account_id, number, customer_id, user_id, now)
            for number, account_id in enumerate(account_ids, start=1)
        },
    )


def _user(seed: int, user_id: int, customer_id: int, now: float) -> dict[str, Any]:
    return {
        "ContactInfo": {
            "Address": {"CountryCode": "US", "Id": user_id + 1},
            "Email": "user@emulator.invalid",
            "EmailFormat": "Html",
            "Id": user_id + 2,
        },
        "CustomerId": customer_id,
        "Id": user_id,
        "LastModifiedByUserId": user_id,
        "LastModifiedTime": iso(now),
        "Lcid": "EnglishUS",
        "Name": {"FirstName": "Emulated", "LastName": "User"},
        "SecretQuestion": "None",
        "UserLifeCycleStatus": "Active",
        "TimeStamp": _time_stamp(seed, "user"),
        "UserName": "user@emulator.invalid",
        "ForwardCompatibilityMap": [],
    }


def _account(seed: int, account_id: int, number: int, customer_id: int, user_id: int, now: float) -> dict[str, Any]:
    return {
        "BillToCustomerId": customer_id,
        "CurrencyCode": "USD",
        "AccountFinancialStatus": "ClearFinancialStatus",
        "Id": account_id,
        "Language": "English",
        "LastModifiedByUserId": user_id,
        "LastModifiedTime": iso(now),
        "Name": f"Emulated account {number}",
        "Number": "F" + derived(seed, "account number", number)[:7].upper(),
        "ParentCustomerId": customer_id,
        "PaymentMethodType": "Invoice",
        "PrimaryUserId": user_id,
        "AccountLifeCycleStatus": "Active",
        "TimeStamp": _time_stamp(seed, f"account {number}"),
        "TimeZone": "PacificTimeUSCanadaTijuana",
        "ForwardCompatibilityMap": [],
        "AutoTagType": "Inactive",
    }


def _time_stamp(seed: int, what: str) -> str:
    return base64.b64encode(bytes.fromhex(derived(seed, "time stamp", what))[:8]).decode()
