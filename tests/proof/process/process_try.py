"""One try of the real operator, as a process of its own: what Airflow's task runner would be for a task.

Runs in a child of ``process_forks``: connections come from ``AIRFLOW_CONN_`` variables, everything the child writes
goes to its log, and SIGTERM does what Airflow's handler does: it calls ``on_kill`` and returns.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Plan", "run_try"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What one try is started with.

    :param environment: variables beside those of the fork server.
    :param arguments: of ``ApplyOfflineConversionsOperator``.
    :param log: file for everything the process says.
    :param result: file for what the try came to; missing after a kill.
    :param file_bytes: the largest file the process may write; None for no limit.
    """

    environment: Mapping[str, str]
    arguments: Mapping[str, Any]
    log: str
    result: str
    try_number: int = 1
    run_id: str = "scheduled__1"
    file_bytes: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the plan as one line of JSON can hold it."""
        return asdict(self)


@dataclass(slots=True)
class _TaskInstance:
    """What ``execute`` uses of Airflow's task instance."""

    run_id: str
    try_number: int
    dag_id: str = "proof"
    task_id: str = "send"
    map_index: int = -1
    pushed: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def run_try(plan: Plan) -> int:
    """Carry out the plan in this process and return its exit status: 0 after a success."""
    _say_into(plan.log)
    os.environ.update(plan.environment)
    if plan.file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (plan.file_bytes, resource.RLIM_INFINITY))
    from airflow_provider_bingads.operators.offline_conversions import ApplyOfflineConversionsOperator

    instance = _TaskInstance(plan.run_id, plan.try_number)
    operator = ApplyOfflineConversionsOperator(task_id=instance.task_id, **plan.arguments)
    signal.signal(signal.SIGTERM, lambda *_: operator.on_kill())
    error: Exception | None = None
    try:
        operator.execute({"ti": instance})  # type: ignore[typeddict-item]
    except Exception as raised:  # noqa: BLE001  # whatever it is, the test judges it
        traceback.print_exc()
        error = raised
    _leave(Path(plan.result), instance, error)
    return 0 if error is None else 1


def _say_into(log: str) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


def _leave(result: Path, instance: _TaskInstance, error: Exception | None) -> None:
    said = {
        "summary": instance.pushed.get("return_value"),
        "error": None if error is None else type(error).__name__,
        "message": None if error is None else str(error),
    }
    whole = result.with_suffix(".part")
    whole.write_text(json.dumps(said), "utf-8")
    whole.rename(result)
