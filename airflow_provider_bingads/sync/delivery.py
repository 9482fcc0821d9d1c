"""Delivers the rows of one account: read, judge, write the intent, send, write the outcome (``delivery.md`` 3.3).

Two rules hold this file together. One thread, the caller's, owns all state here; work runs in the executor's lanes
and comes back as values. No byte of a batch leaves before the commit of its intent has returned.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from airflow_provider_bingads.domain.calls import CallResult, CallVerdict
from airflow_provider_bingads.domain.entity import PrepareRows
from airflow_provider_bingads.domain.outcomes import CallEventKind, RowState, Violation
from airflow_provider_bingads.domain.records import Entries
from airflow_provider_bingads.domain.rows import Batch, Candidate
from airflow_provider_bingads.exceptions import (
    BingAdsError,
    FixConfiguration,
    FixRequest,
    LeaseLost,
    RetryLater,
    Stopped,
)
from airflow_provider_bingads.sync.bisection import NOT_FOUND, Bisection
from airflow_provider_bingads.sync.breaker import Breaker
from airflow_provider_bingads.sync.classify import Classified, Judged, classify, systemic_cause
from airflow_provider_bingads.sync.entries import Scribe, Verdict, merged
from airflow_provider_bingads.sync.feed import AccountFeed
from airflow_provider_bingads.sync.patience import insist
from airflow_provider_bingads.sync.ports import (
    Clock,
    Executor,
    Ids,
    Lease,
    Ledger,
    Point,
    Progress,
    Sender,
    Work,
    marked,
    passing,
)
from airflow_provider_bingads.sync.problems import local_problem, service_problem
from airflow_provider_bingads.sync.recovery import OpenWork
from airflow_provider_bingads.sync.resolve import Next, Resolution, ended_in, resolve
from airflow_provider_bingads.sync.settings import DeliverySettings
from airflow_provider_bingads.sync.tally import FAILED_STATES, Tally
from airflow_provider_bingads.sync.tenure import Tenure

__all__ = ["AccountDelivery", "Ports"]

DRAIN_SECONDS = 3.0
"""After a stop, how long calls in flight may still end: Airflow kills the process after 5 s (``delivery.md`` 5.4)."""
_TICK_SECONDS = 0.25
_BATCHES_ON_THE_WAY = 8
"""Read ahead beside those in flight and those next: they are being judged or wait for the ledger's commit."""
_SENDS_A_ROW = 3

_EDITED = Verdict(
    RowState.APPLIED,
    message="an earlier version of the row was sent and its outcome is not known; the service keeps the first it took, "
    "so it may hold the earlier values",
)
Reference = Callable[[str, Candidate], Violation | None]


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything from outside that a delivery touches.

    :param at: told of each boundary passed; does nothing but under proof.
    """

    clock: Clock
    ids: Ids
    ledger: Ledger
    executor: Executor
    progress: Progress
    at: Point = passing


@dataclass(slots=True, eq=False)
class _Pending:
    """Entries on their way to the ledger, and what follows from their commit.

    :param waiting: how many rows are without an outcome if they never arrive, and what these then are.
    """

    entries: Entries
    waiting: tuple[RowState, int]
    keys: Sequence[str] = ()
    send: Batch | None = None
    committed: Callable[[], None] | None = None


@dataclass(slots=True, eq=False)
class AccountDelivery:
    """One account's delivery within one run.

    :param service: API service of the operation.
    :param lease: the account's lease; renewed while this runs.
    :param prepare: validates rows.
    :param reference: tells what the account lacks for a row and its group name; None where nothing has to exist.
    :param open_work: what earlier runs left open.
    :param earlier_runs: runs of this task instance's earlier tries.
    """

    settings: DeliverySettings
    ports: Ports
    service: str
    account: str
    feed: AccountFeed
    prepare: PrepareRows
    reference: Reference | None
    sender: Sender
    scribe: Scribe
    lease: Lease
    open_work: OpenWork
    tally: Tally
    earlier_runs: Collection[str] = frozenset()
    error: BaseException | None = None
    _ready: deque[Candidate] = field(default_factory=deque)
    _chunk: list[Sequence[Any]] | None = None
    _first_chunk: bool = True
    _fed: bool = False
    _busy: dict[str, int] = field(default_factory=lambda: {"read": 0, "prepare": 0, "write": 0, "lease": 0})
    _pending: list[_Pending] = field(default_factory=list)
    _queue: deque[Batch] = field(default_factory=deque)
    _in_flight: dict[str, Batch] = field(default_factory=dict)
    _open_keys: set[str] = field(default_factory=set)
    _sends: dict[str, int] = field(default_factory=dict)
    _bisection: Bisection = field(default_factory=Bisection)
    _breaker: Breaker = field(init=False)
    _batches: int = 0
    _outstanding: int = 0
    _tenure: Tenure = field(init=False)
    _stopping: bool = False
    _stop_at: float = 0.0

    def __post_init__(self) -> None:
        self._breaker = Breaker(self.service, self.scribe.operation, self.account)
        self._tenure = Tenure(self.settings.lease_seconds, self._now())

    def run(self) -> None:
        """Deliver until the account's rows end, a reason to stop appears or the task is asked to end.

        The reason, if any, is left in ``error``; every row that was read has its outcome recorded when this returns.
        """
        while True:
            self._start_work()
            if not any(self._busy.values()) and not self._in_flight and not self._pending and not self._left():
                break
            self._handle(self.ports.executor.next(_TICK_SECONDS))
            self._watch()
            if self.error is not None and (self._ready or self._queue):
                self._defer_unsent()
        if self.tally.unaccounted():
            self._fail(AssertionError(f"{self.tally.unaccounted()} rows of account {self.account} have no outcome"))

    # What may start now ---------------------------------------------------------------------------------------------

    def _left(self) -> bool:
        if self.error is not None:
            return False
        return not self._fed or self._chunk is not None or bool(self._ready) or bool(self._queue)

    def _start_work(self) -> None:
        if self.error is None:
            self._start_read()
            self._start_prepare()
            self._cut_batches()
        self._start_write()
        while self._queue and self._may_send():
            self._start_send(self._queue.popleft())

    def _may_send(self) -> bool:
        room = len(self._in_flight) < self.settings.max_in_flight
        return room and self.error is None and self._tenure.holds(self._now())

    def _start_read(self) -> None:
        limit = (2 * self.settings.max_in_flight + _BATCHES_ON_THE_WAY) * self.settings.batch_size
        if self._fed or self._busy["read"] or self._chunk is not None or self._outstanding > limit:
            return
        self._start("read", None, partial(self.feed.next_chunk, self.account))

    def _start_prepare(self) -> None:
        if self._chunk is None or self._busy["prepare"]:
            return
        rows, self._chunk = self._chunk, None
        work = partial(self._judge_chunk, rows, frozenset(self._open_keys), self.ports.clock.now())
        self._start("prepare", None, work)

    def _cut_batches(self) -> None:
        size = self.settings.batch_size
        source_ended = self._fed and self._chunk is None and not self._busy["prepare"]
        while len(self._ready) >= size or (source_ended and self._ready):
            rows = [self._ready.popleft() for _ in range(min(size, len(self._ready)))]
            self._intend(rows, parent=None)

    def _intend(self, rows: list[Candidate], parent: Batch | None) -> None:
        batch = Batch(self.ports.ids(), rows, self._batches, parent.batch_id if parent else None)
        self._batches += 1
        if parent is not None:
            self._bisection.descend(batch, parent)
        deadline = self.settings.call_deadline_seconds
        entries = self.scribe.intent(batch, batch.batch_id, self.ports.clock.now(), deadline)
        self._pending.append(_Pending(entries, (RowState.DEFERRED, len(rows)), send=batch))
        self.ports.at("delivery.intent")

    def _start_write(self) -> None:
        if self._pending and not self._busy["write"]:
            group, self._pending = self._pending, []
            record = partial(self.ports.ledger.record, merged(part.entries for part in group))
            self._start("write", group, partial(insist, self.ports.clock, record))

    def _start_send(self, batch: Batch) -> None:
        self._in_flight[batch.batch_id] = batch
        payloads = [row.payload or {} for row in batch.rows]
        send = partial(self.sender.send, payloads, self.settings.call_deadline_seconds)
        self.ports.executor.start("send", batch, marked(self.ports.at, "delivery.send", send))

    def _start(self, lane: str, tag: object, work: Callable[[], Any]) -> None:
        self._busy[lane] += 1
        self.ports.executor.start(lane, tag, marked(self.ports.at, f"delivery.{lane}", work))

    # Work that runs in lanes: touches no state of this object -------------------------------------------------------

    def _judge_chunk(
        self, rows: list[Sequence[Any]], open_keys: frozenset[str], now: datetime
    ) -> tuple[list[Candidate], Classified]:
        candidates = self.prepare(rows, now)
        keys = [candidate.key for candidate in candidates if not candidate.out_of_window]
        known = self.ports.ledger.known(self.scribe.stream_id, keys) if keys else {}
        classified = classify(
            candidates, known, open_keys, self.scribe.run_id, self.reference, earlier_runs=self.earlier_runs
        )
        return candidates, classified

    # What comes back ------------------------------------------------------------------------------------------------

    def _handle(self, work: Work | None) -> None:
        if work is None:
            return
        if work.lane in self._busy:
            self._busy[work.lane] -= 1
        handler: Mapping[str, Callable[[Work], None]] = {
            "read": self._on_read,
            "prepare": self._on_prepared,
            "write": self._on_written,
            "send": self._on_sent,
            "lease": self._on_renewed,
            "count": lambda counted: self.ports.progress.expect(counted.value),
        }
        handler[work.lane](work)

    def _on_read(self, work: Work) -> None:
        if work.error is not None:
            self._fed = True
            self._fail(work.error)
        elif work.value is None:
            self._fed = True
        else:
            self._chunk = work.value
            self._outstanding += len(work.value)

    def _on_prepared(self, work: Work) -> None:
        if work.error is not None:
            self._fail(work.error)
            return
        candidates, classified = work.value
        if self._first_chunk:
            cause = systemic_cause(candidates, classified, self.reference)
            if cause is not None:
                self._fail(FixConfiguration(f"No row can be sent: {cause.sentence}. {cause.remedy}"))
                return
            self._first_chunk = False
        self._take(candidates, classified)

    def _take(self, candidates: Sequence[Candidate], classified: Classified) -> None:
        self.tally.counts["source_rows"] += len(candidates)
        self.tally.rounded_rows += sum(candidate.rounded for candidate in candidates)
        self.tally.counts.update(classified.counted)
        self.tally.refused_before += classified.refused_before
        self._outstanding -= len(candidates) - len(classified.to_send) - len(classified.judged)
        self._settle_counted(candidates, classified)
        self.ports.progress.advance(read=len(candidates), done=sum(classified.counted.values()))
        if self.settings.validate_only:
            self._report_only(classified)
            return
        self._open_keys.update(row.candidate.key for row in classified.judged)
        self._open_keys.update(row.key for row in classified.to_send)
        self._ready.extend(classified.to_send)
        if classified.judged:
            self._record_judged(classified.judged)

    def _settle_counted(self, candidates: Sequence[Candidate], classified: Classified) -> None:
        if self.open_work.unresolved:
            going_on = {row.key for row in classified.to_send} | {row.candidate.key for row in classified.judged}
            for key in {candidate.key for candidate in candidates} - going_on - self._open_keys:
                self.open_work.resolve(key)
        self._open_keys.update(classified.rivals)

    def _report_only(self, classified: Classified) -> None:
        self._outstanding -= len(classified.to_send) + len(classified.judged)
        self.tally.counts["to_send"] += len(classified.to_send)
        self._count_judged(classified.judged)

    def _record_judged(self, judged: list[Judged]) -> None:
        entries = self.scribe.judged(judged, self.ports.clock.now())
        keys = [row.candidate.key for row in judged]
        committed = partial(self._count_judged, judged, recorded=True)
        self._pending.append(_Pending(entries, (RowState.DEFERRED, len(judged)), keys, committed=committed))
        self.ports.at("delivery.judged")

    def _count_judged(self, judged: Sequence[Judged], *, recorded: bool = False) -> None:
        for row in judged:
            self.tally.outcome(row.state)
            if row.state in FAILED_STATES or row.state is RowState.DEFERRED:
                self.tally.problem(local_problem(row, self.scribe.column_at_fault(row.violations[0])))
            if recorded:
                self.open_work.note(row.candidate.key, row.state)
        if recorded:
            self._outstanding -= len(judged)
        failed = sum(row.state in FAILED_STATES for row in judged)
        self.ports.progress.advance(done=len(judged), failed=failed)

    def _on_written(self, work: Work) -> None:
        if work.error is not None:
            self._fail(work.error)
            for pending in work.tag:
                self._count_unrecorded(*pending.waiting)
            return
        for pending in work.tag:
            self._open_keys.difference_update(pending.keys)
            if pending.send is not None:
                self._queue.append(pending.send)
            if pending.committed is not None:
                pending.committed()

    def _count_unrecorded(self, state: RowState, rows: int) -> None:
        """Count rows whose entries never arrived: the next run judges them again."""
        self.tally.outcome(state, rows)
        self._outstanding -= rows

    def _on_sent(self, work: Work) -> None:
        batch: Batch = work.tag
        if self._in_flight.pop(batch.batch_id, None) is None:
            return
        if work.error is not None:
            self._fail(work.error)
            result = ended_in(work.error)
        else:
            result = work.value
        self.ports.at("delivery.reply")
        self.tally.call(result)
        may = [self._sends.get(row.key, 1) < _SENDS_A_ROW for row in batch.rows]
        others = self._bisection.others_pass(batch, answered=result.verdict is CallVerdict.ANSWERED)
        resolution = resolve(self.service, result, len(batch.rows), may_send_again=may, others_pass=others)
        self._settle(batch, result, resolution)

    # What a call came to --------------------------------------------------------------------------------------------

    def _settle(self, batch: Batch, result: CallResult, resolution: Resolution) -> None:
        if resolution.next is Next.SPLIT:
            resolution = self._split(batch, resolution)
        verdicts = self._noted(batch, resolution.verdicts)
        entries = self.scribe.closing(batch, batch.batch_id, result, resolution.event, verdicts, self.ports.clock.now())
        done = [(index, verdict) for index, verdict in enumerate(verdicts) if verdict is not None]
        keys = [batch.rows[index].key for index, _ in done]
        unrecorded = RowState.DEFERRED if result.verdict is CallVerdict.NOT_APPLIED else RowState.UNKNOWN
        committed = partial(self._count_sent, batch, result, done)
        self._pending.append(_Pending(entries, (unrecorded, len(done)), keys, committed=committed))
        self.ports.at("delivery.closing")
        for row, verdict in zip(batch.rows, verdicts, strict=bool(verdicts)):
            if verdict is None:
                self._sends[row.key] = self._sends.get(row.key, 1) + 1
                self._ready.append(row)
        if (common_cause := self._breaker.note(result, verdicts)) is not None:
            self._fail(common_cause)
        if resolution.next is Next.STOP_RETRY:
            self._fail(RetryLater(f"{self.scribe.operation} for account {self.account}: {resolution.reason}"))
        elif resolution.next is Next.STOP_FAIL:
            self._fail(self._refusal(result, resolution))

    def _noted(self, batch: Batch, verdicts: Sequence[Verdict | None]) -> Sequence[Verdict | None]:
        if not self.open_work.unresolved or not verdicts:
            return verdicts
        return [
            _EDITED
            if verdict and verdict.state is RowState.APPLIED and self.open_work.other_content_sent(row.key, row.content)
            else verdict
            for row, verdict in zip(batch.rows, verdicts, strict=True)
        ]

    def _split(self, batch: Batch, resolution: Resolution) -> Resolution:
        halves = () if self.error is not None else self._bisection.halves(batch)
        for half in halves:
            self._intend(half, parent=batch)
        verdicts = () if halves else (NOT_FOUND,) * len(batch.rows)
        return Resolution(resolution.event, Next.GO_ON, verdicts)

    def _refusal(self, result: CallResult, resolution: Resolution) -> BingAdsError:
        fault = resolution.fault
        return FixRequest(
            f"{self.scribe.operation} was refused for account {self.account}: {resolution.reason}",
            service=self.service,
            operation=self.scribe.operation,
            code=fault.code if fault else None,
            error_code=fault.error_code if fault else None,
            http_status=result.http_status,
            tracking_id=result.tracking_id,
        )

    def _count_sent(self, batch: Batch, result: CallResult, done: Sequence[tuple[int, Verdict]]) -> None:
        failed = 0
        for index, verdict in done:
            row = batch.rows[index]
            self.tally.outcome(verdict.state)
            self.open_work.note(row.key, verdict.state)
            if verdict.state is not RowState.APPLIED:
                failed += verdict.state in FAILED_STATES
                column = self.scribe.column_of(verdict.errors[0] if verdict.errors else None)
                self.tally.problem(service_problem(self.service, batch, index, verdict, result, column))
        self._outstanding -= len(done)
        self.ports.progress.advance(done=len(done), failed=failed)

    # The end --------------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Renew the lease in time, notice a stop, and give up on calls that outlive it."""
        now = self._now()
        if self.ports.clock.wait(0.0) and not self._stopping:
            self._stopping = True
            self._fail(Stopped("The task was asked to end; the ledger is consistent and the next try resumes"))
            self._stop_at = now + DRAIN_SECONDS
        if self._must_renew(now):
            self._tenure.ask(now)
            renew = partial(self.ports.ledger.renew, self.lease, self.settings.lease_seconds)
            self._start("lease", None, partial(insist, self.ports.clock, renew))
        if self._stopping and now >= self._stop_at:
            for batch in list(self._in_flight.values()):
                self._abandon(batch)

    def _must_renew(self, now: float) -> bool:
        if self.settings.validate_only or self._busy["lease"] or isinstance(self.error, LeaseLost):
            return False
        return self._tenure.is_due(now)

    def _abandon(self, batch: Batch) -> None:
        del self._in_flight[batch.batch_id]
        result = CallResult(CallVerdict.UNKNOWN, detail="the task ended before an answer came")
        self._settle(batch, result, resolve(self.service, result, len(batch.rows), may_send_again=()))

    def _on_renewed(self, work: Work) -> None:
        if work.error is not None:
            self._tenure.put_off(self._now())
            if not self._tenure.holds(self._now()):
                self._fail(work.error)
        elif work.value is None:
            self._fail(LeaseLost(f"Another run took account {self.account}; this one stops sending"))
        else:
            self.lease = work.value
            self._tenure.extend()

    def _fail(self, error: BaseException) -> None:
        """Stop for this reason: nothing new starts, what was read and not sent is deferred to the next run."""
        self.error = self.error or error

    def _defer_unsent(self) -> None:
        unsent = list(self._ready)
        self._ready.clear()
        verdict = Verdict(
            RowState.DEFERRED,
            error_code="RunStopped",
            message="the run stopped before the row was sent; the next run sends it",
        )
        if unsent:
            reason = Violation(
                "RunStopped", None, "", None, verdict.message or "", "clear the task or wait for the next run"
            )
            self._record_judged([Judged(row, RowState.DEFERRED, (reason,)) for row in unsent])
        result = CallResult(CallVerdict.NOT_APPLIED, detail="the run stopped before the call", attempts=0)
        while self._queue:
            batch = self._queue.popleft()
            resolution = Resolution(CallEventKind.NOT_APPLIED, Next.GO_ON, (verdict,) * len(batch.rows))
            self._settle(batch, result, resolution)

    def release_not_before(self) -> datetime | None:
        """Return until when a call of this run may still take effect; None when none can."""
        if self.tally.counts["unknown"] == 0:
            return None
        return self.ports.clock.now() + timedelta(seconds=self.settings.call_deadline_seconds)

    def _now(self) -> float:
        return self.ports.clock.monotonic()
