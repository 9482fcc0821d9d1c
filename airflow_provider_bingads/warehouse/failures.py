"""What a database error is about, told by its code and never by its text.

Driver texts quote values (``invalid input syntax for type integer: "jane@..."``), so nothing above this module reads
or passes them on; an exception of a driver ends here (``delivery.md`` 7).
"""

from __future__ import annotations

import errno
import re
import sys
from enum import Enum
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

__all__ = ["Trouble", "code_of", "driver_errors", "gave_way", "syntax_hint", "trouble_of"]


class Trouble(str, Enum):
    """Kinds of database errors, by what can be done about them."""

    CONNECTION = "connection"
    """Broken, refused or shutting down: a new connection may work."""
    BUSY = "busy"
    """Another transaction is in the way."""
    PERMISSION = "permission"
    """The role lacks a right, or the database is read-only."""
    SIGN_IN = "sign in"
    """The server is there and does not let this connection in: no such database or role, or a wrong password."""
    MISSING = "missing"
    """A table, column, schema or database does not exist."""
    STATEMENT = "statement"
    """The statement itself is wrong."""
    VALUE = "value"
    """A value could not be converted, stored or encoded."""
    DUPLICATE = "duplicate"
    """A unique key exists already."""
    SPACE = "space"
    """Disk or quota is full."""
    OTHER = "other"


_SQLSTATES: Final = {
    "42501": Trouble.PERMISSION,
    "28000": Trouble.SIGN_IN,
    "28P01": Trouble.SIGN_IN,
    "25006": Trouble.PERMISSION,
    "42P01": Trouble.MISSING,
    "42703": Trouble.MISSING,
    "3F000": Trouble.MISSING,
    "3D000": Trouble.SIGN_IN,
    "23505": Trouble.DUPLICATE,
    "40001": Trouble.BUSY,
    "40P01": Trouble.BUSY,
    "55P03": Trouble.BUSY,
    "57014": Trouble.BUSY,
    "57P01": Trouble.CONNECTION,
    "57P02": Trouble.CONNECTION,
    "57P03": Trouble.CONNECTION,
    "57P05": Trouble.CONNECTION,
    "25P03": Trouble.CONNECTION,
    "53300": Trouble.CONNECTION,
    "53100": Trouble.SPACE,
    "53200": Trouble.SPACE,
    "42S02": Trouble.MISSING,
    "02000": Trouble.MISSING,
}
_SQLSTATE: Final = re.compile("[0-9A-Z]{5}")
_SQLSTATE_CLASSES: Final = {"08": Trouble.CONNECTION, "22": Trouble.VALUE, "42": Trouble.STATEMENT}

_SQLITE: Final = {
    "BUSY": Trouble.BUSY,
    "LOCKED": Trouble.BUSY,
    "READONLY": Trouble.PERMISSION,
    "PERM": Trouble.PERMISSION,
    "AUTH": Trouble.PERMISSION,
    "CANTOPEN": Trouble.PERMISSION,
    "FULL": Trouble.SPACE,
    "TOOBIG": Trouble.VALUE,
    "MISMATCH": Trouble.VALUE,
    "ERROR": Trouble.STATEMENT,
}
_SQLITE_MISSING: Final = ("no such table", "no such column", "has no column", "unknown database")

_MYSQL_TROUBLES: Final = {
    Trouble.SIGN_IN: (1045, 1049, 1130, 1251, 1698, 1820, 1862, 2059, 3118, 4151),
    # 1290, 1792 and 1836 are a server or transaction that only reads.
    Trouble.PERMISSION: (1044, 1142, 1143, 1227, 1290, 1370, 1410, 1792, 1836),
    Trouble.MISSING: (1051, 1054, 1146, 1176, 1305, 1356),
    Trouble.STATEMENT: (
        1052, 1055, 1056, 1060, 1064, 1066, 1111, 1140, 1221, 1222, 1235, 1241, 1242, 1247, 1248, 1267, 1271, 1318,
        1327, 1582, 1630, 4078,
    ),
    Trouble.VALUE: (
        1048, 1139, 1210, 1264, 1265, 1292, 1300, 1365, 1366, 1367, 1406, 1411, 1441, 1525, 1690, 3140, 3141, 3143,
    ),
    Trouble.DUPLICATE: (1022, 1062, 1586),
    # 1412 is a snapshot older than a change of the table.
    Trouble.BUSY: (1020, 1205, 1213, 1223, 1317, 1412, 1615, 1637, 1969, 3024, 3101, 3572),
    # The server is full, stops, is no part of its cluster at the moment, or ended the connection.
    Trouble.CONNECTION: (
        1040, 1042, 1047, 1053, 1077, 1079, 1129, 1135, 1152, 1158, 1159, 1160, 1161, 1180, 1184, 1203, 1226, 1927,
        4031, 2002, 2003, 2005, 2006, 2012, 2013, 2055,
    ),
    Trouble.SPACE: (3, 1021, 1026, 1037, 1038, 1041, 1114),
}  # fmt: skip
_MYSQL: Final = {number: trouble for trouble, numbers in _MYSQL_TROUBLES.items() for number in numbers}
_MYSQL_SERVER: Final = frozenset({*range(1000, 2000), *range(3000, 5000)}) - {1105}
"""What a server that was reached says; its drivers call most of it OperationalError. Proxies say 1105 of anything."""
_MYSQL_ENGINE: Final = "1030"
"""The storage engine failed; by which number of the operating system, only the text tells."""
_GAVE_WAY: Final = frozenset({"40001", "40P01", "1213"})

_HTTP: Final = {
    400: Trouble.STATEMENT,
    401: Trouble.SIGN_IN,
    403: Trouble.PERMISSION,
    404: Trouble.MISSING,
    429: Trouble.BUSY,
    500: Trouble.CONNECTION,
    502: Trouble.CONNECTION,
    503: Trouble.CONNECTION,
    504: Trouble.CONNECTION,
}
_GOOGLE: Final = "google.api_core.exceptions"
_HTTP_CODE: Final = "HTTP "

_DATABRICKS: Final = {
    "TABLE_OR_VIEW_NOT_FOUND": Trouble.MISSING,
    "SCHEMA_NOT_FOUND": Trouble.MISSING,
    "UNRESOLVED_COLUMN": Trouble.MISSING,
    "PARSE_SYNTAX_ERROR": Trouble.STATEMENT,
    "INSUFFICIENT_PERMISSIONS": Trouble.PERMISSION,
    "CAST_INVALID_INPUT": Trouble.VALUE,
}
_DATABRICKS_CLASS: Final = re.compile(r"\[([A-Z_]+)")

_SIGN_IN_WORDS: Final = ("does not exist", "authentication failed", "no pg_hba.conf entry", "permission denied")

_BY_CLASS: Final = {
    "OperationalError": Trouble.CONNECTION,
    "InterfaceError": Trouble.CONNECTION,
    "DataError": Trouble.VALUE,
    "ProgrammingError": Trouble.STATEMENT,
    "TimeoutError": Trouble.CONNECTION,
}


def driver_errors(engine: Engine) -> tuple[type[Exception], ...]:
    """Return what a database may make a statement raise, through SQLAlchemy or from the driver directly.

    Errors of SQLAlchemy itself are not among them: they tell of a mistake of ours and hold no data.
    """
    driver = getattr(engine.dialect, "dbapi", None)
    google = sys.modules.get(_GOOGLE)  # BigQuery's dialect asks for tables beside its driver
    further = (*((driver.Error,) if driver is not None else ()), *((google.GoogleAPIError,) if google else ()))
    return (DBAPIError, PoolTimeoutError, UnicodeError, *further)


def _driver_error(error: BaseException) -> BaseException:
    driver: BaseException = getattr(error, "orig", None) or error
    wrapped = driver.args[0] if driver.args else None
    return wrapped if isinstance(wrapped, Exception) else driver  # BigQuery's driver wraps what the service says


def code_of(error: BaseException) -> str:
    """Return the driver's code (``42P01``, ``SQLITE_BUSY``, ``1146``, ``HTTP 404``), else the class name."""
    driver = _driver_error(error)
    number = driver.args[0] if driver.args else None
    if isinstance(number, int):  # MySQL's own, which tells more than the SQLSTATE beside it
        return str(number)
    for attribute in ("sqlstate", "pgcode", "sqlite_errorname"):
        code = getattr(driver, attribute, None)
        if code:
            return str(code)
    status = getattr(driver, "code", None)
    if isinstance(status, int):
        return f"{_HTTP_CODE}{int(status)}"
    named = _DATABRICKS_CLASS.match(str(driver))
    return named[1] if named and named[1] in _DATABRICKS else type(driver).__name__


def _sqlite_trouble(driver: BaseException, name: str) -> Trouble:
    kind = name.removeprefix("SQLITE_").split("_")
    if kind[0] == "CONSTRAINT":
        return Trouble.DUPLICATE if kind[-1] in {"PRIMARYKEY", "UNIQUE", "ROWID"} else Trouble.VALUE
    if kind == ["IOERR", "WRITE"]:
        return Trouble.SPACE  # a quota or a limit on the file; FULL is said of the whole disk only
    if kind[0] == "ERROR" and str(driver).startswith(_SQLITE_MISSING):
        return Trouble.MISSING
    return _SQLITE.get(kind[0], Trouble.OTHER)


def _disk_is_full(code: str, driver: BaseException) -> bool:
    return code == _MYSQL_ENGINE and f"error {errno.ENOSPC} " in str(driver)


def _by_code(code: str) -> Trouble | None:
    if code in _SQLSTATES:
        return _SQLSTATES[code]
    if code in _DATABRICKS:
        return _DATABRICKS[code]
    if code.startswith(_HTTP_CODE):
        return _HTTP.get(int(code.removeprefix(_HTTP_CODE)), Trouble.OTHER)
    if code.isdigit() and (int(code) in _MYSQL or int(code) in _MYSQL_SERVER):
        return _MYSQL.get(int(code), Trouble.OTHER)
    if _SQLSTATE.fullmatch(code):
        return _SQLSTATE_CLASSES.get(code[:2], Trouble.OTHER)
    return None


def trouble_of(error: BaseException) -> Trouble:
    """Classify an error of SQLAlchemy or of a driver used directly.

    :param error: any exception; a ``UnicodeError`` counts as a value that cannot be stored.
    """
    driver = _driver_error(error)
    if isinstance(driver, UnicodeError):
        return Trouble.VALUE
    code = code_of(error)
    if code.startswith("SQLITE_"):
        return _sqlite_trouble(driver, code)
    told = Trouble.SPACE if _disk_is_full(code, driver) else _by_code(code)
    if told is not None:
        return told
    text = str(driver)
    if "FATAL: " in text and any(words in text for words in _SIGN_IN_WORDS):
        return Trouble.SIGN_IN  # psycopg2 gives no code while it connects
    if getattr(error, "connection_invalidated", False) or ("closed" in text and "database" in text):
        return Trouble.CONNECTION  # sqlite3 tells a closed connection by ProgrammingError
    return _BY_CLASS.get(type(driver).__name__, Trouble.OTHER)


def gave_way(error: BaseException) -> bool:
    """Tell whether the database ended a transaction in favour of another: run again from its start it may pass."""
    return code_of(error) in _GAVE_WAY


def syntax_hint(error: BaseException) -> str:
    """Return what the database says about a wrong statement: text of the statement, never of a row.

    Only for statements without bound parameters: psycopg2 writes those into the statement itself.
    """
    driver = _driver_error(error)
    code = code_of(error)
    if _SQLSTATE.fullmatch(code) and code.startswith("42"):
        primary = getattr(getattr(driver, "diag", None), "message_primary", None)
        return str(primary or "")[:200]
    if code == "SQLITE_ERROR":
        return str(driver)[:200]
    if code.isdigit() and _MYSQL.get(int(code)) in {Trouble.STATEMENT, Trouble.MISSING}:
        return str(driver.args[-1])[:200]
    return ""
