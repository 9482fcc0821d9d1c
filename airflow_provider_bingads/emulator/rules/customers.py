"""When the reads of Customer Management refuse (api-facts D.3, Appendix 1.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from airflow_provider_bingads.emulator.rules.book import Certainty, RuleBook

__all__ = ["ACCOUNTS_INFO_RULES", "ACCOUNT_RULES", "USER_RULES", "EntityCase"]

_CODES: Final = "guides/operation-error-codes"


@dataclass(frozen=True, slots=True)
class EntityCase:
    """What was asked for by id.

    :param id: None where the request leaves it out.
    :param visible: the user may see an entity of this id.
    """

    id: int | None
    visible: bool


ACCOUNT_RULES: Final[RuleBook[EntityCase, None]] = RuleBook("GetAccount")
ACCOUNTS_INFO_RULES: Final[RuleBook[EntityCase, None]] = RuleBook("GetAccountsInfo")
USER_RULES: Final[RuleBook[EntityCase, None]] = RuleBook("GetUser")


@ACCOUNT_RULES.call(
    2108,
    "InvalidAccountId",
    field="AccountId",
    message="The account id is missing.",
    source=_CODES,
    certainty=Certainty.ASSUMED,
)
def _account_missing(case: EntityCase) -> bool:
    return not case.id


@ACCOUNT_RULES.call(
    1001,
    "UserIsNotAuthorized",
    field="AccountId",
    message="The user has no access to the account.",
    source=_CODES,
    certainty=Certainty.ASSUMED,
)
def _account_hidden(case: EntityCase) -> bool:
    return not case.visible


@ACCOUNTS_INFO_RULES.call(
    1001,
    "UserIsNotAuthorized",
    field="CustomerId",
    message="The user has no role in the customer.",
    source=_CODES,
    certainty=Certainty.ASSUMED,
)
def _customer_hidden(case: EntityCase) -> bool:
    return case.id is not None and not case.visible


@USER_RULES.call(
    1001,
    "UserIsNotAuthorized",
    field="UserId",
    message="The user may not see this user.",
    source=_CODES,
    certainty=Certainty.ASSUMED,
)
def _user_hidden(case: EntityCase) -> bool:
    return case.id is not None and not case.visible
