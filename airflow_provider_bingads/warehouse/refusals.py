"""Database errors of the source as sentences; no text of the driver and no value ever stands in one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from airflow_provider_bingads.exceptions import BingAdsError, FixSource, RetryLater
from airflow_provider_bingads.warehouse.failures import Trouble, code_of, driver_errors, syntax_hint, trouble_of

__all__ = ["refused"]

_PASSING = {
    Trouble.CONNECTION: "The source's database cannot be reached or closed the connection",
    Trouble.BUSY: "The source's database is locked or ended the query",
    Trouble.SPACE: "The source's database is out of space for the query or its copy",
}
_FIXED = {
    Trouble.SIGN_IN: "The source's database lets this connection not in: correct its database, user or password",
    Trouble.PERMISSION: "This connection may not read {what}; grant SELECT on it to the connection's role",
    Trouble.MISSING: "{What} does not exist, or names something that does not",
    Trouble.STATEMENT: "The database does not understand the query over {what}",
    Trouble.VALUE: "The query over {what} fails on a value of the data; cast or filter it in the query",
}


def _sentence(error: BaseException, what: str, *, quotable: bool) -> BingAdsError:
    trouble, code = trouble_of(error), code_of(error)
    if trouble in _PASSING:
        return RetryLater(f"{_PASSING[trouble]} ({code}). The next try of the task starts where this one ended.")
    sentence = _FIXED.get(trouble, "The database refuses to read {what}")
    sentence = sentence.format(what=what, What=what[:1].upper() + what[1:])
    hint = syntax_hint(error) if quotable else ""
    return FixSource(f"{sentence} ({code}{': ' if hint else ''}{hint}).")


@contextmanager
def refused(engine: Engine, what: str, *, quotable: bool = False) -> Iterator[None]:
    """Turn a database error into FixSource or RetryLater.

    :param what: the table or query, for the message.
    :param quotable: the statement has no bound parameters, so what the database says of a wrong one may be quoted.
    """
    try:
        yield
    except driver_errors(engine) as error:
        raise _sentence(error, what, quotable=quotable) from None
