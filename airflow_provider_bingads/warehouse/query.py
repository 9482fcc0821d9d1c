"""The statements that read a source: which columns, in which order, which rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    TIMESTAMP,
    ColumnClause,
    ColumnElement,
    Connection,
    DateTime,
    FromClause,
    Select,
    String,
    and_,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    or_,
    select,
    table,
)

from airflow_provider_bingads.warehouse.identifiers import quoted, require_columns, schema_of
from airflow_provider_bingads.warehouse.shape import SourceShape, describe_on, source_name
from airflow_provider_bingads.warehouse.statements import bound, one_statement

__all__ = ["Accounts", "Query", "SourceRequest", "account_text", "build_query"]


_FIRST_DAY: Final[ColumnElement[Any]] = literal_column("'0001-01-01'")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRequest:
    """What is to be read.

    :param table: one to three parts as text, or the parts; this or ``sql``.
    :param sql: one query.
    :param parameters: values of the query's ``:name`` parameters.
    :param columns: names of the columns wanted, in this order.
    :param account_column: the one of ``columns`` that names each row's account; the rows come ordered by it.
    :param cutoff_column: column of the event's time.
    :param cutoff: rows with an earlier time are left out and counted; aware for a column with zones, naive in the
        column's own zone for one without. Has no effect on a column that is not of a native date or time type.
    :param chunk_size: most rows of a chunk.
    """

    columns: tuple[str, ...]
    table: str | tuple[str, ...] | None = None
    sql: str | None = None
    parameters: Mapping[str, Any] | None = None
    account_column: str | None = None
    cutoff_column: str | None = None
    cutoff: datetime | date | None = None
    chunk_size: int = 1000

    def __post_init__(self) -> None:
        """Make sure that the rows hold what they are ordered by."""
        if self.account_column is not None and self.account_column not in self.columns:
            raise ValueError("account_column has to be one of columns")


def account_text(value: Any) -> str | None:
    """Return an account's id as text: whole numbers without decimals, texts without blanks around them."""
    if value is None:
        return None
    if isinstance(value, float | Decimal) and value == value and value % 1 == 0:  # noqa: PLR0124 - NaN is not itself
        return str(int(value))
    return str(value).strip()


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts a second pass is about.

    :param values: values of the account column.
    :param verbatim: they came from the column; else they are texts, compared with the column's text.
    """

    values: frozenset[Any]
    verbatim: bool

    def have(self, value: Any) -> bool:
        """Tell whether a value of the account column is one of them."""
        return (value if self.verbatim else account_text(value)) in self.values


class Cutoff(NamedTuple):
    """A cutoff as conditions of SQL, of which exactly one holds for each row.

    :param read: of rows that are new enough, or whose time the reader has to judge.
    :param left_out: of rows that are too old.
    """

    read: ColumnElement[bool]
    left_out: ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Query:
    """The statements over one source.

    :param what: the source, for messages.
    :param account: the account column; None where rows are not routed.
    :param cutoff: the pushed-down cutoff; None where nothing is pushed down.
    """

    what: str
    origin: FromClause
    wanted: tuple[ColumnElement[Any], ...]
    account: ColumnElement[Any] | None
    cutoff: Cutoff | None

    def rows(self, accounts: Accounts | None = None) -> Select[Any]:
        """Return the SELECT of the rows, of all accounts or of some."""
        statement = select(*self.wanted).select_from(self.origin)
        if self.cutoff is not None:
            statement = statement.where(self.cutoff.read)
        if self.account is None:
            return statement
        if accounts is not None:
            named = self.account if accounts.verbatim else func.trim(cast(self.account, String))
            statement = statement.where(named.in_(tuple(accounts.values)))
        return statement.order_by(self.account)

    def count(self) -> Select[Any]:
        """Return the SELECT that counts what ``rows`` returns for all accounts."""
        statement = select(func.count()).select_from(self.origin)
        if self.cutoff is None:
            return statement
        return statement.where(self.cutoff.read)

    def count_before_cutoff(self) -> Select[Any] | None:
        """Return the SELECT that counts, by account, what ``rows`` leaves out; None where it leaves out nothing."""
        if self.cutoff is None:
            return None
        if self.account is None:
            return select(func.count()).select_from(self.origin).where(self.cutoff.left_out)
        counted = select(self.account, func.count()).select_from(self.origin)
        return counted.where(self.cutoff.left_out).group_by(self.account)


def build_query(connection: Connection, request: SourceRequest) -> Query:
    """Return the statements of a request, every name in them checked against the source.

    :raises FixSource: the table, query or a column does not exist.
    """
    shape = describe_on(connection, table=request.table, sql=request.sql, parameters=request.parameters)
    what = source_name(request.table)
    extra = (request.account_column, request.cutoff_column)
    names = dict.fromkeys([*request.columns, *(name for name in extra if name is not None)])
    spelled = require_columns(what[0].upper() + what[1:], names, list(shape.columns))
    origin = _origin(connection, request, shape)
    columns = {name: origin.c[quoted(connection, spelled[name])] for name in names}
    account = columns[request.account_column] if request.account_column is not None else None
    return Query(
        what=what,
        origin=origin,
        wanted=tuple(columns[name] for name in request.columns),
        account=account,
        cutoff=_cutoff(connection, request, shape, columns, spelled),
    )


def _origin(connection: Connection, request: SourceRequest, shape: SourceShape) -> FromClause:
    # Columns without a type: values come as the driver gives them, and one bad cell is one bad row.
    columns: list[ColumnClause[Any]] = [column(quoted(connection, name)) for name in shape.columns]
    if shape.table is not None:
        return table(quoted(connection, shape.table.name), *columns, schema=schema_of(connection, shape.table))
    # The line break ends a comment in the query's last line.
    query = bound(one_statement(request.sql or "") + "\n", request.parameters)
    return query.columns(*columns).subquery("bingads_source")


def _cutoff(
    connection: Connection,
    request: SourceRequest,
    shape: SourceShape,
    columns: Mapping[str, ColumnElement[Any]],
    spelled: Mapping[str, str],
) -> Cutoff | None:
    name, cutoff = request.cutoff_column, request.cutoff
    if name is None or cutoff is None or not shape.columns[spelled[name]].is_temporal:
        return None
    # BigQuery compares no TIMESTAMP with what DateTime is there, a DATETIME.
    kind = TIMESTAMP(timezone=True) if shape.columns[spelled[name]].has_timezone else DateTime()
    moment, earliest = columns[name], bindparam("bingads_cutoff", cutoff, type_=kind)
    new, old = or_(moment >= earliest, moment.is_(None)), moment < earliest
    if connection.dialect.name not in {"mysql", "mariadb"}:
        return Cutoff(new, old)
    # A zero date is no time at all, yet earlier than any: a wrong row, not an old one.
    return Cutoff(or_(new, moment < _FIRST_DAY), and_(old, moment >= _FIRST_DAY))
