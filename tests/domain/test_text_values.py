"""Names: trimmed, composed, bounded, and without what the API's formats cannot carry."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_bingads.domain.outcomes import Violation
from airflow_provider_bingads.domain.reading import Place, Symbol, remembered
from airflow_provider_bingads.domain.text import XML_ILLEGAL, read_text
from tests.domain.bad_rows import NumpyLike


def read(cell: Any) -> Any:
    reader = read_text(Place("ConversionName", "goal"), wrong=Symbol("Wrong", 5606), longest=10)
    assert reader(cell) == reader(cell), "a remembered verdict is the first verdict"
    return reader(cell)


class Name(str):
    """A subclass, as some drivers return."""

    __slots__ = ()


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("Lead", "Lead"),
        ("  Lead  ", "Lead"),
        ("LEAD", "LEAD"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("x" * 10, "x" * 10),
        (" " + "x" * 10, "x" * 10),
        ("]]>&<b>", "]]>&<b>"),
        ("a\tb\nc", "a\tb\nc"),
        ("\U0001f600", "\U0001f600"),
        (Name("Lead"), "Lead"),
        (NumpyLike("Lead"), "Lead"),
        (None, None),
        ("", None),
        (" \t\u00a0", None),
    ],
)
def test_a_name_is_trimmed_and_otherwise_kept(cell: Any, expected: str | None) -> None:
    text = read(cell)

    assert text == expected
    assert text is None or type(text) is str


@pytest.mark.parametrize("cell", [Name(""), Name("  "), NumpyLike(""), NumpyLike(None)])
def test_an_empty_text_of_any_type_is_null(cell: Any) -> None:
    assert read(cell) is None


def test_a_name_of_another_type_is_judged_like_any_other() -> None:
    assert "more than 10 characters" in read(Name("x" * 11))[0].reason


@pytest.mark.parametrize(("too_long", "symbol"), [(None, "Wrong"), (Symbol("TooLong"), "TooLong")])
def test_a_text_too_long_has_a_name_of_its_own_where_the_service_gives_one(
    too_long: Symbol | None, symbol: str
) -> None:
    reader = read_text(Place("F", "c"), wrong=Symbol("Wrong"), longest=3, too_long=too_long)

    assert [violation.error_code for violation in reader("xxxx")] == [symbol]


@pytest.mark.parametrize(("blanks", "symbols"), [(39, ["Wrong", "Wrong"]), (40, ["Wrong"])])
def test_what_is_wrong_with_a_huge_text_is_looked_for_at_its_beginning(blanks: int, symbols: list[str]) -> None:
    assert [violation.error_code for violation in read("x" * blanks + "\x00")] == symbols


@pytest.mark.parametrize("cell", [5, 5.0, True, b"Lead", ["Lead"], {"a": 1}, object()])
def test_what_is_not_text_is_refused(cell: Any) -> None:
    assert "not text" in read(cell).reason


def test_all_reasons_are_told_at_once() -> None:
    refused = read("\x00john@contoso.com" + "x" * 20)

    assert [violation.error_code for violation in refused] == ["Wrong", "Wrong", "PersonalDataInWrongField"]
    assert "john" not in str(refused)


def test_a_text_of_megabytes_is_refused_by_its_length() -> None:
    assert "more than 10 characters" in read("x" * 10_000_000)[0].reason


def test_what_is_illegal_is_exactly_what_xml_cannot_carry() -> None:
    """Against the definition of Char in XML 1.0, character by character."""
    legal = {0x9, 0xA, 0xD, *range(0x20, 0xD800), *range(0xE000, 0xFFFE)}
    for code in range(0x10000):
        assert (XML_ILLEGAL.search(chr(code)) is None) == (code in legal), hex(code)
    assert not XML_ILLEGAL.search("\U00010000\U0010ffff")


def test_a_verdict_is_reached_once_for_each_text_and_memory_stays_bounded() -> None:
    judged: list[str] = []

    def judge(text: str) -> str:
        judged.append(text)
        return text.upper()

    recall = remembered(judge)

    assert [recall("a"), recall("a"), recall("b")] == ["A", "A", "B"]
    assert judged == ["a", "b"]
    for number in range(20_000):
        recall(str(number))
    recall("19999")
    assert len(judged) == 20_002
    recall("0")
    assert judged[-1] == "0", "what was forgotten is judged again"


def test_four_thousand_texts_of_a_usual_length_are_remembered() -> None:
    judged: list[str] = []
    recall = remembered(judged.append)
    for _ in range(2):
        for number in range(4096):
            recall(str(number))
    assert len(judged) == 4096
    recall("one more")
    recall("0")
    assert judged[4096:] == ["one more", "0"]


@pytest.mark.parametrize(("length", "times"), [(128, 1), (129, 2)])
def test_a_text_longer_than_names_are_is_not_remembered(length: int, times: int) -> None:
    judged: list[str] = []
    recall = remembered(judged.append)
    recall("x" * length)
    recall("x" * length)
    assert len(judged) == times


def test_each_reason_names_what_to_do() -> None:
    for cell in (5, "x" * 11, "a\x00"):
        found = read(cell)
        for violation in (found,) if isinstance(found, Violation) else found:
            assert violation.remedy
            assert violation.column == "goal"
