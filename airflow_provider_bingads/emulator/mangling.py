"""What an injected fault makes of a call's errors and of its reply."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Final

from airflow_provider_bingads.emulator.injection import Fault
from airflow_provider_bingads.emulator.messages import Delivery, Manner, Reply
from airflow_provider_bingads.emulator.refusals import Family, RefusalError, ServiceError
from airflow_provider_bingads.emulator.throttle import CALL_RATE_EXCEEDED

__all__ = ["INTERNAL_ERROR", "REFUSALS", "distort_errors", "distort_reply", "drop", "link_fault", "refusal_of"]

INTERNAL_ERROR: Final = ServiceError(0, "InternalError", "An internal error, injected by the emulator.")

REFUSALS: Final[Mapping[str, ServiceError]] = {
    "soap_internal_before": INTERNAL_ERROR,
    "soap_internal_after": INTERNAL_ERROR,
    "throttle_117": CALL_RATE_EXCEEDED,
    "throttle_4204": ServiceError(
        4204, "BulkServiceNoMoreCallsPermittedForTheTimePeriod", "No more bulk calls now; wait up to 15 minutes."
    ),
    "token_expired_109": ServiceError(109, "AuthenticationTokenExpired", "The access token has expired."),
    "creds_105": ServiceError(105, "InvalidCredentials", "The credentials are refused, injected by the emulator."),
}
"""Faults that are a proper refusal on both transports."""

_MEBIBYTE: Final = 1 << 20
_PAGE: Final = b"<!DOCTYPE html><html><head><title>Sign in to the network</title></head><body>Please wait</body></html>"
_HTML: Final = "text/html; charset=utf-8"
_XML: Final = "text/xml; charset=utf-8"
_DTD: Final = b'<?xml version="1.0"?><!DOCTYPE s:Envelope SYSTEM "http://127.0.0.1:9/outside.dtd">'
_LAUGHS: Final = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY l0 "lol">'
    + b"".join(b'<!ENTITY l%d "%s">' % (level, b"&l%d;" % (level - 1) * 10) for level in range(1, 10))
    + b"]><lolz>&l9;</lolz>"
)

Distort = Callable[[Reply, Fault], Reply]


def refusal_of(kind: str) -> RefusalError:
    """Return the refusal that a kind of fault pretends."""
    return RefusalError(Family.ACCESS, REFUSALS[kind])


def drop() -> Reply:
    """Return the reply that never comes: the connection is closed instead."""
    return Reply(0, delivery=Delivery(Manner.DROP), genuine=False)


def link_fault(kind: str) -> Reply:
    """Return what is left of a call whose connection broke before it was read."""
    manners = {
        "refused": Manner.REFUSED,
        "reset_before": Manner.RESET,
        "reset_mid_request": Manner.RESET_MID_REQUEST,
    }
    return Reply(0, delivery=Delivery(manners[kind]), genuine=False)


def distort_errors(value: dict[str, Any], fault: Fault, items: int) -> dict[str, Any]:
    """Return a reply's value with its ``PartialErrors`` as the fault wants them."""
    errors = [dict(error) for error in value.get("PartialErrors") or ()]
    if fault.kind.name == "partial_errors_shuffled":
        random.Random(fault.draw).shuffle(errors)
    elif fault.kind.name == "several_errors_per_row":
        second = {"Code": 201, "ErrorCode": "ApiInputValidationError", "Message": "A second reason, injected."}
        errors = [one for error in errors for one in (error, error | second)]
    elif fault.kind.name == "index_missing":
        errors = [error | {"Index": None} for error in errors]
    elif fault.kind.name == "index_out_of_range":
        errors = [error | {"Index": items + error["Index"]} for error in errors]
    else:
        return value
    return value | {"PartialErrors": errors}


def distort_reply(reply: Reply, fault: Fault) -> Reply:
    """Return a reply as the fault lets it arrive; a fault that does not touch bytes leaves it."""
    distort = _DISTORTIONS.get(fault.kind.name)
    if distort is None:
        return reply
    return replace(distort(reply, fault), call=reply.call, genuine=fault.kind.readable)


def _drop(_reply: Reply, _fault: Fault) -> Reply:
    return drop()


def _late(reply: Reply, fault: Fault) -> Reply:
    return replace(reply, delivery=replace(reply.delivery, delay_seconds=fault.value))


def _dribble(reply: Reply, fault: Fault) -> Reply:
    return replace(reply, delivery=Delivery(Manner.DRIBBLE, pause_seconds=fault.value))


def _half(reply: Reply, _fault: Fault) -> Reply:
    return replace(reply, body=reply.body[: len(reply.body) // 2])


def _manner(manner: Manner) -> Distort:
    return lambda reply, _fault: replace(reply, delivery=Delivery(manner))


def _other(status: int, body: bytes = b"", content_type: str = _HTML) -> Distort:
    return lambda _reply, _fault: Reply(status, body, content_type)


def _unavailable(_reply: Reply, fault: Fault) -> Reply:
    return Reply(503, _PAGE, _HTML, headers=(("Retry-After", str(int(fault.value))),))


def _redirect(_reply: Reply, _fault: Fault) -> Reply:
    return Reply(307, b"", _HTML, headers=(("Location", "/__emulator_redirected__"),))


def _huge(reply: Reply, fault: Fault) -> Reply:
    return replace(reply, delivery=Delivery(padding_bytes=int(fault.value * _MEBIBYTE)))


def _bomb(reply: Reply, fault: Fault) -> Reply:
    packed = _packed_blanks(int(fault.value))
    return replace(reply, body=packed, headers=(*reply.headers, ("Content-Encoding", "gzip")))


@cache
def _packed_blanks(mebibytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    blanks = b" " * _MEBIBYTE
    return b"".join(packer.compress(blanks) for _ in range(mebibytes)) + packer.flush()


def _document_type(reply: Reply, _fault: Fault) -> Reply:
    body = reply.body if reply.body.lstrip().startswith(b"<") else b"<s:Envelope xmlns:s='urn:none'/>"
    return replace(reply, body=_DTD + body, content_type=_XML)


_DISTORTIONS: Final[Mapping[str, Distort]] = {
    "drop_before_apply": _drop,
    "drop_after_apply": _drop,
    "late_apply": _drop,
    "slow": _late,
    "token_endpoint_slow": _late,
    "dribble": _dribble,
    "truncated_xml": _half,
    "truncated_json": _half,
    "truncated_content_length": _manner(Manner.CUT),
    "bad_chunk": _manner(Manner.BAD_CHUNK),
    "garbage": _manner(Manner.GARBAGE),
    "empty_200": _other(200),
    "html_200": _other(200, _PAGE),
    "http_500_empty": _other(500),
    "http_503_html": _unavailable,
    "redirect_307": _redirect,
    "huge_reply": _huge,
    "gzip_bomb": _bomb,
    "dtd_in_reply": _document_type,
    "billion_laughs_reply": _other(200, _LAUGHS, _XML),
    "token_endpoint_500": _other(500),
    "token_endpoint_html": _other(200, _PAGE),
}
