"""Runs one try of an event operator: account after account, one lease at a time, none stopping the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from airflow_provider_bingads.domain.entity import EventEntity, PrepareRows
from airflow_provider_bingads.domain.records import RunRecord
from airflow_provider_bingads.exceptions import BingAdsError, LeaseBusy, RetryLater, Stopped
from airflow_provider_bingads.sync.delivery import AccountDelivery, Ports, Reference
from airflow_provider_bingads.sync.entries import Scribe
from airflow_provider_bingads.sync.erasure import recognising
from airflow_provider_bingads.sync.feed import AccountFeed, account_of
from airflow_provider_bingads.sync.ports import Lease, LeaseHolder, Sender, Source, marked
from airflow_provider_bingads.sync.recovery import OpenWork, Waiting
from airflow_provider_bingads.sync.settings import DeliverySettings, stream_id_of
from airflow_provider_bingads.sync.tally import Tally

__all__ = ["AccountReport", "AccountService", "EventRun"]

T = TypeVar("T")
_LEASE_POLL_SECONDS = 2.0
"""How often to look whether the holder gave a lease up; its end is looked at when it comes."""
_LEASE_PAUSE_SECONDS = 0.01
_TICK_SECONDS = 0.25


class AccountService(Protocol):
    """What a run asks of the service for one account."""

    def use_customer(self, account_id: str, customer_id: str) -> None:
        """Reach this account through this customer."""
        ...

    def customer_of(self, account_id: str) -> str | None:
        """Return the customer the account is reached through; None lets the client resolve it."""
        ...

    def sender(self, account_id: str) -> Sender:
        """Return what sends the account's batches."""
        ...

    def reference(self, account_id: str) -> Reference | None:
        """Read what must exist in the account before a row can be accepted; one read a run."""
        ...


@dataclass(slots=True)
class AccountReport:
    """What one account came to.

    :param run_id: its run in the ledger.
    :param error: why it did not end well; None for an account whose rows all have an outcome.
    :param waiting: rows of earlier runs still open that this source did not return.
    """

    account_id: str
    run_id: str
    tally: Tally = field(default_factory=Tally)
    error: BaseException | None = None
    waiting: Waiting | None = None

    @property
    def open_rows(self) -> int:
        """Rows of this run whose outcome is not known yet: the task fails for them."""
        return self.tally.counts["unknown"] + self.tally.counts["held"]

    @property
    def open_rows_gone(self) -> int:
        """Rows of earlier runs in the same state that the source no longer returns; the task fails for them too."""
        return self.waiting.unknown_or_held if self.waiting is not None else 0


@dataclass(slots=True, eq=False)
class EventRun:
    """One try over all its accounts.

    :param account_position: index of the account column in each row, None where all rows go to ``account_id``.
    :param customer_position: index of the column that names the customer of each account.
    :param columns_of_fields: source column of each mapped API field.
    :param prepare_for: builds the row function of an account ('' for rows that name none: they are invalid).
    :param window_days: events older than this can no longer be sent.
    :param earlier_runs: the runs of this task instance's earlier tries; what they refused counts again.
    """

    settings: DeliverySettings
    ports: Ports
    entity: EventEntity
    source: Source
    account_id: str
    account_position: int | None
    customer_position: int | None
    columns_of_fields: Mapping[str, str]
    prepare_for: Callable[[str], PrepareRows]
    service: AccountService
    window_days: int
    earlier_runs: Collection[str] = frozenset()
    _runs: int = 0
    _before_cutoff: dict[str, int] = field(default_factory=dict)

    def deliver(self) -> list[AccountReport]:
        """Deliver every account of the source and return a report of each, in the order they were met.

        A source that breaks between two accounts is reported under the account ''.
        """
        reports: list[AccountReport] = []
        busy: list[AccountReport] = []
        try:
            self._count_before_cutoff()
            self.ports.executor.start("count", None, self.source.expected_rows)
            self._deliver_all(reports, busy)
        except BingAdsError as error:
            reports.append(AccountReport("", self._run_id(), error=error))
        return reports + busy

    def _deliver_all(self, reports: list[AccountReport], busy: list[AccountReport]) -> None:
        feed = self._feed(None)
        while (account := self._next_account(feed, reports)) is not None:
            # Rows that name no account wait at once: a second read by account would not find them.
            waits = self.account_position is None or not account
            report = self._account(account, feed, self.settings.lease_wait_seconds if waits else 0.0)
            (busy if isinstance(report.error, LeaseBusy) and not waits else reports).append(report)
            if isinstance(report.error, Stopped):
                return
            self._skip_rest(account, feed, report)
        while busy:
            reports.append(self._again(busy.pop(0)))
        reports.extend(self._new_report(account) for account in list(self._before_cutoff))

    def _run_id(self) -> str:
        """Return the id of the next account's run: the try's own for the first, so that XCom leads to it."""
        self._runs += 1
        return self.settings.run_id if self._runs == 1 else self.ports.ids()

    def _feed(self, accounts: Sequence[str] | None) -> AccountFeed:
        return AccountFeed(self.source.chunks(accounts), self.account_position, self.account_id)

    def _next_account(self, feed: AccountFeed, reports: Sequence[AccountReport]) -> str | None:
        if self.account_position is None:
            return None if reports else self.account_id
        return self._do("read", "run.account", feed.account)

    def _skip_rest(self, account: str, feed: AccountFeed, report: AccountReport) -> None:
        """Leave the rows of an account that stopped early; they stay pending and the next run reads them."""
        if self.account_position is not None and report.error is not None:
            while self._do("read", "run.skip", partial(feed.next_chunk, account)) is not None:
                pass

    def _again(self, report: AccountReport) -> AccountReport:
        self._before_cutoff[report.account_id] = report.tally.counts["out_of_window"]
        feed = self._feed([report.account_id])
        second = self._account(report.account_id, feed, self.settings.lease_wait_seconds)
        if isinstance(second.error, LeaseBusy):
            while (rows := self._do("read", "run.skip", partial(feed.next_chunk, report.account_id))) is not None:
                second.tally.counts["source_rows"] += len(rows)
                second.tally.counts["deferred"] += len(rows)
        return second

    def _count_before_cutoff(self) -> None:
        for cell, rows in self._do("read", "run.cutoff", self.source.count_before_cutoff).items():
            account = self.account_id if self.account_position is None else account_of(cell)
            self._before_cutoff[account] = self._before_cutoff.get(account, 0) + rows

    def _new_report(self, account: str) -> AccountReport:
        report = AccountReport(account, self._run_id())
        old = self._before_cutoff.pop(account, 0)
        report.tally.counts.update(source_rows=old, out_of_window=old)
        return report

    # One account ----------------------------------------------------------------------------------------------------

    def _account(self, account: str, feed: AccountFeed, patience_seconds: float) -> AccountReport:
        report = self._new_report(account)
        try:
            self._raise_if_stopped()
            self._note_customer(account, feed)
            if self.settings.validate_only:
                self._deliver(account, feed, report, None)
            else:
                lease = self._acquire(account, patience_seconds)
                self._with_lease(account, feed, report, lease)
        except Exception as error:  # noqa: BLE001  # whatever it is, the other accounts go on and the task fails for it
            report.error = report.error or error
        return report

    def _raise_if_stopped(self) -> None:
        if self.ports.clock.wait(0.0):
            raise Stopped("The task was asked to end before this account began")

    def _note_customer(self, account: str, feed: AccountFeed) -> None:
        if self.customer_position is not None:
            row = self._do("read", "run.customer", feed.peek)
            if row is not None and (customer := account_of(row[self.customer_position])):
                self.service.use_customer(account, customer)

    def _with_lease(self, account: str, feed: AccountFeed, report: AccountReport, lease: Lease) -> None:
        release: Callable[[], Any] = partial(self.ports.ledger.release, lease)
        started = self._record(account, report, lease, ended=False)
        try:
            self._do("write", "run.start", partial(self.ports.ledger.start_run, started))
            delivery = self._deliver(account, feed, report, lease)
            release = partial(self.ports.ledger.release, delivery.lease, delivery.release_not_before())
        except Exception as error:  # noqa: BLE001  # as above, and the run's end must not say success
            report.error = report.error or error
        finally:
            ended = self._record(account, report, lease, ended=True, started=started)
            try:
                self._do("write", "run.finish", partial(self.ports.ledger.finish_run, ended))
            finally:
                self._do("lease", "run.release", release)

    def _deliver(self, account: str, feed: AccountFeed, report: AccountReport, lease: Lease | None) -> AccountDelivery:
        stream = self._stream(account)
        epoch = lease.epoch if lease else 0
        scribe = Scribe(
            run_id=report.run_id,
            stream_id=stream,
            service=self.entity.service,
            operation=self.entity.operation,
            epoch=epoch,
            column_of_code=self._columns_of_codes(),
            column_of_field=self.columns_of_fields,
        )
        recover = partial(self._recover, stream, scribe)
        open_work = self._do("write", "run.recover", recover) if lease else OpenWork(())
        read = partial(self.service.reference, account)
        reference = self._do("send", "run.reference", read) if account else None
        delivery = AccountDelivery(
            settings=self.settings,
            ports=self.ports,
            service=self.entity.service,
            account=account,
            feed=feed,
            prepare=recognising(self.prepare_for(account), open_work.forgotten, stream, self.settings.identity),
            reference=reference,
            sender=self.service.sender(account),
            scribe=scribe,
            lease=lease or Lease(stream, "", 0, self.ports.clock.now()),
            open_work=open_work,
            tally=report.tally,
            earlier_runs=self.earlier_runs,
        )
        delivery.run()
        report.error = delivery.error
        if lease:
            waiting = self._do("write", "run.close", partial(self._close, stream, scribe, open_work))
            report.waiting = waiting if delivery.error is None else None
        return delivery

    def _columns_of_codes(self) -> dict[int, str]:
        fields = self.entity.field_of_code.items()
        return {code: self.columns_of_fields[name] for code, name in fields if name in self.columns_of_fields}

    def _recover(self, stream: str, scribe: Scribe) -> OpenWork:
        work = OpenWork.read(self.ports.ledger, stream)
        self.ports.ledger.record(work.opening(scribe, self.ports.clock.now()))
        return work

    def _close(self, stream: str, scribe: Scribe, open_work: OpenWork) -> Waiting:
        now = self.ports.clock.now()
        past = now - timedelta(days=self.window_days)
        open_work.resolve_older(past)
        self.ports.ledger.record(open_work.closing(scribe, now))
        rows = self.ports.ledger.waiting_rows(stream, scribe.run_id, past)
        return open_work.waiting(rows)

    def _acquire(self, account: str, patience_seconds: float) -> Lease:
        stream, owner, seconds = self._stream(account), self.settings.owner, self.settings.lease_seconds
        deadline = self.ports.clock.monotonic() + patience_seconds
        told = False
        while True:
            got = self._do("lease", "run.acquire", partial(self.ports.ledger.acquire, stream, owner, seconds))
            if isinstance(got, Lease):
                return got
            if self.ports.clock.monotonic() >= deadline:
                raise LeaseBusy(_busy_sentence(account, got))
            if not told:
                self.ports.progress.say(_busy_sentence(account, got))
                told = True
            if self.ports.clock.wait(min(max(got.seconds_left, _LEASE_PAUSE_SECONDS), _LEASE_POLL_SECONDS)):
                raise Stopped("The task was asked to end while it waited for the account")

    def _record(
        self, account: str, report: AccountReport, lease: Lease, *, ended: bool, started: RunRecord | None = None
    ) -> RunRecord:
        now = self.ports.clock.now()
        tally, settings = report.tally, self.settings
        return RunRecord(
            run_id=report.run_id,
            stream_id=self._stream(account),
            environment=settings.environment,
            account_id=account,
            customer_id=self.service.customer_of(account) if account else None,
            operation=self.entity.operation,
            namespace=settings.namespace,
            identity=settings.identity,
            epoch=lease.epoch,
            started_at=started.started_at if started else now,
            ended_at=now if ended else None,
            provider_version=settings.provider_version,
            config_sha=settings.config_sha,
            counts=dict(tally.totals()),
            codes=tuple((code, name, rows) for (code, name, _), rows in tally.codes.most_common(50)),
            calls=tally.calls,
            retries=tally.retries,
            throttle_wait_seconds=tally.throttle_wait_seconds,
            outcome=_outcome(report) if ended else None,
            error_class=_error_class(report),
        )

    def _stream(self, account: str) -> str:
        settings = self.settings
        return stream_id_of(
            environment=settings.environment,
            account_id=account,
            operation=settings.operation,
            namespace=settings.namespace,
        )

    def _do(self, lane: str, name: str, work: Callable[[], T]) -> T:
        """Run one piece of work and wait for it; nothing else is under way.

        A question to the service is not waited for after a stop: it may take longer than Airflow leaves the process.

        :param name: of the points around it.
        """
        self.ports.executor.start(lane, work, marked(self.ports.at, name, work))
        while True:
            done = self.ports.executor.next(_TICK_SECONDS if lane == "send" else None)
            if done is None and self.ports.clock.wait(0.0):
                raise Stopped("The task was asked to end before the service had answered; nothing was sent")
            if done is not None and done.lane == "count":
                self.ports.progress.expect(done.value)
            if done is not None and done.tag is work:
                if done.error is not None:
                    raise done.error
                value: T = done.value
                return value


def _outcome(report: AccountReport) -> str:
    if isinstance(report.error, Stopped):
        return "stopped"
    return "success" if _error_class(report) is None else "failed"


def _error_class(report: AccountReport) -> str | None:
    if report.error is not None:
        return type(report.error).__name__
    # What ``verdict.ending`` raises for them: a run whose task fails must not read as a success in the ledger.
    return RetryLater.__name__ if report.open_rows or report.open_rows_gone else None


def _busy_sentence(account: str, holder: LeaseHolder) -> str:
    return (
        f"Account {account} is held by {holder.owner} since {holder.acquired_at:%Y-%m-%d %H:%M:%S} UTC. "
        "Let that run end, give both DAGs one Airflow pool of one slot, or raise lease_wait"
    )
