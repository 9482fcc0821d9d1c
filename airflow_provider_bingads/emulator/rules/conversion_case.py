"""One conversion as its rules see it: the item itself and all that decides about it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Final

import msgspec

from airflow_provider_bingads.emulator.settings import Settings
from airflow_provider_bingads.emulator.store import Goal

__all__ = ["CallCase", "ConversionCase", "OfflineConversion", "currency_codes", "parse_time", "plain_click_id"]

_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,7})?(?:Z|[+-]\d\d:\d\d)?\Z")


class OfflineConversion(msgspec.Struct, rename="pascal", forbid_unknown_fields=True, gc=False):
    """One item of a request; the names are those of the contract in snake case."""

    conversion_currency_code: str | None = None
    conversion_name: str | None = None
    conversion_time: str | None = None
    conversion_value: float | None = None
    external_attribution_credit: float | None = None
    external_attribution_model: str | None = None
    hashed_email_address: str | None = None
    hashed_phone_number: str | None = None
    microsoft_click_id: str | None = None


@dataclass(frozen=True, slots=True)
class CallCase:
    """The call as its own rules see it."""

    conversions: Sequence[OfflineConversion | None] | None
    settings: Settings


@dataclass(frozen=True, slots=True)
class ConversionCase:
    """One conversion with all that its rules look at.

    :param row: None for a null item.
    :param at: its time, None where there is none or it is unreadable.
    :param goal: the goal it names, None where the account has no such goal.
    :param clicked_at: seconds since 1970 of its click, None where nobody registered the click.
    """

    row: OfflineConversion | None
    at: datetime | None
    goal: Goal | None
    clicked_at: float | None
    now: datetime
    settings: Settings

    @classmethod
    def of(
        cls,
        row: OfflineConversion | None,
        *,
        goals: Mapping[str, Goal],
        clicks: Mapping[str, float],
        now: datetime,
        settings: Settings,
    ) -> ConversionCase:
        """Look up what the rules need.

        :param goals: the account's goals by name.
        """
        if row is None:
            return cls(None, None, None, None, now, settings)
        click = plain_click_id(row.microsoft_click_id)
        return cls(
            row,
            parse_time(row.conversion_time),
            goals.get(row.conversion_name) if row.conversion_name else None,
            clicks.get(click) if click else None,
            now,
            settings,
        )


def parse_time(text: str | None) -> datetime | None:
    """Read an XSD date and time; one without a zone is taken as UTC. None for anything else."""
    if text is None or _DATE_TIME.match(text) is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def plain_click_id(text: str | None) -> str | None:
    """Return a click id in lower case without dashes; two spellings of one id are one click."""
    return text.replace("-", "").lower() if text else None


@cache
def currency_codes() -> frozenset[str]:
    """Return the ISO 4217 codes."""
    from iso4217 import Currency

    return frozenset(currency.code for currency in Currency)
