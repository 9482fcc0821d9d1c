"""Amounts, shares and currencies: exact decimals within their range, rounded once, half to even."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final

from airflow_provider_bingads.domain.reading import Place, Read, Symbol, plain, remembered
from airflow_provider_bingads.domain.text import cell_text

__all__ = ["read_currency", "read_number", "round_money"]

_LONGEST_NUMBER: Final = 100
_PLAIN_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)
_NOT_FINITE: Final = frozenset({"nan", "inf", "infinity"})
_ZERO: Final = Decimal(0)
# A context of our own: the thread's may have been given another precision, or traps.
_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[])


def round_money(amount: Decimal, step: Decimal) -> Decimal:
    """Round to a multiple of ``step`` (``Decimal('0.001')`` for three decimals), half to even."""
    return amount.quantize(step, context=_EXACT)


def read_number(place: Place, *, wrong: Symbol, low: int, high: int, without_low: bool = False) -> Read:
    """Build the reader of a number; it returns an exact ``Decimal``, floats by the shortest text that gives them back.

    :param wrong: what a refused number is called.
    :param low: smallest value.
    :param high: largest value.
    :param without_low: ``low`` itself is refused too.
    """
    return _NumberReader(place, wrong, low, high, without_low=without_low)


class _NumberReader:
    __slots__ = ("_high", "_low", "_not_finite", "_not_number", "_not_plain", "_out_of_range", "_without_low")

    def __init__(self, place: Place, wrong: Symbol, low: int, high: int, *, without_low: bool) -> None:
        self._low = low
        self._high = high
        self._without_low = without_low
        self._out_of_range = place.refuse(
            wrong,
            f"is not {'above' if without_low else 'from'} {low:,} to {high:,}",
            "correct the number; the service takes none outside the range",
        )
        self._not_finite = place.refuse(wrong, "is NaN or infinite", "give a number, or NULL")
        self._not_plain = place.refuse(
            wrong,
            "is text that is not a plain number",
            "give digits with a dot before the decimals, such as 1234.50: no comma, exponent or currency sign",
        )
        self._not_number = place.refuse(wrong, "is not a number", "give a number, or NULL")

    def __call__(self, cell: Any) -> Any:
        kind = type(cell)
        if kind is float:
            return self._within(Decimal(repr(cell)))
        if kind is Decimal:
            return self._within(cell)
        return self._whole(cell) if kind is int else self._read_other(cell)

    def _within(self, number: Decimal) -> Any:
        if not number.is_finite():
            return self._not_finite
        if not self._low <= number <= self._high or (self._without_low and number == self._low):
            return self._out_of_range
        return number or _ZERO

    def _whole(self, number: int) -> Any:
        # Compared before it is converted: an integer may have millions of digits.
        return self._within(Decimal(number)) if self._low <= number <= self._high else self._out_of_range

    def _read_other(self, cell: Any) -> Any:
        value = cell_text(cell)
        if value is None:
            return None
        if type(value) is str:
            return self._parse(value)
        if isinstance(value, Decimal):
            return self._within(Decimal(value))
        return self(value) if type(value) in {int, float} else self._not_number

    def _parse(self, text: str) -> Any:
        if len(text) > _LONGEST_NUMBER:
            return self._not_plain
        if _PLAIN_NUMBER.fullmatch(text):
            return self._within(Decimal(text))
        return self._not_finite if text.lower().lstrip("+-") in _NOT_FINITE else self._not_plain


def read_currency(place: Place, *, wrong: Symbol, codes: frozenset[str]) -> Read:
    """Build the reader of a currency; it returns the ISO 4217 code in capitals.

    :param codes: the codes that exist.
    """
    unknown = place.refuse(wrong, "is not an ISO 4217 currency code", "give three letters such as USD or EUR, or NULL")

    def judge(text: str) -> Any:
        code = text.strip()
        if not code:
            return None
        # Some letters beyond ASCII turn into ASCII capitals.
        return code.upper() if code.isascii() and code.upper() in codes else unknown

    recall = remembered(judge)

    def read(cell: Any) -> Any:
        if cell is None:
            return None
        text = cell if type(cell) is str else plain(cell)
        return recall(text) if type(text) is str else unknown

    return read
