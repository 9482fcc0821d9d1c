"""``ApplyOfflineConversions``: judge each conversion, keep the first of each key, ignore the others in silence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final

import msgspec

from airflow_provider_bingads.emulator.journal import DIGEST_BYTES
from airflow_provider_bingads.emulator.operations.call import Call
from airflow_provider_bingads.emulator.refusals import ItemError
from airflow_provider_bingads.emulator.rules.conversion_case import (
    CallCase,
    ConversionCase,
    OfflineConversion,
    currency_codes,
    parse_time,
    plain_click_id,
)
from airflow_provider_bingads.emulator.rules.offline_conversions import MAXIMUM_AGE, MAXIMUM_VALUE, RULES
from airflow_provider_bingads.emulator.settings import Settings
from airflow_provider_bingads.emulator.store import ConversionRecord, Goal

__all__ = ["ApplyOfflineConversionsRequest", "FirstGlance", "apply_offline_conversions", "conversion_digest"]

_PLAIN_CLICK: Final = re.compile(r"[0-9a-f]{32}\Z").match
_PLAIN_TIME_LENGTH: Final = len("2026-11-01T02:03:04Z")
_NO_CURRENCY: Final = frozenset({None})


class ApplyOfflineConversionsRequest(msgspec.Struct, rename="pascal", forbid_unknown_fields=True):
    """The request body."""

    offline_conversions: list[OfflineConversion | None] | None = None


@dataclass(frozen=True, slots=True)
class FirstGlance:
    """Accepts the conversions that break no rule at a glance; all others are judged rule by rule.

    :param goals: names of goals that take conversions now, and have no further demands.
    """

    goals: frozenset[str]
    currencies: frozenset[str | None]
    oldest: datetime
    now: datetime

    @classmethod
    def of(
        cls, goals: Mapping[str, Goal], clicks: Mapping[str, float], *, now: float, settings: Settings
    ) -> FirstGlance:
        """Build it for one call; it accepts nothing where a registered click or a strict setting may say no.

        :param goals: the account's goals by name.
        :param now: seconds since 1970.
        """
        careful = bool(clicks) or settings.value_decimals is not None
        settled = now - settings.goal_settle_seconds
        present = datetime.fromtimestamp(now, UTC)
        return cls(
            goals=frozenset(name for name, goal in goals.items() if not careful and goal.created_at <= settled),
            currencies=currency_codes() | _NO_CURRENCY,
            oldest=present - MAXIMUM_AGE,
            now=present,
        )

    def accepts(self, row: OfflineConversion) -> bool:
        """Tell whether the conversion certainly breaks no rule; False says nothing."""
        click, time, value = row.microsoft_click_id, row.conversion_time, row.conversion_value
        if (
            click is None
            or time is None
            or row.conversion_name not in self.goals
            or _PLAIN_CLICK(click) is None
            or len(time) != _PLAIN_TIME_LENGTH
            or time[19] != "Z"
            or time[10] != "T"
            or time[4] != "-"
            or time[7] != "-"
            or (value is not None and not 0.0 <= value <= MAXIMUM_VALUE)
            or row.conversion_currency_code not in self.currencies
            or row.hashed_email_address is not None
            or row.hashed_phone_number is not None
            or row.external_attribution_credit is not None
            or row.external_attribution_model is not None
        ):
            return False
        try:
            return self.oldest <= datetime.fromisoformat(time) <= self.now
        except ValueError:
            return False


def apply_offline_conversions(call: Call) -> dict[str, Any]:
    """Apply the conversions of one call.

    :returns: ``PartialErrors``, one or more for each refused conversion, in the order of the items.
    :raises RefusalError: 5600, 5601, 5613.
    """
    conversions: Sequence[OfflineConversion | None] | None = call.body.offline_conversions
    call.record.rows = len(conversions or ())
    RULES.admit(CallCase(conversions, call.settings))
    return {"PartialErrors": _Application(call).apply(conversions or ())}


class _Application:
    """One pass over the conversions of a call."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._now = datetime.fromtimestamp(call.now, UTC)
        goals = call.store.goals_of(call.account_id, call.customer_id)
        self._goals: Mapping[str, Goal] = {
            goal.fields["Name"]: goal for goal in goals if goal.fields["Status"] != "Deleted"
        }
        self._glance = FirstGlance.of(self._goals, call.store.clicks, now=call.now, settings=call.settings)
        self._records: list[ConversionRecord] = []
        self._applied: list[bytes] = []
        self._repeated: list[bytes] = []

    def apply(self, conversions: Sequence[OfflineConversion | None]) -> list[ItemError]:
        errors: list[ItemError] = []
        refused = len(conversions) - 1 if self._call.refuse_last_item else -1
        for index, row in enumerate(conversions):
            if index == refused:
                found = [_apply_failed(index)]
            elif row is not None and self._glance.accepts(row):
                found = []
            else:
                found = self._judge(row, index)
            if found:
                errors += found
                self._refuse(row)
            elif row is not None and row.conversion_name in self._goals:
                self._keep(row)
        self._close(errors)
        return errors

    def _judge(self, row: OfflineConversion | None, index: int) -> list[ItemError]:
        case = ConversionCase.of(
            row, goals=self._goals, clicks=self._call.store.clicks, now=self._now, settings=self._call.settings
        )
        return RULES.errors(case, index)

    def _keep(self, row: OfflineConversion) -> None:
        digest, time = conversion_digest(self._call.account_id, row)
        applied, number = self._call.store.applied, self._call.record.number
        earlier = applied.get(digest)
        if earlier is None:
            applied[digest] = number
            self._applied.append(digest)
            self._records.append(_record(row, time))
            if self._call.journal.refused_keys:
                self._call.journal.refused_keys.discard(digest)
            return
        self._repeated.append(digest)
        self._call.journal.received_keys_again += 1
        if self._call.journal.call(earlier).answered_at is None:
            applied[digest] = number
        else:
            self._call.record.again_after_answer += 1

    def _refuse(self, row: OfflineConversion | None) -> None:
        if row is None:
            return
        digest, _ = conversion_digest(self._call.account_id, row)
        if digest in self._call.journal.refused_keys or digest in self._call.store.applied:
            self._call.journal.received_keys_again += 1
        else:
            self._call.journal.refused_keys.add(digest)

    def _close(self, errors: Sequence[ItemError]) -> None:
        record = self._call.record
        self._call.store.add_conversions(self._call.account_id, self._records)
        record.applied += len(self._applied)
        record.repeated += len(self._repeated)
        record.rejected = len({error.index for error in errors})
        record.applied_keys += b"".join(self._applied)
        record.repeated_keys += b"".join(self._repeated)


def conversion_digest(account_id: int, row: OfflineConversion) -> tuple[bytes, str]:
    """Return the digest of a conversion's key and its time in UTC.

    The key is the account with the five fields that the service names for duplicates (api-facts A.6); that two
    spellings of one click id, digest or time are one key is assumed.
    """
    time = row.conversion_time or ""
    if len(time) != _PLAIN_TIME_LENGTH or time[19] != "Z":
        time = _utc(time)
    email, phone = row.hashed_email_address, row.hashed_phone_number
    key = (
        f"{account_id}\x1f{plain_click_id(row.microsoft_click_id) or ''}\x1f{row.conversion_name}\x1f{time}"
        f"\x1f{email.lower() if email else ''}\x1f{phone.lower() if phone else ''}"
    )
    return blake2b(key.encode(errors="surrogatepass"), digest_size=DIGEST_BYTES).digest(), time


def _utc(text: str) -> str:
    at = parse_time(text)
    if at is None:
        return text
    fraction = re.search(r"\.(\d+)", text)
    digits = fraction.group(1).rstrip("0") if fraction else ""
    return at.strftime("%Y-%m-%dT%H:%M:%S") + (f".{digits}" if digits else "") + "Z"


def _record(row: OfflineConversion, time: str) -> ConversionRecord:
    return (
        row.conversion_currency_code,
        row.conversion_name,
        time,
        row.conversion_value,
        row.external_attribution_credit,
        row.external_attribution_model,
        row.hashed_email_address,
        row.hashed_phone_number,
        row.microsoft_click_id,
    )


def _apply_failed(index: int) -> ItemError:
    return ItemError(5612, "OfflineConversionsApplyFailed", "The conversion did not reach an internal server.", index)
