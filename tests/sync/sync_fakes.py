"""The delivery's surroundings as small classes: a service that de-duplicates, a ledger in memory, simulated time."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_bingads.domain.calls import CallResult, CallVerdict, Fault, RowError
from airflow_provider_bingads.domain.entity import EventEntity, PrepareRows
from airflow_provider_bingads.domain.outcomes import (
    FORGOTTEN_CONTENT,
    FORGOTTEN_REFERENCE,
    Finality,
    RowState,
    Violation,
)
from airflow_provider_bingads.domain.records import (
    Entries,
    Known,
    OpenCall,
    OpenRow,
    RowRecord,
    RunIdentity,
    RunRecord,
)
from airflow_provider_bingads.domain.rows import Candidate
from airflow_provider_bingads.domain.source_refs import NULL_REFERENCE
from airflow_provider_bingads.sync.delivery import Ports
from airflow_provider_bingads.sync.ports import Lease, LeaseHolder, Work
from airflow_provider_bingads.sync.run import EventRun
from airflow_provider_bingads.sync.settings import DeliverySettings

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
SERVICE = "CampaignManagement"


@dataclass
class SimulatedClock:
    """Time that passes only when somebody waits, or when a test says so."""

    at: datetime = START
    stop: bool = False
    waited: float = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - START).total_seconds()

    def wait(self, seconds: float) -> bool:
        if not self.stop:
            self.at += timedelta(seconds=seconds)
            self.waited += seconds
        return self.stop


@dataclass
class OneThread:
    """Runs queued work one piece at a time, in the order ``choose`` picks; nothing runs by itself."""

    choose: Callable[[Sequence[str]], int] = lambda _lanes: 0
    jobs: list[tuple[str, Any, Callable[[], Any]]] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)

    def start(self, lane: str, tag: object, work: Callable[[], Any]) -> None:
        self.jobs.append((lane, tag, work))

    def next(self, timeout_seconds: float | None) -> Work | None:
        if not self.jobs:
            assert timeout_seconds is not None, "waits for ever for work nobody started"
            return None
        lane, tag, work = self.jobs.pop(self.choose([lane for lane, _, _ in self.jobs]))
        self.ran.append(lane)
        try:
            return Work(lane, tag, value=work())
        except Exception as error:  # noqa: BLE001  # an executor hands over whatever its work raised
            return Work(lane, tag, error=error)

    def shutdown(self, wait_seconds: float) -> None:
        self.jobs.clear()


@dataclass
class MemoryLedger:
    """The ledger's semantics without a database; ``broken`` makes writes fail as a lost connection does."""

    clock: SimulatedClock
    entries: Entries = field(default_factory=lambda: Entries([], [], [], []))
    leases: dict[str, Lease] = field(default_factory=dict)
    runs: list[RunRecord] = field(default_factory=list)
    broken: deque[Exception] = field(default_factory=deque)
    commits: int = 0

    def acquire(self, stream_id: str, owner: str, seconds: float) -> Lease | LeaseHolder:
        held = self.leases.get(stream_id)
        if held and held.expires_at > self.clock.now():
            left = (held.expires_at - self.clock.now()).total_seconds()
            return LeaseHolder(held.owner, START, held.expires_at, left)
        epoch = held.epoch + 1 if held else 1
        lease = Lease(stream_id, owner, epoch, self.clock.now() + timedelta(seconds=seconds))
        self.leases[stream_id] = lease
        return lease

    def renew(self, lease: Lease, seconds: float) -> Lease | None:
        if self.leases[lease.stream_id].epoch != lease.epoch:
            return None
        lease = replace(lease, expires_at=self.clock.now() + timedelta(seconds=seconds))
        self.leases[lease.stream_id] = lease
        return lease

    def release(self, lease: Lease, not_before: datetime | None = None) -> None:
        if self.leases[lease.stream_id].epoch == lease.epoch:
            self.leases[lease.stream_id] = replace(lease, expires_at=not_before or self.clock.now())

    def start_run(self, run: RunRecord) -> None:
        self.runs.append(run)

    def finish_run(self, run: RunRecord) -> None:
        self.runs.append(run)

    def runs_of_earlier_tries(self, identity: RunIdentity, operation: str) -> frozenset[str]:
        return frozenset()

    def known(self, stream_id: str, keys: Sequence[str]) -> Mapping[str, Sequence[Known]]:
        wanted = set(keys)
        best: dict[tuple[str, str], RowRecord] = {}
        for row in self.entries.rows:
            if row.stream_id == stream_id and row.row_key in wanted:
                place = (row.row_key, row.content_hash)
                if place not in best or weight_of(row) > weight_of(best[place]):
                    best[place] = row
        found: dict[str, list[Known]] = {}
        for (key, content), row in best.items():
            found.setdefault(key, []).append(Known(content, RowState(row.state), row.rank, row.run_id, row.gen))
        return found

    def open_calls(self, stream_id: str) -> Sequence[OpenCall]:
        closed = {
            call.call_id for call in self.entries.calls if call.event in {"not_applied", "answered", "reconciled"}
        }
        unknown = {call.call_id for call in self.entries.calls if call.event == "unknown"}
        batches = {batch.batch_id: batch for batch in self.entries.batches}
        return [
            OpenCall(
                call.call_id,
                call.batch_id,
                call.run_id,
                "manual",
                members_of(batches[call.batch_id].members),
                call.deadline_at,
                call.at,
                call.call_id in unknown,
            )
            for call in self.entries.calls
            if call.event == "intent" and call.stream_id == stream_id and call.call_id not in closed
        ]

    def forgotten(self, stream_id: str) -> frozenset[str]:
        return frozenset(
            row.row_key
            for row in self.entries.rows
            if row.stream_id == stream_id and row.source_ref == "" and row.content_hash == FORGOTTEN_CONTENT
            if row.error_code == FORGOTTEN_REFERENCE
        )

    def waiting_rows(self, stream_id: str, before_run_id: str, event_after: datetime) -> Sequence[OpenRow]:
        newest = {row.row_key: row for row in self.entries.rows if row.stream_id == stream_id}
        forgotten = {row.row_key for row in self.entries.rows if row.content_hash == FORGOTTEN_CONTENT}
        return [
            OpenRow(row.row_key, row.content_hash, RowState(row.state), "manual", row.at)
            for row in newest.values()
            if row.state in {"deferred", "unknown", "held"} and row.run_id != before_run_id
            if row.row_key not in forgotten and not self._moved_on(row)
        ]

    def _moved_on(self, waits: RowRecord) -> bool:
        """Tell whether a later run met the source row under another key."""
        rows = [row for row in self.entries.rows if row.stream_id == waits.stream_id]
        runs = {row.run_id for row in rows if row.row_key == waits.row_key}
        return waits.source_ref not in {"", NULL_REFERENCE} and any(
            row.source_ref == waits.source_ref
            and row.row_key != waits.row_key
            and row.run_id not in runs
            and (row.at, row.call_id, row.row_index) > (waits.at, waits.call_id, waits.row_index)
            for row in rows
        )

    def record(self, entries: Entries) -> None:
        if self.broken:
            raise self.broken.popleft()
        self.commits += 1
        self.entries.batches += entries.batches
        self.entries.calls += entries.calls
        self.entries.rows += entries.rows
        self.entries.errors += entries.errors

    def close(self) -> None:
        pass

    def states(self) -> dict[str, list[str]]:
        """Return the recorded states of each source_ref, in order."""
        states: dict[str, list[str]] = {}
        for row in self.entries.rows:
            states.setdefault(row.source_ref, []).append(row.state)
        return states


def weight_of(row: RowRecord) -> tuple[bool, int, int]:
    """Order a row's events as the ledger folds them: applied, then the generation, then the rank."""
    return row.state == "applied", row.gen, row.rank


def members_of(text: str) -> tuple[tuple[str, str], ...]:
    """Undo the ledger's membership column."""
    import base64

    raw = base64.b64decode(text).hex()
    return tuple((raw[i : i + 32], raw[i + 32 : i + 48]) for i in range(0, len(raw), 48))


@dataclass
class FakeService:
    """A service that takes the first of equal keys; what a call comes to can be scripted."""

    ledger: MemoryLedger
    applied: dict[str, object] = field(default_factory=dict)
    received: list[list[str]] = field(default_factory=list)
    script: deque[CallResult | Exception | None] = field(default_factory=deque)
    refuse_with: dict[str, RowError] = field(default_factory=dict)
    poison: frozenset[str] = frozenset()
    known_goals: frozenset[str] | None = None

    def use_customer(self, account_id: str, customer_id: str) -> None:
        pass

    def customer_of(self, account_id: str) -> str | None:
        return None

    def sender(self, account_id: str) -> FakeService:
        return self

    def reference(self, account_id: str) -> Callable[[str, Candidate], Violation | None] | None:
        if self.known_goals is None:
            return None
        return lambda name, _row: None if name in (self.known_goals or ()) else missing_goal(name)

    def send(self, payloads: Sequence[Mapping[str, object]], deadline_seconds: float) -> CallResult:
        keys = [str(payload["key"]) for payload in payloads]
        intents = {key for batch in self.ledger.entries.batches for key, _ in members_of(batch.members)}
        assert {key_of(key) for key in keys} <= intents, "sent before its intent was durable"
        self.received.append(keys)
        planned = self.script.popleft() if self.script else None
        if isinstance(planned, Exception):
            raise planned
        if planned is not None and planned.verdict is CallVerdict.NOT_APPLIED:
            return planned
        if self.poison & set(keys):
            fault = Fault(SERVICE, 987654, "SomethingNew", "a message")
            return CallResult(CallVerdict.NOT_APPLIED, fault=fault)
        errors = []
        for index, (key, payload) in enumerate(zip(keys, payloads, strict=True)):
            if key in self.refuse_with:
                errors.append(replace(self.refuse_with[key], index=index))
            else:
                self.applied.setdefault(key, payload["value"])
        return planned or CallResult(CallVerdict.ANSWERED, errors=tuple(errors), http_status=200, tracking_id="t-1")


def missing_goal(name: str) -> Violation:
    return Violation(
        "OfflineConversionNameInvalid",
        5606,
        "ConversionName",
        "conversion_name",
        f"the account has no goal {name!r}",
        "create it",
        "marketing",
        Finality.DEFERRED,
        systemic=True,
    )


def key_of(name: str) -> str:
    import hashlib

    return hashlib.sha256(name.encode()).hexdigest()[:32]


def prepare(rows: Sequence[Sequence[Any]], now: datetime) -> list[Candidate]:
    """Read rows of (name, value, kind, account): kind '' is valid, else it says what is wrong."""
    return [_candidate(*row[:3]) for row in rows]


def _candidate(name: str, value: int, kind: str) -> Candidate:
    violations: tuple[Violation, ...] = ()
    if kind == "invalid":
        violations = (Violation("BadValue", 5610, "ConversionValue", "value", "not a number", "write a number"),)
    elif kind == "later":
        violations = (
            Violation("Future", 5614, "ConversionTime", "at", "in the future", "wait", finality=Finality.DEFERRED),
        )
    identity = name.split("#", maxsplit=1)[0]
    return Candidate(
        source_ref=name,
        key=key_of(identity),
        content=f"{value:016x}",
        payload=None if violations else {"key": identity, "value": value},
        violations=violations,
        out_of_window=kind == "old",
        group_name="Lead" if kind != "other goal" else "Other",
    )


@dataclass
class ListSource:
    """Rows in memory, in chunks; ``fails_after`` chunks it breaks."""

    rows: Sequence[tuple[Any, ...]]
    chunk: int = 5
    before_cutoff: Mapping[str | None, int] = field(default_factory=dict)
    fails_after: int | None = None
    failure: Exception | None = None
    columns: tuple[str, ...] = ("name", "value", "kind", "account")

    def chunks(self, accounts: Sequence[str] | None = None) -> Iterator[list[Sequence[Any]]]:
        rows = [row for row in self.rows if accounts is None or row[3] in accounts]
        for number, start in enumerate(range(0, len(rows), self.chunk)):
            if self.failure is not None and number == self.fails_after:
                raise self.failure
            yield list(rows[start : start + self.chunk])

    def expected_rows(self) -> int | None:
        return len(self.rows)

    def count_before_cutoff(self) -> dict[str | None, int]:
        return dict(self.before_cutoff)

    def close(self) -> None:
        pass


@dataclass
class Quiet:
    """Progress nobody looks at, remembered."""

    said: list[str] = field(default_factory=list)
    expected: int | None = None
    read: int = 0
    done: int = 0
    failed: int = 0

    def advance(self, *, read: int = 0, done: int = 0, failed: int = 0) -> None:
        self.read += read
        self.done += done
        self.failed += failed

    def expect(self, rows: int | None) -> None:
        self.expected = rows

    def say(self, sentence: str) -> None:
        self.said.append(sentence)


def no_compile(preparation: Any) -> PrepareRows:
    return prepare


ENTITY = EventEntity(
    name="things",
    service=SERVICE,
    operation="ApplyThings",
    list_element="Things",
    batch_limit=1000,
    fields=(),
    time_field="At",
    lookback_days=90,
    compile=no_compile,
    reference=None,
    field_of_code={5604: "ClickId"},
)


@dataclass
class World:
    """Everything a run needs, kept over several runs."""

    clock: SimulatedClock = field(default_factory=SimulatedClock)
    executor: OneThread = field(default_factory=OneThread)
    progress: Quiet = field(default_factory=Quiet)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    ledger: MemoryLedger = field(init=False)
    service: FakeService = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = MemoryLedger(self.clock)
        self.service = FakeService(self.ledger)

    def new_id(self) -> str:
        return f"{next(self.numbers):032x}"

    def run(self, source: ListSource, *, by_account: bool = False, **changes: Any) -> EventRun:
        settings = DeliverySettings(
            run_id=self.new_id(),
            identity=RunIdentity("dag", "task", "manual", -1, 1),
            environment="emulator",
            operation="ApplyThings",
            namespace="default",
            batch_size=3,
            max_in_flight=2,
            lease_seconds=30.0,
            lease_wait_seconds=60.0,
            call_deadline_seconds=120.0,
            validate_only=False,
            provider_version="0",
            config_sha="0",
        )
        return EventRun(
            settings=replace(settings, **changes),
            ports=Ports(
                clock=self.clock, ids=self.new_id, ledger=self.ledger, executor=self.executor, progress=self.progress
            ),
            entity=ENTITY,
            source=source,
            account_id="1",
            account_position=3 if by_account else None,
            customer_position=None,
            columns_of_fields={"ClickId": "click"},
            prepare_for=lambda _account: prepare,
            service=self.service,
            window_days=90,
        )


def rows(*names: str, value: int = 1, kind: str = "", account: str = "1") -> list[tuple[Any, ...]]:
    return [(name, value, kind, account) for name in names]
