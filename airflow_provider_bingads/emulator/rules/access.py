"""Who may call: the headers every operation needs (api-facts F.2, F.3, Appendix 1.1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from airflow_provider_bingads.emulator.refusals import Family
from airflow_provider_bingads.emulator.rules.book import Certainty, RuleBook

__all__ = ["ENTITY_RULES", "IDENTITY_RULES", "AccessCase", "Headers", "TokenState"]

_CODES: Final = "guides/operation-error-codes"
_FAULTS: Final = "guides/handle-service-errors-exceptions"
_ISSUES: Final = "https://github.com/BingAds/"


class TokenState(str, Enum):
    """What the token service knows of an access token."""

    VALID = "valid"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Headers:
    """What a call says about its sender, the same on both transports."""

    access_token: str | None = None
    developer_token: str | None = None
    customer_id: str | None = None
    account_id: str | None = None


@dataclass(frozen=True, slots=True)
class AccessCase:
    """A sender with what the service knows of it.

    :param needs_account: the operation works on the customer and account of its headers.
    :param customer_known: the user has a role in the customer.
    :param account_status: life-cycle status of the account, None for one that is not the customer's.
    """

    headers: Headers
    needs_account: bool
    token: TokenState
    developer_token_known: bool
    customer_known: bool
    account_status: str | None


IDENTITY_RULES: Final[RuleBook[AccessCase, None]] = RuleBook("*")
ENTITY_RULES: Final[RuleBook[AccessCase, None]] = RuleBook("*")


@IDENTITY_RULES.call(
    116,
    "RequestMissingHeaders",
    message="The access token or the developer token is missing.",
    source=_CODES,
    certainty=Certainty.DOCUMENTED,
    family=Family.ACCESS,
)
def _headers_missing(case: AccessCase) -> bool:
    return not case.headers.access_token or not case.headers.developer_token


@IDENTITY_RULES.call(
    109,
    "AuthenticationTokenExpired",
    message="The access token has expired.",
    source=_CODES,
    certainty=Certainty.DOCUMENTED,
    family=Family.ACCESS,
)
def _token_expired(case: AccessCase) -> bool:
    return case.token is TokenState.EXPIRED


@IDENTITY_RULES.call(
    105,
    "InvalidCredentials",
    message="The access token or the developer token was not issued here.",
    source=_FAULTS,
    certainty=Certainty.DOCUMENTED,
    family=Family.ACCESS,
)
def _credentials_unknown(case: AccessCase) -> bool:
    return case.token is TokenState.UNKNOWN or not case.developer_token_known


@ENTITY_RULES.call(
    1029,
    "CampaignServiceCustomerIdHasToBeSpecified",
    message="The header CustomerId is missing.",
    source=_ISSUES + "BingAds-PHP-SDK/issues/152",
    certainty=Certainty.OBSERVED,
)
def _customer_missing(case: AccessCase) -> bool:
    return case.needs_account and not case.headers.customer_id


@ENTITY_RULES.call(
    1030,
    "CampaignServiceAccountIdHasToBeSpecified",
    message="The header CustomerAccountId is missing.",
    source=_CODES,
    certainty=Certainty.DOCUMENTED,
)
def _account_missing(case: AccessCase) -> bool:
    return case.needs_account and not case.headers.account_id


@ENTITY_RULES.call(
    119,
    "InvalidAccountId",
    message="The header CustomerAccountId is no number.",
    source=_ISSUES + "BingAds-Python-SDK/issues/154",
    certainty=Certainty.OBSERVED,
)
def _account_no_number(case: AccessCase) -> bool:
    return case.needs_account and not (case.headers.account_id or "").isdecimal()


@ENTITY_RULES.call(
    106,
    "UserIsNotAuthorized",
    message="The user has no access to the customer or the account.",
    source=_CODES,
    certainty=Certainty.DOCUMENTED,
    family=Family.ACCESS,
)
def _no_access(case: AccessCase) -> bool:
    return case.needs_account and (not case.customer_known or case.account_status is None)


@ENTITY_RULES.call(
    1008,
    "CampaignServiceInvalidAccountStatus",
    message="The account is inactive, suspended or a draft.",
    source=_CODES,
    certainty=Certainty.DOCUMENTED,
)
def _account_not_active(case: AccessCase) -> bool:
    return case.needs_account and case.account_status not in {"Active", "Pause", "Pending"}
