"""Scenarios by name: what goes wrong, in which world; and the runner that judges one.

A name says everything, so that any scenario can be run again alone::

    offline_conversions:rest:plain:fault@2=drop_after_apply+crash@17

Its parts are the entity, the transport, the variant of the world and the steps. Steps are:

``crash@n``
    a try that is killed at the n-th point it passes; several follow each other, each a try of its own
``fault@n=kind``
    the service's n-th call (from 1) meets this fault; ``fault@token=kind`` the call to the sign-in service
``outage@n=kind``
    every call from the service's n-th on meets this fault, until the try is over
``stop@n``
    a try that is asked to end, as Airflow does with SIGTERM, at its n-th point
``freeze@n``
    a try stands still at its n-th point for longer than the lease while another DAG's run delivers everything, and
    wakes after it
``writers@n,m``
    a try stands still at its n-th point; another DAG's run begins and stands still at its m-th; the first runs to its
    end, then the other

The variants are ``plain``; ``backwards``, where work that is ready at the same time is done in the opposite order;
``accounts``, two accounts in one source; ``deferred``, where an earlier run was told to wait for two rows; ``shrunk``,
where the next run reads one row only; ``edited``, where every value changes after the first try, and ``edited-late``,
where it changes when the faults are over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.proof.attempt import Attempt
from tests.proof.case import Row, case_of
from tests.proof.handover import freeze_at, kill_at, stop_at, two_writers
from tests.proof.invariants import Problem, check
from tests.proof.moments import FREEZE_SECONDS
from tests.proof.safety import once_settled
from tests.proof.world import World, accounts_of_service, usual_rows

__all__ = ["Result", "Scenario", "run_crashes", "run_scenario"]

OUTAGE_CALLS = 40
"""More than all attempts of a try."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that goes wrong.

    :param where: points, or the number of the call.
    """

    verb: str
    where: tuple[str, ...]
    kind: str = ""

    @property
    def is_fault(self) -> bool:
        """The service or the wire goes wrong, not the process."""
        return self.verb in {"fault", "outage"}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A name, taken apart."""

    name: str
    entity: str
    transport: str
    variant: str
    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, name: str) -> Scenario:
        """Read a name.

        :raises ValueError: it is no scenario's name.
        """
        entity, transport, variant, text = name.split(":", 3)
        if variant not in VARIANTS:
            raise ValueError(f"There is no variant {variant!r}; the variants are {', '.join(VARIANTS)}.")
        return cls(name, entity, transport, variant, tuple(_step(part) for part in text.split("+") if part))


@dataclass(slots=True)
class Result:
    """What a scenario came to.

    :param faults: crashes, freezes and faults of the wire or the service that really struck.
    :param delivered: rows at the service at the end, in a scenario in which something struck.
    :param reached: the scenario's steps struck; one whose point or call was never met proves nothing.
    :param points: names of the points its first try passed.
    """

    name: str
    faults: int = 0
    delivered: int = 0
    reached: bool = True
    problems: list[Problem] = field(default_factory=list)
    points: Sequence[str] = ()
    kinds: Sequence[str] = ()


def _step(text: str) -> Step:
    verb, _, rest = text.partition("@")
    where, _, kind = rest.partition("=")
    if verb not in {"crash", "fault", "outage", "stop", "freeze", "writers"} or not where:
        raise ValueError(f"{text!r} is no step of a scenario.")
    return Step(verb, tuple(where.split(",")), kind)


def run_scenario(name: str) -> Result:
    """Run one scenario and judge what is left of it."""
    scenario = Scenario.parse(name)
    world = VARIANTS[scenario.variant](scenario)
    try:
        struck = _carry_out(world, scenario)
        return _judged(world, scenario, struck)
    finally:
        world.witness.close()


def run_crashes(prefix: str, chosen: Callable[[int], bool] = lambda _point: True) -> list[Result]:
    """Run a scenario's steps and then a crash at each chosen point of the try that follows them.

    The same scenarios as ``run_scenario(prefix + "+crash@n")`` for each n, at a fraction of the cost: what a crash
    leaves is what is durable at that point, so that the last try is made once and at each of its points a copy of the
    world goes on from there without it.

    :param prefix: name of a scenario without the last crash; its other steps may be crashes and faults.
    """
    scenario = Scenario.parse(prefix)
    world = VARIANTS[scenario.variant](scenario)
    results: list[Result] = []
    tries = [step for step in scenario.steps if not step.is_fault]

    def end_here(attempt: Attempt, _name: str) -> None:
        point = len(attempt.passed)
        if chosen(point):
            name = f"{prefix}{'' if prefix.endswith(':') else '+'}crash@{point}"
            results.append(_without(world, attempt, Scenario.parse(name), struck + 1))

    try:
        world.faults([_rule(step) for step in scenario.steps if step.is_fault])
        struck = _make_tries(world, scenario, tries)
        if struck == len(tries):
            world.attempt(end_here)
        return results
    finally:
        world.witness.close()


def _without(world: World, attempt: Attempt, scenario: Scenario, struck: int) -> Result:
    left = world.fork()
    try:
        first = left.attempts[0] is attempt
        passed = list(attempt.passed)
        _after_try(left, scenario)
        _meet_faults(left, scenario)
        result = _judged(left, scenario, struck)
        result.points = passed if first else result.points
        return result
    finally:
        left.witness.close()


def _judged(world: World, scenario: Scenario, struck: int) -> Result:
    if scenario.variant == "edited-late":
        _edit(world)
    untold = _while_rows_are_away(world) if scenario.variant == "shrunk" else []
    world.settle()
    problems = [*untold, *check(world), *once_settled(world)]
    result = Result(scenario.name, problems=problems, points=world.attempts[0].passed)
    if _looked_at_twice(scenario):
        result.problems += _rests(world)
    fired = world.get("stats")["faults"]
    result.kinds = tuple(fired)
    result.faults = struck + sum(fired.values())
    others = sum(not step.is_fault for step in scenario.steps)
    result.reached = struck == others and _wanted(scenario) <= set(fired)
    result.delivered = len(world.get("state", f"only={world.case.state}")[world.case.state]) if result.faults else 0
    return result


def _while_rows_are_away(world: World) -> list[Problem]:
    """Let a run read the first row only: it must not succeed in silence while others are in doubt."""
    rows, world.rows = world.rows, world.rows[:1]
    world.faults([])
    attempt = world.attempt()
    world.rows = rows
    world.restart()
    doubts = world.witness.in_doubt()
    return [Problem("lie", f"a run succeeded in silence while {doubts} were in doubt")] if attempt.ok and doubts else []


def _looked_at_twice(scenario: Scenario) -> bool:
    """Tell whether a later run over the same rows is made too: after each fault, and after every fifth crash."""
    if len(scenario.steps) != 1:
        return not scenario.steps
    (step,) = scenario.steps
    return step.is_fault or sum(map(int, step.where)) % 5 == 0


def _wanted(scenario: Scenario) -> set[str]:
    return {step.kind.partition("(")[0] for step in scenario.steps if step.is_fault}


def _carry_out(world: World, scenario: Scenario) -> int:
    """Let the steps happen; return how many crashes, freezes and pairs of writers struck."""
    world.faults([_rule(step) for step in scenario.steps if step.is_fault])
    tries = [step for step in scenario.steps if not step.is_fault]
    struck = _make_tries(world, scenario, tries or [None])
    _meet_faults(world, scenario)
    return struck


def _make_tries(world: World, scenario: Scenario, tries: Sequence[Step | None]) -> int:
    struck = 0
    for step in tries:
        if step is None:
            world.attempt()
        elif step.verb == "crash":
            attempt = world.attempt(kill_at(int(step.where[0])))
            struck += attempt.killed
        elif step.verb == "stop":
            attempt = world.attempt(stop_at(int(step.where[0])))
            struck += attempt.stopped
        elif step.verb == "freeze":
            attempt = world.next_attempt()
            attempt.hook = freeze_at(int(step.where[0]), _another_run(world))
            attempt.run()
            struck += len(attempt.passed) >= int(step.where[0])
        else:
            first, second = (int(point) for point in step.where)
            struck += two_writers(world.next_attempt(), first, world.next_attempt(task="other"), second)
        _after_try(world, scenario)
    return struck


def _after_try(world: World, scenario: Scenario) -> None:
    if any(step.verb == "outage" for step in scenario.steps):
        world.faults([])
    if scenario.variant == "edited" and not world.earlier_values:
        _edit(world)
    world.restart()


def _meet_faults(world: World, scenario: Scenario) -> None:
    """Make one more try where a fault has not struck yet: the process died, or gave up, before its call."""
    if not _wanted(scenario) <= set(world.get("stats")["faults"]):
        world.attempt()
        world.restart()


def _rule(step: Step) -> dict[str, Any]:
    call = step.where[0]
    match: dict[str, Any] = {"op": "token", "call": 1} if call == "token" else {"call": int(call)}
    if step.kind.startswith("token_endpoint_"):
        match = {"call": 1}
    times = {"times": OUTAGE_CALLS} if step.verb == "outage" else {}
    return {"match": match, "do": step.kind, **times}


def _another_run(world: World) -> Callable[[], None]:
    def deliver() -> None:
        world.time.advance(FREEZE_SECONDS)
        world.attempt(task="other")

    return deliver


def _edit(world: World) -> None:
    for position, row in enumerate(world.rows):
        if isinstance(row[world.case.value_column], float):
            world.edit(position, row[world.case.value_column] + 100)


def _rests(world: World) -> list[Problem]:
    """Let a later DAG run read the same source: it sends nothing, as what is done is done."""
    sent = _sends(world)
    world.next_dag_run()
    again: Attempt = world.attempt()
    problems = [] if again.ok else [Problem("I7", f"a later run over the same rows failed: {again.error!r}")]
    if _sends(world) > sent:
        problems.append(Problem("I12", "a later run over the same rows sent some of them again"))
    return problems


def _sends(world: World) -> int:
    return sum(call.operation == world.entity.operation for call in world.emulator.journal.calls)


# The worlds ---------------------------------------------------------------------------------------------------------


def _plain(scenario: Scenario) -> World:
    case = case_of(scenario.entity)
    return World.fresh(case, scenario.transport, usual_rows(case))


def _backwards(scenario: Scenario) -> World:
    """Do work that is ready at the same time in the opposite order."""
    world = _plain(scenario)
    world.choose = lambda lanes: len(lanes) - 1
    return world


def _accounts(scenario: Scenario) -> World:
    """Give the source two accounts, one lease after the other."""
    case = case_of(scenario.entity)
    accounts = accounts_of_service(2)
    rows: list[Row] = []
    for number, account in enumerate(accounts):
        some = [case.valid(10 * number + n) for n in range(4)] + [case.invalid(number)]
        rows += [{**row, "account": account} for row in some]
    return World.fresh(case, scenario.transport, rows, accounts=2)


def _deferred(scenario: Scenario) -> World:
    """Begin where an earlier run was told to wait for two of the rows, and the time has passed since."""
    case = case_of(scenario.entity)
    world = World.fresh(case, scenario.transport, [*usual_rows(case), case.young(0), case.young(1)])
    world.attempt()
    world.time.advance(3600.0)
    world.next_dag_run()
    return world


VARIANTS: dict[str, Callable[[Scenario], World]] = {
    "plain": _plain,
    "backwards": _backwards,
    "accounts": _accounts,
    "deferred": _deferred,
    "edited": _plain,
    "shrunk": _plain,
    "edited-late": _plain,
}
