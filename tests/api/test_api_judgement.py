"""One attempt, one verdict: what may have taken effect and what comes next, as a table."""

from __future__ import annotations

import pytest

from airflow_provider_bingads.api.http import WireFailure, WireReply
from airflow_provider_bingads.api.judgement import Attempt, Judgement, Step, judge
from airflow_provider_bingads.api.replies import Answer, Refusal, Unreadable
from airflow_provider_bingads.domain.calls import Fault

CM = "CampaignManagement"


def judged(attempt: Attempt, *, replay: bool = True, renewed: bool = False, old: bool = False) -> Judgement:
    return judge(CM, attempt, replay=replay, renewed=renewed, token_is_old=old)


def fault(code: int | None, symbol: str | None = None) -> Attempt:
    return Attempt(None, WireReply(400, {}, b""), Refusal(Fault(CM, code, symbol)))


def page(status: int) -> Attempt:
    return Attempt(None, WireReply(status, {}, b"<html>"), Unreadable("the reply is not JSON"))


NOT_SENT = Attempt(WireFailure(sent=False, sentence="no connection"))
LOST = Attempt(WireFailure(sent=True, sentence="no reply"))
CERTIFICATE = Attempt(WireFailure(sent=False, sentence="certificate", permanent=True))

# attempt, (may have applied, step) where a replay is safe, the same where it is not
TABLE = {
    "answer": (Attempt(None, WireReply(200, {}, b""), Answer({}, ())), (False, Step.END), (False, Step.END)),
    "not sent": (NOT_SENT, (False, Step.REPEAT), (False, Step.REPEAT)),
    "certificate": (CERTIFICATE, (False, Step.END), (False, Step.END)),
    "lost": (LOST, (True, Step.REPEAT), (True, Step.END)),
    "html 200": (page(200), (True, Step.REPEAT), (True, Step.END)),
    "redirect 307": (page(307), (True, Step.REPEAT), (True, Step.END)),
    "empty 202": (page(202), (True, Step.REPEAT), (True, Step.END)),
    "page 400": (page(400), (False, Step.END), (True, Step.END)),
    "page 401": (page(401), (False, Step.RENEW), (False, Step.RENEW)),
    "page 403": (page(403), (False, Step.END), (False, Step.END)),
    "page 404": (page(404), (False, Step.END), (False, Step.END)),
    "page 413": (page(413), (False, Step.END), (False, Step.END)),
    "page 429": (page(429), (True, Step.WAIT), (True, Step.END)),
    "page 500": (page(500), (True, Step.REPEAT), (True, Step.END)),
    "page 502": (page(502), (True, Step.REPEAT), (True, Step.END)),
    "page 503": (page(503), (True, Step.REPEAT), (True, Step.END)),
    "page 599": (page(599), (True, Step.REPEAT), (True, Step.END)),
    "0 internal": (fault(0, "InternalError"), (True, Step.REPEAT), (True, Step.END)),
    "105": (fault(105), (False, Step.END), (False, Step.END)),
    "106": (fault(106), (False, Step.END), (False, Step.END)),
    "109": (fault(109), (False, Step.RENEW), (False, Step.RENEW)),
    "117": (fault(117), (False, Step.WAIT), (False, Step.WAIT)),
    "204": (fault(204), (False, Step.END), (False, Step.END)),
    "303": (fault(303), (False, Step.END), (False, Step.END)),
    "5601": (fault(5601), (False, Step.END), (False, Step.END)),
    "unknown code": (fault(987_654), (False, Step.END), (True, Step.END)),
    "unreadable request": (fault(None, "DeserializationFailed"), (False, Step.END), (True, Step.END)),
}


@pytest.mark.parametrize("name", TABLE)
def test_each_ending_has_one_verdict(name: str) -> None:
    attempt, safe, unsafe = TABLE[name]
    for replay, (applied, step) in ((True, safe), (False, unsafe)):
        found = judged(attempt, replay=replay)
        assert (found.may_have_applied, found.step) == (applied, step), f"replay={replay}"


@pytest.mark.parametrize("attempt", [fault(109), page(401)])
def test_a_token_is_renewed_once_a_call(attempt: Attempt) -> None:
    assert judged(attempt, renewed=True).step is Step.END


@pytest.mark.parametrize(
    ("old", "renewed", "step"), [(True, False, Step.RENEW), (False, False, Step.END), (True, True, Step.END)]
)
def test_105_is_worth_a_new_token_only_past_half_of_its_life(old: bool, renewed: bool, step: Step) -> None:
    assert judged(fault(105), old=old, renewed=renewed).step is step


def test_a_pause_the_service_asks_for_comes_with_its_length() -> None:
    assert judged(fault(117)).wait_seconds == 60
    assert judge("Bulk", fault(4204), replay=True, renewed=False, token_is_old=False).wait_seconds == 900


def test_a_status_stands_in_for_a_missing_code() -> None:
    """The delivery splits a batch that is too large by this."""
    assert judged(page(413)).fault == Fault(CM, None, "HTTP413")
