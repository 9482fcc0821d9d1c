"""What is emulated, what is not, and how sure each rule is."""

from __future__ import annotations

from typing import Any, Final

from airflow_provider_bingads.contract import service, service_names
from airflow_provider_bingads.emulator.injection import KINDS
from airflow_provider_bingads.emulator.operations.table import EMULATED
from airflow_provider_bingads.emulator.rules import access, conversion_goals, customers, offline_conversions
from airflow_provider_bingads.emulator.rules.book import DOCUMENTATION, Rule, RuleBook

__all__ = ["BOOKS", "NOT_EMULATED", "coverage"]

BOOKS: Final[tuple[RuleBook[Any, Any], ...]] = (
    access.IDENTITY_RULES,
    access.ENTITY_RULES,
    offline_conversions.RULES,
    conversion_goals.ADD_RULES,
    conversion_goals.GET_RULES,
    customers.USER_RULES,
    customers.ACCOUNT_RULES,
    customers.ACCOUNTS_INFO_RULES,
)

NOT_EMULATED: Final = (
    "Attribution: whether an accepted conversion is counted, and the reports that tell.",
    "Click ids too old or of another account, unless a test registers the click.",
    "The hours until a conversion shows, and the minutes until a new account does.",
    "Goals other than offline conversion goals; their update; the limits 5326 and 5327, whose numbers are unknown.",
    "The length limit of ExternalAttributionModel, which is not documented.",
    "CountType, which decides on counting and not on acceptance.",
    "Roles: the seeded user is a super admin.",
    "Api-Revision: all fields of the contract are returned always.",
    "The consent page: consent is given at once. Google identities, multi-factor sign-in, tenants.",
    "Element order in SOAP is enforced; the service may also ignore misplaced elements.",
    "Properties that the contract does not know are refused in JSON; the service may ignore them.",
)


def coverage() -> dict[str, Any]:
    """Return the coverage: operations, rules with source and certainty, faults, and what is missing."""
    return {
        "documentation": DOCUMENTATION,
        "operations": [
            {"service": name, "operation": found, "emulated": (name, found) in EMULATED}
            for name in service_names()
            for found in service(name).operations
        ],
        "rules": [
            row
            for book in BOOKS
            for level, rules in (("call", book.call_rules), ("item", book.item_rules))
            for row in (_row(book.operation, level, rule) for rule in rules)
        ],
        "faults": [
            {"name": kind.name, "phase": kind.phase.value, "help": kind.help, "applies": kind.applies}
            for kind in KINDS.values()
        ],
        "not_emulated": list(NOT_EMULATED),
    }


def _row(operation: str, level: str, rule: Rule[Any]) -> dict[str, Any]:
    return {
        "operation": operation,
        "level": level,
        "code": rule.code,
        "error_code": rule.symbol,
        "field": rule.field,
        "when": rule.message,
        "source": rule.source,
        "certainty": rule.certainty.value,
    }
