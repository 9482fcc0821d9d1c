"""How a row is named to people: by the columns of ``source_key``, verbatim, so that a join leads back to the source."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from operator import itemgetter
from typing import Any, Final

from airflow_provider_bingads.domain.outcomes import Violation
from airflow_provider_bingads.domain.pii import personal_shape
from airflow_provider_bingads.domain.reading import Place, Symbol

__all__ = ["LONGEST_REFERENCE", "NULL_REFERENCE", "SourceRefs"]

LONGEST_REFERENCE: Final = 128
NULL_REFERENCE: Final = "null"
_TAIL_DIGITS: Final = 16
_LOOKED_AT: Final = 512
# What databases cannot store as text: NUL and, in UTF-8, half a surrogate pair. The other controls would garble a log.
_NOT_STORABLE: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class SourceRefs:
    """Names rows by one or several key columns.

    A single column is taken verbatim, several as a JSON list as PostgreSQL and MySQL write it. What is longer than 128
    characters is cut and ends in a digest of the whole. A key that holds personal data is withheld: a digest salted
    with the account takes its place, and the row is not sent.

    :param key: names of the key columns.
    :param columns: names of all columns, in the order of a row's values.
    :param salt: makes the digests of withheld keys differ between accounts.
    """

    __slots__ = ("_positions", "_salt", "withheld")

    def __init__(self, key: Sequence[str], columns: Sequence[str], salt: str) -> None:
        self._positions = [columns.index(name) for name in key]
        self._salt = salt
        self.withheld: Violation = Place("source_key", ", ".join(key)).await_setting(
            Symbol("PersonalDataInSourceKey"),
            f"the column that names the row ({', '.join(key)}) holds e-mail addresses or phone numbers",
            "choose another source_key, a technical key: the audit tables never store personal data",
        )

    def __call__(self, rows: Sequence[Sequence[Any]]) -> tuple[list[str], list[int]]:
        """Return the reference of each row, and the indexes of the rows whose reference is withheld."""
        names, personal = self._one(rows) if len(self._positions) == 1 else self._several(rows)
        for index in personal:
            names[index] = f"withheld:{_digest(self._salt + names[index])}"
        return [
            name if name.isprintable() and len(name) <= LONGEST_REFERENCE else _storable(name) for name in names
        ], personal

    def _one(self, rows: Sequence[Sequence[Any]]) -> tuple[list[str], list[int]]:
        cells = list(map(itemgetter(self._positions[0]), rows))
        names = [str(cell) if type(cell) is int and _fits(cell) else _text(cell) for cell in cells]
        return names, [index for index, cell in enumerate(cells) if type(cell) is not int and _is_personal(cell)]

    def _several(self, rows: Sequence[Sequence[Any]]) -> tuple[list[str], list[int]]:
        keys = [[row[position] for position in self._positions] for row in rows]
        names = [json.dumps(list(map(_json_ready, key)), ensure_ascii=False) for key in keys]
        return names, [index for index, key in enumerate(keys) if any(map(_is_personal, key))]


def _fits(number: int) -> bool:
    return -(2**63) <= number < 2**64


def _text(cell: Any) -> str:
    if type(cell) is str:
        return cell
    ready = _json_ready(cell)
    return ready if isinstance(ready, str) else json.dumps(ready)


def _json_ready(cell: Any) -> str | int | bool | None:
    """Return what a JSON list can hold: truth values, NULL and whole numbers of 64 bits as they are, others as text."""
    if cell is None or isinstance(cell, (bool, str)):
        return cell
    if isinstance(cell, int):
        return int.__int__(cell) if _fits(cell) else f"integer of {cell.bit_length()} bits"
    try:
        return _spelled(cell)
    except Exception:  # noqa: BLE001 - a cell's own code may raise anything; the row must still be named
        return type(cell).__name__


def _spelled(cell: Any) -> str:
    if isinstance(cell, (bytes, bytearray, memoryview)):
        return bytes(cell).hex()
    if isinstance(cell, (datetime, date)):
        return cell.isoformat()
    is_number = isinstance(cell, Decimal) and cell.is_finite() and abs(cell.adjusted()) < LONGEST_REFERENCE
    return format(cell, "f") if is_number else str(cell)


def _is_personal(cell: Any) -> bool:
    if not isinstance(cell, str):
        return False
    return personal_shape(cell[:_LOOKED_AT])


def _storable(text: str) -> str:
    clean = _NOT_STORABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text[: LONGEST_REFERENCE + 1])
    if len(clean) <= LONGEST_REFERENCE:
        return clean
    return f"{clean[: LONGEST_REFERENCE - _TAIL_DIGITS - 1]}~{_digest(text)}"


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_TAIL_DIGITS]
