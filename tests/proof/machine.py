"""The random layer: whatever may happen to a source, a run, the service and the ledger, in any order.

Hypothesis draws the steps, and shrinks a failing history to the shortest one. After each step the rules that hold at
any time are checked; at the end the deleted rows come back, faults stop, clean tries follow, and everything must hold.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from airflow_provider_bingads.emulator.injection import KINDS
from airflow_provider_bingads.warehouse.ledger.keeper import LedgerKeeper
from tests.proof.case import Row, cases
from tests.proof.handover import freeze_at, kill_at, two_writers
from tests.proof.invariants import Problem, check, look, sorts
from tests.proof.moments import FREEZE_SECONDS
from tests.proof.safety import calls_tell_the_truth, once_settled, rows_tell_the_truth
from tests.proof.world import World

__all__ = ["DeliveryMachine", "Lived", "live"]

_HEAVY = frozenset({"huge_reply", "gzip_bomb"})
_FAULTS = tuple(kind for kind in KINDS if kind not in _HEAVY and not kind.startswith("token_endpoint_"))
_DAYS = 86_400.0
_WINDOW_DAYS = 91


@dataclass(slots=True)
class Lived:
    """What all histories together went through.

    :param histories: examples.
    :param troubled: of these, those in which something struck and that were judged at their end.
    :param faults: crashes, freezes, pairs of writers and faults that struck.
    :param delivered: rows at the service at the ends of histories in which something struck.
    """

    histories: int = 0
    troubled: int = 0
    steps: int = 0
    faults: int = 0
    delivered: int = 0
    kinds: Counter[str] = field(default_factory=Counter)

    def join(self, other: Lived) -> None:
        """Add another tally."""
        self.histories += other.histories
        self.troubled += other.troubled
        self.steps += other.steps
        self.faults += other.faults
        self.delivered += other.delivered
        self.kinds += other.kinds


def live(histories: int, seed: int, *, steps: int = 25) -> tuple[Lived, str | None]:
    """Live through many histories; return what they came to, and the first that broke a rule, shrunk, in words.

    :param histories: Hypothesis' examples.
    :param steps: of each, at most.
    """
    DeliveryMachine.lived = Lived()
    machine: Any = type("SeededMachine", (DeliveryMachine,), {})
    machine._hypothesis_internal_use_seed = seed
    options = settings(
        max_examples=histories,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        print_blob=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(machine, settings=options)
    except AssertionError as error:
        return DeliveryMachine.lived, "\n".join([str(error), *getattr(error, "__notes__", ())])
    return DeliveryMachine.lived, None


class DeliveryMachine(RuleBasedStateMachine):
    """One source, one account, one ledger; ``lived`` counts over all instances."""

    lived: ClassVar[Lived] = Lived()

    @initialize(case=st.sampled_from(cases()), transport=st.sampled_from(["rest", "rest", "rest", "soap"]))
    def begin(self, case: Any, transport: str) -> None:
        self.world = World.fresh(case, transport, [case.valid(0)])
        self.deleted: list[Row] = []
        self.made: Counter[str] = Counter({"valid": 1})
        self.struck = 0
        self.lived.histories += 1

    # The source -----------------------------------------------------------------------------------------------------

    @rule(kind=st.sampled_from(["valid", "valid", "valid", "refused", "invalid", "young"]), rows=st.integers(1, 6))
    def insert(self, kind: str, rows: int) -> None:
        for _ in range(rows):
            number = self.made[kind]
            if kind == "refused" and number >= 5:
                return
            self.made[kind] += 1
            self.world.rows.append(getattr(self.world.case, kind)(number))

    @precondition(lambda self: self._valid())
    @rule(place=st.integers(0, 50))
    def insert_again(self, place: int) -> None:
        """Name an event twice, under another key."""
        row = self._valid()[place % len(self._valid())]
        self.made["again"] += 1
        again = {**row, "order_id": f"{row['order_id']}-again-{self.made['again']}"}
        values = self.world.earlier_values
        values[again["order_id"]] = values.setdefault(row["order_id"], set())
        self.world.rows.append(again)

    @precondition(lambda self: self._valid())
    @rule(place=st.integers(0, 50), value=st.integers(1, 3))
    def edit(self, place: int, value: int) -> None:
        """Correct an event, wherever the source names it."""
        case, chosen = self.world.case, self._valid()[place % len(self._valid())]
        for position, row in enumerate(self.world.rows):
            if case.key_of_row(row) == case.key_of_row(chosen):
                self.world.edit(position, 1000.0 + value)

    def _valid(self) -> list[Row]:
        return sorts(self.world)["valid"]

    @precondition(lambda self: self.world.rows)
    @rule(place=st.integers(0, 50))
    def delete(self, place: int) -> None:
        self.deleted.append(self.world.rows.pop(place % len(self.world.rows)))

    @precondition(lambda self: self.deleted)
    @rule()
    def restore(self) -> None:
        self.world.rows.append(self.deleted.pop())

    # Runs -----------------------------------------------------------------------------------------------------------

    @rule()
    def run(self) -> None:
        self.world.attempt()
        self.world.restart()

    @rule(point=st.integers(1, 220))
    def run_and_crash(self, point: int) -> None:
        self.struck += self.world.attempt(kill_at(point)).killed
        self.world.restart()

    @rule(call=st.integers(1, 4), kind=st.sampled_from(_FAULTS), again=st.sampled_from(_FAULTS))
    def run_through_faults(self, call: int, kind: str, again: str) -> None:
        """Let two calls in a row go wrong, each in its own way."""
        self._order_faults(call, kind, again)
        self.run()
        self.world.faults([])

    @rule(call=st.integers(1, 4), kind=st.sampled_from(_FAULTS), point=st.integers(30, 160))
    def run_through_a_fault_and_crash(self, call: int, kind: str, point: int) -> None:
        self._order_faults(call, kind, kind)
        self.run_and_crash(point)
        self.world.faults([])

    def _order_faults(self, call: int, one: str, other: str) -> None:
        self.world.faults([{"match": {"call": call}, "do": one}, {"match": {"call": call + 1}, "do": other}])

    @rule(point=st.integers(1, 160))
    def freeze_beyond_the_lease(self, point: int) -> None:
        def another_run() -> None:
            self.world.time.advance(FREEZE_SECONDS)
            self.world.attempt(task="other")

        attempt = self.world.next_attempt()
        attempt.hook = freeze_at(point, another_run)
        self.struck += len(attempt.run().passed) >= point
        self.world.restart()

    @rule(first=st.integers(1, 160), second=st.integers(1, 160))
    def two_at_once(self, first: int, second: int) -> None:
        other = self.world.next_attempt(task="other")
        self.struck += two_writers(self.world.next_attempt(), first, other, second)
        self.world.restart()

    @rule()
    def next_dag_run(self) -> None:
        self.world.next_dag_run()

    @rule(hours=st.sampled_from([0.01, 0.2, 1.0, 30.0]))
    def let_time_pass(self, hours: float) -> None:
        self.world.time.advance(hours * 3600)
        self.world.get("health")

    # The ledger's keeper --------------------------------------------------------------------------------------------

    @rule(by_code=st.booleans(), place=st.integers(0, 50))
    def replay(self, *, by_code: bool, place: int) -> None:
        """Ask for refused rows to be sent again, by the service's reason or by key."""
        keys = [row["order_id"] for row in self.world.rows[place : place + 3]]
        if by_code or keys:
            self._keep(lambda keeper: keeper.replay(**({"code": 5616} if by_code else {"keys": keys}), apply=True))

    @rule()
    def prune_early(self) -> None:
        """Nothing is past its term in a machine's life, so nothing may go."""
        before = self._rows_recorded()
        self._keep(lambda keeper: keeper.prune(applied_days=_WINDOW_DAYS, other_days=_WINDOW_DAYS, apply=True))
        assert self._rows_recorded() == before

    def _keep(self, work: Any) -> None:
        ledger = self.world.open_ledger(lambda _name: None)
        try:
            work(LedgerKeeper(ledger))
        finally:
            ledger.close()

    def _rows_recorded(self) -> int:
        with closing(sqlite3.connect(self.world.ledger_file)) as ledger:
            return int(ledger.execute("SELECT count(*) FROM bingads_row").fetchone()[0])

    # What must hold -------------------------------------------------------------------------------------------------

    @invariant()
    def what_holds_at_any_time(self) -> None:
        if hasattr(self, "world"):
            self.lived.steps += 1
            rows = [*self.world.rows, *self.deleted]
            _must_be_none([*rows_tell_the_truth(self.world, look(self.world), rows), *calls_tell_the_truth(self.world)])

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            kinds = Counter(self.world.get("stats")["faults"])
            self.lived.kinds.update(kinds)
            self.struck += sum(kinds.values())
            self.world.rows += self.deleted
            self.world.next_dag_run()
            self.world.time.advance(4 * 3600)
            self.world.settle()
            _must_be_none([*check(self.world), *once_settled(self.world)])
            self.lived.troubled += bool(self.struck)
            self.lived.faults += self.struck
            held = self.world.get("state", f"only={self.world.case.state}")[self.world.case.state]
            self.lived.delivered += len(held) if self.struck else 0
            self._a_quarter_later()
        finally:
            self.world.witness.close()

    def _a_quarter_later(self) -> None:
        """Prune when everything is past its term; what was sent is not sent again for that."""
        self.world.time.advance(_WINDOW_DAYS * _DAYS)
        self._keep(lambda keeper: keeper.prune(applied_days=_WINDOW_DAYS, other_days=_WINDOW_DAYS, apply=True))
        self.world.next_dag_run()
        before = self._rows_received()
        self.world.attempt()
        assert self._rows_received() == before, "after a prune rows were sent again"

    def _rows_received(self) -> int:
        # the service keeps one of each, so that what it holds would not tell
        return int(self.world.get("stats")["rows_received"])


def _must_be_none(problems: list[Problem]) -> None:
    assert not problems, "; ".join(f"{problem.kind}: {problem.sentence}" for problem in problems)
