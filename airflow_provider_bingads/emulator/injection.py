"""Which call goes wrong and how: the fault plan (``POST /__emulator__/faults``)."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, TypeGuard

from airflow_provider_bingads.emulator.oauth import TOKEN_OPERATION

__all__ = ["KINDS", "Fault", "FaultPlan", "Kind", "Phase", "Target"]


class Phase(str, Enum):
    """Where a fault strikes."""

    LINK = "link"
    """The connection, before the request is read."""
    INSTEAD = "instead"
    """Something else answers; the service never sees the request."""
    WHILE = "while"
    """The service works otherwise than its client thinks."""
    AFTER = "after"
    """The service has done its work; the reply does not arrive as it should."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault.

    :param applies: the call takes effect.
    :param readable: a careful client can still take the truth from the reply.
    :param argument: name of the number it takes, with its default; None for none.
    :param needs_error: works on the errors of a reply; the last item is refused with 5612 so that there is one.
    :param help: one sentence.
    """

    name: str
    phase: Phase
    help: str
    applies: bool = False
    readable: bool = False
    argument: tuple[str, float] | None = None
    needs_error: bool = False


_LIST: Final = (
    Kind("refused", Phase.LINK, "Nobody listens for some real seconds.", argument=("seconds", 0.5)),
    Kind("reset_before", Phase.LINK, "The connection is reset before the request is read."),
    Kind("reset_mid_request", Phase.LINK, "The connection is reset in the middle of the request."),
    Kind("drop_before_apply", Phase.INSTEAD, "The request is read and forgotten, the connection closed."),
    Kind("http_500_empty", Phase.INSTEAD, "A gateway answers 500 without a body."),
    Kind("http_503_html", Phase.INSTEAD, "A gateway answers 503 in HTML.", argument=("retry_after", 1)),
    Kind("soap_internal_before", Phase.INSTEAD, "InternalError, and nothing was done."),
    Kind("throttle_117", Phase.INSTEAD, "Too many calls, for so many calls.", argument=("times", 1)),
    Kind("throttle_4204", Phase.INSTEAD, "Too many bulk calls."),
    Kind("token_expired_109", Phase.INSTEAD, "The access token is said to have expired; issued ones do expire."),
    Kind("creds_105", Phase.INSTEAD, "The credentials are said to be wrong."),
    Kind("redirect_307", Phase.INSTEAD, "A redirect to another address."),
    Kind("html_200", Phase.INSTEAD, "A proxy answers 200 with a page of its own."),
    Kind(
        "late_apply", Phase.WHILE, "No reply, and the call takes effect later.", argument=("seconds", 30), applies=True
    ),
    Kind(
        "dup_delivery", Phase.WHILE, "The request arrives twice; the second reply is sent.", applies=True, readable=True
    ),
    Kind(
        "clock_skew",
        Phase.WHILE,
        "The service's clock is ahead.",
        argument=("hours", 1),
        applies=True,
        readable=True,
    ),
    Kind("slow", Phase.AFTER, "The reply comes late.", argument=("seconds", 5), applies=True, readable=True),
    Kind(
        "dribble",
        Phase.AFTER,
        "The reply comes byte by byte, so many seconds apart.",
        argument=("seconds", 0.05),
        applies=True,
        readable=True,
    ),
    Kind("drop_after_apply", Phase.AFTER, "The call takes effect, the connection is closed.", applies=True),
    Kind("soap_internal_after", Phase.AFTER, "The call takes effect, InternalError is said.", applies=True),
    Kind("truncated_xml", Phase.AFTER, "Half of the document, correctly framed.", applies=True),
    Kind("truncated_json", Phase.AFTER, "The same; the name for REST.", applies=True),
    Kind("truncated_content_length", Phase.AFTER, "Half of the promised bytes, then the end.", applies=True),
    Kind("bad_chunk", Phase.AFTER, "A chunk whose size is no number.", applies=True),
    Kind("empty_200", Phase.AFTER, "200 without a body.", applies=True),
    Kind("garbage", Phase.AFTER, "Bytes that are no HTTP.", applies=True),
    Kind("wrong_response_element", Phase.AFTER, "The reply of another operation.", applies=True),
    Kind("extra_unknown_elements", Phase.AFTER, "A reply with more than the contract.", applies=True, readable=True),
    Kind(
        "partial_errors_shuffled",
        Phase.AFTER,
        "The errors in another order.",
        applies=True,
        readable=True,
        needs_error=True,
    ),
    Kind(
        "several_errors_per_row",
        Phase.AFTER,
        "Two errors for each refused row.",
        applies=True,
        readable=True,
        needs_error=True,
    ),
    Kind("index_missing", Phase.AFTER, "Errors without their Index.", applies=True, needs_error=True),
    Kind("index_out_of_range", Phase.AFTER, "Errors for rows nobody sent.", applies=True, needs_error=True),
    Kind("dtd_in_reply", Phase.AFTER, "An XML reply with a document type.", applies=True),
    Kind("billion_laughs_reply", Phase.AFTER, "An XML reply whose entities explode.", applies=True),
    Kind(
        "huge_reply", Phase.AFTER, "So many MiB of blanks before the reply.", argument=("mebibytes", 80), applies=True
    ),
    Kind("gzip_bomb", Phase.AFTER, "So many MiB packed small.", argument=("mebibytes", 256), applies=True),
    Kind("token_endpoint_500", Phase.INSTEAD, "The sign-in service answers 500."),
    Kind("token_endpoint_html", Phase.INSTEAD, "The sign-in service answers with a page."),
    Kind(
        "token_endpoint_slow",
        Phase.AFTER,
        "The sign-in service answers late.",
        argument=("seconds", 5),
        applies=True,
        readable=True,
    ),
    Kind("token_endpoint_invalid_grant", Phase.INSTEAD, "The sign-in service wants consent again."),
)
KINDS: Final[Mapping[str, Kind]] = {kind.name: kind for kind in _LIST}

_CALL: Final = re.compile(r"(?P<name>\w+)(?:\((?P<argument>-?[0-9.]+)?\))?\Z")
_RULE_KEYS: Final = frozenset({"match", "rate", "do", "times", "apply"})
_EITHER_WAY: Final = frozenset({"empty_200", "garbage"})
_MATCH_KEYS: Final = frozenset({"op", "call", "transport", "account_id"})


@dataclass(frozen=True, slots=True)
class Target:
    """What a fault rule looks at; all of it stands in a request's head.

    :param operation: ``token`` for the sign-in service.
    """

    operation: str | None
    transport: str | None = None
    account_id: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault that strikes now.

    :param value: its argument; 0 where the kind takes none.
    :param applies: the call takes effect; the kind's own, unless the rule says otherwise.
    :param draw: a random number below 1 that the fault may use.
    """

    kind: Kind
    value: float
    applies: bool
    draw: float


@dataclass(slots=True)
class _Rule:
    kind: Kind
    value: float
    applies: bool
    match: Mapping[str, Any]
    rate: float | None
    times: int | None
    seen: int = 0
    fired: int = 0

    def matches(self, target: Target) -> bool:
        wanted = self.match.get("op")
        of_token = target.operation == TOKEN_OPERATION
        if wanted is None and of_token != self.kind.name.startswith("token_endpoint_"):
            return False
        return (
            wanted in {None, target.operation}
            and self.match.get("transport") in {None, target.transport}
            and str(self.match.get("account_id") or "") in {"", target.account_id}
        )

    def strikes(self, draws: random.Random) -> bool:
        """Count one matching call and tell whether the fault strikes it."""
        self.seen += 1
        if self.times is not None and self.fired >= self.times:
            return False
        call = self.match.get("call")
        due = self.seen >= call if call is not None else self.rate is None or draws.random() < self.rate
        self.fired += due
        return due


@dataclass(slots=True)
class FaultPlan:
    """The rules in force; for each call the first rule that strikes decides.

    :param seed: of the random choices.
    """

    seed: int
    injected: Counter[str]
    _rules: list[_Rule] = field(default_factory=list)
    _draws: random.Random = field(default_factory=random.Random)
    _refusal: float | None = None

    def set(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Replace all rules.

        :raises ValueError: a rule has an unknown kind, key or value.
        """
        self._rules = [_parse(rule) for rule in rules]
        self._draws.seed(self.seed)
        self._refusal = None
        self.prepare_refusal()

    def choose(self, target: Target) -> Fault | None:
        """Return the fault for a call, counting it for every rule that matches."""
        chosen: _Rule | None = None
        for rule in self._rules:
            if rule.kind.name != "refused" and rule.matches(target):
                if chosen is None and rule.strikes(self._draws):
                    chosen = rule
                elif chosen is not None:
                    rule.seen += 1
        if chosen is None:
            return None
        self.injected[chosen.kind.name] += 1
        return Fault(chosen.kind, chosen.value, chosen.applies, self._draws.random())

    def prepare_refusal(self) -> None:
        """Decide whether the next connection is to be refused; once after each call, as nobody sees who knocks."""
        for rule in self._rules:
            if rule.kind.name == "refused" and rule.strikes(self._draws):
                self._refusal = rule.value
                return

    def take_refusal(self) -> float | None:
        """Return for how many real seconds nobody shall listen, once; None mostly."""
        seconds, self._refusal = self._refusal, None
        if seconds is not None:
            self.injected["refused"] += 1
        return seconds


def _parse(rule: Mapping[str, Any]) -> _Rule:
    found = _CALL.match(str(rule.get("do", "")))
    kind = KINDS.get(found["name"]) if found else None
    if found is None or kind is None:
        raise ValueError(f"There is no fault {rule.get('do')!r}; the faults are {', '.join(KINDS)}.")
    _check(rule)
    match = rule.get("match") or {}
    _check(match)
    own = {kind.argument[0]} if kind.argument else set()
    unknown = (set(rule) - _RULE_KEYS - own) | (set(match) - _MATCH_KEYS)
    if unknown:
        raise ValueError(f"A fault rule has no {', '.join(sorted(unknown))}.")
    if kind.name == "refused" and set(match) - {"call"}:
        raise ValueError("A refused connection tells nobody what it is for: match it by call or rate only.")
    applies = bool(rule.get("apply", kind.applies))
    if applies != kind.applies and kind.phase is not Phase.INSTEAD and kind.name not in _EITHER_WAY:
        raise ValueError(f"The reply of {kind.name} follows from what the call did: 'apply' cannot be changed.")
    value = _argument(kind, found["argument"], rule)
    times = rule.get("times")
    if times is None and kind.name == "throttle_117" and found["argument"]:
        times = int(value)
    if times is None and "call" in match:
        times = 1
    return _Rule(kind, value, applies, match, rule.get("rate"), times)


def _check(entries: Mapping[str, Any]) -> None:
    for name, value in entries.items():
        fits, wanted = _CHECKS.get(name, _ANYTHING)
        if value is not None and not fits(value):
            raise ValueError(f"In a fault rule {name!r} is {wanted}.")


def _argument(kind: Kind, written: str | None, rule: Mapping[str, Any]) -> float:
    if kind.argument is None:
        if written is not None:
            raise ValueError(f"The fault {kind.name} takes no argument.")
        return 0.0
    name, default = kind.argument
    given = float(written) if written is not None else rule.get(name, default)
    lowest = -math.inf if kind.name == "clock_skew" else 0
    if not _is_number(given) or not math.isfinite(given) or given < lowest:
        raise ValueError(f"The fault {kind.name} takes its {name} as a number from {lowest}.")
    return float(given)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_share(value: object) -> bool:
    return _is_number(value) and 0 <= value <= 1


_ANYTHING: Final[tuple[Callable[[object], bool], str]] = (lambda _: True, "anything")
_CHECKS: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "apply": (lambda value: isinstance(value, bool), "true or false"),
    "call": (_is_count, "a whole number from 1"),
    "match": (lambda value: isinstance(value, Mapping), "an object"),
    "op": (lambda value: isinstance(value, str), "the name of an operation"),
    "rate": (_is_share, "a number from 0 to 1"),
    "times": (_is_count, "a whole number from 1"),
    "transport": (lambda value: value in {"rest", "soap"}, "'rest' or 'soap'"),
}
