"""How one cell becomes one value: what a reader is, where it stands, and how it names what it refuses.

A reader is built once for a run and called once for each cell. It returns the value, None for NULL, or what it
refuses as a ``Violation`` or a tuple of them. Violations are built beforehand: they never hold a value, so the same
one serves every row, and nothing is formatted in the hot path.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from airflow_provider_bingads.domain.outcomes import Finality, Violation

__all__ = ["Place", "Read", "Symbol", "plain", "remembered"]

Read = Callable[[Any], Any]
"""Turns a cell into a value, None for NULL, or one or several violations."""

_REMEMBERED_STRINGS: Final = 4096
_REMEMBERED_LENGTH: Final = 128
_UNSEEN: Final = object()


class Symbol(NamedTuple):
    """What a rule is called: Microsoft's symbol and number where it has them, else a symbol of ours."""

    error_code: str
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value comes from.

    :param field: the API field, or a field of ours.
    :param column: the source column, or ``constant <field>``.
    """

    field: str
    column: str

    def refuse(self, symbol: Symbol, reason: str, remedy: str) -> Violation:
        """Build the violation of a rule that only a change of the row can satisfy."""
        return Violation(symbol.error_code, symbol.code, self.field, self.column, reason, remedy)

    def await_setting(self, symbol: Symbol, reason: str, remedy: str, *, undeclared: bool = False) -> Violation:
        """Build the violation of a rule whose cause is a setting, which would hit every row alike.

        :param undeclared: the setting is missing, rather than at odds with the row.
        """
        return Violation(
            symbol.error_code,
            symbol.code,
            self.field,
            self.column,
            reason,
            remedy,
            finality=Finality.DEFERRED,
            systemic=True,
            undeclared=undeclared,
        )


def plain(cell: Any) -> Any:
    """Return the builtin that a subclass or a numpy scalar stands for; any other object as it is."""
    if isinstance(cell, str):
        return str.__str__(cell)
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, int):
        return int.__int__(cell)
    if isinstance(cell, float):
        return float.__float__(cell)
    item = getattr(cell, "item", None)
    return item() if callable(item) else cell


def remembered(judge: Callable[[str], Any]) -> Callable[[str], Any]:
    """Wrap a judge of strings that see few different ones, such as goal names, so that each is judged once."""
    seen: dict[str, Any] = {}

    def recall(text: str) -> Any:
        known = seen.get(text, _UNSEEN)
        if known is not _UNSEEN:
            return known
        verdict = judge(text)
        if len(text) <= _REMEMBERED_LENGTH:
            if len(seen) >= _REMEMBERED_STRINGS:
                seen.clear()
            seen[text] = verdict
        return verdict

    return recall
