"""E-mail and phone: Microsoft's normal form and its published digests, and never a raw value in what comes out."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from airflow_provider_bingads.domain.outcomes import Finality, Violation
from airflow_provider_bingads.domain.pii import (
    find_region,
    normalise_email,
    normalise_phone,
    personal_shape,
    read_digest,
    read_email,
    read_phone,
)
from airflow_provider_bingads.domain.reading import Place, Symbol
from airflow_provider_bingads.exceptions import FixConfiguration
from tests.domain.bad_rows import NumpyLike

# The two test vectors that Microsoft publishes (api-facts A.4).
JOHN = "ec81f3ac7b2b19675bab9d54cf416f9f18cff87c97da5cca82c0f0891bc40602"
PHONE = "c59475d96e9f01d7d18d06cfad84dd02333207f02c0c2c5663ef2782cda0390e"
WRONG = Symbol("Wrong")


def email(cell: Any) -> Any:
    return read_email(Place("EmailAddress", "mail"), wrong=WRONG, hashed_field="HashedEmailAddress")(cell)


def phone(cell: Any, region: str | None = None) -> Any:
    place = Place("PhoneNumber", "phone")
    return read_phone(place, wrong=WRONG, hashed_field="HashedPhoneNumber", region=region)(cell)


def digest(cell: Any) -> Any:
    return read_digest(Place("HashedEmailAddress", "mail_sha"), wrong=WRONG, raw_field="EmailAddress")(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "john@contoso.com",
        "  John@Contoso.COM \n",
        "j.o.h.n@contoso.com",
        "john+ads@contoso.com",
        "j.ohn+a+b.c@contoso.com",
        "j\u00f3hn@contoso.com",
        "jo\u0301hn@contoso.com",
        NumpyLike("john@contoso.com"),
    ],
)
def test_every_spelling_of_an_address_gives_the_published_digest(cell: Any) -> None:
    assert email(cell) == JOHN


@pytest.mark.parametrize(
    ("address", "normal"),
    [
        ("A.B@Sub.Example.com", "ab@sub.example.com"),
        ("\u00c5se@m\u00fcnchen.de", "ase@munchen.de"),
        ("\u0130@example.com", "i@example.com"),
        ("o'neil@example.co.uk", "o'neil@example.co.uk"),
    ],
)
def test_an_address_is_brought_into_the_form_that_microsoft_hashes(address: str, normal: str) -> None:
    assert normalise_email(address) == normal


@pytest.mark.parametrize(
    "cell",
    [
        "john",
        "john@",
        "@contoso.com",
        "john@contoso",
        "john@.com",
        "john@contoso.",
        ".john@contoso.com",
        "john@contoso.com.",
        "jo hn@contoso.com",
        "john@con\ttoso.com",
        "john@contoso.com\x00x",
        "john@@contoso.com",
        "john@a.com,jane@b.com",
        "+tag@contoso.com",
        "...@contoso.com",
        "john@contoso.c\ud800m",
        "a@" + "b" * 400 + ".com",
        pytest.param("x" * 10_000_000, id="huge"),
        5,
        True,
        b"john@contoso.com",
        ["john@contoso.com"],
    ],
)
def test_what_is_no_address_is_refused_without_being_shown(cell: Any) -> None:
    refused = email(cell)

    assert isinstance(refused, Violation)
    assert refused.finality is Finality.FINAL
    assert "john" not in f"{refused.reason} {refused.remedy}"


@pytest.mark.parametrize(
    ("cell", "region"),
    [
        ("+14255551234", None),
        ("+1 (425) 555-1234", None),
        ("\uff0b1 425 555 1234", None),
        ("(425) 555-1234", "US"),
        ("425.555.1234", "US"),
        ("1-425-555-1234", "US"),
        ("0014255551234", "DE"),
        (4255551234, "US"),
        (14255551234, "US"),
        (NumpyLike(4255551234), "US"),
    ],
)
def test_every_spelling_of_a_number_gives_the_published_digest(cell: Any, region: str | None) -> None:
    assert phone(cell, region) == PHONE


def test_a_trunk_zero_is_not_part_of_the_number() -> None:
    assert normalise_phone("+44 (0)20 7183 8750", None) == "+442071838750"
    assert normalise_phone("020 7183 8750", "GB") == "+442071838750"


@pytest.mark.parametrize("cell", ["(425) 555-1234", "4255551234", 4255551234, "0014255551234"])
def test_a_number_without_country_code_waits_for_the_setting(cell: Any) -> None:
    refused = phone(cell)

    assert (refused.error_code, refused.finality, refused.systemic) == (
        "PhoneRegionNotDeclared",
        Finality.DEFERRED,
        True,
    )
    assert "phone_region" in refused.remedy
    assert "4255551234" not in refused.reason


@pytest.mark.parametrize(
    "cell",
    [
        "none",
        "n/a",
        "123",
        "+1",
        "+",
        "+999 12345678",
        "+1 425 555 1234 567 890",
        -4255551234,
        4255551234.0,
        10**40,
        True,
        b"+14255551234",
        "+1" * 1000,
        pytest.param("5" * 10000000, id="huge"),
        "555-1234",
        {"n": 1},
    ],
)
def test_what_can_be_no_number_is_refused(cell: Any) -> None:
    refused = phone(cell, "US")

    assert isinstance(refused, Violation)
    assert refused.finality is Finality.FINAL


@pytest.mark.parametrize("read", [email, phone])
@pytest.mark.parametrize("cell", [JOHN, JOHN.upper(), f" {PHONE} "])
def test_a_digest_in_a_raw_column_is_not_hashed_again(read: Any, cell: str) -> None:
    refused = read(cell)

    assert "digest already" in refused.reason
    assert "Hashed" in refused.remedy


@pytest.mark.parametrize("cell", [JOHN, JOHN.upper(), f" {JOHN}\t", NumpyLike(JOHN)])
def test_a_digest_is_sent_in_lower_case(cell: Any) -> None:
    assert digest(cell) == JOHN


@pytest.mark.parametrize(
    "cell",
    [
        "john@contoso.com",
        "+14255551234",
        "d41d8cd98f00b204e9800998ecf8427e",
        JOHN[:-1],
        JOHN + "0",
        "g" * 64,
        "0x" + JOHN,
        5,
        True,
        JOHN.encode(),
        pytest.param("a" * 10000000, id="huge"),
        "\uff10" * 64,
    ],
)
def test_a_column_of_digests_takes_nothing_else_and_hashes_nothing(cell: Any) -> None:
    refused = digest(cell)

    assert isinstance(refused, Violation)
    assert "EmailAddress" in refused.remedy
    assert "contoso" not in f"{refused.reason} {refused.remedy}"


@pytest.mark.parametrize("read", [email, phone, digest])
@pytest.mark.parametrize("cell", [None, "", "  "])
def test_an_empty_cell_identifies_nobody(read: Any, cell: Any) -> None:
    assert read(cell) is None


@pytest.mark.parametrize(("region", "found"), [(None, None), ("us", "US"), ("DE", "DE")])
def test_a_region_is_two_letters_in_any_case(region: str | None, found: str | None) -> None:
    assert find_region(region) == found


@pytest.mark.parametrize("region", ["USA", "Germany", "+1", ""])
def test_an_unknown_region_stops_the_run(region: str) -> None:
    with pytest.raises(FixConfiguration, match="phone_region"):
        find_region(region)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("john@contoso.com", True),
        ("order of john@contoso.com", True),
        ("+14255551234", True),
        ("+49 (0)30 1234567", True),
        ("(425) 555-1234", True),
        ("425-555-1234", True),
        ("4255551234", False),
        ("10007", False),
        ("2026-11-01", False),
        ("2026-000123", False),
        ("123-1234567-1234567", False),
        ("f894f652ea334e739002f7167ab8f8e3", False),
        ("Sale @ shop", False),
        ("a@b", False),
        ("+5", False),
    ],
)
def test_what_is_shaped_like_personal_data(text: str, *, expected: bool) -> None:
    assert personal_shape(text) is expected


def test_normalising_precedes_hashing() -> None:
    assert email("A.b+c@Example.com") == sha256(b"ab@example.com").hexdigest()


@pytest.mark.parametrize(
    ("address", "accepted"),
    [("a@b.c", True), ("a@" + "b" * 314 + ".com", True), ("a@" + "b" * 315 + ".com", False)],
    ids=["shortest", "longest", "longer"],
)
def test_an_address_has_five_to_three_hundred_and_twenty_characters(address: str, *, accepted: bool) -> None:
    assert (normalise_email(f" {address} ") is not None) is accepted


@pytest.mark.parametrize(("blanks", "accepted"), [(52, True), (53, False)])
def test_a_number_is_looked_at_up_to_sixty_four_characters(blanks: int, *, accepted: bool) -> None:
    assert (phone("+1" + " " * blanks + "4255551234") == PHONE) is accepted


@pytest.mark.parametrize(
    ("cell", "symbol"),
    [
        ("4255551234", "PhoneRegionNotDeclared"),
        ("X4255551234", "PhoneRegionNotDeclared"),
        (1, "PhoneRegionNotDeclared"),
        (10**15 - 1, "PhoneRegionNotDeclared"),
        (0, "Wrong"),
        (-4255551234, "Wrong"),
        (10**15, "Wrong"),
        ("none", "Wrong"),
        ("", None),
    ],
)
def test_what_may_be_a_number_of_some_region_waits_for_the_setting(cell: Any, symbol: str | None) -> None:
    refused = phone(cell)

    assert (refused and refused.error_code) == symbol
    if symbol == "PhoneRegionNotDeclared":
        assert (refused.undeclared, refused.systemic, refused.finality) == (True, True, Finality.DEFERRED)
