"""Names and other free text: length, characters that XML cannot carry, personal data in the wrong column."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

from airflow_provider_bingads.domain.outcomes import Violation
from airflow_provider_bingads.domain.pii import personal_shape
from airflow_provider_bingads.domain.reading import Place, Read, Symbol, plain, remembered

__all__ = ["XML_ILLEGAL", "cell_text", "read_text"]

XML_ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot carry (its production ``Char``), lone surrogates among it; SOAP would lose the whole batch."""


def cell_text(cell: Any) -> Any:
    """Return a cell's text without surrounding blanks, None for NULL and blank, any other builtin as it is."""
    if type(cell) is not str:
        if cell is None:
            return None
        cell = plain(cell)
        if type(cell) is not str:
            return cell
    return cell.strip() or None


def read_text(place: Place, *, wrong: Symbol, longest: int, too_long: Symbol | None = None) -> Read:
    """Build the reader of a text field; it returns the text trimmed and in Unicode's composed form (NFC).

    :param wrong: what a refused text is called.
    :param longest: most characters the field takes.
    :param too_long: what a longer text is called, where that has a name of its own.
    """
    not_text = place.refuse(wrong, "is not text", "cast the column to text in the query")
    long = place.refuse(too_long or wrong, f"has more than {longest} characters", f"shorten it to {longest} characters")
    illegal = place.refuse(
        wrong,
        "holds a control character or half a character (lone surrogate), which the API's formats cannot carry",
        "remove the character in the source, or in the query",
    )
    personal = place.refuse(
        Symbol("PersonalDataInWrongField"),
        "is shaped like an e-mail address or a phone number",
        f"check which column is mapped to {place.field}; e-mail and phone go to EmailAddress and PhoneNumber, hashed",
    )

    def judge(raw: str) -> Any:
        text = raw.strip()
        if not text:
            return None
        found: list[Violation] = [long] if len(text) > longest else []
        # A cell may hold megabytes; what is wrong with such a text shows at its beginning.
        head = text[: 4 * longest]
        if XML_ILLEGAL.search(head):
            found.append(illegal)
        if personal_shape(head):
            found.append(personal)
        return tuple(found) or unicodedata.normalize("NFC", text)

    recall = remembered(judge)

    def read(cell: Any) -> Any:
        if type(cell) is str:
            return recall(cell)
        if cell is None:
            return None
        text = cell_text(cell)
        return not_text if type(text) is not str and text is not None else text and recall(text)

    return read
