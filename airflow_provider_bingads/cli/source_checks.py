"""What `bingads check` finds out from the source: columns, time zone, a sample of its rows, the goals they name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bingads.cli.findings import Finding, failed, passed, skipped
from airflow_provider_bingads.domain.entity import EventEntity, Preparation
from airflow_provider_bingads.domain.outcomes import Violation
from airflow_provider_bingads.domain.rows import Candidate

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from airflow_provider_bingads.operators.source_plan import SourcePlan
    from airflow_provider_bingads.warehouse import SourceShape

__all__ = ["SOURCE_CHECKS", "SourceOptions", "SourceSample", "goals_finding", "sample_findings", "take_sample"]

SOURCE_CHECKS: Final = ("columns", "zone", "rows")

_SAMPLE_ROWS: Final = 1000
_VALUE_DECIMALS: Final = 3
_NO_ZONE: Final = "SourceTimezoneNotDeclared"
"""Symbol of a row whose time cannot be placed (``domain.times``)."""


@dataclass(slots=True, eq=False, kw_only=True)
class SourceOptions:
    """The operator's arguments that say what to read; implements ``operators.source_plan.SourceArguments``."""

    table: str | Sequence[str] | None
    columns: Mapping[str, str | None] | None = None
    constants: Mapping[str, object] | None = None
    source_key: str | Sequence[str] | None = None
    source_timezone: str | None = None
    phone_region: str | None = None
    sql: str | None = None
    parameters: Mapping[str, Any] | None = None
    account_id_column: str | None = None
    customer_id_column: str | None = None


@dataclass(frozen=True, slots=True)
class SourceSample:
    """The first rows of a source, judged as a run would.

    :param mapping: API field -> column.
    :param undeclared: columns of native times without zone, where no zone is declared.
    """

    mapping: Mapping[str, str]
    undeclared: tuple[str, ...]
    rows: list[Candidate] = field(repr=False)


def take_sample(
    engine: Engine, entity: EventEntity, options: SourceOptions, account_id: str, now: datetime
) -> SourceSample:
    """Read and judge the first rows.

    :param account_id: account of the rows; '' where none is known, which only their identity depends on.
    :raises FixSource: table or columns are not there or not readable.
    :raises FixConfiguration: a field or constant does not exist.
    :raises RetryLater: the database cannot be reached.
    """
    from airflow_provider_bingads.operators.source_plan import plan_source
    from airflow_provider_bingads.warehouse import describe_source

    shape = describe_source(engine, table=options.table)
    plan = plan_source(entity, options, shape, now, timedelta(days=entity.lookback_days))
    prepare = entity.compile(_preparation(entity, plan, options, account_id))
    return SourceSample(plan.mapping, _undeclared(plan, shape, options), prepare(_first_rows(engine, plan), now))


def sample_findings(sample: SourceSample) -> list[Finding]:
    """Return what the sample says about columns, zone and rows."""
    return [passed("columns", f"Read from {', '.join(sample.mapping.values())}."), _zone(sample), _rows(sample.rows)]


def goals_finding(entity: EventEntity, reply: Mapping[str, Any], rows: Sequence[Candidate]) -> Finding:
    """Judge the goals that the sampled rows name by those the account has."""
    if entity.reference is None:
        return skipped("goals", f"{entity.operation} needs none.")
    goals = next((value for value in reply.values() if isinstance(value, list)), [])
    if not goals:
        return failed("goals", "The account has none; create one in Microsoft Advertising and wait two hours.")
    judge = entity.reference.judge(reply)
    names = sorted({row.group_name for row in rows if row.group_name and row.payload is not None})
    wrong: list[Violation] = [violation for name in names if (violation := judge(name)) is not None]
    if wrong:
        more = f" ({len(wrong)} of {len(names)} names in the sample are wrong)" if len(wrong) > 1 else ""
        return failed("goals", f"{_capital(wrong[0].reason)}{more}; {wrong[0].remedy}.")
    named = f"; the sample names {len(names)}, all of them known" if names else ""
    return passed("goals", f"{len(goals)} in the account{named}.")


def _preparation(entity: EventEntity, plan: SourcePlan, options: SourceOptions, account_id: str) -> Preparation:
    from iso4217 import Currency

    return Preparation(
        columns=plan.request.columns,
        mapping=plan.mapping,
        constants=options.constants or {},
        source_key=plan.source_key,
        account_id=account_id,
        source_timezone=options.source_timezone,
        lookback_days=entity.lookback_days,
        value_decimals=_VALUE_DECIMALS,
        phone_region=options.phone_region,
        currency_codes=frozenset(currency.code for currency in Currency),
        options={},
    )


def _first_rows(engine: Engine, plan: SourcePlan) -> list[tuple[Any, ...]]:
    from airflow_provider_bingads.warehouse.query import build_query
    from airflow_provider_bingads.warehouse.refusals import refused

    with refused(engine, "the source", quotable=True), engine.connect() as connection:
        # the operator's own statement without its time filter: old rows show as out of window, not as an empty table
        statement = build_query(connection, plan.request).rows().limit(_SAMPLE_ROWS)
        return [tuple(row) for row in connection.execute(statement)]


def _undeclared(plan: SourcePlan, shape: SourceShape, options: SourceOptions) -> tuple[str, ...]:
    if options.source_timezone is not None:
        return ()
    shapes = {column: shape.columns[column] for column in plan.mapping.values()}
    return tuple(column for column, it in shapes.items() if it.is_temporal and not it.has_timezone)


def _zone(sample: SourceSample) -> Finding:
    for row in sample.rows:
        for violation in row.violations:
            if violation.error_code == _NO_ZONE:
                return failed("zone", f"{_capital(violation.reason)}; {violation.remedy}.")
    if sample.undeclared:
        return failed(
            "zone",
            f"Column {sample.undeclared[0]} holds times without zone; declare source_timezone, the zone in which the"
            " source writes them, such as 'Europe/Berlin' (here: --source-timezone).",
        )
    return passed("zone", "All times of the sample stand in a known zone." if sample.rows else "Nothing to judge.")


def _rows(rows: Sequence[Candidate]) -> Finding:
    if not rows:
        return skipped("rows", "The table is empty.")
    old = sum(row.out_of_window for row in rows)
    bad = Counter(_told(row.violations[0]) for row in rows if row.violations)
    good = len(rows) - old - bad.total()
    counts = f"Sample of {len(rows)}: {good} can be sent, {old} are out of window, {bad.total()} are refused"
    if not bad:
        return passed("rows", f"{counts}.")
    worst = f"{counts}; most often {bad.most_common(1)[0][0]}."
    return passed("rows", worst) if good else failed("rows", worst)


def _told(violation: Violation) -> str:
    where = violation.column or violation.field
    return f"{violation.error_code} in {where}: {violation.reason}; {violation.remedy}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
