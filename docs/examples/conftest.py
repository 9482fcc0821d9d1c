"""Gives the tests an Airflow of their own; this must run before anything imports Airflow."""

import os
from pathlib import Path

HERE = Path(__file__).parent
os.environ["AIRFLOW_HOME"] = str(HERE / "airflow_home")
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(HERE / "dags")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"


def pytest_sessionstart() -> None:
    """Create Airflow's tables once."""
    from airflow.utils.db import initdb

    initdb()
