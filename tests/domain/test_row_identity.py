"""Keys and contents: golden values, since a silent change would send a whole ledger again."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from airflow_provider_bingads.domain.identity import contents, erased_key, key_prefix, keys, raw_content, reference_key
from tests.domain.bad_rows import NoText

CLICK = "click:f894f652ea334e739002f7167ab8f8e3"
TIME = "2026-11-01T02:03:04Z"


def key(
    who: str | None = CLICK, goal: str | None = "Purchase", time: str | None = TIME, account: str = "148000001"
) -> Any:
    return keys(key_prefix("offline_conversions", account), [who], [goal], [time])[0]


def test_the_key_of_a_conversion_is_what_it_always_was() -> None:
    text = f"bingads-key-v119:offline_conversions9:14800000138:{CLICK}8:Purchase20:{TIME}"

    assert key() == sha256(text.encode()).hexdigest()[:32] == "bb3c561ddeb072431321a27b78427cd0"


def test_the_content_of_a_conversion_is_what_it_always_was() -> None:
    fields = {"ConversionName": ["Purchase"], "ConversionValue": [12.5], "MicrosoftClickId": [None]}
    text = "bingads-content-v1\0ConversionName=Purchase\0ConversionValue=12.5"

    assert contents(fields) == [sha256(text.encode()).hexdigest()[:16]] == ["fa7aec1f451a9d7a"]


def test_columns_of_different_lengths_give_no_keys_and_no_contents() -> None:
    """A column read short would shift every row's identity to its neighbour's."""
    with pytest.raises(ValueError, match="shorter"):
        keys("p", ["a", "b"], ["g", "g"], [TIME])
    with pytest.raises(ValueError, match="shorter"):
        contents({"A": ["1", "2"], "B": ["1"]})


def test_the_key_of_a_row_without_identity_is_what_it_always_was() -> None:
    text = f"{key_prefix('offline_conversions', '1')}6:source2:17"

    assert reference_key(key_prefix("offline_conversions", "1"), "17") == sha256(text.encode()).hexdigest()[:32]


def test_the_raw_content_of_a_row_is_what_it_always_was() -> None:
    """A cell is its type, the length of its text and its text; a cell without text is its type alone."""
    text = b"bingads-content-v1-raw8:settingsstr:1:aint:2:17NoneType:4:Nonebytes:1:\x00object:0:NoText:0:"

    assert raw_content("settings", ["a", 17, None, b"\x00", object(), NoText()]) == sha256(text).hexdigest()[:16]


def test_no_two_different_events_share_a_key() -> None:
    """Parts carry their length: moving a character from one to the next must show."""
    prefix = key_prefix("ab", "c")
    texts = [
        key(),
        key(account="1480000011"),
        key(who="email:" + "a" * 64),
        key(who="phone:" + "a" * 64),
        key(goal="Purchas"),
        key(goal="purchase"),
        key(time="2026-11-01T02:03:05Z"),
        key_prefix("a", "bc"),
        prefix,
        *keys(prefix, ["a", "ab", "a1"], ["bc", "c", "1:"], ["d", "d", "d"]),
    ]

    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("part", ["who", "goal", "time"])
def test_without_one_of_its_parts_an_event_has_no_key(part: str) -> None:
    assert key(**{part: None}) is None


def test_a_new_field_that_is_null_changes_no_content() -> None:
    """A later version of the API may add fields; what was sent must not look changed by that."""
    before = {"ConversionName": ["Lead", "Lead"], "ConversionValue": [1.0, None]}
    after = {**before, "NewField": [None, None]}

    assert contents(before) == contents(after)
    assert len(set(contents(before))) == 2


def test_equal_money_gives_equal_content_however_it_was_written() -> None:
    assert len(set(contents({"ConversionValue": [float(Decimal("12.50")), float("12.5"), 12.5]}))) == 1


def test_a_row_without_identity_is_told_by_its_reference() -> None:
    prefix = key_prefix("offline_conversions", "1")

    assert len(reference_key(prefix, "17")) == 32
    assert reference_key(prefix, "17") != reference_key(prefix, "18")
    assert reference_key(prefix, "17") != reference_key(key_prefix("offline_conversions", "2"), "17")
    assert reference_key(prefix, "\ud800")


DIFFERENT_CELLS = [
    (None,),
    ("",),
    ("a",),
    ("a", None),
    ("a", ""),
    ("ab",),
    ("a", "b"),
    (b"a",),
    (1,),
    (1.0,),
    ("1",),
    (True,),
    (Decimal(1),),
    (Decimal("1.0"),),
    (datetime(2026, 11, 1, tzinfo=UTC),),
    (UUID(int=1),),
    ([1],),
    ({"a": 1},),
    (float("nan"),),
    ("\ud800",),
]


def test_different_cells_give_different_raw_contents_and_equal_ones_the_same() -> None:
    found = [raw_content("settings", cells) for cells in DIFFERENT_CELLS]

    assert len(set(found)) == len(found)
    assert found == [raw_content("settings", cells) for cells in DIFFERENT_CELLS]
    assert found[2] != raw_content("other settings", ("a",)), "under other settings a row is judged anew"


class _Lone:
    """Writes itself as one half of a pair of surrogates, which UTF-8 has no form for."""

    def __init__(self, half: str) -> None:
        self._half = half

    def __repr__(self) -> str:
        return self._half


def test_cells_whose_text_is_no_unicode_are_still_told_apart() -> None:
    assert raw_content("s", [_Lone("\ud800")]) != raw_content("s", [_Lone("\ud801")])


@pytest.mark.parametrize("cell", [NoText(), 10**5000, object(), type("Slotted", (), {"__slots__": ()})()], ids=range(4))
def test_a_cell_that_has_no_text_still_has_a_stable_raw_content(cell: Any) -> None:
    """An object's default text is its address, which would make the row a new one in each run."""
    twin = type(cell)() if type(cell) is not int else cell

    assert raw_content("s", [cell]) == raw_content("s", [twin])


def test_the_key_of_a_forgotten_source_row_is_what_it_always_was() -> None:
    text = f"bingads-erased-v132:{'5' * 32}3:dag4:task2:17"

    assert erased_key("5" * 32, "dag", "task", "17") == sha256(text.encode()).hexdigest()[:32]


def test_no_part_of_a_forgotten_source_row_runs_into_the_next() -> None:
    parts = [("s", "a", "b", "17"), ("s", "ab", "", "17"), ("s", "a", "b1", "7"), ("s", "a", "b", "18"),
             ("t", "a", "b", "17"), ("s", "a", "b", "\udc80")]  # fmt: skip

    assert len({erased_key(*part) for part in parts}) == len(parts)
