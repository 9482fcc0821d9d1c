"""The emulated service of the demo: a process of its own, and the few requests the demo makes to its control side."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Service:
    """A running emulator.

    :param credentials: what it printed when it started: its address, ids and secrets.
    """

    process: subprocess.Popen[str]
    credentials: dict[str, str]

    @property
    def url(self) -> str:
        """Its address."""
        return self.credentials["url"]

    @property
    def connection_json(self) -> str:
        """The Airflow connection to it, in the form of an ``AIRFLOW_CONN_`` variable."""
        given = self.credentials
        names = ("developer_token", "refresh_token", "customer_id", "account_id")
        return json.dumps(
            {
                "conn_type": "bingads",
                "login": given["client_id"],
                "password": given["client_secret"],
                "extra": {**{name: given[name] for name in names}, "environment": "emulator", "base_url": given["url"]},
            }
        )

    def control(self, name: str, body: object = None) -> Any:
        """Read from or write to the control side of the emulator."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/__emulator__/{name}", data=data)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)

    def now(self) -> datetime:
        """Return the emulator's time, which is the provider's too while it talks to an emulator."""
        return datetime.fromisoformat(self.control("health")["now"]).astimezone(UTC)

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(timeout=10)


def start() -> Service:
    """Start an emulator on a free port and wait for the line it prints."""
    command = [sys.executable, "-m", "airflow_provider_bingads.emulator", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    return Service(process, json.loads(process.stdout.readline()))
