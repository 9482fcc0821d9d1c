"""From an Airflow connection to a SQLAlchemy engine that puts no values into messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from airflow_provider_bingads.exceptions import FixConfiguration

if TYPE_CHECKING:
    from airflow.sdk import Connection
    from sqlalchemy import URL, Engine

__all__ = ["engine_for", "ledger_supported"]

_HIDDEN: Final = {"hide_parameters": True}
_SQLITE_BUSY_SECONDS: Final = 30
_LIBPQ_DEFAULTS: Final = {"connect_timeout": 30, "keepalives_idle": 60, "keepalives_interval": 10}
"""So that a server that vanished ends a read within minutes, not hours."""
_LIBPQ_EXTRAS: Final = frozenset({
    "application_name", "connect_timeout", "gssencmode", "keepalives", "keepalives_count", "keepalives_idle",
    "keepalives_interval", "options", "sslcert", "sslcrl", "sslkey", "sslmode", "sslpassword", "sslrootcert",
    "target_session_attrs", "tcp_user_timeout",
})  # fmt: skip
_SCHEME: Final = re.compile(r"[a-z][a-z0-9]*(\+[a-z][a-z0-9_]*)?")
_MYSQL_DEFAULTS: Final = {"connect_timeout": 30, "read_timeout": 600, "write_timeout": 600, "charset": "utf8mb4"}
"""The same for MySQL and MariaDB; and in another character set some texts could not be read."""
_MYSQL_EXTRAS: Final = frozenset({
    "charset", "connect_timeout", "read_timeout", "ssl", "ssl_ca", "ssl_cert", "ssl_disabled", "ssl_key",
    "ssl_verify_cert", "ssl_verify_identity", "unix_socket", "write_timeout",
})  # fmt: skip
_MYSQL_SCHEMES: Final = {"mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}
_SCHEMES: Final = {"postgres": "postgresql"}

_DRIVER_OPTIONS: Final[Mapping[str, tuple[Mapping[str, Any], frozenset[str]]]] = {
    **dict.fromkeys(("psycopg2", "psycopg"), (_LIBPQ_DEFAULTS, _LIBPQ_EXTRAS)),
    **dict.fromkeys(("pymysql", "mysqldb"), (_MYSQL_DEFAULTS, _MYSQL_EXTRAS)),
}
"""SQLAlchemy's name of a driver -> options it gets, and those a connection's extra may give it."""


def ledger_supported(dialect_name: str) -> None:
    """Return if a ledger can stand in this kind of database.

    :param dialect_name: SQLAlchemy's name of it.
    :raises FixConfiguration: it cannot; ``ledger_conn_id`` has to name another.
    """
    from airflow_provider_bingads.warehouse.ledger.opening import refuse_dialect

    refuse_dialect(dialect_name)


def engine_for(conn_id: str, hook_params: Mapping[str, Any] | None = None) -> Engine:
    """Return the engine of an Airflow connection.

    The connection's own hook makes it where there is one, else the connection's URI does. SQLite's path is taken from
    the connection directly, because the hook turns ``sqlite:///file.db`` into a path below the root.

    :param conn_id: id of a connection to a SQL database.
    :param hook_params: arguments for its hook, such as a warehouse or role.
    :raises FixConfiguration: there is no such connection, it is no SQL database, or a package for it is missing.
    """
    connection = _connection(conn_id)
    engine: Engine
    if connection.conn_type == "sqlite":
        return _create(conn_id, _sqlite_url(connection), connect_args={"timeout": _SQLITE_BUSY_SECONDS})
    hook = _hook(connection, hook_params)
    if hook is None:
        engine = _create(conn_id, _mysql_url(connection) or _uri(connection))
        _pass_extras(engine, connection)
        return engine
    if not hasattr(hook, "get_sqlalchemy_engine"):
        raise FixConfiguration(f"Connection {conn_id!r} is of type {connection.conn_type!r}, which is no SQL database.")
    try:
        engine = hook.get_sqlalchemy_engine(engine_kwargs=dict(_HIDDEN))
    except Exception as error:  # noqa: BLE001 - hooks raise what they like, and its text may hold the URI
        raise _no_engine(conn_id, connection, error) from None
    _pass_extras(engine, connection)
    return engine


def _connection(conn_id: str) -> Connection:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise FixConfiguration(
            f"There is no Airflow connection {conn_id!r}. Add it under Admin, Connections, or name another."
        ) from None


def _hook(connection: Any, hook_params: Mapping[str, Any] | None) -> Any | None:
    """Return the connection's hook; None where no installed provider has one for its type."""
    from airflow.sdk.exceptions import AirflowException

    try:
        return connection.get_hook(hook_params=dict(hook_params or {}))
    except AirflowException:
        return None
    except TypeError:
        raise FixConfiguration(
            f"The hook of connection {connection.conn_id!r} does not take {', '.join(sorted(hook_params or {}))}; "
            "correct hook_params."
        ) from None


def _uri(connection: Connection) -> str:
    scheme, colon, rest = connection.get_uri().partition(":")
    return _SCHEMES.get(scheme, scheme) + colon + rest


def _mysql_url(connection: Connection) -> URL | None:
    """Return the address of a MySQL or MariaDB, without the extras, of which the driver gets those it knows."""
    from sqlalchemy import URL

    scheme = _MYSQL_SCHEMES.get(connection.conn_type or "")
    if scheme is None:
        return None
    return URL.create(
        scheme,
        connection.login or None,
        connection.password or None,
        connection.host or None,
        connection.port,
        connection.schema or None,
    )


def _sqlite_url(connection: Connection) -> URL:
    from sqlalchemy import URL

    path = connection.host or connection.schema
    if not path:
        raise FixConfiguration(
            f"SQLite connection {connection.conn_id!r} names no file; give its full path as the host, or as "
            "sqlite:////full/path.db."
        )
    if not Path(path).is_absolute():
        raise FixConfiguration(
            f"SQLite connection {connection.conn_id!r} names the file {path!r} without its folder. A task does not "
            "always start in the same one; give the full path, as sqlite:////full/path.db."
        )
    if connection.extra_dejson.get("mode") == "ro":
        return URL.create("sqlite", database=f"file:{quote(path)}", query={"mode": "ro", "uri": "true"})
    return URL.create("sqlite", database=path)


def _create(conn_id: str, url: URL | str, **kwargs: Any) -> Engine:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        return create_engine(url, **_HIDDEN, **kwargs)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        scheme, colon, _ = (url if isinstance(url, str) else f"{url.drivername}://").partition("://")
        # an address that cannot be taken apart may have a password anywhere
        shown = repr(scheme) if colon and _SCHEME.fullmatch(scheme) else "its address"
        raise FixConfiguration(
            f"Connection {conn_id!r} gives no SQLAlchemy engine for {shown} ({type(error).__name__}). Install the "
            "Airflow provider of that database, with its SQLAlchemy package."
        ) from None


def _no_engine(conn_id: str, connection: Connection, error: Exception) -> FixConfiguration:
    return FixConfiguration(
        f"The hook of connection {conn_id!r} (type {connection.conn_type!r}) gives no SQLAlchemy engine "
        f"({type(error).__name__}). Install that provider's SQLAlchemy package and check the connection's fields."
    )


def _pass_extras(engine: Engine, connection: Connection) -> None:
    """Hand the driver its options: the hook's engine leaves them out, ``sslmode`` among them."""
    from sqlalchemy import event

    defaults, names = _DRIVER_OPTIONS.get(engine.dialect.driver, ({}, frozenset()))
    extras = {k: v for k, v in connection.extra_dejson.items() if k in names}
    options = {**defaults, **extras}
    numbers = {k: int(v) for k, v in options.items() if k.endswith("timeout") and str(v).isdecimal()}

    @event.listens_for(engine, "do_connect")
    def add(_dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]) -> None:
        for name, value in {**options, **numbers}.items():
            parameters.setdefault(name, value)
