"""What makes two rows the same event, and what makes them equal (design 3, "Identity of a conversion").

A row's *key* is what the service can tell events apart by; its *content* is everything that is sent. Both are cut
SHA-256 digests of a text in which no two different inputs look alike: parts of a key carry their length, and the fields
of a content are separated by NUL, which no valid value holds. The texts begin with a version. Changing how they are
built changes every key, and a ledger would then send everything again: never do it silently.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

__all__ = ["contents", "erased_key", "key_prefix", "keys", "raw_content", "reference_key"]

_KEY_VERSION: Final = "bingads-key-v1"
_CONTENT_VERSION: Final = "bingads-content-v1"
_ERASED_VERSION: Final = "bingads-erased-v1"
_KEY_DIGITS: Final = 32
_CONTENT_DIGITS: Final = 16
_ADDRESS: Final[object] = object.__repr__


def key_prefix(entity: str, account_id: str) -> str:
    """Return what the keys of one entity and account begin with."""
    return f"{_KEY_VERSION}{_part(entity)}{_part(account_id)}"


def keys(
    prefix: str, identifiers: Iterable[str | None], groups: Iterable[str | None], times: Iterable[str | None]
) -> list[str | None]:
    """Return the key of each row, None where one of the three parts is not known.

    :param identifiers: canonical identifiers, each tagged with its kind.
    :param groups: what the service groups by, such as the goal's name.
    :param times: event times as sent.
    """
    return [
        sha256(f"{prefix}{len(who)}:{who}{len(group)}:{group}{len(time)}:{time}".encode()).hexdigest()[:_KEY_DIGITS]
        if who is not None and group is not None and time is not None
        else None
        for who, group, time in zip(identifiers, groups, times, strict=True)
    ]


def contents(columns: Mapping[str, Sequence[object]]) -> list[str]:
    """Return the content of each row.

    :param columns: for each field sent, in the order of the wire, its canonical value in every row, None for NULL.
    """
    pieces = [[None if value is None else f"{name}={value}" for value in values] for name, values in columns.items()]
    return [
        sha256("\0".join([_CONTENT_VERSION, *filter(None, fields)]).encode()).hexdigest()[:_CONTENT_DIGITS]
        for fields in zip(*pieces, strict=True)
    ]


def reference_key(prefix: str, reference: str) -> str:
    """Return the key of a row whose identity cannot be told: one of the columns that name it in its source."""
    text = f"{prefix}{_part('source')}{_part(reference)}"
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_KEY_DIGITS]


def erased_key(stream_id: str, dag_id: str, task_id: str, reference: str) -> str:
    """Return what a forgotten source row is recognised by, whatever event it is of later.

    The DAG and the task are part of it because two tables may number their rows alike. A row that returns under another
    reference, or is read by another task, is therefore not recognised.

    :param stream_id: its account, operation, environment and namespace.
    :param reference: its ``source_ref``.
    :return: 32 hex digits, from which none of these can be read.
    """
    text = f"{_ERASED_VERSION}{_part(stream_id)}{_part(dag_id)}{_part(task_id)}{_part(reference)}"
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_KEY_DIGITS]


def raw_content(settings: str, cells: Iterable[Any]) -> str:
    """Return the content of a row that cannot be sent: a digest of its cells as they were read.

    :param settings: fingerprint of the settings it was judged under; under others it is judged anew.
    """
    pieces = [f"{_CONTENT_VERSION}-raw{_part(settings)}".encode()]
    for cell in cells:
        written = _written(cell)
        pieces += (f"{type(cell).__name__}:{len(written)}:".encode("utf-8", "surrogatepass"), written)
    return sha256(b"".join(pieces)).hexdigest()[:_CONTENT_DIGITS]


def _part(text: str) -> str:
    return f"{len(text)}:{text}"


def _written(cell: Any) -> bytes:
    if isinstance(cell, str):
        return str.encode(cell, "utf-8", "surrogatepass")
    if isinstance(cell, (bytes, bytearray, memoryview)):
        return bytes(cell)
    if type(cell).__repr__ is _ADDRESS:
        return b""  # another one in each run
    try:
        return repr(cell).encode("utf-8", "surrogatepass")
    except Exception:  # noqa: BLE001 - a cell's own code may raise anything, and integers of 4,300 digits are no text
        return b""
