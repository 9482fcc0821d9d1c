"""The whole of one `bingads check`: each part goes as far as those before it allow."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_bingads.cli.findings import Finding, Status, failed, passed, skipped
from airflow_provider_bingads.cli.ledger_checks import ledger_finding
from airflow_provider_bingads.cli.outside_tasks import database_engine, open_client, service_settings, token_store
from airflow_provider_bingads.cli.service_checks import SERVICE_CHECKS, read_goals, service_findings, token_finding
from airflow_provider_bingads.cli.source_checks import (
    SOURCE_CHECKS,
    SourceOptions,
    SourceSample,
    goals_finding,
    sample_findings,
    take_sample,
)
from airflow_provider_bingads.domain.entity import EventEntity
from airflow_provider_bingads.exceptions import BingAdsError

if TYPE_CHECKING:
    from airflow_provider_bingads.api.client import Client
    from airflow_provider_bingads.api.settings import ConnectionSettings

__all__ = ["Examination"]


@dataclass(slots=True, eq=False, kw_only=True)
class Examination:
    """What is to be checked, and what was found so far.

    :param conn_id: connection of type ``bingads``.
    :param entity: what the operator sends.
    :param warehouse: connection of the source; None checks no source.
    :param ledger: connection of the ledger; None checks no ledger.
    :param account_id: account of the operator; None for the connection's.
    """

    conn_id: str
    entity: EventEntity
    options: SourceOptions
    warehouse: str | None
    ledger: str | None
    ledger_schema: str | None
    account_id: str | None
    findings: list[Finding] = field(default_factory=list)

    def run(self) -> list[Finding]:
        """Check everything and return the findings, connection first, ledger last."""
        with contextlib.ExitStack() as closing:
            settings = self._connection()
            client = None
            if settings is not None and self._token(settings):
                client = open_client(settings)
                closing.callback(client.close)
                self.findings += service_findings(client, self.account_id)
            else:
                self.findings += [skipped(name, "Not checked: the token comes first.") for name in SERVICE_CHECKS]
            sample = self._source(datetime.now(UTC) if client is None else client.now())
            self._goals(client, sample)
        self._ledger()
        return self.findings

    def _connection(self) -> ConnectionSettings | None:
        try:
            settings = service_settings(self.conn_id)
        except BingAdsError as error:
            self.findings.append(failed("connection", error))
            return None
        self.account_id = self.account_id or settings.account_id
        mode = ", read-only" if settings.read_only else ""
        where = f"{settings.environment.value} over {settings.transport.value.upper()}{mode}"
        self.findings.append(passed("connection", f"{self.conn_id!r} is complete: {where}."))
        return settings

    def _token(self, settings: ConnectionSettings) -> bool:
        self.findings.append(token_finding(settings, token_store(settings)))
        return self._is_good("token")

    def _source(self, now: datetime) -> SourceSample | None:
        if self.warehouse is None:
            return None
        try:
            engine = database_engine(self.warehouse)
        except BingAdsError as error:
            self.findings += [failed("warehouse", error), *_not_checked("the warehouse comes first")]
            return None
        try:
            sample = take_sample(engine, self.entity, self.options, self.account_id or "", now)
        except BingAdsError as error:
            self.findings += [failed("columns", error), *_not_checked("the columns come first")[1:]]
            return None
        finally:
            engine.dispose()
        self.findings += sample_findings(sample)
        return sample

    def _goals(self, client: Client | None, sample: SourceSample | None) -> None:
        if client is None or self.account_id is None or not self._is_good("account"):
            self.findings.append(skipped("goals", "Not checked: the account comes first."))
            return
        try:
            reply = read_goals(client, self.entity, self.account_id)
        except BingAdsError as error:
            self.findings.append(failed("goals", error))
            return
        self.findings.append(goals_finding(self.entity, reply, [] if sample is None else sample.rows))

    def _ledger(self) -> None:
        if self.ledger is None:
            return
        try:
            engine = database_engine(self.ledger)
        except BingAdsError as error:
            self.findings.append(failed("ledger", error))
            return
        try:
            self.findings.append(ledger_finding(engine, self.ledger_schema))
        finally:
            engine.dispose()

    def _is_good(self, name: str) -> bool:
        return all(finding.status is Status.OK for finding in self.findings if finding.name == name)


def _not_checked(why: str) -> list[Finding]:
    return [skipped(name, f"Not checked: {why}.") for name in SOURCE_CHECKS]
