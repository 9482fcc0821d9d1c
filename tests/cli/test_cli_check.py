"""`bingads check`: everything right is all ticks; each thing wrong is one cross that says what to do."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from airflow_provider_bingads.cli.findings import Status
from airflow_provider_bingads.cli.service_checks import service_findings
from airflow_provider_bingads.emulator.testing import EmulatorControl

Connect = Callable[..., None]
Run = Callable[..., Result]

CLICK = "f894f652ea334e739002f7167ab8f8e3"
SOURCE = ("--warehouse", "warehouse", "--table", "conversions")


@pytest.fixture
def source(warehouse: sqlite3.Connection, bingads_emulator: EmulatorControl) -> sqlite3.Connection:
    """Return a warehouse with one table of one good row, whose goal exists."""
    bingads_emulator.add_goal("Purchase")
    warehouse.execute(
        "CREATE TABLE conversions (id INTEGER PRIMARY KEY, conversion_name TEXT, conversion_time TEXT,"
        " microsoft_click_id TEXT)"
    )
    _add(warehouse, "Purchase", bingads_emulator.now())
    return warehouse


def _add(database: sqlite3.Connection, goal: str | None, time: str | None, click: str | None = CLICK) -> None:
    database.execute(
        "INSERT INTO conversions (conversion_name, conversion_time, microsoft_click_id) VALUES (?, ?, ?)",
        (goal, time, click),
    )
    database.commit()


def _check(bingads: Run, *arguments: str, conn: str = "bingads_default") -> dict[str, dict[str, Any]]:
    """Run the check; exit code, ``ok`` and the findings must agree."""
    ended = bingads("check", conn, *arguments, "--json")
    document = json.loads(ended.stdout)
    findings = {finding["name"]: finding for finding in document["checks"]}
    assert len(findings) == len(document["checks"])
    failed = any(finding["status"] == "failed" for finding in findings.values())
    assert (ended.exit_code, document["ok"]) == (int(failed), not failed)
    return findings


def _crosses(findings: dict[str, dict[str, Any]]) -> list[str]:
    return [name for name, finding in findings.items() if finding["status"] == "failed"]


@pytest.mark.usefixtures("connect", "source")
def test_a_set_up_that_is_right_is_ticks_only(bingads: Run) -> None:
    findings = _check(bingads, *SOURCE)
    assert {finding["status"] for finding in findings.values()} == {"ok"}
    assert list(findings) == [
        "connection",
        "token",
        "developer token",
        "account",
        "role",
        "columns",
        "zone",
        "rows",
        "goals",
        "ledger",
    ]


@pytest.mark.usefixtures("connect", "source")
def test_people_see_one_line_for_each_check(bingads: Run) -> None:
    ended = bingads("check", "bingads_default", *SOURCE)
    assert ended.exit_code == 0
    assert len(ended.stdout.splitlines()) == 10
    assert all(line.startswith("✓ ") for line in ended.stdout.splitlines())


@pytest.mark.usefixtures("connect", "source")
def test_a_check_over_soap_finds_the_same(bingads: Run, connect: Connect) -> None:
    over_rest = _check(bingads, *SOURCE)
    connect(transport="soap")
    over_soap = _check(bingads, *SOURCE)
    assert "SOAP" in over_soap.pop("connection")["sentence"]
    del over_rest["connection"]
    assert over_soap == over_rest


@pytest.mark.parametrize(
    ("changed", "cross", "remedy"),
    [
        ({"refresh_token": "emulator-refresh-of-another"}, "token", "bingads auth"),
        ({"password": "wrong-secret"}, "token", "client secret"),
        ({"login": "00000000-0000-0000-0000-000000000000"}, "token", "Application (client) ID"),
        ({"developer_token": "WRONGTOKEN"}, "developer token", "developer_token"),
        ({"account_id": "999"}, "account", "account_id"),
        ({"account_id": "F1234567"}, "connection", "digits only"),
        ({"base_url": "http://127.0.0.1:1"}, "token", "no connection"),
        ({"environment": "moon"}, "connection", "production, sandbox, emulator"),
        ({"allowed_account_ids": "1"}, "connection", "allowed_account_ids"),
    ],
)
def test_a_wrong_field_of_the_connection_is_one_cross_with_its_remedy(
    bingads: Run, connect: Connect, changed: dict[str, str], cross: str, remedy: str
) -> None:
    """What depends on it is skipped, so that the one cause stands out."""
    connect(**changed)
    findings = _check(bingads)
    assert _crosses(findings) == [cross]
    assert remedy in findings[cross]["sentence"]
    for secret in ("emulator-refresh-of-another", "wrong-secret", "WRONGTOKEN"):
        assert secret not in json.dumps(findings)


def test_a_connection_that_does_not_exist_is_one_cross(bingads: Run) -> None:
    findings = _check(bingads, conn="nowhere")
    assert _crosses(findings) == ["connection"]
    assert "'nowhere'" in findings["connection"]["sentence"]


@pytest.mark.usefixtures("connect")
def test_an_account_that_is_closed_is_a_cross(bingads: Run, bingads_emulator: EmulatorControl) -> None:
    account = bingads_emulator.credentials.account_id
    bingads_emulator.post("accounts", {account: {"AccountLifeCycleStatus": "Suspended"}})
    findings = _check(bingads)
    assert "Suspended" in findings["account"]["sentence"]
    assert "account" in _crosses(findings)


def test_without_an_account_the_rest_is_still_checked(bingads: Run, connect: Connect) -> None:
    connect(account_id=None)
    findings = _check(bingads)
    assert findings["developer token"]["status"] == "ok"
    assert {findings[name]["status"] for name in ("account", "role", "goals")} == {"skipped"}


@pytest.mark.usefixtures("source")
def test_the_operator_s_account_counts_before_the_connection_s(
    bingads: Run, connect: Connect, bingads_emulator: EmulatorControl
) -> None:
    connect(account_id=None)
    findings = _check(bingads, *SOURCE, "--account-id", bingads_emulator.credentials.account_id)
    assert findings["account"]["status"] == findings["goals"]["status"] == "ok"


@pytest.mark.usefixtures("connect")
def test_an_account_without_any_goal_is_a_cross(bingads: Run) -> None:
    findings = _check(bingads)
    assert _crosses(findings) == ["goals"]
    assert "two hours" in findings["goals"]["sentence"]


@pytest.mark.usefixtures("connect")
def test_a_goal_that_the_account_lacks_is_a_cross_with_the_nearest_name(
    bingads: Run, source: sqlite3.Connection, bingads_emulator: EmulatorControl
) -> None:
    _add(source, "purchase", bingads_emulator.now())
    findings = _check(bingads, *SOURCE)
    assert _crosses(findings) == ["goals"]
    assert "'purchase'" in findings["goals"]["sentence"]
    assert "'Purchase'" in findings["goals"]["sentence"]


@pytest.mark.usefixtures("connect", "source")
def test_a_table_that_does_not_exist_is_a_cross_with_the_nearest_name(bingads: Run) -> None:
    findings = _check(bingads, "--warehouse", "warehouse", "--table", "conversion")
    assert _crosses(findings) == ["columns"]
    assert "conversions" in findings["columns"]["sentence"]
    assert findings["zone"]["status"] == findings["rows"]["status"] == "skipped"


@pytest.mark.usefixtures("connect", "source")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--column", "ConversionName=goal"), "goal"),
        (("--column", "ConversionNames=conversion_name"), "ConversionNames"),
        (("--constant", "ConversionValue=twelve"), "ConversionValue"),
        (("--source-key", "order_no"), "order_no"),
        (("--source-timezone", "Mars/Base"), "Mars/Base"),
    ],
)
def test_an_argument_that_does_not_fit_the_source_is_a_cross(
    bingads: Run, arguments: tuple[str, ...], said: str
) -> None:
    findings = _check(bingads, *SOURCE, *arguments)
    assert _crosses(findings) == ["columns"]
    assert said in findings["columns"]["sentence"]


@pytest.mark.usefixtures("connect")
def test_times_without_zone_need_one_declared(
    bingads: Run, source: sqlite3.Connection, bingads_emulator: EmulatorControl
) -> None:
    source.execute("DELETE FROM conversions")
    _add(source, "Purchase", bingads_emulator.now()[:19])
    findings = _check(bingads, *SOURCE)
    assert "zone" in _crosses(findings)
    assert "source_timezone" in findings["zone"]["sentence"]
    assert _crosses(_check(bingads, *SOURCE, "--source-timezone", "UTC")) == []


@pytest.mark.usefixtures("connect")
def test_a_few_bad_rows_are_told_and_fail_nothing(bingads: Run, source: sqlite3.Connection) -> None:
    """What single rows hold is the business of a run; nobody has to mend the set-up for it."""
    _add(source, None, "yesterday, says jane@contoso.com")
    findings = _check(bingads, *SOURCE)
    assert findings["rows"]["status"] == "ok"
    assert "1 can be sent" in findings["rows"]["sentence"]
    assert "1 are refused" in findings["rows"]["sentence"]
    assert "jane" not in json.dumps(findings)


@pytest.mark.usefixtures("connect")
def test_a_sample_of_which_nothing_can_be_sent_is_a_cross(bingads: Run, source: sqlite3.Connection) -> None:
    source.execute("UPDATE conversions SET microsoft_click_id = 'gclid'")
    source.commit()
    findings = _check(bingads, *SOURCE)
    assert _crosses(findings) == ["rows"]
    assert "microsoft_click_id" in findings["rows"]["sentence"]


@pytest.mark.usefixtures("connect")
def test_old_rows_and_an_empty_table_are_no_fault(bingads: Run, source: sqlite3.Connection) -> None:
    source.execute("UPDATE conversions SET conversion_time = '2020-01-01T00:00:00Z'")
    source.commit()
    assert "1 are out of window" in _check(bingads, *SOURCE)["rows"]["sentence"]
    source.execute("DELETE FROM conversions")
    source.commit()
    findings = _check(bingads, *SOURCE)
    assert (findings["rows"]["status"], _crosses(findings)) == ("skipped", [])


@pytest.mark.usefixtures("connect", "source")
def test_a_warehouse_that_does_not_exist_is_a_cross(bingads: Run) -> None:
    findings = _check(bingads, "--warehouse", "nowhere", "--table", "conversions")
    assert "warehouse" in _crosses(findings)
    assert "'nowhere'" in findings["warehouse"]["sentence"]


@pytest.mark.usefixtures("connect")
def test_the_check_leaves_the_database_as_it_was(bingads: Run, source: sqlite3.Connection) -> None:
    before = list(source.iterdump())
    assert _check(bingads, *SOURCE)["ledger"]["status"] == "ok"
    assert list(source.iterdump()) == before


@pytest.mark.usefixtures("connect", "source")
def test_a_ledger_that_stands_is_told_with_its_version(bingads: Run) -> None:
    bingads("ledger", "init", "--conn", "warehouse")
    assert "stands, version" in _check(bingads, *SOURCE)["ledger"]["sentence"]


@pytest.mark.usefixtures("connect", "source")
def test_a_ledger_that_cannot_be_written_is_a_cross_that_names_the_script(
    bingads: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sealed.db"
    sqlite3.connect(path).execute("PRAGMA user_version = 1").connection.close()
    path.chmod(stat.S_IRUSR)
    fields = {"conn_type": "sqlite", "host": str(path), "extra": {"mode": "ro"}}
    monkeypatch.setenv("AIRFLOW_CONN_SEALED", json.dumps(fields))
    findings = _check(bingads, *SOURCE, "--ledger", "sealed")
    assert _crosses(findings) == ["ledger"]
    assert "bingads ledger init --sql --dialect sqlite" in findings["ledger"]["sentence"]
    assert "CREATE TABLE" not in findings["ledger"]["sentence"]


@pytest.mark.usefixtures("connect", "source")
def test_nothing_is_sent_and_no_token_is_kept(bingads: Run, bingads_emulator: EmulatorControl) -> None:
    """A rotated token that nobody stores is harmless, the old one lives on; a second check has to work as well."""
    for _ in range(2):
        _check(bingads, *SOURCE)
    assert bingads_emulator.calls("ApplyOfflineConversions") == []
    assert bingads_emulator.state("offline_conversions")["offline_conversions"] == []


@pytest.mark.parametrize("arguments", [("--warehouse", "warehouse"), ("--table", "t"), ("--column", "ConversionName")])
def test_halves_of_arguments_are_wrong_usage(bingads: Run, arguments: tuple[str, ...]) -> None:
    assert bingads("check", "bingads_default", *arguments).exit_code == 2


class _Service:
    """Answers as the service does to a user of one role."""

    def __init__(self, role: int | None, *, read_only: bool) -> None:
        self.settings = type("Settings", (), {"read_only": read_only})()
        self._roles = [] if role is None else [{"RoleId": role, "CustomerId": "7", "AccountIds": None}]

    def call(self, _service: str, operation: str, _body: object, **_: object) -> dict[str, Any]:
        if operation == "GetUser":
            return {"User": {"Id": "1", "UserName": "jane@contoso.com"}, "CustomerRoles": self._roles}
        return {"Account": {"Name": "A", "AccountLifeCycleStatus": "Active", "ParentCustomerId": "7"}}


@pytest.mark.parametrize(
    ("role", "read_only", "status", "said"),
    [
        (41, False, Status.OK, "Super Admin"),
        (203, False, Status.OK, "Standard"),
        (100, False, Status.FAILED, "ask a Super Admin"),
        (100, True, Status.OK, "Viewer"),
        (9999, False, Status.OK, "9999"),
        (None, False, Status.SKIPPED, "no role"),
    ],
)
def test_a_role_is_judged_by_what_the_connection_is_for(
    role: int | None, read_only: bool, status: Status, said: str
) -> None:
    *others, found = service_findings(_Service(role, read_only=read_only), "5")  # type: ignore[arg-type]
    assert (found.name, found.status) == ("role", status)
    assert said in found.sentence
    assert not any("jane" in finding.sentence for finding in others)
