"""Database errors are told by their code; what a driver writes is read by nobody."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from airflow_provider_bingads.exceptions import FixLedger, FixSource, RetryLater
from airflow_provider_bingads.warehouse.failures import Trouble, code_of, trouble_of
from airflow_provider_bingads.warehouse.ledger.refusals import refusal
from airflow_provider_bingads.warehouse.refusals import _sentence

PERSON = "jane.doe@example.com"


class PsycopgError(Exception):
    """As psycopg 3 raises them."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__(f'invalid input: "{PERSON}"')
        self.sqlstate = sqlstate


class DataError(Exception):
    """A driver's error without a code."""


class InterfaceError(Exception):
    """Another."""


class UncodedError(Exception):
    """As psycopg2 raises them while it connects."""


UncodedError.__name__ = "OperationalError"


class MysqlError(Exception):
    """As PyMySQL raises them: number, then text."""


class ServiceError(Exception):
    """As Google's client raises them: a status of HTTP."""

    def __init__(self, code: int) -> None:
        super().__init__(PERSON)
        self.code = code


class DatabaseError(Exception):
    """As BigQuery's DB-API raises them: around what the service said."""


class ServerOperationError(Exception):
    """As Databricks' driver raises them: the error's class stands in front of the text."""


def sqlite_error(name: str, text: str = "") -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("error", "trouble", "code"),
    [
        (PsycopgError("42P01"), Trouble.MISSING, "42P01"),
        (PsycopgError("42S02"), Trouble.MISSING, "42S02"),
        (ServiceError(404), Trouble.MISSING, "HTTP 404"),
        (ServiceError(418), Trouble.OTHER, "HTTP 418"),
        (DatabaseError(ServiceError(403)), Trouble.PERMISSION, "HTTP 403"),
        (DatabaseError(ServiceError(503)), Trouble.CONNECTION, "HTTP 503"),
        (ServerOperationError(f"[UNRESOLVED_COLUMN.WITH_SUGGESTION] {PERSON}"), Trouble.MISSING, "UNRESOLVED_COLUMN"),
        (ServerOperationError(f"[CAST_INVALID_INPUT] {PERSON}"), Trouble.VALUE, "CAST_INVALID_INPUT"),
        (ServerOperationError(f"[{PERSON}]"), Trouble.OTHER, "ServerOperationError"),
        (PsycopgError("28P01"), Trouble.SIGN_IN, "28P01"),
        (PsycopgError("3D000"), Trouble.SIGN_IN, "3D000"),
        (MysqlError(1049, "unknown database"), Trouble.SIGN_IN, "1049"),
        (UncodedError('FATAL:  database "nowhere" does not exist'), Trouble.SIGN_IN, "OperationalError"),
        (UncodedError("FATAL:  password authentication failed for user"), Trouble.SIGN_IN, "OperationalError"),
        (UncodedError("FATAL:  the database system is starting up"), Trouble.CONNECTION, "OperationalError"),
        (PsycopgError("42703"), Trouble.MISSING, "42703"),
        (PsycopgError("42501"), Trouble.PERMISSION, "42501"),
        (PsycopgError("42601"), Trouble.STATEMENT, "42601"),
        (PsycopgError("22P02"), Trouble.VALUE, "22P02"),
        (PsycopgError("23505"), Trouble.DUPLICATE, "23505"),
        (PsycopgError("08006"), Trouble.CONNECTION, "08006"),
        (PsycopgError("57P01"), Trouble.CONNECTION, "57P01"),
        (PsycopgError("40P01"), Trouble.BUSY, "40P01"),
        (PsycopgError("53100"), Trouble.SPACE, "53100"),
        (PsycopgError("XX000"), Trouble.OTHER, "XX000"),
        (MysqlError(1146, PERSON), Trouble.MISSING, "1146"),
        (MysqlError(2006, "gone away"), Trouble.CONNECTION, "2006"),
        (MysqlError(1142, PERSON), Trouble.PERMISSION, "1142"),
        (MysqlError(1698, "not without a password"), Trouble.SIGN_IN, "1698"),
        (MysqlError(1290, "--read-only"), Trouble.PERMISSION, "1290"),
        (MysqlError(1792, "READ ONLY transaction"), Trouble.PERMISSION, "1792"),
        (MysqlError(1213, "deadlock"), Trouble.BUSY, "1213"),
        (MysqlError(1205, "lock wait timeout"), Trouble.BUSY, "1205"),
        (MysqlError(1969, "max_statement_time"), Trouble.BUSY, "1969"),
        (MysqlError(1927, "connection was killed"), Trouble.CONNECTION, "1927"),
        (MysqlError(1053, "server shutdown"), Trouble.CONNECTION, "1053"),
        (MysqlError(2013, "lost connection"), Trouble.CONNECTION, "2013"),
        (MysqlError(1062, PERSON), Trouble.DUPLICATE, "1062"),
        (MysqlError(1406, PERSON), Trouble.VALUE, "1406"),
        (MysqlError(1366, PERSON), Trouble.VALUE, "1366"),
        (MysqlError(1114, "the table is full"), Trouble.SPACE, "1114"),
        (MysqlError(1030, 'Got error 28 "No space left on device" from storage engine'), Trouble.SPACE, "1030"),
        (MysqlError(1030, 'Got error 176 "Read page with wrong checksum"'), Trouble.OTHER, "1030"),
        (MysqlError(1153, "a packet bigger than max_allowed_packet"), Trouble.OTHER, "1153"),
        (UncodedError(1153, "a packet bigger than max_allowed_packet"), Trouble.OTHER, "1153"),
        (UncodedError(1242, "Subquery returns more than 1 row"), Trouble.STATEMENT, "1242"),
        (UncodedError(1525, PERSON), Trouble.VALUE, "1525"),
        (UncodedError(1139, PERSON), Trouble.VALUE, "1139"),
        (UncodedError(1412, "Table definition has changed"), Trouble.BUSY, "1412"),
        (UncodedError(1180, "error during COMMIT"), Trouble.CONNECTION, "1180"),
        (UncodedError(1105, "whatever a proxy says"), Trouble.CONNECTION, "1105"),
        (UncodedError(2059, "plugin"), Trouble.SIGN_IN, "2059"),
        (UncodedError(2999, "the client's own"), Trouble.CONNECTION, "2999"),
        (UncodedError(9001, "the proxy's own"), Trouble.CONNECTION, "9001"),
        (sqlite_error("SQLITE_BUSY"), Trouble.BUSY, "SQLITE_BUSY"),
        (sqlite_error("SQLITE_BUSY_SNAPSHOT"), Trouble.BUSY, "SQLITE_BUSY_SNAPSHOT"),
        (sqlite_error("SQLITE_READONLY_DBMOVED"), Trouble.PERMISSION, "SQLITE_READONLY_DBMOVED"),
        (sqlite_error("SQLITE_FULL"), Trouble.SPACE, "SQLITE_FULL"),
        (sqlite_error("SQLITE_IOERR_WRITE"), Trouble.SPACE, "SQLITE_IOERR_WRITE"),
        (sqlite_error("SQLITE_IOERR_READ"), Trouble.OTHER, "SQLITE_IOERR_READ"),
        (sqlite_error("SQLITE_CONSTRAINT_PRIMARYKEY"), Trouble.DUPLICATE, "SQLITE_CONSTRAINT_PRIMARYKEY"),
        (sqlite_error("SQLITE_CONSTRAINT_NOTNULL"), Trouble.VALUE, "SQLITE_CONSTRAINT_NOTNULL"),
        (sqlite_error("SQLITE_ERROR", "no such table: x"), Trouble.MISSING, "SQLITE_ERROR"),
        (sqlite_error("SQLITE_ERROR", 'near "FRM"'), Trouble.STATEMENT, "SQLITE_ERROR"),
        (sqlite3.ProgrammingError("Cannot operate on a closed database."), Trouble.CONNECTION, "ProgrammingError"),
        (DataError(PERSON), Trouble.VALUE, "DataError"),
        (InterfaceError("connection already closed"), Trouble.CONNECTION, "InterfaceError"),
        (UnicodeEncodeError("utf-8", PERSON, 0, 1, "x"), Trouble.VALUE, "UnicodeEncodeError"),
        (PoolTimeoutError("pool"), Trouble.CONNECTION, "TimeoutError"),
        (ZeroDivisionError(), Trouble.OTHER, "ZeroDivisionError"),
    ],
)
def test_an_error_is_told_by_its_code(error: Exception, trouble: Trouble, code: str) -> None:
    assert trouble_of(error) is trouble
    assert code_of(error) == code
    wrapped = OperationalError("SELECT :x", {"x": PERSON}, error)
    assert trouble_of(wrapped) is trouble
    assert code_of(wrapped) == code


def test_a_connection_that_sqlalchemy_gave_up_is_broken() -> None:
    error = ProgrammingError("SELECT 1", {}, Exception("odd"), connection_invalidated=True)
    assert trouble_of(error) is Trouble.CONNECTION


SQLSTATES = ["42P01", "42501", "42601", "22P02", "23505", "08006", "40P01", "53100", "XX000"]


@pytest.mark.parametrize("sqlstate", SQLSTATES)
def test_no_sentence_repeats_what_the_driver_wrote(sqlstate: str) -> None:
    error = OperationalError(f"SELECT '{PERSON}'", {"x": PERSON}, PsycopgError(sqlstate))
    for told in (
        refusal(error, "postgresql", None, 0),
        _sentence(error, "table x", quotable=True),
        _sentence(error, "table x", quotable=False),
    ):
        assert PERSON not in str(told)
        assert sqlstate in str(told)


@pytest.mark.parametrize("sqlstate", ["08006", "40P01", "53100"])
def test_what_waiting_cures_asks_for_a_retry(sqlstate: str) -> None:
    assert isinstance(refusal(PsycopgError(sqlstate), "postgresql", None, 0), RetryLater)
    assert isinstance(_sentence(PsycopgError(sqlstate), "table x", quotable=False), RetryLater)


@pytest.mark.parametrize("sqlstate", ["42P01", "42501", "42601", "22P02", "XX000"])
def test_what_waiting_does_not_cure_names_whose_it_is(sqlstate: str) -> None:
    assert isinstance(refusal(PsycopgError(sqlstate), "postgresql", None, 0), FixLedger)
    assert isinstance(_sentence(PsycopgError(sqlstate), "table x", quotable=False), FixSource)
