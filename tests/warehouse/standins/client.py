"""The tests' end of a stand-in that runs in another environment."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.warehouse.standins.cells import decoded, encoded
from tests.warehouse.standins.environments import ROOT, EnvironmentUnavailableError, python_of

__all__ = ["RefusedError", "StandIn", "running"]


class RefusedError(Exception):
    """The code under test raised.

    :param kind: name of its error.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class StandIn:
    """A process that answers."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def execute(self, *statements: str) -> None:
        """Run statements as they stand."""
        self._ask("execute", statements=statements)

    def describe(self, **source: Any) -> dict[str, Any]:
        """Return what ``describe_source`` says."""
        return self._ask("describe", **source)

    def read(self, **request: Any) -> dict[str, Any]:
        """Return what ``open_source`` reads and counts."""
        return self._ask("read", **request)

    def _ask(self, do: str, **told: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(encoded({"do": do, **told})) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the stand-in ended with {self._process.wait(10)}"
        answer = json.loads(line)
        if "error" in answer:
            raise RefusedError(answer["error"], answer["message"])
        return decoded(answer["answer"])


@contextmanager
def running(environment: str, kind: str) -> Iterator[StandIn]:
    """Run a stand-in, or skip where its environment cannot be had.

    :param kind: ``snowflake``, ``bigquery`` or ``databricks``.
    """
    try:
        python = python_of(environment)
    except EnvironmentUnavailableError as error:
        pytest.skip(str(error))
    command = [str(python), "-W", "ignore", "-m", "tests.warehouse.standins.serve", kind]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", cwd=ROOT
    ) as process:
        yield StandIn(process)
        assert process.stdin is not None
        process.stdin.close()
