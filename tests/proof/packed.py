"""How the ledger packs a batch: 24 bytes a row, 16 of its key and 8 of its content (``delivery.md`` 3.2)."""

from __future__ import annotations

import base64
from collections.abc import Iterator

__all__ = ["keys_of"]


def keys_of(members: str) -> Iterator[str]:
    """Yield the keys of a batch's rows."""
    raw = base64.b64decode(members)
    for start in range(0, len(raw), 24):
        yield raw[start : start + 16].hex()
