"""The readers an entity's field table can choose from; each takes the run's settings from its ``Preparation``."""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_bingads.domain.click_ids import dashes_setting, read_click_id
from airflow_provider_bingads.domain.entity import Preparation
from airflow_provider_bingads.domain.money import read_currency, read_number
from airflow_provider_bingads.domain.pii import find_region, read_digest, read_email, read_phone
from airflow_provider_bingads.domain.reading import Place, Read, Symbol
from airflow_provider_bingads.domain.text import read_text
from airflow_provider_bingads.domain.times import find_zone, read_time

__all__ = ["ReaderOfRun", "click_id", "currency", "digest", "email", "number", "phone", "text", "time"]

ReaderOfRun = Callable[[Place, Preparation], Read]
"""Builds the reader of one field for one run."""


def text(wrong: Symbol, longest: int, too_long: Symbol | None = None) -> ReaderOfRun:
    """Names and other text of at most ``longest`` characters."""
    return lambda place, _: read_text(place, wrong=wrong, longest=longest, too_long=too_long)


def time(wrong: Symbol) -> ReaderOfRun:
    """Moments, in ``source_timezone`` where they carry no offset."""
    return lambda place, run: read_time(place, wrong=wrong, zone=find_zone(run.source_timezone))


def number(wrong: Symbol, low: int, high: int, *, without_low: bool = False) -> ReaderOfRun:
    """Decimal numbers of a range."""
    return lambda place, _: read_number(place, wrong=wrong, low=low, high=high, without_low=without_low)


def currency(wrong: Symbol) -> ReaderOfRun:
    """ISO 4217 codes."""
    return lambda place, run: read_currency(place, wrong=wrong, codes=run.currency_codes)


def click_id(wrong: Symbol) -> ReaderOfRun:
    """Microsoft click ids, dashed ones as the option ``click_id_dashes`` says."""
    return lambda place, run: read_click_id(place, wrong=wrong, dashes=dashes_setting(run.options))


def email(wrong: Symbol, hashed_field: str) -> ReaderOfRun:
    """Raw e-mail addresses, which leave the reader hashed."""
    return lambda place, _: read_email(place, wrong=wrong, hashed_field=hashed_field)


def phone(wrong: Symbol, hashed_field: str) -> ReaderOfRun:
    """Raw phone numbers, in ``phone_region`` where they carry no country code; they leave the reader hashed."""
    return lambda place, run: read_phone(
        place, wrong=wrong, hashed_field=hashed_field, region=find_region(run.phone_region)
    )


def digest(wrong: Symbol, raw_field: str) -> ReaderOfRun:
    """SHA-256 digests made in the source."""
    return lambda place, _: read_digest(place, wrong=wrong, raw_field=raw_field)
