"""Runs the shipped source code on another warehouse's SQLAlchemy dialect, as told by lines of JSON.

``python -m tests.warehouse.standins.serve snowflake`` (or ``bigquery``, ``databricks``), in an environment that has the
dialect. Each line of standard input is one request, each line of standard output its answer; a failure is an answer
too, with the name and the text of the error.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine

from airflow_provider_bingads.warehouse import SourceRequest, describe_source, open_source
from tests.warehouse.standins.cells import decoded, encoded

Told = Mapping[str, Any]


class Server:
    """Carries requests out on one engine.

    :param engine: of the stand-in.
    :param statements: what was sent to it, each with its parameters; grows.
    """

    def __init__(self, engine: Engine, statements: list[tuple[str, Any]]) -> None:
        self._engine = engine
        self._statements = statements

    def execute(self, told: Told) -> None:
        """Run statements as they stand."""
        with self._engine.connect() as connection:
            for statement in told["statements"]:
                connection.exec_driver_sql(statement)
            connection.commit()

    def describe(self, told: Told) -> dict[str, Any]:
        """Return a source's shape."""
        shape = describe_source(self._engine, **told)
        columns = {str(name): [column.is_temporal, column.has_timezone] for name, column in shape.columns.items()}
        return {"columns": columns, "primary_key": list(shape.primary_key)}

    def read(self, told: Told) -> dict[str, Any]:
        """Read a source to its end, with all that is counted about it.

        :param told: what a ``SourceRequest`` takes; ``accounts`` of a second pass; ``only_accounts`` without a first.
        """
        accounts, only = told.get("accounts"), told.get("only_accounts")
        request = {name: value for name, value in told.items() if name not in {"accounts", "only_accounts"}}
        request["columns"] = tuple(request["columns"])
        self._statements.clear()
        source = open_source(self._engine, SourceRequest(**request))
        try:
            chunks = list(source.chunks(only))
            again = [row for chunk in source.chunks(accounts) for row in chunk] if accounts else []
            before = {str(name): count for name, count in source.count_before_cutoff().items()}
            expected = source.expected_rows()
        finally:
            source.close()
        return {
            "sizes": [len(chunk) for chunk in chunks],
            "rows": [row for chunk in chunks for row in chunk],
            "again": again,
            "before_cutoff": before,
            "expected_rows": expected,
            "statements": self._statements,
        }


def main() -> None:
    """Answer until the input ends."""
    stand_in = importlib.import_module(f"tests.warehouse.standins.{sys.argv[1]}_stand_in")
    answers = sys.stdout
    sys.stdout = sys.stderr  # whatever a package prints is no answer
    with stand_in.engine() as (engine, statements):
        server = Server(engine, statements)
        for line in sys.stdin:
            told = decoded(json.loads(line))
            try:
                answer = {"answer": encoded(getattr(server, told.pop("do"))(told))}
            except Exception as error:  # noqa: BLE001 - the test judges it
                answer = {"error": type(error).__name__, "message": str(error)[:2000]}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
