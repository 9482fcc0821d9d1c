"""Which scenarios there are: every crash, every fault, and the pairs, by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Final

from airflow_provider_bingads.emulator.injection import KINDS
from tests.proof.case import cases
from tests.proof.scenarios import run_scenario

__all__ = ["TRANSPORTS", "Crashes", "fault_steps", "long_work", "quick_work", "shape"]

TRANSPORTS: Final = ("rest", "soap")
VARIANTS: Final = ("plain", "accounts", "deferred", "edited", "edited-late", "shrunk", "backwards")
_SLOW_KINDS: Final = frozenset({"huge_reply", "gzip_bomb"})
"""Each of them moves a hundred megabytes; alone at every call, not in pairs."""
_AT_SIGN_IN: Final = ("reset_before", "reset_mid_request", "drop_before_apply", "drop_after_apply", "garbage")
CHIEF_KINDS: Final = (
    "drop_after_apply", "late_apply", "dup_delivery", "soap_internal_after", "throttle_117", "token_expired_109",
    "http_503_html", "index_missing", "several_errors_per_row", "partial_errors_shuffled", "drop_before_apply",
    "creds_105",
)  # fmt: skip
"""The kinds that differ in what a client can know; the others come to the same as one of them."""


@cache
def shape(entity: str, transport: str, variant: str) -> tuple[int, int]:
    """Return how many points the first try of a scenario without faults passes, and how many calls it makes."""
    points = run_scenario(f"{entity}:{transport}:{variant}:").points
    return len(points), points.count("wire.call.before")


def fault_steps(calls: int, *, kinds: Sequence[str] = tuple(KINDS)) -> list[str]:
    """Return a step for each kind of fault at each call, those of the sign-in service at its own call."""
    token = [kind for kind in kinds if kind.startswith("token_endpoint_")]
    at_calls = [f"fault@{call}={kind}" for call in range(1, calls + 1) for kind in kinds if kind not in token]
    return [*at_calls, *(f"fault@token={kind}" for kind in (*token, *_AT_SIGN_IN) if kind in kinds)]


def crashes(where: str) -> list[str]:
    """Return a crash at each point."""
    points, _ = shape(*where.split(":"))
    return [f"{where}:crash@{point}" for point in range(1, points + 1)]


def faults(where: str) -> list[str]:
    """Return each fault at each call."""
    _, calls = shape(*where.split(":"))
    return [f"{where}:{step}" for step in fault_steps(calls)]


def unheard_and_then(where: str) -> Iterator[str]:
    """Return the calls that take effect unheard, and whose repetition then meets each chief fault."""
    _, calls = shape(*where.split(":"))
    for unheard, other in product(("drop_after_apply", "late_apply", "soap_internal_after"), CHIEF_KINDS):
        yield f"{where}:fault@{calls - 1}={unheard}+fault@{calls}={other}"


def outages(where: str) -> list[str]:
    """Return each fault that stays, from each call on."""
    _, calls = shape(*where.split(":"))
    kinds = [kind for kind in KINDS if kind not in _SLOW_KINDS and not kind.startswith("token_endpoint_")]
    return [f"{where}:outage@{call}={kind}" for call in range(1, calls + 1) for kind in kinds]


def stops(where: str) -> list[str]:
    """Return a try asked to end, at each point."""
    points, _ = shape(*where.split(":"))
    return [f"{where}:stop@{point}" for point in range(1, points + 1)]


def freezes(where: str) -> list[str]:
    """Return a freeze at each point."""
    points, _ = shape(*where.split(":"))
    return [f"{where}:freeze@{point}" for point in range(1, points + 1)]


def pairs_of_faults(where: str, step: int = 1) -> Iterator[str]:
    """Return each fault at each call together with each chief fault at each later one."""
    _, calls = shape(*where.split(":"))
    kinds = [kind for kind in KINDS if kind not in _SLOW_KINDS and not kind.startswith("token_endpoint_")]
    numbered = enumerate(product(range(1, calls + 1), kinds, range(1, calls + 3), CHIEF_KINDS))
    for number, (first, one, second, other) in numbered:
        if first < second and number % step == 0:
            yield f"{where}:fault@{first}={one}+fault@{second}={other}"


def pairs_of_writers(where: str, step: int = 1) -> Iterator[str]:
    """Return two writers, the one standing still at each point, the other at each of its own, or a grid of these."""
    points, _ = shape(*where.split(":"))
    for first, second in product(range(1, points + 1), range(1, points + 41)):
        if (first + 7 * second) % step == 0:
            yield f"{where}:writers@{first},{second}"


@dataclass(frozen=True, slots=True)
class Crashes:
    """Scenarios that share all but their last crash.

    :param prefix: their common name.
    :param every: take every so-many-th point.
    """

    prefix: str
    every: int = 1

    def chosen(self, point: int) -> bool:
        """Tell whether the scenario that crashes at this point is one of them."""
        return point % self.every == 0


def quick_work() -> Iterator[Crashes | str]:
    """Yield the quick tier: all single crashes, faults and freezes on REST, and a sample of everything else."""
    for case in cases():
        rest = f"{case.name}:rest:plain"
        _, calls = shape(*rest.split(":"))
        yield f"{rest}:"
        yield Crashes(f"{rest}:")
        yield from (name for name in faults(rest) if name.partition("=")[2] not in _SLOW_KINDS)
        yield from freezes(rest)
        yield from outages(rest)[::2]
        yield from outages(f"{case.name}:rest:edited")[::5]
        yield from outages(f"{case.name}:rest:shrunk")[::5]
        yield from stops(rest)[::4]
        points, _ = shape(*rest.split(":"))
        for point in range(11, points, 29):
            yield Crashes(f"{rest}:crash@{point}", 7)
        for kind in ("drop_after_apply", "late_apply", "dup_delivery"):
            yield Crashes(f"{rest}:fault@{calls - 1}={kind}", 7)
        yield from pairs_of_faults(rest, 97)
        yield from unheard_and_then(f"{case.name}:rest:edited")
        yield from pairs_of_writers(rest, 499)
        yield from (f"{rest}:writers@{first},{second}" for first in range(7, 17) for second in (50, 100, 150))
        for variant in VARIANTS[1:]:
            yield Crashes(f"{case.name}:rest:{variant}:", 11)
        yield Crashes(f"{case.name}:rest:edited-late:fault@{calls}=creds_105", 11)
        soap = f"{case.name}:soap:plain"
        yield Crashes(f"{soap}:", 15)
        yield from faults(soap)[::11]


def long_work() -> Iterator[Crashes | str]:
    """Yield the long tier: single scenarios by name, and crashes by what precedes them.

    On REST every crash, every fault at every call, every freeze and every pair of crashes; of the other pairs, of SOAP
    and of the variants a grid.
    """
    for case in cases():
        yield from _long(f"{case.name}:rest:plain", 1)
        yield from _long(f"{case.name}:soap:plain", 40)
        for variant in VARIANTS[1:]:
            yield from _long(f"{case.name}:rest:{variant}", 60)


def _long(where: str, every: int) -> Iterator[Crashes | str]:
    points, calls = shape(*where.split(":"))
    some = 1 if every == 1 else 3
    yield f"{where}:"
    yield Crashes(f"{where}:")
    yield from faults(where)
    yield from freezes(where)[::some]
    yield from outages(where)[::some]
    yield from stops(where)[::some]
    for point in range(1, points + 1, every):
        yield Crashes(f"{where}:crash@{point}", 1 + every // 4)
    chief = [step for step in fault_steps(calls, kinds=CHIEF_KINDS) if "token" not in step.partition("=")[0]]
    for step in chief:
        yield Crashes(f"{where}:{step}", 4 + every // 2)
    yield from pairs_of_faults(where, 8 * every)
    yield from pairs_of_writers(where, 38 * every)
