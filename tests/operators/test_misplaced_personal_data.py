"""Personal data in any column, of one row or of all, ends in no log, message, XCom or audit table."""

from __future__ import annotations

import json
import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from operators_world import Ran, Warehouse, conversions, run

EMAIL = "canary.person@example.org"
PHONE = "+49 151 2345 6789"
TOKEN = "eyJhbGciOiJub25lIn0.eyJjYW5hcnkiOiJ0b2tlbiJ9"
PERSONAL = {
    "email": EMAIL,
    "phone": PHONE,
    "token": TOKEN,
    "email in a sentence": f"Sold to {EMAIL} in May",
    "phone in a sentence": f"Sold to {PHONE} in May",
}
COLUMNS = (
    "microsoft_click_id",
    "conversion_name",
    "conversion_time",
    "conversion_value",
    "conversion_currency_code",
    "hashed_email_address",
    "hashed_phone_number",
    "ad_account",
)


def shown(ran: Ran, warehouse: Warehouse, caplog: pytest.LogCaptureFixture) -> str:
    """Return everything a run leaves for people to read."""
    return "\n".join([str(ran.error), repr(ran.error), json.dumps(ran.xcom), caplog.text, ledger_text(warehouse.path)])


def betrayed(text: str) -> list[str]:
    """Return what of the personal data stands in a text, in whatever case and spacing."""
    plain = text.lower().replace(" ", "")
    return [value for value in (EMAIL, PHONE, TOKEN) if value.lower().replace(" ", "") in plain]


def ledger_text(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'bingads%'")]
        return "\n".join(str(row) for name in tables for row in connection.execute(f"SELECT * FROM {name}"))


def mixed_up(service: Any) -> list[dict[str, Any]]:
    """Return a row for each column and kind of personal data that somebody wrote into it."""
    account = {"ad_account": service.credentials.account_id}
    places = [(column, value) for column in COLUMNS for value in PERSONAL.values()]
    return [
        conversions(1, start=10 + number, **{**account, column: value})[0]
        for number, (column, value) in enumerate(places)
    ]


def test_somebodys_data_in_any_column_of_a_row_is_shown_nowhere(
    warehouse: Warehouse, service: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """As when a person typed into the wrong field; each row is refused, and its column is named."""
    caplog.set_level(logging.DEBUG)
    rows = mixed_up(service)
    warehouse.add(conversions(3, ad_account=service.credentials.account_id) + rows)

    ran = run(account_id_column="ad_account", on_threshold="warn")

    assert ran.error is None
    assert ran.counts["applied"] == 3
    assert len(rows) == ran.counts["invalid"] + ran.counts.get("deferred", 0)
    assert betrayed(shown(ran, warehouse, caplog)) == []
    named = {row["column_name"] for row in warehouse.rows("SELECT column_name FROM bingads_error")}
    assert set(COLUMNS) <= named


@pytest.mark.parametrize("value", PERSONAL.values(), ids=PERSONAL)
def test_a_goal_column_that_holds_somebodys_data_in_every_row_shows_it_nowhere(
    value: str, warehouse: Warehouse, service: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """As when two columns of a mapping are mixed up; such a run may end in one sentence, which must not quote it."""
    caplog.set_level(logging.DEBUG)
    warehouse.add(conversions(3, conversion_name=value))

    ran = run()

    assert ran.error is not None
    assert betrayed(shown(ran, warehouse, caplog)) == []
