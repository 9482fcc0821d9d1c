"""Operators that read the ledger: its runs, one run, one row's story, what needs somebody, what is in doubt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_bingads.exceptions import FixConfiguration

if TYPE_CHECKING:
    from airflow.sdk import Context
    from sqlalchemy import Engine

    from airflow_provider_bingads.warehouse.ledger.inspection import LedgerInspection

__all__ = ["LedgerOperator", "LedgerReportOperator"]

XCOM_BYTES: Final = 32 * 1024
"""A larger answer is cut, and says so: XCom is for figures and examples, the ledger for everything."""


class LedgerOperator(BaseOperator):
    """Base of the operators that work on a ledger alone; use a named one.

    Nothing is validated before ``execute``: most arguments are templates.
    """

    template_fields: Sequence[str] = ("ledger_conn_id", "ledger_schema")
    ui_color = "#f3e8fd"

    def __init__(self, *, ledger_conn_id: str, ledger_schema: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ledger_conn_id = ledger_conn_id
        self.ledger_schema = ledger_schema

    def execute(self, context: Context) -> dict[str, Any]:
        """Do the work, and return at most 32 KB of JSON.

        :raises AirflowFailException: an argument, the connection or the ledger has to be mended; a retry cannot help.
        :raises RetryLater: the ledger's database cannot be reached, or a run holds the account.
        """
        try:
            with self._engine() as engine:
                return self._work(engine, context)
        except FixConfiguration as error:
            raise AirflowFailException(str(error)) from None

    def _work(self, engine: Engine, context: Context) -> dict[str, Any]:
        """Must be overridden."""
        raise NotImplementedError

    @contextmanager
    def _engine(self) -> Iterator[Engine]:
        from airflow_provider_bingads.hooks.engines import engine_for

        engine = engine_for(self.ledger_conn_id)
        try:
            yield engine
        finally:
            engine.dispose()

    def whole_number(self, name: str) -> int:
        """Return an argument that must be a number above 0; a template gives text.

        :raises FixConfiguration: it is none.
        """
        given = getattr(self, name)
        try:
            number = int(given)
        except (TypeError, ValueError):
            number = 0
        if isinstance(given, bool) or number < 1:
            raise FixConfiguration(f"{name} must be a whole number above 0; it is {given!r}")
        return number


class LedgerReportOperator(LedgerOperator):
    """Reads the ledger and returns what it says, as ``bingads ledger ... --json`` prints it.

    Nothing is changed. Usage, a task whose XCom tells a notifier what the data team has to mend::

        LedgerReportOperator(
            task_id="what_to_mend",
            ledger_conn_id="warehouse",
            report="attention",
            responsible="data",
            limit=10,
        )

    The answer has at most 32 KB: the longest lists are cut, and ``truncated`` beside them says so.

    :param ledger_conn_id: Airflow connection of the ledger: that of the loading operator, or its warehouse.
    :param report: ``runs``, ``show`` (one run), ``row`` (one row's story), ``attention`` or ``in_doubt``.
    :param ledger_schema: schema of the ledger's tables.
    :param ledger_run: for ``show``: the run's id, the beginning of it, or the run id of a DAG run.
    :param key: for ``row``: the value of ``source_key``, or the 32 hex digits of a row key.
    :param account_id: only of this account; not for ``show``.
    :param source_dag_id: only rows and runs of this DAG; for ``runs``, ``attention`` and ``in_doubt``.
    :param since: for ``runs``: only those that began then or later; ISO 8601, in UTC where it names no zone.
    :param responsible: for ``attention``: ``data``, ``marketing`` or ``platform``.
    :param code: for ``attention``: Microsoft's number or the name of a reason.
    :param limit: most entries of each list.
    """

    template_fields: Sequence[str] = (
        *LedgerOperator.template_fields,
        "report",
        "ledger_run",
        "key",
        "account_id",
        "source_dag_id",
        "since",
        "responsible",
        "code",
        "limit",
    )

    def __init__(
        self,
        *,
        report: str,
        ledger_run: str | None = None,
        key: str | None = None,
        account_id: str | None = None,
        source_dag_id: str | None = None,
        since: str | None = None,
        responsible: str | None = None,
        code: str | int | None = None,
        limit: int | str = 20,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.report = report
        self.ledger_run = ledger_run
        self.key = key
        self.account_id = account_id
        self.source_dag_id = source_dag_id
        self.since = since
        self.responsible = responsible
        self.code = code
        self.limit = limit

    def _work(self, engine: Engine, _context: Context) -> dict[str, Any]:
        from airflow_provider_bingads.warehouse.ledger.inspection import LedgerInspection
        from airflow_provider_bingads.warehouse.ledger.reports import document

        self._check()
        found = _REPORTS[self.report](self, LedgerInspection(engine, self.ledger_schema), self.whole_number("limit"))
        return document(found, XCOM_BYTES)

    def _check(self) -> None:
        if self.report not in _TAKES:
            raise FixConfiguration(f"report must be one of {', '.join(_TAKES)}; it is {self.report!r}")
        required, optional = _TAKES[self.report]
        if required and not getattr(self, required):
            raise FixConfiguration(f"report={self.report!r} needs {required}")
        others = [name for name in _NARROWING if name not in {required, *optional} and getattr(self, name) is not None]
        if others:
            raise FixConfiguration(f"report={self.report!r} does not take {', '.join(others)}")
        if self.responsible not in {None, "data", "marketing", "platform"}:
            raise FixConfiguration(f"responsible must be data, marketing or platform; it is {self.responsible!r}")


_NARROWING: Final = ("ledger_run", "key", "account_id", "source_dag_id", "since", "responsible", "code")
_TAKES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "runs": ("", ("account_id", "source_dag_id", "since")),
    "show": ("ledger_run", ()),
    "row": ("key", ("account_id",)),
    "attention": ("", ("account_id", "source_dag_id", "responsible", "code")),
    "in_doubt": ("", ("account_id", "source_dag_id")),
}
"""Report -> the argument it needs, and those it may have."""


def _runs(asked: LedgerReportOperator, ledger: LedgerInspection, limit: int) -> object:
    since = None if asked.since is None else _moment(asked.since)
    return ledger.runs(limit=limit, account_id=asked.account_id, dag_id=asked.source_dag_id, since=since)


def _attention(asked: LedgerReportOperator, ledger: LedgerInspection, limit: int) -> object:
    code = None if asked.code is None else str(asked.code)
    return ledger.attention(
        limit=limit, account_id=asked.account_id, dag_id=asked.source_dag_id, owner=asked.responsible, code=code
    )


_REPORTS: Final[dict[str, Callable[[LedgerReportOperator, LedgerInspection, int], object]]] = {
    "runs": _runs,
    "show": lambda asked, ledger, limit: ledger.run(str(asked.ledger_run), limit=limit),
    "row": lambda asked, ledger, limit: ledger.row(str(asked.key), account_id=asked.account_id, limit=limit),
    "attention": _attention,
    "in_doubt": lambda asked, ledger, limit: ledger.in_doubt(
        limit=limit, account_id=asked.account_id, dag_id=asked.source_dag_id
    ),
}


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise FixConfiguration(f"since must be a time such as 2026-01-31T06:00:00+00:00; it is {text!r}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
