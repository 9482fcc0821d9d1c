"""The one retry loop: nothing below it repeats anything, and nothing above it needs to.

Time and waiting are given. Every wait asks whether the run is to stop, and no wait is begun that cannot end in time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from airflow_provider_bingads.api.http import HttpStack, WireFailure, WireReply
from airflow_provider_bingads.api.judgement import Attempt, Judgement, Step, judge
from airflow_provider_bingads.api.oauth import AccessToken, TokenSource
from airflow_provider_bingads.api.replies import Answer, Reading, Unreadable, tracking_id_of
from airflow_provider_bingads.api.transport import Identity, PreparedCall
from airflow_provider_bingads.domain.calls import CallResult, CallVerdict, Fault
from airflow_provider_bingads.domain.retry import Backoff, RetryBudget, retry_after_seconds
from airflow_provider_bingads.domain.throttle import Admission, GateState, ThrottleGate
from airflow_provider_bingads.exceptions import FixCredentials, RetryLater

__all__ = ["MOST_ATTEMPTS", "CallRun", "Ended", "Limits", "Machinery"]

_LOG: Final = logging.getLogger(__name__)
MOST_ATTEMPTS: Final = 5
_LONGEST_PAUSE_SECONDS: Final = 300.0
"""A longer one is not sat out in a worker's slot: the run ends, lets its account go, and is tried again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long and how often a call may be tried.

    :param attempt_seconds: for one attempt, from name lookup to the last byte.
    :param overall_seconds: for all of them with every wait between.
    :param replay: the operation may be executed twice without harm, so a call of unknown outcome is sent again.
    """

    attempt_seconds: float
    overall_seconds: float
    replay: bool


@dataclass(slots=True, kw_only=True)
class Ended:
    """How a call ended, and what it took."""

    verdict: CallVerdict = CallVerdict.NOT_APPLIED
    answer: Answer | None = None
    fault: Fault | None = None
    http_status: int | None = None
    tracking_id: str | None = None
    detail: str = ""
    attempts: int = 0
    latency_ms: int = 0
    throttle_wait_seconds: float = 0.0
    earlier_doubt: bool = False
    stopped: bool = False
    permanent: bool = False

    def result(self) -> CallResult:
        """Return it as the delivery knows it."""
        return CallResult(
            verdict=self.verdict,
            errors=self.answer.errors if self.answer is not None else (),
            fault=self.fault,
            http_status=self.http_status,
            tracking_id=self.tracking_id,
            detail=self.detail,
            attempts=self.attempts,
            latency_ms=self.latency_ms,
            throttle_wait_seconds=self.throttle_wait_seconds,
            earlier_doubt=self.earlier_doubt,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Machinery:
    """What every call of a client uses.

    :param budget: shared by all calls, so that retries do not multiply a failing service's load.
    :param wait: waits so many seconds; returns True as soon as the run is asked to stop.
    :param now: the present, aware, for dates in ``Retry-After``.
    """

    http: HttpStack
    tokens: TokenSource
    backoff: Backoff
    budget: RetryBudget
    monotonic: Callable[[], float]
    wait: Callable[[float], bool]
    now: Callable[[], datetime]


class CallRun:
    """Carries one prepared call to its end: answered, refused for good, or out of time.

    :param identify: gives the headers' identity for a token.
    :param gate: shared by everybody who shares the service's rate limit.
    """

    def __init__(
        self,
        machinery: Machinery,
        service: str,
        call: PreparedCall,
        *,
        identify: Callable[[AccessToken], Identity],
        gate: ThrottleGate,
        limits: Limits,
    ) -> None:
        self._use = machinery
        self._service = service
        self._call = call
        self._identify = identify
        self._gate = gate
        self._limits = limits
        self._ends_at = machinery.monotonic() + limits.overall_seconds
        self._ended = Ended()
        self._may_have_applied = False
        self._failures = 0
        self._renewed = False
        self._token: AccessToken | None = None
        self._stale: AccessToken | None = None

    def run(self) -> Ended:
        """Send, and send again while that is safe, useful and in time.

        :raises FixCredentials: the token endpoint lets nobody in, and nothing was sent before.
        """
        try:
            while (admission := self._enter()) is not None and self._once(admission):
                pass
        except FixCredentials:
            # what was sent before is still to be recorded; the next call meets the same refusal
            if not self._may_have_applied:
                raise
        return self._finish()

    def _enter(self) -> Admission | None:
        """Wait for the gate; None when the run is to stop or the time would be over first."""
        use, ended = self._use, self._ended
        while (admission := self._gate.admit(use.monotonic())).wait_seconds > 0:
            closed = self._gate.state is not GateState.OPEN
            if admission.wait_seconds > min(self._left_seconds(), _LONGEST_PAUSE_SECONDS):
                self._not_begun("the service asks to wait longer than this call can")
                return None
            started = use.monotonic()
            ended.stopped = use.wait(admission.wait_seconds)
            if closed:
                ended.throttle_wait_seconds += use.monotonic() - started
            if ended.stopped:
                self._not_begun("the run was asked to stop")
                return None
        return admission

    def _once(self, admission: Admission) -> bool:
        """Make one attempt, settle with the gate, and tell whether to go on."""
        throttled, clean = None, False
        try:
            attempt = self._attempt()
            found = self._judge(attempt)
            asked = self._asked_seconds(attempt.reply)
            if found.step is Step.WAIT:
                throttled = max(found.wait_seconds or 0.0, asked)
                _LOG.warning("%s asks to slow down, so all its calls pause: %s", self._service, found.detail)
            clean = attempt.reply is not None and throttled is None
        finally:
            self._gate.settle(admission, self._use.monotonic(), throttled_seconds=throttled, clean=clean)
        self._note(found, attempt)
        if found.step is Step.RENEW:
            self._renewed, self._stale = True, self._token
        if found.step is Step.REPEAT:
            return self._pause(asked)
        return found.step is not Step.END

    def _attempt(self) -> Attempt:
        seconds = min(self._limits.attempt_seconds, self._left_seconds())
        try:
            self._token = self._use.tokens.get(stale=self._stale, seconds=seconds)
        except RetryLater as error:
            return Attempt(WireFailure(sent=False, sentence=str(error)))
        seconds = min(self._limits.attempt_seconds, self._left_seconds())
        if seconds <= 0:
            return Attempt(WireFailure(sent=False, sentence="the time for the call is over"))
        reply = self._use.http.send(self._call.request(self._identify(self._token)), seconds)
        self._ended.attempts += isinstance(reply, WireReply) or reply.sent
        self._ended.latency_ms = reply.latency_ms
        if isinstance(reply, WireFailure):
            return Attempt(reply)
        return Attempt(None, reply, self._read(reply))

    def _read(self, reply: WireReply) -> Reading:
        try:
            return self._call.read(reply)
        except Exception as error:  # noqa: BLE001 - our own mistake here must not make a call that was sent look unsent
            return Unreadable(f"the reply could not be read ({type(error).__name__})")

    def _judge(self, attempt: Attempt) -> Judgement:
        token = self._token
        return judge(
            self._service,
            attempt,
            replay=self._limits.replay,
            renewed=self._renewed,
            token_is_old=token is not None and token.is_past_half(self._use.monotonic()),
        )

    def _note(self, found: Judgement, attempt: Attempt) -> None:
        ended, reply = self._ended, attempt.reply
        self._may_have_applied = self._may_have_applied or found.may_have_applied
        ended.detail, ended.fault = found.detail, found.fault
        ended.permanent = attempt.failure is not None and attempt.failure.permanent
        ended.http_status = reply.status if reply is not None else None
        ended.tracking_id = _tracking_id(attempt)
        if isinstance(attempt.reading, Answer):
            ended.answer = attempt.reading
            if self._failures == 0:
                self._use.budget.give_back()

    def _pause(self, asked_seconds: float) -> bool:
        """Wait before the next attempt; False when there is to be none."""
        self._failures += 1
        if self._failures >= MOST_ATTEMPTS or not self._use.budget.take():
            return False
        seconds = max(self._use.backoff.seconds(self._failures), asked_seconds)
        if seconds >= self._left_seconds():
            return False
        _LOG.info("Call %d of %d in %.1f s, because %s", self._failures + 1, MOST_ATTEMPTS, seconds, self._ended.detail)
        self._ended.stopped = self._use.wait(seconds)
        return not self._ended.stopped

    def _asked_seconds(self, reply: WireReply | None) -> float:
        value = reply.headers.get("retry-after") if reply is not None else None
        return (retry_after_seconds(value, self._use.now()) or 0.0) if value else 0.0

    def _left_seconds(self) -> float:
        return self._ends_at - self._use.monotonic()

    def _not_begun(self, why: str) -> None:
        self._ended.detail = "; then ".join(it for it in (self._ended.detail, why) if it)

    def _finish(self) -> Ended:
        ended = self._ended
        if ended.answer is not None:
            ended.verdict = CallVerdict.ANSWERED
            ended.earlier_doubt = self._may_have_applied
        elif self._may_have_applied:
            ended.verdict = CallVerdict.UNKNOWN
        return ended


def _tracking_id(attempt: Attempt) -> str | None:
    if attempt.reply is None:
        return None
    said = None if isinstance(attempt.reading, Unreadable | None) else attempt.reading.tracking_id
    return said or tracking_id_of(attempt.reply.headers.get("trackingid"))
