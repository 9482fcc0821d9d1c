"""Whether a row is sent, and if not, what it counts as: every state the ledger may hold of its key, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from airflow_provider_bingads.domain.outcomes import FORGOTTEN_CONTENT, ROW_RANK, Finality, RowState, Violation
from airflow_provider_bingads.domain.records import Known
from airflow_provider_bingads.domain.rows import Candidate
from airflow_provider_bingads.sync.classify import Classified, classify, systemic_cause

FINAL = Violation("BadValue", 5610, "ConversionValue", "value", "is not a number", "write a number")
LATER = replace(FINAL, error_code="Later", finality=Finality.DEFERRED)
SYSTEMIC = replace(LATER, error_code="NoSuchGoal", systemic=True)
OTHER_SYSTEMIC = replace(SYSTEMIC, error_code="NoZone")
UNDECLARED = replace(SYSTEMIC, error_code="Undeclared", systemic=False, undeclared=True)

SEND = "send"


def row(key: str = "a", content: str = "1", *violations: Violation, old: bool = False) -> Candidate:
    return Candidate(f"ref {key}", key, content, {}, violations, old, group_name="Lead")


def known(state: RowState, content: str = "1", run: str = "earlier", gen: int = 0) -> Known:
    return Known(content, state, ROW_RANK[state], run, gen)


def fates(found: Classified) -> list[str]:
    """Return what became of the rows: sent, judged, counted, in that order."""
    return [*[SEND] * len(found.to_send), *(one.state.value for one in found.judged), *found.counted.elements()]


@pytest.mark.parametrize(
    ("state", "same_content", "other_content"),
    [
        (RowState.APPLIED, "skipped", "superseded"),
        (RowState.REJECTED, "already_rejected", SEND),
        (RowState.INVALID, "already_rejected", SEND),
        (RowState.SUPERSEDED, "superseded", SEND),
        (RowState.DUPLICATE, SEND, SEND),
        (RowState.DEFERRED, SEND, SEND),
        (RowState.UNKNOWN, SEND, SEND),
        (RowState.HELD, SEND, SEND),
    ],
)
@pytest.mark.parametrize("run", ["earlier", "this"])
def test_what_the_ledger_holds_decides(state: RowState, same_content: str, other_content: str, run: str) -> None:
    """What this run recorded itself makes any further row of the key a duplicate."""
    held = {"a": [known(state, "1", run)]}

    assert fates(classify([row("a", "1")], held, (), "this")) == [same_content if run == "earlier" else "duplicate"]
    assert fates(classify([row("a", "2")], held, (), "this")) == [other_content if run == "earlier" else "duplicate"]


CONTENTS: list[tuple[list[Known], str]] = [
    ([known(RowState.APPLIED, "2"), known(RowState.DUPLICATE, "1")], "duplicate"),
    ([known(RowState.DUPLICATE, "1"), known(RowState.APPLIED, "2")], "duplicate"),
    ([known(RowState.DUPLICATE, "1"), known(RowState.INVALID, "2")], SEND),
    ([known(RowState.INVALID, "2"), known(RowState.DUPLICATE, "1")], SEND),
    ([known(RowState.INVALID, "2"), known(RowState.APPLIED, "1")], "skipped"),
    ([known(RowState.DEFERRED, "1"), known(RowState.APPLIED, "2")], "superseded"),
    ([known(RowState.DEFERRED, "1"), known(RowState.INVALID, "2")], SEND),
    ([known(RowState.SUPERSEDED, "1"), known(RowState.APPLIED, "2")], "superseded"),
    ([known(RowState.DUPLICATE, "1"), known(RowState.INVALID, "2", "this")], "duplicate"),
    ([known(RowState.APPLIED, "1"), known(RowState.INVALID, "2", "this")], "skipped"),
]


@pytest.mark.parametrize(("held", "fate"), CONTENTS)
def test_of_several_contents_the_rows_own_decides_and_an_applied_one_supersedes(held: list[Known], fate: str) -> None:
    assert fates(classify([row("a", "1")], {"a": held}, (), "this")) == [fate]


def test_a_row_known_as_superseded_is_counted_and_one_newly_so_is_recorded() -> None:
    applied = known(RowState.APPLIED, "2")
    counted = classify([row()], {"a": [known(RowState.SUPERSEDED, "1"), applied]}, (), "this")
    recorded = classify([row()], {"a": [applied]}, (), "this")

    assert (dict(counted.counted), counted.judged) == ({"superseded": 1}, [])
    (judged,) = recorded.judged
    assert [violation.error_code for violation in judged.violations] == ["AlreadyAppliedWithOtherContent"]
    assert (judged.violations[0].finality, judged.violations[0].field) == (Finality.FINAL, "")


@pytest.mark.parametrize("open_keys", [(), ("a",)])
def test_the_second_row_of_a_key_is_a_duplicate_wherever_the_first_is(open_keys: Sequence[str]) -> None:
    found = classify([row(content="1"), row(content="2")], {}, open_keys, "this")

    assert fates(found) == (["duplicate", "duplicate"] if open_keys else [SEND, "duplicate"])
    assert found.judged[-1].candidate.content == "2"
    assert [(one.error_code, one.field) for one in found.judged[-1].violations] == [("DuplicateInSource", "")]


def test_a_row_after_one_that_is_counted_or_refused_is_a_duplicate_too() -> None:
    held = {"a": [known(RowState.APPLIED, "1")]}

    assert fates(classify([row("a", "1"), row("a", "2")], held, (), "this")) == ["duplicate", "skipped"]
    assert fates(classify([row("b", "1", FINAL), row("b", "2")], {}, (), "this")) == ["invalid", "duplicate"]


def test_a_row_too_old_is_counted_and_in_nobodys_way() -> None:
    found = classify([row(old=True), row()], {}, (), "this")

    assert fates(found) == [SEND, "out_of_window"]
    assert fates(classify([row(old=True), row("b", old=True)], {}, (), "this")) == ["out_of_window"] * 2
    assert fates(classify([row(old=True)], {"a": [known(RowState.APPLIED)]}, (), "this")) == ["out_of_window"]


@pytest.mark.parametrize(
    ("violations", "missing", "state"),
    [
        ((FINAL,), None, "invalid"),
        ((LATER,), None, "deferred"),
        ((LATER, FINAL), None, "invalid"),
        ((), LATER, "deferred"),
        ((FINAL,), LATER, "invalid"),
        ((), None, SEND),
    ],
)
def test_a_verdict_is_final_where_one_cause_lies_in_the_row(
    violations: tuple[Violation, ...], missing: Violation | None, state: str
) -> None:
    asked: list[tuple[str, Candidate]] = []

    def reference(group: str, candidate: Candidate) -> Violation | None:
        asked.append((group, candidate))
        return missing

    one = row("a", "1", *violations)
    found = classify([one], {}, (), "this", reference)

    assert fates(found) == [state]
    assert [judged.violations for judged in found.judged] == (
        [] if state == SEND else [(*violations, missing)[:2]] if missing else [violations]
    )
    assert asked == [("Lead", one)]


def test_a_row_without_goal_has_nothing_to_be_looked_up() -> None:
    nameless = replace(row("a", "1", FINAL), group_name=None)

    assert fates(classify([nameless], {}, (), "this", lambda _name, _row: 1 / 0)) == ["invalid"]  # type: ignore[arg-type]


@pytest.mark.parametrize("state", [RowState.APPLIED, RowState.INVALID])
def test_an_erased_row_is_counted_and_never_recorded_again(state: RowState) -> None:
    tombstone = known(RowState.INVALID, FORGOTTEN_CONTENT)
    held = {"a": [tombstone] if state is RowState.INVALID else [known(RowState.APPLIED, "0"), tombstone]}
    found = classify([row("a", "7"), row("a", "7")], held, (), "this")

    assert fates(found) == ["skipped" if state is RowState.APPLIED else "already_rejected"] * 2


def test_a_row_carries_the_generation_of_its_own_content() -> None:
    held = {"a": [known(RowState.DEFERRED, "1", gen=2), known(RowState.DEFERRED, "2", gen=5)]}
    (one,) = classify([row("a", "1")], held, (), "this").to_send
    (new,) = classify([row("a", "3")], held, (), "this").to_send

    assert (one.gen, new.gen) == (2, 0)


def test_keys_with_several_contents_are_told_so_that_later_rows_are_looked_at() -> None:
    held = {
        "a": [known(RowState.APPLIED, "1"), known(RowState.REJECTED, "2")],
        "b": [known(RowState.APPLIED, "1")],
    }
    found = classify([row("a"), row("b"), row("c")], held, (), "this")

    assert found.rivals == ["a"]


@pytest.mark.parametrize(
    ("earlier", "held", "refused"),
    [
        (("try1",), [known(RowState.REJECTED, "1", "try1")], 1),
        (("try1", "try2"), [known(RowState.INVALID, "1", "try2")], 1),
        (("try1",), [known(RowState.REJECTED, "1", "another")], 0),
        ((), [known(RowState.REJECTED, "1", "try1")], 0),
        (("try1",), [known(RowState.APPLIED, "1", "try1")], 0),
        (("try1",), [known(RowState.REJECTED, "1", "another"), known(RowState.REJECTED, "2", "try1")], 0),
    ],
)
def test_what_an_earlier_try_refused_counts_for_its_threshold(
    earlier: tuple[str, ...], held: list[Known], refused: int
) -> None:
    found = classify([row(), row("z")], {"a": held}, (), "this", earlier_runs=frozenset(earlier))

    assert found.refused_before == refused


def test_the_rows_that_earlier_tries_refused_add_up() -> None:
    held = {key: [known(RowState.REJECTED, "1", run)] for key, run in (("a", "try1"), ("b", "try1"), ("c", "other"))}
    found = classify([row("a"), row("b"), row("c")], held, (), "this", earlier_runs={"try1"})

    assert found.refused_before == 2


def cause(*rows: Candidate, missing: Violation | None = None) -> str | None:
    reference = (lambda _name, _row: missing) if missing else None
    found = systemic_cause(rows, classify(rows, {}, (), "this", reference), reference)
    return found and found.error_code


OLD = row("old", "1", old=True)


@pytest.mark.parametrize(
    ("rows", "stops"),
    [
        ([row("a", "1", SYSTEMIC)], "NoSuchGoal"),
        ([row("a", "1", SYSTEMIC), row("b", "1", SYSTEMIC), OLD], "NoSuchGoal"),
        ([OLD, row("a", "1", SYSTEMIC), OLD, row("b", "1", SYSTEMIC)], "NoSuchGoal"),
        ([row("a", "1", SYSTEMIC), OLD, row("b", "1", LATER)], None),
        ([row("a", "1", LATER, SYSTEMIC), row("b", "1", SYSTEMIC)], "NoSuchGoal"),
        ([row("a", "1", SYSTEMIC), row("b", "1", OTHER_SYSTEMIC)], None),
        ([row("a", "1", SYSTEMIC), row("b", "1", LATER)], None),
        ([row("a", "1", SYSTEMIC), row("b", "1")], None),
        ([row("a", "1", LATER)], None),
        ([row("a", "1", replace(SYSTEMIC, finality=Finality.FINAL))], None),
        ([row("a", "1")], None),
        ([OLD], None),
        ([row("a", "1", UNDECLARED), row("b", "1")], "Undeclared"),
        ([row("a", "1", UNDECLARED), row("b", "1"), OLD], "Undeclared"),
        ([row("a", "1", UNDECLARED), row("b", "1"), row("c", "1")], None),
        ([row("a", "1", UNDECLARED), row("b", "1", SYSTEMIC), row("c", "1", SYSTEMIC)], None),
        ([row("a", "1", UNDECLARED, SYSTEMIC), row("b", "1", SYSTEMIC), row("c", "1", SYSTEMIC)], "NoSuchGoal"),
        ([row("a", "1", replace(UNDECLARED, finality=Finality.FINAL)), row("b", "1")], None),
    ],
)
def test_one_cause_outside_the_rows_stops_a_run_where_it_hits_all_or_a_setting_is_missing_for_half(
    rows: list[Candidate], stops: str | None
) -> None:
    assert cause(*rows) == stops


@pytest.mark.parametrize(("missing", "stops"), [(SYSTEMIC, "NoSuchGoal"), (LATER, None)])
def test_what_the_account_lacks_is_a_cause_too(missing: Violation, stops: str | None) -> None:
    assert cause(row("a"), row("b"), missing=missing) == stops
    assert cause(row("a"), replace(row("b", "1", LATER), group_name=None), missing=missing) is None


def test_of_equal_causes_the_first_is_told() -> None:
    rows = [row("a", "1", replace(SYSTEMIC, reason="first")), row("b", "1", replace(SYSTEMIC, reason="second"))]
    found = systemic_cause(rows, classify(rows, {}, (), "this"))

    assert found is not None
    assert found.reason == "first"


def test_the_missing_setting_that_hits_most_rows_is_named() -> None:
    other = replace(UNDECLARED, error_code="Region")

    assert cause(row("a", "1", other), row("b", "1", UNDECLARED), row("c", "1", UNDECLARED)) == "Undeclared"
