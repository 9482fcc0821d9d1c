"""Text and tables on a terminal, at whatever width it has."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

__all__ = [
    "STYLES",
    "clean",
    "clock",
    "console",
    "day_clock",
    "heading",
    "indented",
    "lines",
    "plain",
    "reason",
    "table",
]

STYLES: Final = {
    "applied": "green",
    "success": "green",
    "answered": "green",
    "rejected": "red",
    "invalid": "red",
    "failed": "red",
    "held": "bold yellow",
    "unknown": "yellow",
    "unfinished": "yellow",
    "stopped": "yellow",
    "in_flight": "yellow",
    "deferred": "cyan",
}
"""Colour of a state or an outcome; the words alone tell it where there is no colour."""


def console() -> Console:
    """Return the terminal, or what stands in for it."""
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False)


def clean(text: object) -> str:
    """Return a text without characters that would steer the terminal."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in str(text))


def plain(text: object, style: str | None = None) -> Text:
    """Return a piece of text; a known state has its colour unless told otherwise, and nothing shows as nothing."""
    from rich.text import Text

    shown = "" if text is None else clean(text)
    return Text(shown, style=style if style is not None else STYLES.get(shown, ""))


def reason(why: str | None, remedy: str | None) -> Text:
    """Return why, and on a line of its own what to do."""
    return lines(why, f"→ {remedy}" if remedy else None)


def lines(*pieces: Text | str | None) -> Text:
    """Return pieces below each other; empty ones are left out."""
    from rich.text import Text

    return Text("\n").join(plain(piece, "") if isinstance(piece, str) else piece for piece in pieces if piece)


def indented(text: Text) -> Padding:
    """Return a text that stands two columns in, its continued lines too."""
    from rich.padding import Padding

    return Padding(text, (0, 0, 0, 2))


def heading(text: str) -> Text:
    """Return a heading."""
    return plain(text, "bold")


def table(*columns: str, right: Sequence[str] = (), flexible: Sequence[str] = ()) -> Table:
    """Return an empty table.

    :param right: numbers, written to the right.
    :param flexible: columns that give way where the terminal is narrow; the others keep their words whole.
    """
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for name in columns:
        justify = "right" if name in right else "left"
        made.add_column(name, justify=justify, no_wrap=name not in flexible, overflow="fold")  # type: ignore[arg-type]
    return made


def few(number: int, thing: str) -> str:
    """Return how many there are of a thing, such as ``1 row`` or ``2 rows``."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def clock(moment: datetime | None) -> str:
    """Return a time in UTC to the second."""
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def day_clock(moment: datetime | None) -> str:
    """Return a time in UTC to the minute."""
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"
