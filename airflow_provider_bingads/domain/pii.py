"""E-mail addresses and phone numbers: normalised and hashed in the first line that sees them (api-facts A.4).

What leaves this module is a SHA-256 digest or a violation without the value. A column of digests takes digests only: a
raw value there would be personal data in the wrong place, and a digest in a raw column would be hashed twice; both
are refused.
"""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256
from typing import Any, Final

from airflow_provider_bingads.domain.reading import Place, Read, Symbol, plain
from airflow_provider_bingads.exceptions import FixConfiguration

__all__ = [
    "find_region",
    "hexdigest",
    "normalise_email",
    "normalise_phone",
    "personal_shape",
    "read_digest",
    "read_email",
    "read_phone",
]

_SHORTEST_EMAIL: Final = 5
_LONGEST_EMAIL: Final = 320
_LONGEST_PHONE: Final = 64
_PLUS_SIGNS: Final = "+\uff0b"  # ASCII, and as East Asian keyboards write it
_DIGEST: Final = re.compile("[0-9a-fA-F]{64}")
_EMAIL_SHAPE: Final = re.compile(r"[^\s@]{1,64}@[^\s@.]{1,64}\.[^\s@]")
_PHONE_SHAPE: Final = re.compile(
    r"\+\(?\d[\d ()./-]{5,22}\d|\(\d{2,5}\) ?\d[\d ./-]{4,14}\d|\d{3}[-. ]\d{3}[-. ]\d{4}", re.ASCII
)


def hexdigest(normal: str) -> str:
    """Return the SHA-256 of a normalised address or number as the API takes it: 64 hexadecimal digits, lower case."""
    return sha256(normal.encode()).hexdigest()


def personal_shape(text: str) -> bool:
    """Tell whether a text holds an e-mail address or is written like a phone number.

    Digits alone are taken for a number of another kind: most keys look like that.
    """
    return ("@" in text and _EMAIL_SHAPE.search(text) is not None) or _PHONE_SHAPE.fullmatch(text.strip()) is not None


def normalise_email(address: str) -> str | None:
    """Bring an address into the form that Microsoft hashes, None where it is not an address.

    Trim, lower case, without accents; before the ``@`` without periods and without a ``+`` and what follows it.
    """
    text = address.strip()
    if not _SHORTEST_EMAIL <= len(text) <= _LONGEST_EMAIL or text[0] == "." or text[-1] == ".":
        return None
    text = text.lower()
    if not text.isascii():
        text = "".join(mark for mark in unicodedata.normalize("NFD", text) if not unicodedata.combining(mark))
    local, _, domain = text.partition("@")
    local = local.partition("+")[0].replace(".", "")
    well_formed = local and "." in domain and "@" not in domain and domain[0] != "." and text.isprintable()
    return f"{local}@{domain}" if well_formed and " " not in text else None


def read_email(place: Place, *, wrong: Symbol, hashed_field: str) -> Read:
    """Build the reader of raw e-mail addresses; it returns the digest of the normalised address.

    :param hashed_field: the field for addresses that are digests already.
    """
    not_email = place.refuse(
        wrong, "is not an e-mail address", "correct or empty it: one @, a period after it, no spaces, none at the ends"
    )
    digest_already = place.refuse(wrong, "is a SHA-256 digest already", f"map the column to {hashed_field}")

    def read(cell: Any) -> Any:
        text = cell if type(cell) is str else plain(cell)
        if text is None:
            return None
        if type(text) is not str:
            return not_email
        if not text or text.isspace():
            return None
        normal = normalise_email(text)
        if normal is None:
            return digest_already if _is_digest(text) else not_email
        return hexdigest(normal)

    return read


def find_region(region: str | None) -> str | None:
    """Return the region for phone numbers without a country code.

    :raises FixConfiguration: no such region exists.
    """
    if region is None:
        return None
    from phonenumbers import SUPPORTED_REGIONS

    if region.upper() not in SUPPORTED_REGIONS:
        raise FixConfiguration(
            f"phone_region {region!r} is not a country. Give its two letters (ISO 3166), such as 'US'."
        )
    return region.upper()


def normalise_phone(text: str, region: str | None) -> str | None:
    """Bring a phone number into E.164, ``+14255551234``; None where no such number can exist.

    Possible is enough: whether a number is assigned changes faster than the list that would tell.

    :param region: ISO 3166 region of a number without a country code.
    """
    from phonenumbers import (
        NumberParseException,
        PhoneNumberFormat,
        ValidationResult,
        format_number,
        is_possible_number_with_reason,
        parse,
    )

    try:
        number = parse(text, region)
    except NumberParseException:
        return None
    possible = is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE
    return format_number(number, PhoneNumberFormat.E164) if possible else None


def read_phone(place: Place, *, wrong: Symbol, hashed_field: str, region: str | None) -> Read:
    """Build the reader of raw phone numbers; it returns the digest of the number in E.164.

    :param hashed_field: the field for numbers that are digests already.
    :param region: ISO 3166 region of numbers without a country code; None refuses them.
    """
    not_phone = place.refuse(
        wrong,
        "is not a phone number that can exist",
        "correct or empty it; with + and country code it needs no setting",
    )
    no_region = place.await_setting(
        Symbol("PhoneRegionNotDeclared"),
        "carries no country code, and no phone_region is declared",
        "declare phone_region, such as 'US', or store numbers with + and country code",
        undeclared=True,
    )
    digest_already = place.refuse(wrong, "is a SHA-256 digest already", f"map the column to {hashed_field}")

    def judge(text: str) -> Any:
        if _is_digest(text):
            return digest_already
        if len(text) > _LONGEST_PHONE or not any(mark.isdigit() for mark in text):
            return not_phone
        if region is None and text[0] not in _PLUS_SIGNS:
            return no_region
        number = normalise_phone(text, region)
        return not_phone if number is None else hexdigest(number)

    def read(cell: Any) -> Any:
        value = plain(cell)
        if value is None:
            return None
        if type(value) is int and 0 < value < 10**15:
            value = str(value)
        if type(value) is not str:
            return not_phone
        text = value.strip()
        return judge(text) if text else None

    return read


def read_digest(place: Place, *, wrong: Symbol, raw_field: str) -> Read:
    """Build the reader of a column of SHA-256 digests; it returns 64 hexadecimal digits in lower case.

    :param raw_field: the field for values that are not hashed.
    """
    not_digest = place.refuse(
        wrong,
        "is not a SHA-256 digest (64 hexadecimal digits)",
        f"map raw values to {raw_field}, which normalises and hashes them, or hash them in the source",
    )

    def read(cell: Any) -> Any:
        text = cell if type(cell) is str else plain(cell)
        if text is None:
            return None
        if type(text) is not str:
            return not_digest
        text = text.strip()
        if not text:
            return None
        return text.lower() if _is_digest(text) else not_digest

    return read


def _is_digest(text: str) -> bool:
    return _DIGEST.fullmatch(text.strip()) is not None
