"""How a rule is written down, and how the rules of one operation are applied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, Generic, TypeVar

from airflow_provider_bingads.emulator.refusals import Family, ItemError, RefusalError, ServiceError

__all__ = ["DOCUMENTATION", "Certainty", "Rule", "RuleBook"]

DOCUMENTATION: Final = "https://learn.microsoft.com/en-us/advertising/"
"""What a source of a rule is relative to, unless it is an address or a fact of the project's own notes."""

CallCase = TypeVar("CallCase")
ItemCase = TypeVar("ItemCase")
Case = TypeVar("Case")


class Certainty(str, Enum):
    """How sure it is that Microsoft's service does the same."""

    DOCUMENTED = "documented"
    OBSERVED = "observed"
    """Somebody reported it of the live service."""
    ASSUMED = "assumed"
    """The code or its name is documented, when it is given is a guess."""


@dataclass(frozen=True, slots=True)
class Rule(Generic[Case]):
    """One reason to refuse.

    :param code: Microsoft's number; 0 where only the symbol is documented.
    :param field: API field at fault, None for the item or the call.
    :param family: the fault that carries it, for a rule on the call.
    :param source: page under :data:`DOCUMENTATION`, or another place.
    :param violated: tells whether a case breaks the rule.
    """

    code: int
    symbol: str
    field: str | None
    message: str
    source: str
    certainty: Certainty
    family: Family
    violated: Callable[[Case], bool]


class RuleBook(Generic[CallCase, ItemCase]):
    """The rules of one operation.

    :param operation: its name; ``*`` for rules of every operation.
    """

    def __init__(self, operation: str) -> None:
        self.operation = operation
        self.call_rules: list[Rule[CallCase]] = []
        self.item_rules: list[Rule[ItemCase]] = []

    def call(
        self,
        code: int,
        symbol: str,
        *,
        message: str,
        source: str,
        certainty: Certainty,
        field: str | None = None,
        family: Family = Family.OPERATION,
    ) -> Callable[[Callable[[CallCase], bool]], Callable[[CallCase], bool]]:
        """Add a rule on the call as a whole; the decorated function tells whether it is broken."""

        def add(violated: Callable[[CallCase], bool]) -> Callable[[CallCase], bool]:
            self.call_rules.append(Rule(code, symbol, field, message, source, certainty, family, violated))
            return violated

        return add

    def item(
        self, code: int, symbol: str, *, message: str, source: str, certainty: Certainty, field: str | None = None
    ) -> Callable[[Callable[[ItemCase], bool]], Callable[[ItemCase], bool]]:
        """Add a rule on one item; the decorated function tells whether it is broken."""

        def add(violated: Callable[[ItemCase], bool]) -> Callable[[ItemCase], bool]:
            self.item_rules.append(Rule(code, symbol, field, message, source, certainty, Family.OPERATION, violated))
            return violated

        return add

    def admit(self, case: CallCase) -> None:
        """Check the call rules in order.

        :raises RefusalError: with the first broken one.
        """
        for rule in self.call_rules:
            if rule.violated(case):
                raise RefusalError(rule.family, ServiceError(rule.code, rule.symbol, rule.message))

    def errors(self, case: ItemCase, index: int) -> list[ItemError]:
        """Return an error for each broken item rule, in order."""
        return [
            ItemError(rule.code, rule.symbol, rule.message, index, rule.field)
            for rule in self.item_rules
            if rule.violated(case)
        ]
