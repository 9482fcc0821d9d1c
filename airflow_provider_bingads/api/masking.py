"""Tells the log masker every form in which a secret could be shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

__all__ = ["Mask", "no_mask", "spellings"]

Mask = Callable[[str], None]
"""Registers one text with the log masker."""


def no_mask(_: str) -> None:
    """Register nothing; outside Airflow there is no masker."""


def spellings(secret: str) -> frozenset[str]:
    """Return a secret as it is, as part of an address or a form, of XML and of JSON."""
    return frozenset(
        {
            secret,
            quote(secret, safe=""),
            quote(secret),
            quote_plus(secret),
            escape(secret),
            escape(secret, {'"': "&quot;", "'": "&apos;"}),
            json.dumps(secret)[1:-1],
        }
    )
