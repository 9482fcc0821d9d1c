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

__all__ = ["LONGEST_REFERENCE", "SourceRefs"]

LONGEST_REFERENCE: Final = 128
_TAIL_DIGITS: Final = 16
_LOOKED_AT: Final = 512
# What databases cannot store as text: NUL and, in UTF-8, half a surrogate pair. The other controls would garble a log.
_NOT_STORABLE: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class SourceRefs:
    """Names rows by one or several key columns.

    A single column is taken verbatim, several as a JSON list as PostgreSQL and MySQL write it. What is longer than 128
    characters is cut and ends in a digest of the whole. A key that holds personal data is withheld: a digest salted
    with the account takes its place, and the row is not sent.

    :param columns: names of the key columns.
    :param positions: their positions in a row.
    :param salt: makes the digests of withheld keys differ between accounts.
    """

    __slots__ = ("_one", "_positions", "_salt", "withheld")

    def __init__(self, columns: Sequence[str], positions: Sequence[int], salt: str) -> None:
        self._one = len(positions) == 1
        self._positions = tuple(positions)
        self._salt = salt
        self.withheld: Violation = Place("source_key", ", ".join(columns)).await_setting(
            Symbol("PersonalDataInSourceKey"),
            "the column that names the row holds an e-mail address or a phone number, which the audit tables never store",
            "choose another source_key: a technical key that says nothing about a person",
        )

    def __call__(self, rows: Sequence[Sequence[Any]]) -> tuple[list[str], list[int]]:
        """Return the reference of each row, and the indexes of the rows whose reference is withheld."""
        if not self._one:
            cells = [json.dumps([_json_ready(row[at]) for at in self._positions], ensure_ascii=False) for row in rows]
            personal = [i for i, row in enumerate(rows) if any(_is_personal(row[at]) for at in self._positions)]
        else:
            raw = list(map(itemgetter(self._positions[0]), rows))
            cells = [str(cell) if type(cell) is int and -(2**63) <= cell < 2**64 else _text(cell) for cell in raw]
            personal = [i for i, cell in enumerate(raw) if type(cell) is not int and _is_personal(cell)]
        for index in personal:
            cells[index] = f"withheld:{_digest(self._salt + cells[index])}"
        return [
            text if text.isprintable() and len(text) <= LONGEST_REFERENCE else _storable(text) for text in cells
        ], personal


def _text(cell: Any) -> str:
    if type(cell) is str:
        return cell
    ready = _json_ready(cell)
    return ready if isinstance(ready, str) else json.dumps(ready)


def _json_ready(cell: Any) -> str | int | bool | None:
    if cell is None or isinstance(cell, bool):
        return cell
    if isinstance(cell, int):
        return int.__int__(cell) if -(2**63) <= cell < 2**64 else f"integer of {cell.bit_length()} bits"
    if isinstance(cell, str):
        return str.__str__(cell)
    if isinstance(cell, (bytes, bytearray, memoryview)):
        return bytes(cell).hex()
    if isinstance(cell, Decimal) and cell.is_finite() and abs(cell.adjusted()) < LONGEST_REFERENCE:
        return format(cell, "f")
    if isinstance(cell, (datetime, date)):
        return cell.isoformat()
    try:
        return str(cell)
    except Exception:  # noqa: BLE001 - a cell's own code may raise anything; the row must still be named
        return type(cell).__name__


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
