"""Offline conversions: click id, goal and time make the event; the first value the service is sent stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.proof.case import Case, Row
from tests.proof.moments import START

GOAL, YOUNG_GOAL = "Purchase", "Launch"
REFUSED_FROM = 900
YOUNG_GOAL_HOURS = 1.5
"""The service takes conversions from two hours after a goal was made."""


def _row(number: int, **changes: Any) -> Row:
    at = START - timedelta(hours=6, minutes=number)
    return {
        "order_id": f"order-{number}",
        "microsoft_click_id": f"{number + 1:032x}",
        "conversion_name": GOAL,
        "conversion_time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "conversion_value": number + 0.25,
        "conversion_currency_code": "USD",
        "account": None,
        **changes,
    }


def _prepare(post: Callable[[str, object], Any], accounts: Sequence[str]) -> None:
    # goals of the customer serve all its accounts, and their names are the customer's
    for name, age in ((GOAL, 24), (YOUNG_GOAL, YOUNG_GOAL_HOURS)):
        goals = [{"Name": name, "Scope": "Customer"}]
        post("goals", {"AccountId": accounts[0], "age_hours": age, "goals": goals})
    # A click that the service knows to be later than its conversion: refused with 5616, and nothing here can know.
    clicks = range(REFUSED_FROM, REFUSED_FROM + 5)
    post("clicks", {f"{number + 1:032x}": (START - timedelta(hours=1)).timestamp() for number in clicks})


def _key_of_row(row: Mapping[str, Any]) -> tuple[str, str, str]:
    click = str(row["microsoft_click_id"]).lower()
    return (click, str(row["conversion_name"]), str(row["conversion_time"]))


def _key_of_object(held: Mapping[str, Any]) -> tuple[str, str, str]:
    at = datetime.fromisoformat(held["ConversionTime"]).astimezone(UTC)
    return (held["MicrosoftClickId"].lower(), held["ConversionName"], at.strftime("%Y-%m-%dT%H:%M:%SZ"))


CASE = Case(
    name="offline_conversions",
    columns=tuple(_row(0)),
    state="offline_conversions",
    prepare=_prepare,
    valid=_row,
    refused=lambda number: _row(REFUSED_FROM + number),
    invalid=lambda number: _row(800 + number, microsoft_click_id=f"NO-CLICK-ID-{number}"),
    young=lambda number: _row(700 + number, conversion_name=YOUNG_GOAL),
    key_of_row=_key_of_row,
    key_of_object=_key_of_object,
    value_column="conversion_value",
    value_of_object=lambda held: held["ConversionValue"],
    marker="NO-CLICK-ID",
)
