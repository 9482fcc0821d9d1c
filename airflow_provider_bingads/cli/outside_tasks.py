"""Airflow as it is reached outside a task: connections are read, nothing is ever written.

Airflow's own command line finds connections in environment variables, secrets backends and the metadata database by
declaring its process a server (``airflow/cli/commands/connection_command.py``); a plain process sees no database.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from airflow_provider_bingads.api.client import Client
    from airflow_provider_bingads.api.settings import ConnectionSettings
    from airflow_provider_bingads.api.token_store import TokenStore

__all__ = ["airflow_at_hand", "database_engine", "open_client", "service_settings", "token_store"]


# an installation without a metadata database is none of our errors, and Airflow logs it as one with a traceback
_ENVIRONMENT: Final = {"_AIRFLOW_PROCESS_CONTEXT": "server", "AIRFLOW__LOGGING__LOGGING_LEVEL": "CRITICAL"}


@contextlib.contextmanager
def airflow_at_hand() -> Iterator[None]:
    """Make Airflow's connections readable, and keep its log lines out of this command's output."""
    added = {name: value for name, value in _ENVIRONMENT.items() if name not in os.environ}
    os.environ.update(added)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def service_settings(conn_id: str) -> ConnectionSettings:
    """Return the checked fields of a connection of type ``bingads``.

    :raises FixConfiguration: it does not exist, or fields are missing or wrong.
    """
    from airflow_provider_bingads.hooks.bingads import BingAdsHook

    return BingAdsHook(conn_id).settings


def database_engine(conn_id: str) -> Engine:
    """Return an engine for a database connection.

    :raises FixConfiguration: it does not exist, or is no SQL database.
    """
    from airflow_provider_bingads.hooks.engines import engine_for

    return engine_for(conn_id)


def token_store(settings: ConnectionSettings) -> TokenStore | None:
    """Return what tells the refresh token that the last task stored, and stores none itself."""
    from airflow_provider_bingads.api.settings import TokenStorage
    from airflow_provider_bingads.api.token_store import VariableTokenStore
    from airflow_provider_bingads.hooks.variables import AirflowVariables

    if settings.token_store is TokenStorage.NONE:
        return None
    return VariableTokenStore(settings.conn_id, AirflowVariables(), in_main=lambda work: work(), read_only=True)


def open_client(settings: ConnectionSettings) -> Client:
    """Return a client that keeps no token; close it after use."""
    from airflow_provider_bingads.api.client import Client

    return Client(settings, store=token_store(settings))
