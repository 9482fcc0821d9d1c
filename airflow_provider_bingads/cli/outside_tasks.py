"""Airflow as it is reached outside a task: connections are read, nothing is ever written.

Airflow's own command line finds connections in environment variables, secrets backends and the metadata database by
declaring its process a server (``airflow/cli/commands/connection_command.py``); a plain process sees no database.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_bingads.exceptions import FixConfiguration

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from airflow_provider_bingads.api.client import Client
    from airflow_provider_bingads.api.settings import ConnectionSettings
    from airflow_provider_bingads.api.token_store import TokenStore

__all__ = ["airflow_at_hand", "database_engine", "open_client", "service_settings", "token_store"]

_T = TypeVar("_T")


@contextlib.contextmanager
def airflow_at_hand() -> Iterator[None]:
    """Make Airflow's connections readable, and keep its log lines out of this command's output."""
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    os.environ.setdefault("AIRFLOW__LOGGING__LOGGING_LEVEL", "ERROR")
    with contextlib.redirect_stdout(sys.stderr):
        yield


def service_settings(conn_id: str) -> ConnectionSettings:
    """Return the checked fields of a connection of type ``bingads``.

    :raises FixConfiguration: it does not exist, or fields are missing or wrong.
    """
    from airflow_provider_bingads.hooks.bingads import BingAdsHook

    return _found(conn_id, lambda: BingAdsHook(conn_id).settings)


def database_engine(conn_id: str, hook_params: Mapping[str, Any] | None = None) -> Engine:
    """Return an engine for a database connection.

    :raises FixConfiguration: it does not exist, or is no SQL database.
    """
    from airflow_provider_bingads.hooks.engines import engine_for

    return _found(conn_id, lambda: engine_for(conn_id, hook_params))


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


def _found(conn_id: str, read: Callable[[], _T]) -> _T:
    from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

    try:
        return read()
    except AirflowNotFoundException:
        raise FixConfiguration(
            f"There is no Airflow connection {conn_id!r}: neither AIRFLOW_CONN_{conn_id.upper()} nor a secrets backend"
            f" nor the metadata database has it. Create it with `airflow connections add {conn_id}`, or run this"
            " command in Airflow's own environment."
        ) from None
    except AirflowException as error:
        raise FixConfiguration(
            f"Airflow connection {conn_id!r} cannot be read ({type(error).__name__}); `airflow connections get"
            f" {conn_id}` shows why."
        ) from None
