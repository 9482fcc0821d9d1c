"""Amounts, shares and currencies: exact where they can be, refused where they would have to be guessed."""

from __future__ import annotations

from decimal import Decimal, getcontext, localcontext
from typing import Any

import pytest

from airflow_provider_bingads.domain.money import read_currency, read_number, round_money
from airflow_provider_bingads.domain.outcomes import Violation
from airflow_provider_bingads.domain.reading import Place, Symbol
from tests.domain.bad_rows import NumpyLike

PLACE = Place("ConversionValue", "amount")
WRONG = Symbol("Wrong", 5610)
MILLI = Decimal("0.001")


def amount(cell: Any) -> Any:
    return read_number(PLACE, wrong=WRONG, low=0, high=999_999_999_999)(cell)


def credit(cell: Any) -> Any:
    return read_number(PLACE, wrong=WRONG, low=0, high=1, without_low=True)(cell)


class Money(Decimal):
    """A subclass, as some drivers return."""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (12.5, "12.5"),
        (0.1, "0.1"),
        (0, "0"),
        (-0.0, "0"),
        (7, "7"),
        (999_999_999_999, "999999999999"),
        (Decimal("1.230"), "1.23"),
        (Decimal("1E+2"), "100"),
        (Decimal("1." + "3" * 30), "1." + "3" * 30),
        (Money("5.5"), "5.5"),
        ("1234.50", "1234.5"),
        (" 7 ", "7"),
        ("+5", "5"),
        ("-0", "0"),
        (".5", "0.5"),
        ("5.", "5"),
        ("007", "7"),
        pytest.param("7".zfill(100), "7", id="longest text"),
        (NumpyLike(2.5), "2.5"),
        (NumpyLike(3), "3"),
    ],
)
def test_a_number_is_read_exactly(cell: Any, expected: str) -> None:
    value = amount(cell)

    assert type(value) is Decimal
    assert value == Decimal(expected)
    assert not value.is_signed()


@pytest.mark.parametrize("cell", [None, "", "   "])
def test_an_empty_cell_is_no_number_and_no_error(cell: Any) -> None:
    assert amount(cell) is None


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (-1, "from 0 to 999,999,999,999"),
        (-0.01, "from 0"),
        (10**12, "from 0"),
        (Decimal("999999999999.0000001"), "from 0"),
        (Decimal("-1E-30"), "from 0"),
        pytest.param(10**5000, "from 0", id="huge integer"),
        pytest.param(-(10**5000), "from 0", id="huge negative integer"),
        (1e308, "from 0"),
        (float("nan"), "NaN or infinite"),
        (float("inf"), "NaN or infinite"),
        (1e309, "NaN or infinite"),
        (Decimal("NaN"), "NaN or infinite"),
        (Decimal("sNaN"), "NaN or infinite"),
        (Decimal("-Infinity"), "NaN or infinite"),
        ("NaN", "NaN or infinite"),
        ("-inf", "NaN or infinite"),
        ("+Infinity", "NaN or infinite"),
        ("12,5", "not a plain number"),
        ("1,234.50", "not a plain number"),
        ("1 234", "not a plain number"),
        ("$12", "not a plain number"),
        ("1e3", "not a plain number"),
        ("0x10", "not a plain number"),
        ("1_000", "not a plain number"),
        ("\u0661\u0662", "not a plain number"),
        (".", "not a plain number"),
        pytest.param("7".zfill(101), "not a plain number", id="one character too long"),
        pytest.param("9" * 1_000_000, "not a plain number", id="digits of a megabyte"),
        (True, "is not a number"),
        (b"12", "is not a number"),
        ([1], "is not a number"),
        (1j, "is not a number"),
        (NumpyLike(value=True), "is not a number"),
    ],
)
def test_what_is_no_number_of_the_range_is_refused(cell: Any, reason: str) -> None:
    refused = amount(cell)

    assert isinstance(refused, Violation)
    assert (refused.code, refused.field, refused.column) == (5610, "ConversionValue", "amount")
    assert reason in refused.reason


@pytest.mark.parametrize(
    ("cell", "accepted"), [(0, False), ("0.0", False), (1e-9, True), (0.5, True), (1, True), (1.01, False)]
)
def test_a_share_lies_above_nothing_and_up_to_all(cell: Any, *, accepted: bool) -> None:
    found = credit(cell)

    assert found == Decimal(str(cell)) if accepted else "is not above 0 to 1" in found.reason


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("0.0005", "0.000"),
        ("0.0015", "0.002"),
        ("0.0025", "0.002"),
        ("2.5", "2.500"),
        ("999999999999", "999999999999.000"),
    ],
)
def test_money_is_rounded_half_to_even(given: str, expected: str) -> None:
    assert str(round_money(Decimal(given), MILLI)) == expected


def test_the_largest_amount_is_exact_to_more_decimals_than_a_usual_context_holds() -> None:
    assert str(round_money(Decimal("999999999999.5"), Decimal("1E-20"))) == "999999999999.5" + "0" * 19


def test_the_callers_decimal_context_changes_nothing() -> None:
    """A task may have lowered the precision, or set traps, for sums of its own."""
    with localcontext() as context:
        context.prec = 3
        for trap in getcontext().traps:
            context.traps[trap] = True
        assert str(round_money(amount("123456789.0125"), MILLI)) == "123456789.012"
        assert amount(Decimal("sNaN")).code == 5610


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("USD", "USD"),
        (" usd ", "USD"),
        ("Eur", "EUR"),
        (None, None),
        ("", None),
        ("  ", None),
        (NumpyLike("USD"), "USD"),
    ],
)
def test_a_currency_is_written_in_capitals(cell: Any, expected: str | None) -> None:
    read = read_currency(PLACE, wrong=WRONG, codes=frozenset({"USD", "EUR"}))

    assert read(cell) == expected
    assert read(cell) == expected


@pytest.mark.parametrize(
    "cell",
    [
        "US",
        "ZZZ",
        "DOLLAR",
        "u\u017fd",
        "\u20ac",
        840,
        b"USD",
        ["USD"],
        {"USD"},
        pytest.param("x" * 1_000_000, id="huge"),
    ],
)
def test_what_is_no_iso_4217_code_is_refused(cell: Any) -> None:
    read = read_currency(PLACE, wrong=Symbol("Wrong", 5611), codes=frozenset({"USD", "EUR"}))

    assert read(cell).code == 5611
