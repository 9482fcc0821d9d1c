"""Decides after one attempt what it meant and what comes next; pure (``delivery.md`` 5.1 and 5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from airflow_provider_bingads.api.http import WireFailure, WireReply
from airflow_provider_bingads.api.replies import Answer, Reading, Refusal, Unreadable
from airflow_provider_bingads.domain.calls import Fault
from airflow_provider_bingads.domain.catalogue import Action, advice

__all__ = ["Attempt", "Judgement", "Step", "judge"]

_INVALID_CREDENTIALS: Final = 105
_OK: Final = 200
_CLIENT_ERROR: Final = 400
_SERVER_ERROR: Final = 500


class Step(Enum):
    """What to do after an attempt."""

    END = "end"
    REPEAT = "repeat"
    """After a growing pause; counts towards the limit of attempts."""
    WAIT = "wait"
    """After the pause the service asked of everybody; counts towards the time only."""
    RENEW = "renew"
    """At once, with a new access token; at most once a call."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one attempt brought: a failure of the wire, or a reply and what it says."""

    failure: WireFailure | None = None
    reply: WireReply | None = None
    reading: Reading | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one attempt meant.

    :param may_have_applied: the service may have executed the call without saying so.
    :param fault: the refusal, one made of the HTTP status included.
    :param wait_seconds: with ``Step.WAIT``, what the catalogue says the service asks for.
    :param detail: one sentence for the ledger, free of the reply's own words but for a scrubbed fault message.
    """

    step: Step
    may_have_applied: bool
    detail: str
    fault: Fault | None = None
    wait_seconds: float | None = None


def judge(service: str, attempt: Attempt, *, replay: bool, renewed: bool, token_is_old: bool) -> Judgement:
    """Judge one attempt.

    :param replay: the operation may be executed twice without harm.
    :param renewed: this call has had its new token already.
    :param token_is_old: the token used is past half of its life, so that code 105 may mean an expired one.
    """
    reading = attempt.reading
    if attempt.failure is not None:
        return _lost(attempt.failure, replay=replay)
    if isinstance(reading, Answer):
        return Judgement(step=Step.END, may_have_applied=False, detail="")
    if isinstance(reading, Refusal):
        return _refused(service, reading.fault, replay=replay, renewed=renewed, token_is_old=token_is_old)
    sentence = reading.sentence if isinstance(reading, Unreadable) else "there is no reply"
    status = attempt.reply.status if attempt.reply is not None else None
    if status is not None and status != _OK:
        fault = Fault(service, None, f"HTTP{status}")
        # the 4xx of a server or gateway refuse what was asked, whoever wrote the page that came with them
        if _CLIENT_ERROR <= status < _SERVER_ERROR or advice(service, None, fault.error_code).known:
            return _refused(service, fault, replay=replay, renewed=renewed, token_is_old=token_is_old)
    return Judgement(step=_again(replay=replay), may_have_applied=True, detail=sentence)


def _lost(failure: WireFailure, *, replay: bool) -> Judgement:
    step = _again(replay=replay) if failure.sent else Step.REPEAT
    if failure.permanent:
        step = Step.END
    return Judgement(step=step, may_have_applied=failure.sent, detail=failure.sentence)


def _refused(service: str, fault: Fault, *, replay: bool, renewed: bool, token_is_old: bool) -> Judgement:
    known = advice(service, fault.code, fault.error_code)
    detail = _said(fault, known.meaning)
    if not known.known:
        # nobody wrote down what such a code does; harmless where the call may be executed twice anyway
        return Judgement(step=Step.END, may_have_applied=not replay, detail=detail, fault=fault)
    if known.action is Action.RETRY:
        return Judgement(step=_again(replay=replay), may_have_applied=True, detail=detail, fault=fault)
    if known.action is Action.WAIT:
        # a gateway's word without a code says nothing about what stands behind it
        unsure = fault.code is None
        step = _again(replay=replay) if unsure and not replay else Step.WAIT
        wait = float(known.wait_seconds) if known.wait_seconds is not None else None
        return Judgement(step=step, may_have_applied=unsure, detail=detail, fault=fault, wait_seconds=wait)
    renew = known.action is Action.REAUTHENTICATE and not renewed
    if fault.code == _INVALID_CREDENTIALS:
        # it stands for many things; worth a new token only where the old one could be at fault
        renew = renew and token_is_old
    return Judgement(step=Step.RENEW if renew else Step.END, may_have_applied=False, detail=detail, fault=fault)


def _again(*, replay: bool) -> Step:
    return Step.REPEAT if replay else Step.END


def _said(fault: Fault, meaning: str) -> str:
    name = " ".join(str(it) for it in (fault.code, fault.error_code) if it is not None)
    return f"refused with {name or 'no code'}: {meaning}"
