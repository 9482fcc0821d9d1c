"""The example ``docs/examples/crm_deals.py`` on a PostgreSQL table that was not made for this provider."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy

from tests.airflow.harness import ROOT, postgres_connection_json
from tests.private_postgres import own_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_bingads.emulator.testing import EmulatorControl
    from tests.airflow.harness import DagResult, InProcessAirflow

DAYS = 730
CREATE = """
CREATE SCHEMA crm;
CREATE TABLE crm.deals (
    deal_no text PRIMARY KEY, account_id uuid NOT NULL DEFAULT gen_random_uuid(), won_at timestamp, amount_eur float8,
    msclkid text, contact_email text
)
"""
INSERT = "INSERT INTO crm.deals VALUES (:deal_no, DEFAULT, :won_at, :amount_eur, :msclkid, :contact_email)"
TEXTS_OF_THE_LEDGER = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_name LIKE 'bingads%' AND data_type IN ('text', 'character varying')
"""

pytestmark = pytest.mark.postgres


@pytest.fixture
def engine(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlalchemy.Engine]:
    """Make a database with the CRM's table, behind the connection ``warehouse``."""
    with own_database(postgres_url, "crm_table") as made:
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", postgres_connection_json(made.url))
        with made.begin() as connection:
            connection.execute(sqlalchemy.text(CREATE))
        yield made


@pytest.fixture
def now(emulator: EmulatorControl) -> datetime:
    """Add the goal, enabled for enhanced conversions as rows without a click id need it; return the time."""
    emulator.add_goal("Won deal", IsEnhancedConversionsEnabled=True)
    return datetime.fromisoformat(emulator.now()).astimezone(UTC).replace(microsecond=0)


def deal(number: int, won_at: datetime, **changes: Any) -> dict[str, Any]:
    """Return one row, its time as a clock on a wall in Berlin shows it; every third deal is known by e-mail only."""
    return {
        "deal_no": f"D-{number:05}",
        "won_at": won_at.astimezone(ZoneInfo("Europe/Berlin")).replace(tzinfo=None),
        "amount_eur": 100.1 + number,
        "msclkid": None if number % 3 == 0 else hashlib.md5(str(number).encode()).hexdigest(),
        "contact_email": f"Erika.Muster+{number}@Example.com",
        **changes,
    }


def run(airflow: InProcessAirflow, now: datetime) -> DagResult:
    """Run the example once."""
    return airflow.run(ROOT / "docs" / "examples" / "crm_deals.py", "crm_deals", logical_date=now)


def fill(engine: sqlalchemy.Engine, rows: list[dict[str, Any]]) -> None:
    """Insert rows."""
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text(INSERT), rows)


def test_two_years_of_deals_are_read_and_the_last_90_days_sent(
    airflow: InProcessAirflow, engine: sqlalchemy.Engine, emulator: EmulatorControl, now: datetime
) -> None:
    latest = now - timedelta(minutes=1)
    # In Berlin 00:00 to 02:00 UTC is the hour that occurs twice on one day of the year, and such a time is refused.
    latest -= timedelta(hours=latest.hour + 1) if latest.hour < 2 else timedelta()
    fill(engine, [deal(n, latest - timedelta(days=n)) for n in range(DAYS)])
    summary = run(airflow, now).summary()
    assert (summary["source_rows"], summary["applied"], summary["out_of_window"]) == (DAYS, 90, DAYS - 90)
    sent = {row["ConversionTime"][:19] for row in emulator.state()["offline_conversions"]}
    assert f"{latest:%Y-%m-%dT%H:%M:%S}" in sent


def test_account_id_of_the_crm_means_nothing_to_the_operator(
    airflow: InProcessAirflow, engine: sqlalchemy.Engine, emulator: EmulatorControl, now: datetime
) -> None:
    fill(engine, [deal(1, now - timedelta(hours=1))])
    (account,) = run(airflow, now).summary()["accounts"]
    assert account["account_id"] == emulator.credentials.account_id


def test_no_address_is_left_in_the_ledger_nor_in_what_the_task_pushed(
    airflow: InProcessAirflow, engine: sqlalchemy.Engine, now: datetime
) -> None:
    """Neither of rows that were sent nor of rows that were refused, raw or hashed."""
    rows = [deal(n, now - timedelta(hours=n)) for n in range(1, 10)]
    rows += [deal(n, now - timedelta(hours=n), contact_email=f"erika at example {n}") for n in range(10, 20)]
    fill(engine, rows)
    ended = run(airflow, now)
    assert ended.state == "failed"
    hashed = [hashlib.sha256(b"erikamuster@example.com").hexdigest()]
    planted = ["erika", *hashed]
    with engine.connect() as connection:
        columns = connection.execute(sqlalchemy.text(TEXTS_OF_THE_LEDGER)).all()
        assert len(columns) > 50
        for table, column in columns:
            cells = connection.execute(sqlalchemy.text(f'SELECT DISTINCT "{column}" FROM {table}')).scalars()
            assert not [cell for cell in cells if any(word in str(cell).lower() for word in planted)], (table, column)
    assert not [word for word in planted if word in str(ended.xcom).lower()]


def test_mended_row_is_sent_when_its_run_is_cleared(
    airflow: InProcessAirflow, engine: sqlalchemy.Engine, now: datetime
) -> None:
    fill(engine, [deal(1, now - timedelta(hours=1)), {**deal(2, now), "won_at": None}])
    assert run(airflow, now).summary()["invalid"] == 1
    with engine.begin() as connection:
        repair = "UPDATE crm.deals SET won_at = :won_at WHERE deal_no = 'D-00002'"
        connection.execute(sqlalchemy.text(repair), deal(2, now - timedelta(hours=2)))
    again = run(airflow, now)
    assert (again.state, again.summary()["applied"], again.summary()["skipped"]) == ("success", 1, 1)
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT count(*) FROM bingads_attention")).scalar() == 0
