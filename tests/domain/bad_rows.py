"""Rows broken in the ways people and systems break them, and rows that only look broken, for every layer's tests.

``bad_rows`` yields rows with one or two flaws and the columns that must be named; ``hostile_but_valid_rows`` yields
rows that must arrive unharmed. A cell that no column of SQLite without a type holds unchanged (a UUID object, half a
surrogate pair) makes its row not ``storable``. Deterministic by the seed. Personal data holds one of ``CANARIES``.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

from airflow_provider_bingads.domain.entity import Preparation

NOW: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
GOALS: Final = ("Purchase", "Lead", "Phone call")
CANARIES: Final = ("canary-person", "5550100199", "ca7a" * 16)
HUGE: Final = "x" * 10_000_000

FIELD_OF: Final = {
    "conversion_currency_code": "ConversionCurrencyCode",
    "conversion_name": "ConversionName",
    "conversion_time": "ConversionTime",
    "conversion_value": "ConversionValue",
    "external_attribution_credit": "ExternalAttributionCredit",
    "external_attribution_model": "ExternalAttributionModel",
    "email_address": "EmailAddress",
    "hashed_email_address": "HashedEmailAddress",
    "phone_number": "PhoneNumber",
    "hashed_phone_number": "HashedPhoneNumber",
    "microsoft_click_id": "MicrosoftClickId",
    "click_time": "click_time",
}
RAW: Final = tuple(name for name in FIELD_OF if not name.startswith("hashed_"))
"""The columns of a source that holds raw e-mail and phone."""
HASHED: Final = tuple(name for name in FIELD_OF if name not in {"email_address", "phone_number"})
"""The columns of a source that holds digests."""


@dataclass(frozen=True)
class Flaw:
    """One way to break one column."""

    kind: str
    column: str
    cell: Any


@dataclass(frozen=True)
class BadRow:
    """A row that must not be sent.

    :param cells: column -> cell, ``id`` among them.
    :param columns: the columns that the reasons must name.
    """

    kind: str
    cells: dict[str, Any]
    columns: frozenset[str]
    storable: bool

    def values(self, columns: tuple[str, ...]) -> tuple[Any, ...]:
        """Return the cells in the order of these columns."""
        return tuple(self.cells[name] for name in columns)


class NoText:
    """An object whose every method raises."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no equality")

    def __hash__(self) -> int:
        raise RuntimeError("no hash")

    def item(self) -> object:
        raise RuntimeError("no item")


class NumpyLike:
    """A scalar as numpy's are: no subclass of a builtin, with ``item()``."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def item(self) -> Any:
        return self.value


# A driver or a data frame may hand these over in any column; none is a value of any field.
_FOREIGN: Final[tuple[tuple[str, Any], ...]] = (
    ("bytes", b"\x00\xff\xfe"),
    ("bytearray", bytearray(b"abc")),
    ("memoryview", memoryview(b"abc")),
    ("dict", {"a": [1, {"b": None}]}),
    ("list", [1, 2]),
    ("tuple", ("a",)),
    ("set", {1}),
    ("object", object()),
    ("raising object", NoText()),
    ("boolean", True),
    ("numpy-like boolean", NumpyLike(value=False)),
    ("complex", 1j),
    ("nan", float("nan")),
    ("timedelta", timedelta(days=1)),
    ("decimal nan", Decimal("NaN")),
    ("signalling nan", Decimal("sNaN")),
    ("infinity", float("inf")),
)

_TEXT: Final = (
    ("huge text", HUGE),
    ("sql", '"; DROP TABLE x; --'),
    ("back-ticks", "`a`"),
    ("format", "%s %(a)s {0}"),
    ("cdata end", "]]>"),
    ("markup", "<a>&amp;</a>"),
    ("right to left", "\u202eabc"),
    ("four bytes", "\U0001f600" * 3),
    ("full-width digits", "\uff11\uff12"),
    ("word null", "NULL"),
    ("word nan", "NaN"),
    ("word none", "None"),
    ("not applicable", "#N/A"),
)
_UNSTORABLE_TEXT: Final = (("nul", "a\x00b"), ("half a surrogate", "a\ud800b"), ("reversed surrogates", "\udc00\ud800"))


def _foreign(column: str, *but: str) -> list[Flaw]:
    return [Flaw(kind, column, cell) for kind, cell in _FOREIGN if kind not in but]


def _texts(column: str) -> list[Flaw]:
    return [Flaw(kind, column, cell) for kind, cell in (*_TEXT, *_UNSTORABLE_TEXT)]


def _each(column: str, kind: str, *cells: Any) -> list[Flaw]:
    return [Flaw(kind, column, cell) for cell in cells]


def _click_ids() -> list[Flaw]:
    column = "microsoft_click_id"
    good = "f894f652ea334e739002f7167ab8f8e3"
    return [
        *_foreign(column),
        *_texts(column),
        *_each(column, "wrong length", good[:-1], good + "0", good[:8], good * 2),
        *_each(column, "wrong dashes", "f894f652-ea334e739002-f7167ab8f8e3", good[:16] + "-" + good[16:], "-" * 36),
        *_each(column, "wrapped", "{" + good + "}", f'"{good}"', f"msclkid={good}", good[:16] + " " + good[16:]),
        *_each(column, "other letters", "g" * 32, good[:-1] + "O", good[:-1] + "\uff10"),
        *_each(column, "number", 17, 10**31, 3.5, Decimal(5)),
        *_each(column, "other click id", "Cj0KCQjw_4S3BhAAEiwA", "IwAR0abc", "_uet" + good),
        *_each(column, "e-mail", "canary-person@example.com"),
    ]


def _names() -> list[Flaw]:
    column = "conversion_name"
    controls = [f"Lead{chr(code)}" for code in (*range(1, 9), 11, 12, *range(14, 32))]
    return [
        *_foreign(column, "numpy-like boolean"),
        *_each(column, "empty", None, "", " ", "\t\n", "\u00a0"),
        *_each(column, "too long", "x" * 101, HUGE, "\u00e9" * 101),
        *_each(column, "control character", *[name + "x" for name in controls]),
        *_each(column, "not a character", "a\ufffeb", "a\uffff"),
        *_each(column, "half a surrogate", "\ud83d", "a\udfffb", "a\x00b"),
        *_each(column, "number", 5, 5.0, Decimal("1.0"), 10**5000),
        *_each(column, "personal", "canary-person@example.com", "+1 425 5550100199", "(425) 555-01001"),
        Flaw("numpy-like number", column, NumpyLike(5)),
    ]


def _times() -> list[Flaw]:
    column = "conversion_time"
    return [
        *_foreign(column),
        *_texts(column),
        *_each(column, "empty", None, "", "   "),
        *_each(column, "without zone", "2026-11-01T02:03:04", "2026-11-01 02:03:04.123456", "2026-11-01 02:03"),
        *_each(column, "without zone", datetime(2026, 11, 1, 2, 3, 4)),  # noqa: DTZ001
        *_each(column, "only a day", "2026-11-01", date(2026, 11, 1)),
        *_each(column, "number", 1793498584, 1793498584000, 1793498584.5, Decimal(1793498584), 0, -1, 10**400),
        *_each(column, "no such moment", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-01T24:00:00Z"),
        *_each(column, "no such moment", "2026-11-01T23:59:60Z", "0000-01-01T00:00:00Z", "2026-11-01T02:03:04+25:00"),
        *_each(column, "other format", "11/01/2026 02:03:04", "01.11.2026 02:03", "Nov 1, 2026", "20261101T020304Z"),
        *_each(column, "other format", "2026-11-01T02:03:04,5Z", "2026-W44-7T02:03:04Z", "2026-11-01x02:03:04Z"),
        *_each(column, "other format", "2026-11-01T02:03:04 Europe/Berlin", "now()", "yesterday", "2026-11-01T02Z"),
        *_each(column, "future", "2026-11-21T12:00:01Z", "2027-01-01T00:00:00+00:00", "9999-12-31T23:59:59Z"),
        *_each(column, "future", datetime.max.replace(tzinfo=timezone(-timedelta(hours=1)))),
    ]


def _values() -> list[Flaw]:
    column = "conversion_value"
    return [
        *_foreign(column),
        *_texts(column),
        *_each(column, "negative", -1, -0.01, Decimal("-0.001"), "-5", -(10**5000)),
        *_each(column, "tiny negative", Decimal("-1E-30")),
        *_each(column, "too large", 10**12, 1e12, "1000000000000", Decimal("999999999999.01"), 1e308, 10**400),
        *_each(column, "infinite", float("-inf"), 1e309, Decimal("-Infinity"), "inf", "-Infinity", "1e309"),
        *_each(column, "decimal comma", "12,5", "1.234,50", "1,234.50", "1 234.50", "1'234"),
        *_each(column, "currency sign", "$12", "12 EUR", "\u20ac5", "12.50-"),
        *_each(column, "exponent", "1e3", "1E+2", "0x10", "1_000"),
        *_each(column, "two dots", "1.2.3", ".", "-", "+", "1.-"),
        *_each(column, "digits of megabytes", "9" * 1_000_000),
        *_each(column, "object", uuid.UUID(int=5), date(2026, 1, 1)),
    ]


def _currencies() -> list[Flaw]:
    column = "conversion_currency_code"
    return [
        *_foreign(column),
        *_texts(column),
        *_each(column, "no such code", "US", "USDX", "ZZZ", "\u20ac", "Dollar", "840", "E U R", "u\u017fd"),
        *_each(column, "number", 840, 8.4, Decimal(840)),
    ]


def _attribution() -> list[Flaw]:
    credit, model = "external_attribution_credit", "external_attribution_model"
    return [
        *_foreign(credit),
        *_texts(credit),
        *_each(credit, "outside 0 to 1", 0, 0.0, -0.5, 1.000001, 2, "0", "1.1", Decimal(0), 50),
        *_each(credit, "per cent", "50%", "0,5"),
        *_foreign(model, "numpy-like boolean"),
        *_each(model, "control character", "Linear\x0bx", "Line\x1far"),
        *_each(model, "half a surrogate", "\ud83d"),
        *_each(model, "huge text", HUGE),
        *_each(model, "personal", "canary-person@example.com"),
        *_each(model, "number", 1, 0.5),
        *_each(credit, "half of the pair", None, "", " "),
        *_each(model, "half of the pair", None, "", " "),
    ]


def _contacts() -> list[Flaw]:
    email, phone = "email_address", "phone_number"
    digest = "ca7a" * 16
    return [
        *_foreign(email),
        *_texts(email),
        *_each(email, "no address", "canary-person", "canary-person@", "@example.com", "canary-person@example"),
        *_each(email, "no address", ".canary-person@example.com", "canary-person@example.com.", "canary-person@.com"),
        *_each(
            email, "no address", "canary-person@@example.com", "canary person@example.com", "+tag@canary-person.com"
        ),
        *_each(email, "no address", "canary-person@example.com; b@example.com", "canary-person@exam\x00ple.com"),
        *_each(email, "digest", digest, digest.upper()),
        *_each(email, "number", 5550100199, 3.5),
        *_foreign(phone),
        *_texts(phone),
        *_each(
            phone,
            "no number",
            "canary-person",
            "123",
            "+1",
            "+",
            "+999 5550100199",
            "++++",
            "+1 425 555 0100 199 00000",
        ),
        *_each(phone, "without region", "(425) 555-0100", "4255550100", 4255550100, "0014255550100"),
        *_each(phone, "digest", digest),
        *_each(phone, "number", 5550100199.0, -4255550100, 10**40),
    ]


def _digests() -> list[Flaw]:
    flaws = []
    for column in ("hashed_email_address", "hashed_phone_number"):
        flaws += [
            *_foreign(column),
            *_texts(column),
            *_each(column, "not hashed", "canary-person@example.com", "+15550100199", 5550100199),
            *_each(column, "other digest", "d41d8cd98f00b204e9800998ecf8427e", "a" * 40, "a" * 128),
            *_each(column, "wrong length", "a" * 63, "a" * 65, "g" * 64, "0x" + "a" * 62, "a" * 32 + " " + "a" * 31),
        ]
    return flaws


def _clicks() -> list[Flaw]:
    column = "click_time"
    return [
        *_foreign(column),
        *_texts(column),
        *_each(column, "without zone", "2026-10-01 00:00:00"),
        *_each(column, "number", 1793498584, 0.5),
    ]


def flaws(columns: tuple[str, ...]) -> list[Flaw]:
    """Return every single flaw of these columns."""
    everything = [
        *_click_ids(),
        *_names(),
        *_times(),
        *_values(),
        *_currencies(),
        *_attribution(),
        *_contacts(),
        *_digests(),
        *_clicks(),
    ]
    return [flaw for flaw in everything if flaw.column in columns]


def good_row(number: int, chance: random.Random, columns: tuple[str, ...]) -> dict[str, Any]:
    """Return a valid row; its click id is its own."""
    moment = NOW - timedelta(days=1, seconds=chance.randrange(80 * 86_400))
    row = {
        "conversion_currency_code": chance.choice(("USD", "EUR", "usd", None)),
        "conversion_name": chance.choice(GOALS),
        "conversion_time": moment.isoformat(),
        "conversion_value": chance.choice((12.5, 0, "7.25", "3.10", None)),
        "external_attribution_credit": 0.5,
        "external_attribution_model": "Linear",
        "email_address": f"person{number}@example.com",
        "hashed_email_address": f"{number:064x}",
        "phone_number": "+14255550100" if number % 16 == 0 else None,
        "hashed_phone_number": f"{number:064X}",
        "microsoft_click_id": f"{number:032x}",
        "click_time": (moment - timedelta(hours=1)).isoformat(),
    }
    return {"id": number, **{name: row[name] for name in columns}}


def bad_rows(
    columns: tuple[str, ...] = RAW, count: int = 10_000, seed: int = 7, *, storable_only: bool = False
) -> Iterator[BadRow]:
    """Yield ``count`` bad rows: first each single flaw, then pairs of flaws of two columns.

    The huge texts come once each, not in pairs.
    """
    chance = random.Random(seed)
    single = [flaw for flaw in flaws(columns) if not storable_only or is_storable(flaw.cell)]
    small = [flaw for flaw in single if not (isinstance(flaw.cell, str) and len(flaw.cell) > 1000)]
    for number in range(count):
        chosen = [single[number]] if number < len(single) else _pair(small, chance)
        row = good_row(number, chance, columns)
        row.update({flaw.column: flaw.cell for flaw in chosen})
        yield BadRow(
            kind=" and ".join(f"{flaw.column}: {flaw.kind}" for flaw in chosen),
            cells=row,
            columns=frozenset(flaw.column for flaw in chosen),
            storable=all(map(is_storable, row.values())),
        )


def is_storable(cell: Any) -> bool:
    """Tell whether a column of SQLite without a declared type gives the cell back as it was."""
    if type(cell) is str:
        return "\x00" not in cell and not any("\ud800" <= mark <= "\udfff" for mark in cell[:1000])
    if type(cell) is int:
        return -(2**63) <= cell < 2**63
    return cell is None or type(cell) is bytes or (type(cell) is float and cell == cell)  # noqa: PLR0124 - not NaN


def _pair(single: list[Flaw], chance: random.Random) -> list[Flaw]:
    """Choose two flaws that do not cancel each other, as two empty halves of a pair would."""
    while True:
        one, other = chance.sample(single, 2)
        if one.column != other.column and {one.kind, other.kind} != {"half of the pair"}:
            return [one, other]


def hostile_but_valid_rows(columns: tuple[str, ...] = RAW, seed: int = 8) -> Iterator[dict[str, Any]]:
    """Yield rows that look broken and are not; each must arrive with the same meaning."""
    chance = random.Random(seed)
    no_click = {"click_time": None}
    cells: list[dict[str, Any]] = [
        *({"conversion_name": text} for kind, text in _TEXT if kind != "huge text"),
        *({"conversion_name": text} for text in ("  Lead  ", "Cafe\u0301", "a\tb", "x" * 100, "100%", "-1", "a\\b")),
        *({"conversion_value": value} for value in (-0.0, 0, "0.000", "+5", " 7 ", ".5", "5.", 999_999_999_999, "007")),
        *(
            {"conversion_value": value}
            for value in (Decimal("1." + "3" * 30), Decimal("1E-30"), 0.1 + 0.2, Decimal("1E+2"))
        ),
        *({"conversion_currency_code": code} for code in (" eur ", "Usd", "", None)),
        *(
            {**no_click, "conversion_time": text}
            for text in ("2026-11-01 02:03:04 UTC", "2026-11-01t02:03:04z", "2026-11-01 02:03+01")
        ),
        *(
            {**no_click, "conversion_time": text}
            for text in (" 2026-11-01T02:03:04.6853793Z ", "2026-11-01T02:03:04.000-0930")
        ),
        {
            **no_click,
            "conversion_time": datetime(2026, 11, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=5, minutes=45))),
        },
        *({"microsoft_click_id": text} for text in (uuid.UUID(int=77), "F" * 32, " " + "a" * 32 + " ", "", None, "  ")),
        {"microsoft_click_id": str(uuid.UUID(int=78)).upper()},
        {"external_attribution_credit": None, "external_attribution_model": " "},
        {"external_attribution_credit": 1},
        {"conversion_name": NumpyLike("Lead")},
        {"conversion_value": NumpyLike(2.5)},
        {"click_time": None},
    ]
    for number, special in enumerate(cells, start=1_000_000):
        yield {**good_row(number, chance, columns), **special}


def preparation(columns: tuple[str, ...] = RAW, **settings: Any) -> Preparation:
    """Return how rows of these columns are read, with ``id`` as their key."""
    return Preparation(
        **{
            "columns": ("id", *columns),
            "mapping": {FIELD_OF[name]: name for name in columns},
            "constants": {},
            "source_key": ("id",),
            "account_id": "148000001",
            "source_timezone": None,
            "lookback_days": 90,
            "value_decimals": 3,
            "phone_region": None,
            "currency_codes": frozenset({"USD", "EUR", "JPY", "GBP"}),
            "options": {},
            **settings,
        }
    )
