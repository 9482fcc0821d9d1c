"""Decides for each validated row whether it is sent, and if not, what becomes of it (design 3, "Outcomes of a row")."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from airflow_provider_bingads.domain.outcomes import TERMINAL_RANK, Finality, RowState, Violation
from airflow_provider_bingads.domain.outcomes import Counter as CounterName
from airflow_provider_bingads.domain.records import Known
from airflow_provider_bingads.domain.rows import Candidate

__all__ = ["Classified", "Judged", "classify", "systemic_cause"]

_ALREADY: Mapping[RowState, str] = {
    RowState.APPLIED: CounterName.SKIPPED.value,
    RowState.REJECTED: CounterName.ALREADY_REJECTED.value,
    RowState.INVALID: CounterName.ALREADY_REJECTED.value,
    RowState.SUPERSEDED: RowState.SUPERSEDED.value,
    RowState.DUPLICATE: RowState.DUPLICATE.value,
}

_DUPLICATE = Violation(
    error_code="DuplicateInSource",
    code=None,
    field="",
    column=None,
    reason="the source holds another row with the same identifier, goal and time, and that one was read first",
    remedy="nothing, if the rows are the same event; else give each event its own time or identifier",
)
_SUPERSEDED = Violation(
    error_code="AlreadyAppliedWithOtherContent",
    code=None,
    field="",
    column=None,
    reason="this event was applied earlier with other values, and the service keeps the first it was sent",
    remedy="nothing here: what the service took first stands; a Restate adjustment is the only way to change it",
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A row decided here, without a call, and still to be recorded."""

    candidate: Candidate
    state: RowState
    violations: tuple[Violation, ...]


@dataclass(slots=True)
class Classified:
    """What a chunk came to; every row is in exactly one of the first three.

    :param rivals: keys of counted rows of which the ledger knows another content: a later row may be their duplicate.
    :param refused_before: counted rows that an earlier try of this task instance refused.
    """

    to_send: list[Candidate] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    rivals: list[str] = field(default_factory=list)
    refused_before: int = 0


def classify(
    candidates: Sequence[Candidate],
    known: Mapping[str, Sequence[Known]],
    open_keys: Collection[str],
    run_id: str,
    reference: Callable[[str, Candidate], Violation | None] | None = None,
    *,
    earlier_runs: Collection[str] = frozenset(),
) -> Classified:
    """Sort a chunk's rows.

    :param known: what the ledger held of their keys, read after ``open_keys`` was taken.
    :param open_keys: keys of this run whose outcome is not recorded yet.
    :param reference: tells from a row and its group name what the account lacks for it.
    :param earlier_runs: runs of this task instance's earlier tries.
    """
    result = Classified()
    seen: set[str] = set()
    for candidate in candidates:
        if candidate.out_of_window:
            result.counted[CounterName.OUT_OF_WINDOW.value] += 1
            continue
        key = candidate.key
        recorded = known.get(key)
        if candidate.erased or any(entry.forgotten for entry in recorded or ()):
            result.counted[_forgotten(recorded or ())] += 1
            continue
        if recorded:
            _inherit_generation(candidate, recorded)
        met = key in seen or key in open_keys or (recorded and any(entry.run_id == run_id for entry in recorded))
        counter = _already(candidate, recorded, run_id, met=bool(met)) if recorded else None
        if counter is not None:
            result.counted[counter] += 1
            _note_counted(candidate, recorded or (), earlier_runs, counter, result)
        elif met:
            result.judged.append(Judged(candidate, RowState.DUPLICATE, (_DUPLICATE,)))
        else:
            _judge(candidate, recorded, reference, result)
        seen.add(key)
    return result


def _forgotten(recorded: Sequence[Known]) -> str:
    """Return what an erased row counts as; nothing is recorded, or its name would come back into the ledger."""
    applied = any(entry.state is RowState.APPLIED for entry in recorded)
    return _ALREADY[RowState.APPLIED if applied else RowState.INVALID]


def _inherit_generation(candidate: Candidate, recorded: Sequence[Known]) -> None:
    """Give the row the generation of its mark, or what is recorded now would not outweigh a replay."""
    for entry in recorded:
        if entry.content_hash == candidate.content:
            candidate.gen = entry.gen


def _already(candidate: Candidate, recorded: Sequence[Known], run_id: str, *, met: bool) -> str | None:
    for entry in recorded:
        if entry.content_hash == candidate.content and entry.rank >= TERMINAL_RANK and entry.run_id != run_id:
            # The cause of a duplicate is another row: where that one is gone and was never applied, this one counts.
            alone = not met and not any(other.state is RowState.APPLIED for other in recorded)
            return None if entry.state is RowState.DUPLICATE and alone else _ALREADY[entry.state]
    return None


def _note_counted(
    candidate: Candidate, recorded: Sequence[Known], earlier_runs: Collection[str], counter: str, result: Classified
) -> None:
    if len(recorded) > 1:
        result.rivals.append(candidate.key)
    if earlier_runs and counter == CounterName.ALREADY_REJECTED.value:
        runs = {entry.run_id for entry in recorded if entry.content_hash == candidate.content}
        result.refused_before += not runs.isdisjoint(earlier_runs)


def _judge(
    candidate: Candidate,
    recorded: Sequence[Known] | None,
    reference: Callable[[str, Candidate], Violation | None] | None,
    result: Classified,
) -> None:
    violations = candidate.violations
    if reference is not None and candidate.group_name is not None:
        missing = reference(candidate.group_name, candidate)
        if missing is not None:
            violations = (*violations, missing)
    if violations:
        final = any(violation.finality is Finality.FINAL for violation in violations)
        result.judged.append(Judged(candidate, RowState.INVALID if final else RowState.DEFERRED, violations))
    elif recorded and any(entry.state is RowState.APPLIED for entry in recorded):
        result.judged.append(Judged(candidate, RowState.SUPERSEDED, (_SUPERSEDED,)))
    else:
        result.to_send.append(candidate)


def systemic_cause(
    candidates: Sequence[Candidate],
    classified: Classified,
    reference: Callable[[str, Candidate], Violation | None] | None = None,
) -> Violation | None:
    """Return the cause outside the rows that hits every row of a first chunk, or a missing setting that hits half.

    Such a run ends in one sentence before any row is recorded; a hundred thousand deferred rows would say the same.
    """
    deferred = any(row.state is RowState.DEFERRED for row in classified.judged)
    undeclared = _undeclared(candidates) if deferred else None
    if undeclared is not None or classified.to_send or not deferred:
        return undeclared
    shared: Violation | None = None
    for candidate in candidates:
        if candidate.out_of_window or candidate.erased:
            continue
        cause = _systemic(candidate, reference)
        if cause is None or (shared is not None and cause.error_code != shared.error_code):
            return None
        shared = shared or cause
    return shared


def _undeclared(candidates: Sequence[Candidate]) -> Violation | None:
    judged = [candidate for candidate in candidates if not candidate.out_of_window and not candidate.erased]
    causes: Counter[str] = Counter()
    examples: dict[str, Violation] = {}
    for candidate in judged:
        for violation in candidate.violations:
            if violation.undeclared:
                causes[violation.error_code] += 1
                examples[violation.error_code] = violation
    for error_code, rows in causes.most_common(1):
        if 2 * rows >= len(judged):
            return examples[error_code]
    return None


def _systemic(candidate: Candidate, reference: Callable[[str, Candidate], Violation | None] | None) -> Violation | None:
    for violation in candidate.violations:
        if violation.systemic:
            return violation
    missing = reference(candidate.group_name, candidate) if reference and candidate.group_name is not None else None
    return missing if missing is not None and missing.systemic else None
