"""Airflow Variables, as the token store sees them."""

from __future__ import annotations

from airflow.sdk import Variable

__all__ = ["AirflowVariables"]


class AirflowVariables:
    """Reads and writes Variables through the Task SDK; implements ``api.token_store.Variables``."""

    def get(self, key: str) -> str | None:
        """Return a Variable's text, None where there is none."""
        value = Variable.get(key, default=None)
        return None if value is None else str(value)

    def set(self, key: str, value: str) -> None:
        """Write a Variable; possible only inside a task."""
        Variable.set(key, value, description="Refresh token of a bingads connection; kept by airflow-provider-bingads")
