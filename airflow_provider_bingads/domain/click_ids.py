"""Microsoft click ids: 32 hexadecimal digits, in two spellings (api-facts A.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from airflow_provider_bingads.domain.reading import Place, Read, Symbol
from airflow_provider_bingads.domain.text import cell_text
from airflow_provider_bingads.exceptions import FixConfiguration

__all__ = ["DASHES_OPTION", "canonical_click_id", "dashes_setting", "read_click_id"]

DASHES_OPTION: Final = "click_id_dashes"
_DASHES: Final = ("accept", "refuse", "remove")
_BARE: Final = re.compile("[0-9a-fA-F]{32}")
_DASHED: Final = re.compile("[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def canonical_click_id(click_id: str) -> str:
    """Return the one spelling that all spellings of a click id share: lower case, no dashes."""
    return click_id.replace("-", "").lower()


def dashes_setting(options: Mapping[str, object]) -> str:
    """Return what is to be done with dashed click ids: ``accept`` (send as written), ``refuse`` or ``remove``.

    :raises FixConfiguration: the setting has another value.
    """
    setting = options.get(DASHES_OPTION, "accept")
    if setting not in _DASHES:
        raise FixConfiguration(f"{DASHES_OPTION} is {setting!r}. Give one of {', '.join(map(repr, _DASHES))}.")
    return str(setting)


def read_click_id(place: Place, *, wrong: Symbol, dashes: str) -> Read:
    """Build the reader of a click id; it returns the text to send, a UUID object as 32 digits.

    Whether this operation takes dashed ids is not documented, so it is a setting.

    :param wrong: what a refused click id is called.
    :param dashes: see ``dashes_setting``.
    """
    not_hex = place.refuse(
        wrong,
        "is not 32 hexadecimal digits",
        "store the msclkid parameter of the landing page's address as it was: unquoted, uncut",
    )
    dashed = place.await_setting(
        wrong,
        f"the click ids in {place.column} hold dashes, and {DASHES_OPTION} is 'refuse'",
        f"set {DASHES_OPTION} to 'remove' or 'accept'",
    )

    def parse(text: str) -> Any:
        if _BARE.fullmatch(text):
            return text
        if not _DASHED.fullmatch(text):
            return not_hex
        if dashes == "refuse":
            return dashed
        return text if dashes == "accept" else text.replace("-", "")

    def read(cell: Any) -> Any:
        if cell is None:
            return None
        if type(cell) is str and _BARE.fullmatch(cell):
            return cell
        if isinstance(cell, UUID):
            return cell.hex
        text = cell_text(cell)
        if text is None:
            return None
        return parse(text) if type(text) is str else not_hex

    return read
