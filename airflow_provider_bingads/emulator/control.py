"""The emulator's own interface under ``/__emulator__/``: look inside, move the clock, break things."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import msgspec

from airflow_provider_bingads.contract import service
from airflow_provider_bingads.emulator.clock import iso
from airflow_provider_bingads.emulator.contract_json import TYPE, decode
from airflow_provider_bingads.emulator.coverage import coverage
from airflow_provider_bingads.emulator.messages import Reply, Request
from airflow_provider_bingads.emulator.refusals import RefusalError
from airflow_provider_bingads.emulator.rules.conversion_case import plain_click_id
from airflow_provider_bingads.emulator.rules.conversion_goals import OFFLINE_GOAL
from airflow_provider_bingads.emulator.settings import changed, settings_as_json
from airflow_provider_bingads.emulator.state import state

if TYPE_CHECKING:
    from airflow_provider_bingads.emulator.core import Emulator

__all__ = ["CONTROL_PREFIX", "control"]

CONTROL_PREFIX: Final = "/__emulator__/"
_HOUR_SECONDS: Final = 3_600.0
_ID_DIGITS: Final = 20


class _WrongRequestError(Exception):
    """The body or the query of a control request cannot be used; the message says why."""


def control(emulator: Emulator, request: Request) -> Reply:
    """Answer a control request; a wrong one gets status 400, 404 or 405 with one sentence."""
    name = request.path.removeprefix(CONTROL_PREFIX)
    handler = _PAGES.get((request.method, name))
    if handler is None:
        known = any(name == page for _, page in _PAGES)
        return _reply(405 if known else 404, {"error": f"{request.method} {request.path} is no control request."})
    try:
        return _reply(200, handler(emulator, request))
    except (_WrongRequestError, ValueError, RefusalError) as error:
        return _reply(400, {"error": _sentence(error)})


def _health(emulator: Emulator, _request: Request) -> dict[str, Any]:
    return {"status": "ok", "now": iso(emulator.clock.now())}


def _reset(emulator: Emulator, _request: Request) -> dict[str, Any]:
    emulator.reset()
    return {"status": "ok", **emulator.credentials.as_json()}


def _state(emulator: Emulator, request: Request) -> dict[str, Any]:
    query = _query(request)
    return state(
        emulator.store,
        only=query.get("only"),
        offset=_whole(query, "offset") or 0,
        limit=_whole(query, "limit"),
    )


def _calls(emulator: Emulator, request: Request) -> dict[str, Any]:
    query = _query(request)
    found = emulator.journal.select(
        after=_whole(query, "after") or 0, limit=_whole(query, "limit"), operation=query.get("operation")
    )
    keys = query.get("keys") in {"1", "true"}
    return {"total": len(emulator.journal.calls), "calls": [call.as_json(keys=keys) for call in found]}


def _stats(emulator: Emulator, _request: Request) -> dict[str, Any]:
    return emulator.journal.stats(len(emulator.store.applied)) | {
        "offline_conversions": emulator.store.count_conversions()
    }


def _faults(emulator: Emulator, request: Request) -> dict[str, Any]:
    rules = _body(request)
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise _WrongRequestError("Send a list of fault rules; an empty one clears them.")
    emulator.faults.set(rules)
    return {"rules": len(rules)}


def _clock(emulator: Emulator, request: Request) -> dict[str, Any]:
    seconds = _object(request).get("advance")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise _WrongRequestError('Send {"advance": seconds}.')
    return {"now": iso(emulator.clock.advance(seconds))}


def _config(emulator: Emulator, request: Request) -> dict[str, Any]:
    if request.method == "POST":
        emulator.settings = changed(emulator.settings, _object(request))
    world = emulator.store.world
    public = [app.client_id for app in world.applications.values() if app.client_secret is None]
    return settings_as_json(emulator.settings) | {
        "credentials": emulator.credentials.as_json(),
        "account_ids": [str(account_id) for account_id in world.accounts],
        "public_client_ids": public,
    }


def _clicks(emulator: Emulator, request: Request) -> dict[str, Any]:
    """Register click ids with their times; only a registered click is judged by 5616 and 5617."""
    for click_id, clicked_at in _object(request).items():
        click = plain_click_id(click_id)
        if not click or isinstance(clicked_at, bool) or not isinstance(clicked_at, int | float):
            raise _WrongRequestError("Send an object of click ids with seconds since 1970.")
        emulator.store.clicks[click] = float(clicked_at)
    return {"clicks": len(emulator.store.clicks)}


def _goals(emulator: Emulator, request: Request) -> dict[str, Any]:
    """Add goals by the rules of ``AddConversionGoals``, as if they had been added some hours ago."""
    body = _object(request)
    account_id = _account_id(body.get("AccountId") or emulator.credentials.account_id)
    if account_id not in emulator.store.world.accounts:
        raise _WrongRequestError("The user has no such account.")
    given, age_hours = body.get("goals"), body.get("age_hours", 3)
    if not isinstance(given, list) or not all(isinstance(goal, dict) for goal in given):
        raise _WrongRequestError("Send a list of goals.")
    if isinstance(age_hours, bool) or not isinstance(age_hours, int | float):
        raise _WrongRequestError("age_hours is a number.")
    goals = [_goal({"GoalCategory": "Purchase"} | goal) for goal in given]
    created_at = emulator.clock.now() - age_hours * _HOUR_SECONDS
    found = emulator.execute(
        "CampaignManagement", "AddConversionGoals", {"ConversionGoals": goals}, account_id=account_id, at=created_at
    )
    if found["PartialErrors"]:
        reasons = ", ".join(f"{error.code} {error.symbol}" for error in found["PartialErrors"])
        raise _WrongRequestError(f"Not every goal was added: {reasons}.")
    return {"ConversionGoalIds": [str(goal_id) for goal_id in found["ConversionGoalIds"]]}


def _goal(fields: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = decode(service("CampaignManagement"), OFFLINE_GOAL, fields)
    return found | {TYPE: OFFLINE_GOAL}


def _accounts(emulator: Emulator, request: Request) -> dict[str, Any]:
    """Change fields of accounts, such as ``AccountLifeCycleStatus``."""
    for account_id, fields in _object(request).items():
        account = emulator.store.world.accounts.get(_account_id(account_id))
        if account is None or not isinstance(fields, dict):
            raise _WrongRequestError("Send an object of account ids with the fields to change.")
        account.update(fields)
    return {"accounts": len(emulator.store.world.accounts)}


def _tokens(emulator: Emulator, request: Request) -> dict[str, Any]:
    """Let the access tokens expire, or revoke the refresh tokens."""
    body = _object(request)
    if body.get("expire_access_tokens"):
        emulator.sign_in.expire_access_tokens()
    if body.get("revoke_refresh_tokens"):
        emulator.sign_in.revoke_refresh_tokens()
    return {"status": "ok"}


def _coverage(_emulator: Emulator, _request: Request) -> dict[str, Any]:
    return coverage()


_PAGES: Final[Mapping[tuple[str, str], Callable[[Emulator, Request], dict[str, Any]]]] = {
    ("GET", "health"): _health,
    ("POST", "reset"): _reset,
    ("GET", "state"): _state,
    ("GET", "calls"): _calls,
    ("GET", "stats"): _stats,
    ("POST", "faults"): _faults,
    ("POST", "clock"): _clock,
    ("GET", "config"): _config,
    ("POST", "config"): _config,
    ("POST", "clicks"): _clicks,
    ("POST", "goals"): _goals,
    ("POST", "accounts"): _accounts,
    ("POST", "tokens"): _tokens,
    ("GET", "coverage"): _coverage,
}


def _reply(status: int, body: object) -> Reply:
    return Reply(status, msgspec.json.encode(body))


def _query(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.query))


def _whole(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not text.isdecimal():
        raise _WrongRequestError(f"{name} is a whole number.")
    return int(text)


def _account_id(given: object) -> int:
    text = str(given)
    return int(text) if text.isdecimal() and len(text) < _ID_DIGITS else 0


def _body(request: Request) -> Any:
    try:
        return msgspec.json.decode(request.body)
    except msgspec.DecodeError:
        raise _WrongRequestError("The body is no JSON.") from None


def _object(request: Request) -> dict[str, Any]:
    body = _body(request)
    if not isinstance(body, dict):
        raise _WrongRequestError("The body is no JSON object.")
    return body


def _sentence(error: Exception) -> str:
    if isinstance(error, RefusalError):
        return ", ".join(f"{one.code} {one.symbol}: {one.message}" for one in error.errors)
    return str(error)
