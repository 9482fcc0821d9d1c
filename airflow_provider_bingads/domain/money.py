"""Amounts and shares: exact decimals within their range, rounded once, half to even."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final

from airflow_provider_bingads.domain.reading import Place, Read, Symbol
from airflow_provider_bingads.domain.text import cell_text

__all__ = ["read_currency", "read_number", "round_money"]

_LONGEST_NUMBER: Final = 100
_PLAIN_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)
_ZERO: Final = Decimal(0)
# A context of our own: the thread's may have been given another precision, or traps.
_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[])


def round_money(amount: Decimal, step: Decimal) -> Decimal:
    """Round to a multiple of ``step`` (``Decimal('0.001')`` for three decimals), half to even."""
    return amount.quantize(step, context=_EXACT)


def read_number(place: Place, *, wrong: Symbol, low: Decimal, high: Decimal, without_low: bool = False) -> Read:
    """Build the reader of a number; it returns an exact ``Decimal``, floats by the shortest text that gives them back.

    :param wrong: what a refused number is called.
    :param low: smallest value.
    :param high: largest value.
    :param without_low: ``low`` itself is refused too.
    """
    above = "above" if without_low else "from"
    out_of_range = place.refuse(
        wrong, f"is not {above} {low:,} to {high:,}", "correct the number; the service takes none outside the range"
    )
    not_finite = place.refuse(wrong, "is not a number (NaN) or infinite", "give a number, or NULL")
    not_plain = place.refuse(
        wrong,
        "is text that is not a plain number",
        "give digits with a dot before the decimals, such as 1234.50: no comma, exponent or currency sign",
    )
    not_number = place.refuse(wrong, "is not a number", "give a number, or NULL")

    def parse(text: str) -> Any:
        if len(text) <= _LONGEST_NUMBER and _PLAIN_NUMBER.fullmatch(text):
            return within(Decimal(text))
        return not_finite if text.lower().lstrip("+-") in {"nan", "inf", "infinity"} else not_plain

    def within(number: Decimal) -> Any:
        if not number.is_finite():
            return not_finite
        if not low <= number <= high or (without_low and number == low):
            return out_of_range
        return number or _ZERO

    def read(cell: Any) -> Any:
        kind = type(cell)
        if kind is float:
            return within(Decimal(repr(cell)))
        if kind is Decimal:
            return within(cell)
        if kind is int:
            # Compared before it is converted: an integer may have millions of digits.
            return Decimal(cell) if low < cell <= high else within(low if cell == low else high + 1)
        value = cell_text(cell)
        if value is None:
            return None
        if type(value) is str:
            return parse(value)
        return read(value) if type(value) in {int, float} else not_number

    return read


def read_currency(place: Place, *, wrong: Symbol, codes: frozenset[str]) -> Read:
    """Build the reader of a currency; it returns the ISO 4217 code in capitals.

    :param codes: the codes that exist.
    """
    unknown = place.refuse(wrong, "is not an ISO 4217 currency code", "give three letters such as USD or EUR, or NULL")

    def read(cell: Any) -> Any:
        if cell is None or (cell in codes and type(cell) is str):
            return cell
        text = cell_text(cell)
        if text is None:
            return None
        code = text.upper() if type(text) is str and len(text) == 3 else ""
        return code if code in codes else unknown

    return read
