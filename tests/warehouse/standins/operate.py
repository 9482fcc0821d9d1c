"""Runs the operator on a Snowflake in this process, through Airflow's own Snowflake hook.

``python -m tests.warehouse.standins.operate``, in the environment that has both; the connections come from the
environment. Standard input is one JSON object: ``statements`` that fill the warehouse, and ``runs``, a list of the
operator's arguments. Standard output is what each run pushed to XCom and raised.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile

# before anything imports Airflow, which logs to standard output
_HOME = tempfile.TemporaryDirectory(prefix="bingads-airflow-")
os.environ["AIRFLOW_HOME"] = _HOME.name
_ANSWERS = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

import fakesnow  # noqa: E402

from airflow_provider_bingads.hooks.engines import engine_for  # noqa: E402
from tests.operators.operators_world import run  # noqa: E402


def main() -> None:
    """Fill the warehouse, run, and report."""
    told = json.load(sys.stdin)
    with fakesnow.patch():
        engine = engine_for("warehouse")
        with engine.connect() as connection:
            for statement in told["statements"]:
                connection.exec_driver_sql(statement)
            connection.commit()
        engine.dispose()
        ran = [run(**arguments) for arguments in told["runs"]]
    json.dump([{"xcom": one.xcom, "error": one.error and str(one.error)} for one in ran], _ANSWERS)


if __name__ == "__main__":
    main()
