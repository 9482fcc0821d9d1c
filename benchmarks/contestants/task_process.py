"""What stands around an operator in the process of its task: Airflow, loaded; a supervisor, asked; a task instance."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

# What a worker has loaded before it comes to an operator: the SDK, and the two sides of a task's process.
import airflow.sdk  # noqa: F401
import airflow.sdk.execution_time.supervisor  # noqa: F401
from airflow.sdk.exceptions import ErrorType
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import ErrorResponse, GetVariable, PutVariable, VariableResult

__all__ = ["TaskInstance", "join_supervisor"]


class _Supervisor:
    """Answers in this process what a task asks: it keeps Variables, and has nothing else."""

    def __init__(self) -> None:
        self._variables: dict[str, str | None] = {}

    def send(self, message: object) -> object:
        """Answer one message."""
        if isinstance(message, PutVariable):
            self._variables[message.key] = message.value
        if not isinstance(message, GetVariable):
            return None
        if message.key in self._variables:
            return VariableResult(key=message.key, value=self._variables[message.key])
        return ErrorResponse(error=ErrorType.VARIABLE_NOT_FOUND)


class TaskInstance(SimpleNamespace):
    """What the operator asks of its task instance."""

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep the value."""
        self.pushed[key] = value


def join_supervisor() -> None:
    """Make this process one that a task runs in."""
    task_runner.SUPERVISOR_COMMS = _Supervisor()  # type: ignore[assignment]
