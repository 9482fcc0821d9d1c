"""The models of ``msads``, asked in their own environment, one message at a time."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Self

import pytest
from contractgen.scope import SERVICES
from environments import EnvironmentUnavailableError, python_of

__all__ = ["Models"]


class Models:
    """A process of that environment; skips the test where the package cannot be had."""

    def __init__(self) -> None:
        try:
            python = python_of("msads")
        except EnvironmentUnavailableError as error:
            pytest.skip(str(error))
        script = Path(__file__).with_name("round_trip.py")
        self._process = subprocess.Popen(
            [str(python), str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def round_trip(self, service: str, type_name: str, body: Any) -> dict[str, Any]:
        """Send a body through the model of its type; return ``body`` or ``error``."""
        model = type_name if type_name.endswith(("Request", "Response")) else "ApplicationFault"
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"folder": SERVICES[service], "model": model, "body": body}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
