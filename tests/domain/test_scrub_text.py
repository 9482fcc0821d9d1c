"""What others wrote reaches no log, table or exception with personal data or secrets in it."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bingads.domain.scrub import scrub


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("jane.doe+x@contoso.com is unknown", "[email] is unknown"),
        ('{"email":"bob@x.org","index":5}', '{"email":"[email]","index":5}'),
        ("user=jane%40contoso.com&x", "[email]"),
        ("Jürgen@müller.example", "[email]"),
        ("call +1 (425) 555-1234 now", "call [number] now"),
        ("account 149123456", "account [number]"),
        ("click f894f652ea334e739002f7167ab8f8e3", "click [hex]"),
        ("hash EC81F3AC7B2B19675BAB9D54CF416F9F18CFF87C97DA5CCA82C0F0891BC40602; next", "hash [hex]; next"),
        ("got eyJhbGciOiJSUzI1NiJ9.eyJhdWQi.c2ln.", "got [token]"),
        ("Authorization: Bearer EwB4A8l6", "Authorization: [token]"),
        ("rt 0.AXkA1234abcdefghijklmnopqrstuvwxyzABCDEFGHIJK-_xyz", "rt [token]"),
        ("a%40contoso.com,b", "[email],b"),
        ("two\r\nlines\tand   spaces", "two lines and spaces"),
    ],
)
def test_personal_data_and_secrets_are_taken_out(text: str, clean: str) -> None:
    assert scrub(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "5606 OfflineConversionNameInvalid",
        "CampaignServiceAccountIdMissingInRequestHeader",
        "BulkServiceNoMoreCallsPermittedForTheTimePeriod",
        "AADSTS7000215: Invalid client secret provided",
        "expired on 2026-11-21T14:03:05Z after 90 days",
        "see https://learn.microsoft.com/advertising/guides/operation-error-codes",
        "connection refused at 127.0.0.1:8080",
        "[Errno 111] Connection refused",
        "",
    ],
)
def test_what_a_reader_needs_is_kept(text: str) -> None:
    assert scrub(text) == text


def test_a_date_keeps_its_day_and_loses_the_fraction_of_its_second() -> None:
    assert scrub("at 2026-11-21T14:03:05.1234567Z") == "at 2026-11-21T14:03:05Z"


def test_a_long_text_is_cut_to_the_limit() -> None:
    clean = scrub("word " * 10_000, limit=100)
    assert len(clean) == 100
    assert clean.endswith("…")


def test_a_text_of_just_the_limit_is_whole() -> None:
    assert scrub("word word " * 50).endswith("word word")
    assert len(scrub("x" * 500)) == 500
    assert scrub("x" * 499 + " xx") == "x" * 499 + "…"
    assert scrub("x" * 9 + "y", limit=10) == "x" * 9 + "y"


def test_eight_times_the_limit_is_looked_at() -> None:
    """What is taken out may be longer than what stands for it."""
    assert scrub("a" * 66 + "@b.c xx yyyyyyyyyyyy zzzzzz", limit=10) == "[email] xx"


def test_an_address_on_the_cut_does_not_leave_half_of_itself() -> None:
    text = "a@b.c " * 16 + "jane.doe@contoso.com"
    assert "jane" not in scrub(text, limit=13)


def test_a_reply_of_megabytes_costs_milliseconds() -> None:
    started = time.perf_counter()
    for unit in ("a", "1-", "a.", "A-", "@", "eyJ"):
        scrub(unit * 2_000_000, limit=20_000)
    assert time.perf_counter() - started < 2.0


_SECRETS = st.one_of(
    st.emails(),
    st.from_regex(r"[0-9]{7,20}", fullmatch=True),
    st.from_regex(r"[0-9a-f]{32}([0-9a-f]{32})?", fullmatch=True),
    st.from_regex(r"eyJ[A-Za-z0-9_-]{8,40}\.[A-Za-z0-9_-]{8,40}\.[A-Za-z0-9_-]{8,40}", fullmatch=True),
)
_LEAKS = re.compile(r"@|\d{7,}|[0-9A-Fa-f]{32}|eyJ[A-Za-z0-9_-]{8}")


@given(st.lists(st.one_of(_SECRETS, st.text(alphabet=" \n,;:\"'<>{}=abcxyz", max_size=30)), max_size=12).map(" ".join))
def test_nothing_that_looks_personal_survives_in_any_surrounding(text: str) -> None:
    assert not _LEAKS.search(scrub(text))


@given(st.text(), st.integers(10, 300))
def test_the_result_is_one_line_within_the_limit(text: str, limit: int) -> None:
    clean = scrub(text, limit=limit)
    assert len(clean) <= limit
    assert len(clean.splitlines()) <= 1
