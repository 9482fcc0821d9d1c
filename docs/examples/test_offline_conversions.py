"""Tests the DAG ``dags/offline_conversions.py`` against an emulated Microsoft Advertising."""

import json
import sqlite3

from airflow.dag_processing.dagbag import DagBag


def test_good_rows_are_sent_and_bad_ones_explained(bingads_emulator, tmp_path, monkeypatch):
    warehouse = tmp_path / "warehouse.db"
    with sqlite3.connect(warehouse) as connection:
        columns = "id INTEGER PRIMARY KEY, microsoft_click_id, conversion_name, conversion_time"
        connection.execute(f"CREATE TABLE offline_conversions ({columns})")
        rows = [("f894f652ea334e739002f7167ab8f8e3", "Purchase"), ("too short", "Purchase")]
        connection.executemany("INSERT INTO offline_conversions VALUES (NULL, ?, ?, datetime('now', '-1 hour'))", rows)
    bingads_emulator.add_goal("Purchase")
    monkeypatch.setenv("AIRFLOW_CONN_BINGADS_DEFAULT", bingads_emulator.connection_json)
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(warehouse)}))

    dag_run = DagBag().get_dag("offline_conversions").test()

    assert dag_run.state == "success"
    assert [sent["ConversionName"] for sent in bingads_emulator.state()["offline_conversions"]] == ["Purchase"]
    errors = dag_run.get_task_instance("apply").xcom_pull(task_ids="apply", key="partial_errors")
    assert [error["column"] for error in errors["items"]] == ["microsoft_click_id"]
