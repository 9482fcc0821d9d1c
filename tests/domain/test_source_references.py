"""How rows are named to people: verbatim where possible, storable always, personal never."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from airflow_provider_bingads.domain.outcomes import Finality
from airflow_provider_bingads.domain.source_refs import SourceRefs
from tests.domain.bad_rows import NoText


def name(*cells: Any) -> str:
    columns = [f"key{number}" for number in range(len(cells))]
    names, withheld = SourceRefs(columns, ["other", *columns], "salt")([("x", *cells)])
    assert not withheld
    return names[0]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("A-17", "A-17"),
        (" A 17 ", " A 17 "),
        ("\u00e4\u65e5", "\u00e4\u65e5"),
        ("4255551234", "4255551234"),
        (17, "17"),
        (-(2**63), str(-(2**63))),
        (2**64 - 1, str(2**64 - 1)),
        (2**64, "integer of 65 bits"),
        (-(2**63) - 1, "integer of 64 bits"),
        (Decimal("1E+127"), "1" + "0" * 127),
        (Decimal("1E+128"), "1E+128"),
        (Decimal("NaN"), "NaN"),
        (NoText(), "NoText"),
        ("x" * 128, "x" * 128),
        ("\n" + "x" * 122, "\\u000a" + "x" * 122),
        (Decimal(17), "17"),
        (Decimal("1E+3"), "1000"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (date(2026, 11, 1), "2026-11-01"),
        (datetime(2026, 11, 1, tzinfo=UTC), "2026-11-01T00:00:00+00:00"),
        (b"\x01\xff", "01ff"),
        (True, "true"),
        (None, "null"),
        ("", ""),
        (1.5, "1.5"),
    ],
)
def test_a_key_of_one_column_is_taken_verbatim(cell: Any, expected: str) -> None:
    assert name(cell) == expected


def test_a_key_of_several_columns_is_the_list_that_databases_write() -> None:
    """``json_build_array(...)::text`` in PostgreSQL and ``JSON_ARRAY(...)`` in MySQL put a blank after the comma."""
    assert name("DE", 17, None, "\u00e4") == '["DE", 17, null, "\u00e4"]'


@pytest.mark.parametrize(
    "cells", [("x" * 129,), ("x" * 1_000_000,), ("a" * 100, "b" * 100)], ids=["one", "huge", "two"]
)
def test_a_long_key_is_cut_and_ends_in_a_digest_of_the_whole(cells: tuple[str, ...]) -> None:
    other = (*cells[:-1], cells[-1] + "y")

    assert len(name(*cells)) == 128
    assert re.fullmatch(r".{111}~[0-9a-f]{16}", name(*cells))
    assert name(*cells)[:100] == name(*other)[:100]
    assert name(*cells) != name(*other)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("a\x00b", "a\\u0000b"),
        ("a\ud800", "a\\ud800"),
        ("a\nb\x1b", "a\\u000ab\\u001b"),
        ("\u00a0\u200b", "\u00a0\u200b"),
    ],
)
def test_what_a_database_cannot_store_or_a_log_would_garble_is_escaped(cell: str, expected: str) -> None:
    assert name(cell) == expected
    name(cell).encode()


@pytest.mark.parametrize(
    "cell", [10**5000, NoText(), object(), float("nan"), Decimal("1E+999999"), {"a": 1}], ids=range(6)
)
def test_no_cell_is_too_strange_to_name_its_row(cell: Any) -> None:
    assert 0 < len(name(cell)) <= 128
    assert json.loads(name(cell, 1))[1] == 1


@pytest.mark.parametrize(
    "cells", [("john@contoso.com",), ("order of john@contoso.com",), ("+14255551234",), (17, "+49 30 1234567")]
)
def test_a_key_with_personal_data_is_withheld(cells: tuple[Any, ...]) -> None:
    """It would stand in every audit table. The choice of the key is a setting, so the row waits for another one."""
    columns = [f"key{number}" for number in range(len(cells))]
    refer = SourceRefs(columns, columns, "salt")
    (first, second), withheld = refer([cells, tuple(cells)])

    assert withheld == [0, 1]
    assert first == second
    assert first.startswith("withheld:")
    assert SourceRefs(columns, columns, "other salt")([cells])[0] != [first]
    assert (refer.withheld.finality, refer.withheld.systemic) == (Finality.DEFERRED, True)
    assert "source_key" in refer.withheld.remedy
    assert columns[0] in refer.withheld.reason
    assert refer.withheld.field == "source_key"


@pytest.mark.parametrize(("before", "withheld"), [(512 - 10, [0]), (512 - 9, [])])
def test_a_key_is_looked_at_for_personal_data_at_its_beginning(before: int, withheld: list[int]) -> None:
    """A megabyte of text is no key that anybody chose; its beginning tells."""
    cell = "x" * before + " jo@cont.so" + "x" * 50
    assert SourceRefs(["key"], ["key"], "salt")([(cell,)])[1] == withheld


def test_a_long_key_that_is_no_unicode_is_named_too() -> None:
    assert len(name("\ud800" * 200)) == 128
    assert name("\ud800" * 200) != name("\ud800" * 201)
