"""Reads a reply strictly: an answer, a refusal, or something that proves nothing (``delivery.md`` 5.1).

Both transports end here: the SOAP reader turns XML into the shape REST has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from airflow_provider_bingads.domain.calls import Fault, RowError
from airflow_provider_bingads.domain.catalogue import Action, advice
from airflow_provider_bingads.domain.scrub import scrub

__all__ = ["Answer", "Reading", "Refusal", "Unreadable", "read_answer", "read_refusal", "tracking_id_of"]

_LISTS: Final = ("Errors", "OperationErrors", "BatchErrors", "EditorialErrors")
_URGENCY: Final = (
    Action.FAIL,
    Action.REAUTHENTICATE,
    Action.WAIT,
    Action.SPLIT,
    Action.DEFER,
    Action.REJECT,
    Action.RETRY,
)
_TRACKING_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}")


@dataclass(frozen=True, slots=True)
class Answer:
    """The service executed the call and said so completely."""

    body: dict[str, Any]
    errors: tuple[RowError, ...]
    tracking_id: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The service said that it refuses the call."""

    fault: Fault
    tracking_id: str | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A reply that does not say what became of the call; the sentence holds nothing of it."""

    sentence: str


Reading = Answer | Refusal | Unreadable


def read_answer(body: Any, expected: tuple[str, ...]) -> Answer | Unreadable:
    """Check the body of a reply with status 200.

    :param body: what the reply's text stood for.
    :param expected: the fields that the contract gives the response; all of them come back, nulls included
        (api-facts F.6).
    """
    if not isinstance(body, dict):
        return Unreadable("the reply is no JSON object")
    missing = [name for name in expected if name not in body]
    if missing:
        return Unreadable(f"the reply lacks {', '.join(missing)}")
    try:
        return Answer(body, tuple(_row_errors(body)))
    except (TypeError, ValueError) as error:
        return Unreadable(str(error))


def read_refusal(service: str, body: Any) -> Refusal | None:
    """Find the fault in a body, by shape and not by status (api-facts F.7); None where there is none.

    Of several errors the one that asks for the most decisive step counts: what a new token cannot cure outranks an
    expired token.
    """
    if not isinstance(body, dict):
        return None
    faults = [_fault(service, item) for name in _LISTS for item in _objects(body.get(name))]
    return Refusal(min(faults, key=_urgency), tracking_id_of(body.get("TrackingId"))) if faults else None


def tracking_id_of(value: Any) -> str | None:
    """Return the value where it looks like Microsoft's id of a call."""
    return value if isinstance(value, str) and _TRACKING_ID.fullmatch(value) else None


def _urgency(fault: Fault) -> int:
    known = advice(fault.service, fault.code, fault.error_code)
    return _URGENCY.index(known.action) if known.known else len(_URGENCY)


def _fault(service: str, item: Mapping[str, Any]) -> Fault:
    return Fault(
        service=service,
        code=_int_or_none(item.get("Code")),
        error_code=_symbol(item.get("ErrorCode")),
        message=_clean(item.get("Message")),
        # AdApiError says Detail, every other error Details
        details=_clean(item.get("Details") or item.get("Detail")),
    )


def _row_errors(body: Mapping[str, Any]) -> Iterator[RowError]:
    items = body.get("PartialErrors")
    if items is None:
        return
    if not isinstance(items, list):
        raise TypeError("PartialErrors of the reply is no list")
    # a cause that hits every row comes in the same words a thousand times
    scrubbed = lru_cache(maxsize=256)(scrub)

    def clean(value: Any) -> str | None:
        return scrubbed(value) if isinstance(value, str) and value else None

    for item in items:
        if not isinstance(item, dict):
            raise TypeError("PartialErrors of the reply holds something that is no error")
        yield _row_error(item, clean)


def _row_error(item: Mapping[str, Any], clean: Callable[[Any], str | None]) -> RowError:
    return RowError(
        index=_index(item.get("Index")),
        code=_int_or_none(item.get("Code")),
        error_code=_symbol(item.get("ErrorCode")),
        field_path=clean(item.get("FieldPath")),
        message=clean(item.get("Message")),
        details=clean(item.get("Details")),
        type=_symbol(item.get("Type")),
        appealable=item.get("Appealable") if isinstance(item.get("Appealable"), bool) else None,
        disapproved_text=clean(item.get("DisapprovedText")),
        location=clean(item.get("Location")),
        publisher_country=clean(item.get("PublisherCountry")),
        reason_code=_int_or_none(item.get("ReasonCode")),
    )


def _index(value: Any) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ValueError("an error of the reply has an Index that is no whole number")


def _int_or_none(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _symbol(value: Any) -> str | None:
    return value[:100] if isinstance(value, str) and value.isidentifier() else None


def _clean(value: Any) -> str | None:
    return scrub(value) if isinstance(value, str) and value else None


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [it for it in value if isinstance(it, dict)] if isinstance(value, list) else []
