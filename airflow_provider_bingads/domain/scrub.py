"""Takes personal data and secrets out of a text that somebody else wrote, before it is logged, stored or raised."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["scrub"]

_WORD: Final = r"[^\s<>\"(),;:@\[\]]"

# a run is tried from its first character only, and never given back: a long reply must not cost quadratic time
_EMAIL: Final = re.compile(rf"(?<!{_WORD}){_WORD}*+@{_WORD}*+")

_TOKEN: Final = re.compile(
    r"\beyJ[\w.\-]{5,}"  # a JSON web token, whole or cut
    r"|\bBearer\s+[^\s\"',;]+"
    r"|(?<![\w\-.+=!*$~])(?=[A-Za-z_\-.+=!*$~]*+\d)[\w\-.+=!*$~]{40,}",  # refresh tokens have no fixed shape
    re.IGNORECASE,
)

_HEX: Final = re.compile(r"[0-9A-Fa-f]{32,}")

# dates and Microsoft's sign-in codes are kept: they are what a reader of the message needs
_NUMBER: Final = re.compile(
    r"(?P<code>AADSTS\d{4,8}(?!\d))"
    r"|(?P<date>(?<!\d)(?:19|20)\d\d-[01]\d-[0-3]\d(?!\d)(?:[T ][0-2]\d:[0-5]\d(?::[0-5]\d)?(?!\d))?)(?:\.\d+)?"
    r"|\+?\d(?:[ .()\-]{0,2}\d){6,}"
)

_OVERLAP: Final = 8
"""How many times the limit is looked at, since what is taken out may be longer than what stands for it."""


def scrub(text: str, limit: int = 500) -> str:
    """Return the text on one line without e-mail addresses, long numbers, digests, click ids and tokens.

    A number of seven or more digits may be a phone or a customer's number, even with spaces or dashes inside; 32 or
    more hexadecimal digits are a click id or a hash. Ids that a reader needs (account, TrackingId) belong beside
    the text, not in it.

    :param limit: most characters of the result.
    """
    head = text[: limit * _OVERLAP]
    if len(head) < len(text):
        # the cut may have gone through an address, which would no longer look like one
        head = head.rpartition(" ")[0]
    line = " ".join(head.split()).replace("%40", "@")
    line = _EMAIL.sub("[email]", line)
    line = _TOKEN.sub(lambda match: "[hex]" if _HEX.fullmatch(match[0]) else "[token]", line)
    line = _HEX.sub("[hex]", line)
    line = _NUMBER.sub(lambda match: match["code"] or match["date"] or "[number]", line)
    return line if len(line) <= limit else line[: limit - 1] + "…"
