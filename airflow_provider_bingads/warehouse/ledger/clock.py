"""The present of the ledger's database, for a statement that compares it with what is recorded."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

__all__ = ["utc_now"]


class utc_now(FunctionElement[datetime]):  # noqa: N801 - a function of SQL, as those of ``sqlalchemy.func``
    """The database's clock in UTC without a zone, as the ledger's times are stored."""

    type = DateTime()
    inherit_cache = True


@compiles(utc_now)
def _of_postgresql(_element: utc_now, _compiler: Any, **_options: Any) -> str:
    return "(now() AT TIME ZONE 'utc')"


@compiles(utc_now, "sqlite")
def _of_sqlite(_element: utc_now, _compiler: Any, **_options: Any) -> str:
    return "strftime('%Y-%m-%d %H:%M:%f', 'now')"  # a text, as SQLite holds times


@compiles(utc_now, "mysql", "mariadb")
def _of_mysql(_element: utc_now, _compiler: Any, **_options: Any) -> str:
    return "utc_timestamp(6)"
