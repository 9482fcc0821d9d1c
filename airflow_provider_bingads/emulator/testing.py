"""What a test holds in its hands: one running emulator, looked at and pushed through its control interface."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from airflow_provider_bingads.emulator.world import Credentials

__all__ = ["EmulatorControl"]

_SECONDS: Final = 60.0


class EmulatorControl:
    """One emulator, in this process or in another.

    :param url: where it listens.
    :param credentials: as its first line of output has them.
    """

    def __init__(self, url: str, credentials: Credentials) -> None:
        self.url = url
        self.credentials = credentials

    @property
    def connection(self) -> dict[str, Any]:
        """An Airflow connection to this emulator, for ``AIRFLOW_CONN_...`` in JSON."""
        return {
            "conn_type": "bingads",
            "login": self.credentials.client_id,
            "password": self.credentials.client_secret,
            "extra": {
                "environment": "emulator",
                "base_url": self.url,
                "developer_token": self.credentials.developer_token,
                "refresh_token": self.credentials.refresh_token,
                "customer_id": self.credentials.customer_id,
                "account_id": self.credentials.account_id,
            },
        }

    @property
    def connection_json(self) -> str:
        """The connection as the value of ``AIRFLOW_CONN_BINGADS_DEFAULT``."""
        return json.dumps(self.connection)

    def reset(self) -> None:
        """Go back to a fresh start; the credentials stay the same."""
        self.post("reset", {})

    def now(self) -> str:
        """Return the emulator's time in ISO 8601."""
        return str(self.get("health")["now"])

    def state(self, only: str | None = None) -> dict[str, list[dict[str, Any]]]:
        """Return what the service holds as applied, by kind.

        :param only: one kind, such as ``offline_conversions``.
        """
        return self.get("state", **({"only": only} if only else {}))

    def stats(self) -> dict[str, Any]:
        """Return the sums over all calls."""
        return self.get("stats")

    def calls(self, operation: str | None = None, *, keys: bool = False) -> list[dict[str, Any]]:
        """Return the calls received, oldest first.

        :param keys: with the digests of the keys each call applied or repeated.
        """
        query = {"keys": "true"} if keys else {}
        found = self.get("calls", **query, **({"operation": operation} if operation else {}))
        return list(found["calls"])

    def set_faults(self, rules: Sequence[Mapping[str, Any] | str]) -> None:
        """Replace the fault plan; an empty one ends all faults.

        :param rules: as ``POST faults`` takes them; a bare name such as ``"drop_after_apply"`` strikes the next call
            only.
        """
        full = [{"do": rule, "times": 1} if isinstance(rule, str) else dict(rule) for rule in rules]
        self.post("faults", full)

    def advance(self, seconds: float) -> str:
        """Move the emulator's clock and return its new time in ISO 8601."""
        return str(self.post("clock", {"advance": seconds})["now"])

    def configure(self, **settings: Any) -> dict[str, Any]:
        """Change settings, such as ``throttle_per_minute=10`` or ``unknown_goal="ignore"``."""
        return self.post("config", settings)

    def add_goal(self, name: str, age_hours: float = 3, *, account_id: str | None = None, **fields: Any) -> str:
        """Add an offline conversion goal by the rules of ``AddConversionGoals`` and return its id.

        :param age_hours: as if it had been added so long ago; below 2 the service refuses conversions for it.
        :param account_id: the seeded account by default.
        :param fields: further fields of ``OfflineConversionGoal``, such as ``CountType="Unique"``.
        """
        body = {"AccountId": account_id, "age_hours": age_hours, "goals": [{"Name": name, **fields}]}
        return str(self.post("goals", body)["ConversionGoalIds"][0])

    def add_clicks(self, clicks: Mapping[str, float]) -> None:
        """Register click ids with the seconds since 1970 at which they happened."""
        self.post("clicks", dict(clicks))

    def get(self, page: str, **query: str) -> dict[str, Any]:
        """Read a control page.

        :raises ValueError: the emulator refuses the request; the message says why.
        """
        address = f"{self.url}/__emulator__/{page}" + (f"?{urlencode(query)}" if query else "")
        return self._ask(urllib.request.Request(address))  # noqa: S310 - the emulator's own address

    def post(self, page: str, body: object) -> dict[str, Any]:
        """Send JSON to a control page.

        :raises ValueError: the emulator refuses the request; the message says why.
        """
        address = f"{self.url}/__emulator__/{page}"
        data = json.dumps(body).encode()
        return self._ask(urllib.request.Request(address, data, {"Content-Type": "application/json"}))  # noqa: S310

    def _ask(self, request: urllib.request.Request) -> dict[str, Any]:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=_SECONDS) as reply:
                found: dict[str, Any] = json.load(reply)
                return found
        except urllib.error.HTTPError as error:
            with error:
                reason = error.read().decode(errors="replace")
            raise ValueError(f"The emulator refuses {request.selector}: {reason}") from None
