"""What one call to the service came to, as values; the transports build them, the delivery decides by them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["CallResult", "CallVerdict", "Fault", "RowError"]


class CallVerdict(str, Enum):
    """What is known about the effect of a call."""

    ANSWERED = "answered"
    """A complete, well-formed success reply: every row without an error was accepted."""
    NOT_APPLIED = "not_applied"
    """Certainly without effect: never sent, or refused before execution."""
    UNKNOWN = "unknown"
    """Sent; whether it took effect is not known."""


@dataclass(frozen=True, slots=True)
class RowError:
    """One BatchError or EditorialError of a reply (``batcherror.md``); an item may have several.

    :param index: zero-based position in the request; None when the reply left it out.
    """

    index: int | None
    code: int | None
    error_code: str | None = None
    field_path: str | None = None
    message: str | None = None
    details: str | None = None
    type: str | None = None
    appealable: bool | None = None
    disapproved_text: str | None = None
    location: str | None = None
    publisher_country: str | None = None
    reason_code: int | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A reply that refuses a call as a whole.

    :param service: API service that answered; codes mean different things in different services.
    """

    service: str
    code: int | None
    error_code: str | None = None
    message: str | None = None
    details: str | None = None


@dataclass(frozen=True, slots=True)
class CallResult:
    """The end of one call, retries below it included.

    :param verdict: what is known about its effect.
    :param errors: the reply's row errors; only with ``ANSWERED``.
    :param fault: the refusal, where there was one.
    :param detail: one redacted sentence on what happened, for the ledger.
    :param attempts: how often it was sent, at least 1 unless nothing was sent.
    :param latency_ms: duration of the last attempt.
    :param throttle_wait_seconds: time spent waiting because the service asked for it.
    :param earlier_doubt: the answer is to the last attempt, and an earlier one may have taken effect unheard.
    """

    verdict: CallVerdict
    errors: tuple[RowError, ...] = ()
    fault: Fault | None = None
    http_status: int | None = None
    tracking_id: str | None = None
    detail: str = ""
    attempts: int = 1
    latency_ms: int = 0
    throttle_wait_seconds: float = 0.0
    earlier_doubt: bool = False
