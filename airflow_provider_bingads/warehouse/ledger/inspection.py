"""Reads a ledger for people: runs, one run, what needs somebody, what is in doubt, the story of a row.

Nothing is created, migrated or changed. Each answer is bounded, and says where there is more. The statements behind
the views are used, not the views themselves: their columns have types, which SQLite's views lack.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, Select, and_, case, exists, func, or_, select
from sqlalchemy.sql.selectable import Subquery

from airflow_provider_bingads.domain.outcomes import CALL_RANK, CallEventKind
from airflow_provider_bingads.exceptions import FixConfiguration, FixLedger
from airflow_provider_bingads.warehouse.failures import driver_errors
from airflow_provider_bingads.warehouse.ledger.clock import utc_now
from airflow_provider_bingads.warehouse.ledger.encode import from_stored
from airflow_provider_bingads.warehouse.ledger.kept import Scope, is_number
from airflow_provider_bingads.warehouse.ledger.migrations import version_of
from airflow_provider_bingads.warehouse.ledger.next_steps import next_of_call, next_of_row
from airflow_provider_bingads.warehouse.ledger.opening import refuse_dialect
from airflow_provider_bingads.warehouse.ledger.refusals import refusal
from airflow_provider_bingads.warehouse.ledger.reports import (
    Attention,
    AttentionLine,
    CallLine,
    CodeLine,
    DoubtLine,
    Page,
    ReasonLine,
    RunLine,
    RunStory,
    Story,
)
from airflow_provider_bingads.warehouse.ledger.schema import COUNTERS, VERSION, ledger_tables
from airflow_provider_bingads.warehouse.ledger.story import not_found, story_of
from airflow_provider_bingads.warehouse.ledger.views import views

__all__ = ["LedgerInspection"]

_Result = TypeVar("_Result")
_LAST: Final = "g"
"""Sorts after every hex digit, so that a prefix becomes a range of the key."""
_CODES_LIMIT: Final = 50
_ID_LENGTH: Final = 32


class LedgerInspection:
    """Answers questions about one ledger.

    :param engine: of the ledger's database; made with ``hide_parameters``.
    :param schema: database schema of the tables; None for the connection's default.
    """

    def __init__(self, engine: Engine, schema: str | None = None) -> None:
        refuse_dialect(engine.dialect.name)
        self._engine = engine
        self._schema = schema
        self._tables = ledger_tables(schema)
        self._views = {view.name: view.statement for view in views(self._tables)}

    def refuse_missing(self) -> None:
        """Return if there is a ledger of the version that this release reads.

        :raises FixLedger: there is none, or an older one.
        """
        self._read(lambda _: None)

    def runs(
        self,
        *,
        limit: int = 20,
        account_id: str | None = None,
        dag_id: str | None = None,
        dag_run_id: str | None = None,
        since: datetime | None = None,
    ) -> Page[RunLine]:
        """Return the newest runs first.

        :param since: aware; only runs that began then or later.
        """
        view = self._view("bingads_run_summary")
        query = self._about(select(view), view, account_id=account_id, dag_id=dag_id, dag_run_id=dag_run_id)
        if since is not None:
            query = query.where(view.c.started_at >= since.astimezone(UTC).replace(tzinfo=None))
        query = query.order_by(view.c.started_at.desc(), view.c.run_id.desc())
        return self._read(lambda connection: _page(connection, query, limit, _run_line))

    def run(self, run_id: str, *, limit: int = 20) -> RunStory:
        """Return one run with its codes, calls and rows that need somebody.

        :param run_id: its id in the ledger, the beginning of one, or the run id of the DAG run.
        :param limit: of the calls, and of the rows.
        :raises FixConfiguration: there is no such run, or more than one.
        """
        return self._read(lambda connection: self._run(connection, run_id, limit))

    def run_id_of(self, wanted: str) -> str:
        """Return the id of the one run meant by its beginning or by its DAG run.

        :raises FixConfiguration: there is no such run, or more than one.
        """
        return self._read(lambda connection: self._identified(connection, wanted)[0])

    def row(self, key: str, *, account_id: str | None = None, limit: int = 100) -> Story:
        """Return the whole story of a row, from its first version to the answer of the service.

        :param key: the row's ``source_ref``, or the 32 hex digits of its ``row_key``.
        :param limit: of the newest steps, and of the versions.
        :raises FixConfiguration: the ledger knows no such key; the message says what a key looks like.
        """
        return self._read(
            lambda connection: story_of(connection, self._tables, key, account_id=account_id, limit=limit)
        )

    def nothing_recorded(self, key: str, scope: Scope) -> FixConfiguration:
        """Return the error that says what was looked for, in the words of ``row``.

        :param key: a ``source_ref`` or row key of which nothing is recorded.
        :param scope: where it was looked for.
        """
        return FixConfiguration(self._read(lambda connection: not_found(connection, self._tables, key, scope)))

    def attention(
        self,
        *,
        limit: int = 20,
        account_id: str | None = None,
        dag_id: str | None = None,
        run_id: str | None = None,
        owner: str | None = None,
        code: str | None = None,
        superseded: bool = False,
    ) -> Attention:
        """Return what needs somebody.

        :param run_id: only rows that this run judged last.
        :param owner: ``data``, ``marketing`` or ``platform``.
        :param code: Microsoft's number, or the name of the reason.
        :param superseded: with the rows that were changed after they were applied, for which nothing can be done.
        """
        view = self._view("bingads_attention")
        query = self._about(select(view), view, account_id=account_id, dag_id=dag_id, run_id=run_id, owner=owner)
        if code is not None:
            query = query.where(_has_code(view, code))
        if not superseded:
            query = query.where(view.c.state != "superseded")
        newest = query.order_by(view.c.last_seen.desc(), view.c.source_ref)

        def read(connection: Connection) -> Attention:
            reasons = _page(connection, _by_reason(query.subquery("needy")), limit, _reason_line)
            return Attention(reasons=reasons, rows=_page(connection, newest, limit, _attention_line))

        return self._read(read)

    def in_doubt(self, *, limit: int = 20, account_id: str | None = None, dag_id: str | None = None) -> Page[DoubtLine]:
        """Return the rows whose outcome is unknown or held and the calls without a recorded answer, oldest first."""
        view = self._view("bingads_in_doubt")
        query = self._about(select(view), view, account_id=account_id, dag_id=dag_id)
        query = query.order_by(view.c.since, view.c.call_id, view.c.source_ref)
        return self._read(lambda connection: _page(connection, query, limit, _doubt_line))

    # How it is read -------------------------------------------------------------------------------------------------

    def _view(self, name: str) -> Subquery:
        return self._views[name].subquery(name)

    @staticmethod
    def _about(query: Select[Any], view: Subquery, **wanted: str | None) -> Select[Any]:
        return query.where(*(view.c[name] == value for name, value in wanted.items() if value is not None))

    def _read(self, work: Callable[[Connection], _Result]) -> _Result:
        found = 0
        try:
            with self._connected() as connection:
                found = version_of(connection, self._tables)
                self._check_version(found)
                return work(connection)
        except driver_errors(self._engine) as error:
            raise refusal(error, self._engine.dialect.name, self._schema, found) from None

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        url = self._engine.url
        if url.get_backend_name() == "sqlite" and url.database and not url.query and not Path(url.database).exists():
            raise self._missing("the SQLite file does not exist")  # connecting would create it
        with self._engine.connect() as connection:
            yield connection

    def _check_version(self, found: int) -> None:
        if found == 0:
            raise self._missing("its tables are not there")
        if found < VERSION:
            raise FixLedger(
                f"The ledger has version {found} and this release reads version {VERSION}. The next run of an operator "
                "brings it there, or `bingads ledger init --conn CONN` does now."
            )

    def _missing(self, why: str) -> FixLedger:
        where = f"schema {self._schema!r} of this connection" if self._schema else "this connection's default schema"
        return FixLedger(
            f"There is no ledger in {where}: {why}. Name the connection and schema that the operator has as "
            "ledger_conn_id (without it, its warehouse_conn_id) and ledger_schema. Its first run creates the ledger, "
            "or `bingads ledger init --conn CONN` does."
        )

    # One run --------------------------------------------------------------------------------------------------------

    def _run(self, connection: Connection, wanted: str, limit: int) -> RunStory:
        run_id, stream_id = self._identified(connection, wanted)
        view, needy = self._view("bingads_run_summary"), self._view("bingads_attention")
        line = _run_line(connection.execute(select(view).where(view.c.run_id == run_id)).one())
        rows = select(needy).where(needy.c.stream_id == stream_id, needy.c.run_id == run_id)
        rows = rows.where(needy.c.state != "superseded").order_by(needy.c.last_seen.desc(), needy.c.source_ref)
        return RunStory(
            run=line,
            codes=self._codes(connection, run_id),
            calls=_page(connection, self._calls(run_id, stream_id), limit, _call_line),
            attention=_page(connection, rows, limit, _attention_line),
        )

    def _identified(self, connection: Connection, wanted: str) -> tuple[str, str]:
        run = self._tables.run
        start = select(run.c.run_id, run.c.stream_id).where(run.c.event == "start")
        prefix = wanted.lower()
        by_id = start.where(run.c.run_id >= prefix, run.c.run_id < prefix + _LAST)
        few = 4
        is_hex = 0 < len(prefix) <= _ID_LENGTH and not prefix.strip("0123456789abcdef")
        found = connection.execute(by_id.order_by(run.c.run_id).limit(few)).all() if is_hex else []
        if not found:
            by_dag_run = start.where(run.c.dag_run_id == wanted)
            found = connection.execute(by_dag_run.order_by(run.c.started_at.desc()).limit(few)).all()
        if not found:
            raise FixConfiguration(
                f"The ledger holds no run {wanted!r}. A run is named by its run_id (32 hex digits, or their "
                "beginning; it stands in the task's XCom return_value) or by the run id of its DAG run, such as "
                "scheduled__2026-01-31T00:00:00+00:00; `bingads ledger runs` lists them."
            )
        if len(found) > 1:
            ids = ", ".join(row.run_id for row in found[: few - 1]) + (" and more" if len(found) == few else "")
            raise FixConfiguration(
                f"{wanted!r} names more than one run: {ids}. Give one of these ids; `bingads ledger runs` says which "
                "try and account each is."
            )
        return found[0].run_id, found[0].stream_id

    def _codes(self, connection: Connection, run_id: str) -> Page[CodeLine]:
        run = self._tables.run
        told = connection.execute(select(run.c.codes).where(run.c.run_id == run_id, run.c.event == "end")).scalar()
        rows: Counter[tuple[int | None, str | None]] = Counter()
        for code, error_code, number in json.loads(told or "[]"):
            rows[code, error_code] += number
        codes = rows.most_common(_CODES_LIMIT)
        lines = [self._code_line(connection, run_id, *code, number) for code, number in codes]
        return Page(lines, truncated=len(rows) > _CODES_LIMIT)

    def _code_line(
        self, connection: Connection, run_id: str, code: int | None, error_code: str | None, rows: int
    ) -> CodeLine:
        error = self._tables.error
        same = [column.is_(None) if value is None else column == value
                for column, value in ((error.c.code, code), (error.c.error_code, error_code))]  # fmt: skip
        query = select(error.c.owner, error.c.column_name, error.c.message, error.c.remedy)
        one = connection.execute(query.where(error.c.run_id == run_id, *same).limit(1)).first()
        owner, column, reason, remedy = one or (None, None, None, None)
        return CodeLine(
            rows=rows, code=code, error_code=error_code, owner=owner, column=column, reason=reason, remedy=remedy
        )

    def _calls(self, run_id: str, stream_id: str) -> Select[Any]:
        """Return the run's calls, those without a plain success first; the index on the stream's calls serves it."""
        batch, sent = self._tables.batch, self._tables.call.alias("sent")
        end, stronger = self._tables.call.alias("ended"), self._tables.call.alias("stronger")
        intent = CALL_RANK[CallEventKind.INTENT]
        beaten = exists().where(stronger.c.call_id == end.c.call_id, stronger.c.rank > end.c.rank)
        ended = and_(end.c.call_id == sent.c.call_id, end.c.rank > intent, ~beaten)
        plain = and_(end.c.event == CallEventKind.ANSWERED.value, end.c.code.is_(None), end.c.n_rejected == 0)
        return (
            select(
                sent.c.call_id,
                sent.c.at.label("sent_at"),
                sent.c.deadline_at,
                case((sent.c.deadline_at > utc_now(), "in_flight"), else_="unknown").label("unanswered"),
                *(batch.c[name] for name in ("batch_id", "parent_batch_id", "sequence", "n_rows")),
                end.c.at.label("ended_at"),
                *(end.c[name] for name in _OF_THE_END),
            )
            .select_from(
                batch.join(sent, and_(sent.c.batch_id == batch.c.batch_id, sent.c.stream_id == stream_id)).outerjoin(
                    end, ended
                )
            )
            .where(batch.c.run_id == run_id, sent.c.rank == intent)
            .order_by(case((plain, 1), else_=0), batch.c.sequence, sent.c.call_id)
        )


_OF_THE_END = (
    "event", "attempt", "http_status", "code", "error_code", "tracking_id", "n_applied", "n_rejected", "latency_ms",
    "detail",
)  # fmt: skip


def _has_code(view: Subquery, code: str) -> Any:
    named = view.c.error_code == code
    return or_(named, view.c.code == int(code)) if is_number(code) else named


def _by_reason(needy: Subquery) -> Select[Any]:
    alike = [needy.c[name] for name in ("state", "owner", "column", "code", "error_code", "reason", "remedy")]
    number = func.count().label("n")
    example = func.min(needy.c.source_ref).label("example")
    return (
        select(*alike, number, example, func.max(needy.c.last_seen).label("last_seen"))
        .group_by(*alike)
        .order_by(number.desc(), example)
    )


def _page(connection: Connection, query: Select[Any], limit: int, line: Callable[[Any], _Result]) -> Page[_Result]:
    rows = connection.execute(query.limit(limit + 1)).all()
    return Page([line(row) for row in rows[:limit]], truncated=len(rows) > limit)


def _time(stored: Any) -> datetime | None:
    return None if stored is None else from_stored(stored)


def _copied(kind: type, row: Any, *left_out: str) -> dict[str, Any]:
    """Return a record's values by the names of a report's fields; times become aware."""
    names: Sequence[str] = [name for name in kind.__slots__ if name not in left_out]  # type: ignore[attr-defined]
    values = {name: row._mapping[name] for name in names}
    return {name: from_stored(it) if isinstance(it, datetime) else it for name, it in values.items()}


def _run_line(row: Any) -> RunLine:
    ended = row.ended_at is not None
    counts = {**{name: row._mapping[name] for name in COUNTERS}, **json.loads(row.more_counts)} if ended else None
    waited, took = row.throttle_wait_ms, row.duration_ms
    return RunLine(
        **_copied(RunLine, row, "counts", "duration_seconds", "throttle_wait_seconds"),
        counts=counts,
        duration_seconds=None if took is None else took / 1000,
        throttle_wait_seconds=None if waited is None else waited / 1000,
    )


def _call_line(row: Any) -> CallLine:
    return CallLine(
        **_copied(CallLine, row, "state", "attempts", "rows", "applied", "rejected"),
        state=row.event or row.unanswered,
        attempts=row.attempt,
        rows=row.n_rows,
        applied=row.n_applied,
        rejected=row.n_rejected,
    )


def _attention_line(row: Any) -> AttentionLine:
    return AttentionLine(**_copied(AttentionLine, row))


def _reason_line(row: Any) -> ReasonLine:
    return ReasonLine(**_copied(ReasonLine, row, "rows"), rows=row.n)


def _doubt_line(row: Any) -> DoubtLine:
    values = _copied(DoubtLine, row, "next", "deadline_at", "since")
    since = from_stored(row.since)
    what_next = next_of_row(row.state) if row.source_ref is not None else next_of_call()
    return DoubtLine(**values, since=since, deadline_at=_time(row.deadline_at), next=what_next)
