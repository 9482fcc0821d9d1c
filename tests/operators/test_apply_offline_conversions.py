"""The operator against a real SQLite warehouse and the emulator over real HTTP."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from operators_world import TaskInstance, Warehouse, conversions, run

TRANSPORTS = ["rest", "soap"]


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest, service: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    use_transport(service, monkeypatch, request.param)
    return str(request.param)


def use_transport(service: Any, monkeypatch: pytest.MonkeyPatch, transport: str, **extra: Any) -> None:
    connection = json.loads(json.dumps(service.connection))
    extras = connection["extra"] if isinstance(connection["extra"], dict) else json.loads(connection["extra"])
    connection["extra"] = {**extras, "transport": transport, **extra}
    monkeypatch.setenv("AIRFLOW_CONN_BINGADS_DEFAULT", json.dumps(connection))


def test_a_table_reaches_the_service_and_every_row_has_its_outcome(
    warehouse: Warehouse, service: Any, transport: str
) -> None:
    warehouse.add(conversions(2500))
    ran = run()
    assert ran.error is None
    assert ran.counts == {"source_rows": 2500, "applied": 2500}
    assert len(service.state()["offline_conversions"]) == 2500
    states = warehouse.rows("SELECT state, COUNT(*) AS n FROM bingads_row_current GROUP BY state")
    assert states == [{"state": "applied", "n": 2500}]


def test_both_transports_leave_identical_rows_in_service_and_ledger(
    warehouse: Warehouse, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = conversions(4990)
    broken = [
        *conversions(2, start=5000, microsoft_click_id="not a click id"),
        *conversions(2, start=5010, conversion_value=-1),
        *conversions(2, start=5020, conversion_currency_code="XXQ"),
        *conversions(2, start=5030, conversion_name="No such goal"),
        *conversions(2, start=5040, conversion_time="yesterday"),
    ]
    warehouse.add(good + broken)
    seen = {}
    for transport in TRANSPORTS:
        use_transport(service, monkeypatch, transport)
        ran = run(namespace=transport, on_threshold="warn")
        assert ran.error is None
        seen[transport] = (service_rows(service), ledger_rows(warehouse, ran.xcom["return_value"]["run_id"]))
        if transport == "rest":
            service.reset()
            service.add_goal("Purchase", age_hours=3)
    assert len(seen["rest"][0]) == 4990
    assert len(seen["rest"][1]) == 5000
    assert seen["rest"] == seen["soap"]


def service_rows(service: Any) -> list[tuple[str, ...]]:
    rows = service.state()["offline_conversions"]
    return sorted(tuple(f"{name}={row[name]}" for name in sorted(row)) for row in rows)


def ledger_rows(warehouse: Warehouse, run_id: str) -> list[dict[str, Any]]:
    names = "row_key, content_hash, gen, state, rank, code, error_code, field_path, column_name, message, n_errors, "
    names += "source_ref, event_time, group_name, remote_key, amount, currency"
    return warehouse.rows(f"SELECT {names} FROM bingads_row WHERE run_id = '{run_id}' ORDER BY source_ref")


def test_a_second_run_makes_no_apply_call(warehouse: Warehouse, service: Any) -> None:
    warehouse.add(conversions(1500))
    run()
    before = service.stats()["calls_by_operation"]["ApplyOfflineConversions"]
    again = run(ti=TaskInstance(run_id="manual__2"))
    assert again.counts == {"source_rows": 1500, "skipped": 1500}
    assert service.stats()["calls_by_operation"]["ApplyOfflineConversions"] == before
    assert service.stats()["keys_received_again"] == 0


def test_service_errors_name_row_code_and_remedy(warehouse: Warehouse, service: Any) -> None:
    service.add_clicks({f"{1:032x}": 4_000_000_000.0})
    warehouse.add(conversions(3))
    ran = run()
    assert isinstance(ran.error, AirflowFailException)
    assert ran.counts == {"source_rows": 3, "applied": 2, "rejected": 1}
    (item,) = ran.xcom["partial_errors"]["items"]
    assert (item["source_ref"], item["code"], item["column"]) == ("order-0", 5616, "conversion_time")
    assert item["remedy"]
    assert item["tracking_id"]


def test_a_crossed_threshold_fails_after_everything_valid_was_sent(warehouse: Warehouse, service: Any) -> None:
    warehouse.add(conversions(5) + conversions(2, start=10, conversion_value="12,5"))
    ran = run()
    assert isinstance(ran.error, AirflowFailException)
    assert "2 invalid" in str(ran.error).splitlines()[0]
    assert "conversion_value" in json.dumps(ran.xcom["partial_errors"])
    assert len(service.state()["offline_conversions"]) == 5


def test_a_threshold_that_only_warns_lets_the_task_succeed(warehouse: Warehouse, service: Any) -> None:
    warehouse.add(conversions(5) + conversions(2, start=10, conversion_value="12,5"))
    assert run(on_threshold="warn").error is None
    assert run(max_rejected=2, ti=TaskInstance(run_id="other")).error is None


def test_failures_of_an_earlier_try_still_count(warehouse: Warehouse, service: Any) -> None:
    warehouse.add(conversions(5) + conversions(2, start=10, conversion_value="12,5"))
    run(ti=TaskInstance(try_number=1))
    second = run(ti=TaskInstance(try_number=2))
    assert second.counts == {"source_rows": 7, "skipped": 5, "already_rejected": 2}
    assert isinstance(second.error, AirflowFailException)


def test_failures_of_a_killed_try_still_count(warehouse: Warehouse, service: Any) -> None:
    warehouse.add(conversions(5) + conversions(2, start=10, conversion_value="12,5"))
    run(ti=TaskInstance(try_number=1))
    warehouse.execute("DELETE FROM bingads_run WHERE event = 'end'")
    assert isinstance(run(ti=TaskInstance(try_number=2)).error, AirflowFailException)


def test_a_task_cleared_after_its_rows_were_mended_succeeds(warehouse: Warehouse, service: Any) -> None:
    warehouse.add(conversions(5) + conversions(2, start=10, conversion_value="12,5"))
    assert run(ti=TaskInstance(try_number=1)).error is not None
    warehouse.execute("UPDATE offline_conversions SET conversion_value = 12.5 WHERE conversion_value = '12,5'")
    second = run(ti=TaskInstance(try_number=2))
    assert second.error is None
    assert second.counts == {"source_rows": 7, "skipped": 5, "applied": 2}


def test_rows_are_routed_by_their_account_column_only_when_it_is_named(warehouse: Warehouse, service: Any) -> None:
    """A CRM's own ``account_id`` column routes nothing by itself."""
    warehouse.add(conversions(3, account_id="ACME-77"))
    assert run().counts == {"source_rows": 3, "applied": 3}
    assert {row["AccountId"] for row in service.state()["offline_conversions"]} == {service.credentials.account_id}


def test_rows_without_an_account_are_invalid_and_never_sent_elsewhere(warehouse: Warehouse, service: Any) -> None:
    account = service.credentials.account_id
    warehouse.add(
        conversions(3, ad_account=account) + conversions(2, start=10) + conversions(1, start=20, ad_account="x")
    )
    ran = run(account_id_column="ad_account", on_threshold="warn")
    assert ran.counts == {"source_rows": 6, "applied": 3, "invalid": 3}
    assert len(service.state()["offline_conversions"]) == 3


def test_validate_only_sends_nothing_and_writes_no_rows(warehouse: Warehouse, service: Any) -> None:
    warehouse.add(conversions(5) + conversions(1, start=10, conversion_value="x"))
    ran = run(validate_only=True, on_threshold="warn")
    assert ran.counts == {"source_rows": 6, "invalid": 1, "to_send": 5}
    assert service.state()["offline_conversions"] == []
    assert warehouse.rows("SELECT * FROM bingads_row") == []


def test_a_read_only_connection_only_validates(
    warehouse: Warehouse, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_transport(service, monkeypatch, "rest", read_only=True)
    warehouse.add(conversions(5))
    assert run().counts == {"source_rows": 5, "to_send": 5}
    assert service.state()["offline_conversions"] == []


def test_columns_constants_and_a_query_name_things_differently(warehouse: Warehouse, service: Any) -> None:
    warehouse.execute("CREATE TABLE sales (id INTEGER PRIMARY KEY, click TEXT, sold_at TEXT, eur NUMERIC)")
    rows = [(row["order_id"][6:], row["microsoft_click_id"], row["conversion_time"], 5) for row in conversions(4)]
    warehouse.execute("INSERT INTO sales VALUES (?, ?, ?, ?)", rows)
    ran = run(
        table=None,
        sql="SELECT * FROM sales WHERE eur > :least -- only real ones\n;",
        parameters={"least": 1},
        columns={"MicrosoftClickId": "click", "ConversionTime": "sold_at", "ConversionValue": "eur"},
        constants={"ConversionName": "Purchase", "ConversionCurrencyCode": "EUR"},
        source_key="id",
    )
    assert ran.error is None
    assert ran.counts == {"source_rows": 4, "applied": 4}
    assert {row["ConversionCurrencyCode"] for row in service.state()["offline_conversions"]} == {"EUR"}


SENTENCES: list[tuple[dict[str, Any], str]] = [
    ({"table": "offline_conversion"}, "offline_conversion"),
    ({"columns": {"MicrosoftClickId": "msclkid"}}, "msclkid"),
    ({"columns": {"ClickId": "microsoft_click_id"}}, "MicrosoftClickId"),
    ({"source_key": "id"}, "id"),
    ({"source_timezone": "Mars/Olympus"}, "Mars/Olympus"),
    ({"sql": "SELECT 1"}, "exactly one of sql and table"),
    ({"table": None, "sql": "SELECT 1 AS order_id FROM nowhere", "source_key": "order_id"}, "nowhere"),
    ({"max_in_flight": 99}, "max_in_flight"),
    ({"lookback": 400}, "lookback"),
    ({"bingads_conn_id": "nope"}, "nope"),
    ({"warehouse_conn_id": "nope"}, "nope"),
    ({"constants": {"ConversionCurrencyCode": "EURO"}}, "ConversionCurrencyCode"),
]


@pytest.mark.parametrize(("arguments", "names"), SENTENCES, ids=[names for _, names in SENTENCES])
def test_a_wrong_argument_ends_in_one_sentence_that_names_it(
    warehouse: Warehouse, service: Any, arguments: dict[str, Any], names: str
) -> None:
    warehouse.add(conversions(3))
    ran = run(**arguments)
    assert isinstance(ran.error, AirflowFailException), ran.error
    assert names in str(ran.error)
    assert len(str(ran.error)) < 700
    assert service.state()["offline_conversions"] == []


def test_naive_times_without_a_zone_stop_the_run_in_one_sentence(warehouse: Warehouse, service: Any) -> None:
    warehouse.add(conversions(3, conversion_time="2026-11-01 10:00:00"))
    ran = run()
    assert isinstance(ran.error, AirflowFailException)
    assert "source_timezone" in str(ran.error)
    assert warehouse.rows("SELECT * FROM bingads_row") == []


def test_a_goal_nobody_has_stops_the_run_in_one_sentence(warehouse: Warehouse, service: Any) -> None:
    warehouse.add(conversions(3, conversion_name="Purchse"))
    ran = run()
    assert isinstance(ran.error, AirflowFailException)
    assert "Purchse" in str(ran.error)
    assert warehouse.rows("SELECT * FROM bingads_row") == []


def test_wrong_credentials_end_in_one_sentence(
    warehouse: Warehouse, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_transport(service, monkeypatch, "rest", refresh_token="revoked-long-ago")
    warehouse.add(conversions(3))
    ran = run()
    assert isinstance(ran.error, AirflowFailException)
    assert "bingads auth" in str(ran.error)


def test_an_account_the_connection_does_not_allow_is_refused_before_a_call(
    warehouse: Warehouse, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_transport(service, monkeypatch, "rest", allowed_account_ids="1,2,3")
    warehouse.add(conversions(3))
    ran = run()
    assert isinstance(ran.error, AirflowFailException)
    assert "allowed_account_ids" in str(ran.error)


FAULTS: list[tuple[dict[str, Any], dict[str, int]]] = [
    ({"do": "drop_after_apply"}, {"source_rows": 2500, "applied": 2500}),
    ({"do": "http_503_html"}, {"source_rows": 2500, "applied": 2500}),
    ({"do": "token_expired_109"}, {"source_rows": 2500, "applied": 2500}),
    ({"do": "partial_errors_shuffled"}, {"source_rows": 2500, "applied": 2500}),
]


@pytest.mark.parametrize(("fault", "expected"), FAULTS, ids=[fault["do"] for fault, _ in FAULTS])
def test_a_fault_on_the_wire_loses_and_doubles_nothing(
    warehouse: Warehouse, service: Any, fault: dict[str, Any], expected: dict[str, int]
) -> None:
    service.set_faults([{"match": {"op": "ApplyOfflineConversions", "call": 2}, **fault}])
    warehouse.add(conversions(2500))
    ran = run()
    assert ran.error is None
    assert ran.counts == expected
    assert len(service.state()["offline_conversions"]) == 2500


CANARIES = ("canary.person@example.org", "+49 151 2345 6789", "4915123456789", "canaryperson@example.org")


def test_no_personal_data_reaches_log_ledger_or_xcom(
    warehouse: Warehouse, service: Any, caplog: pytest.LogCaptureFixture
) -> None:
    service.reset()
    service.add_goal("Purchase", IsEnhancedConversionsEnabled=True)
    warehouse.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, email, phone, conversion_time, conversion_name)")
    at = conversions(1)[0]["conversion_time"]
    people = [
        (1, "Canary.Person+tag@Example.org", None, at, "Purchase"),
        (2, None, "+49 151 2345 6789", at, "Purchase"),
        (3, "canary.person@example.org at", None, at, "Purchase"),
        (4, None, "+49 151 2345 6789 ext what", at, "Purchase"),
        (5, "canary.person@example.org", None, "canary.person@example.org", "canary.person@example.org"),
    ]
    warehouse.execute("INSERT INTO people VALUES (?, ?, ?, ?, ?)", people)
    with caplog.at_level(logging.DEBUG):
        ran = run(
            table="people",
            columns={"EmailAddress": "email", "PhoneNumber": "phone"},
            on_threshold="warn",
            source_key="id",
        )
    assert ran.counts["applied"] == 2
    tables = [f"bingads_{name}" for name in ("row", "error", "batch", "call", "run")]
    dump = "\n".join(str(row) for table in tables for row in warehouse.rows(f"SELECT * FROM {table}"))
    seen = "\n".join([caplog.text, dump, json.dumps(ran.xcom), str(ran.error)])
    for canary in CANARIES:
        assert canary.lower() not in seen.lower()
    for secret in ("refresh_token", "developer_token"):
        assert getattr(service.credentials, secret) not in seen


def test_rows_without_a_click_id_wait_for_a_goal_that_takes_them(warehouse: Warehouse, service: Any) -> None:
    warehouse.add(conversions(1, microsoft_click_id=None, hashed_email_address="a" * 64) + conversions(1, start=2))
    ran = run()
    assert ran.counts == {"source_rows": 2, "applied": 1, "deferred": 1}
    (item,) = ran.xcom["partial_errors"]["items"]
    assert (item["error_code"], item["column"]) == ("NotEligibleForEnhancedConversions", "conversion_name")


def test_xcom_stays_small_when_everything_is_wrong(warehouse: Warehouse, service: Any) -> None:
    warehouse.add(conversions(900, conversion_value="a lot") + conversions(900, start=1000, conversion_time="never"))
    ran = run(on_threshold="warn")
    assert len(json.dumps(ran.xcom["return_value"])) <= 8 * 1024
    assert len(json.dumps(ran.xcom["partial_errors"])) <= 32 * 1024
    assert (ran.xcom["partial_errors"]["total"], ran.xcom["partial_errors"]["truncated"]) == (1800, True)
    assert len(ran.xcom["summary_text"]) <= 600
