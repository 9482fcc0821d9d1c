"""The runner's own rules: what counts as a mutant, what is left out, and when a judgement is out of date."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.mutation.judgements import KINDS, Judgement, complaints, read_judgements
from tests.mutation.mutants import mutants_of


def changes(source: str) -> list[str]:
    return [mutant.change for mutant in mutants_of("domain.x", dedent(source))]


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("a = b < c", ["a = b <= c"]),
        ("a = b + 1", ["a = b - 1", "a = b + 2"]),
        ("a = b and c", ["a = b or c", "a = b", "a = c"]),
        ("a = not b", ["a = b"]),
        ("a = b in c", ["a = b not in c"]),
        ("a = b is None", ["a = b is not None"]),
        ("a = (b if c else d)", ["a = (b if (c) and False else d)", "a = (b if (c) or True else d)"]),
        ("LIMIT = 30", ["LIMIT = 31"]),
        ("a = f(b, key=c)", ["a = f(b)"]),
        ("a = max(b)", ["a = min(b)"]),
        ("a.b = c", ["a.b = None"]),
        ('a = "Code"', ['a = "XXCodeXX"']),
        ('a = "words for people"', []),
        ('f("words for people")', ["pass"]),
        ('a = f"words {b}"', []),
        ("a: int | None", []),
        ('__all__ = ["a"]', []),
        ("import a", []),
        ('"""A docstring"""', []),
        ("@decorated(1)\ndef f(): ...", []),
        ("if TYPE_CHECKING:\n    a = 1", []),
    ],
)
def test_a_line_is_changed_in_these_ways(line: str, changed: list[str]) -> None:
    assert [change.split("\n+ ")[1] for change in changes(line)] == changed


def test_statements_of_a_function_are_changed_under_its_name() -> None:
    source = """
    class A:
        def f(self, x):
            if x:
                raise E(x)
            try:
                return g(x)
            except (E, F):
                return None
    """
    mutants = mutants_of("domain.x", dedent(source))
    assert {mutant.function for mutant in mutants} == {"A.f"}
    assert [mutant.change.split("\n+ ")[1] for mutant in mutants] == [
        "if not (x):",
        "pass",
        "return None",
        "except (F,):",
        "except (E,):",
    ]


def test_equal_changes_of_one_function_are_told_apart() -> None:
    one, other = changes("def f():\n    a.b = 1\n    c()\n    a.b = 1\n")[:1], changes("def f(): pass")
    assert one == ["- a.b = 1\n+ a.b = None"]
    assert other == []
    names = [mutant.name for mutant in mutants_of("domain.x", "def f():\n    c()\n    d()\n    c()\n")]
    assert len(set(names)) == len(names) == 3


def test_a_survivor_without_judgement_and_a_judgement_without_survivor_are_complained_about() -> None:
    first, second = mutants_of("domain.x", "a = 1\nb = 2\n")
    judged = [Judgement(second.name, "equivalent", "never read"), Judgement(("domain.y", "", "- a\n+ b"), "text", "-")]

    assert complaints(judged, [second], ["domain.x"]) == []
    (missing,) = complaints(judged, [first, second], ["domain.x"])
    assert "not judged" in missing
    assert "a = 2" in missing
    (stale,) = complaints(judged, [], ["domain.x"])
    assert "no longer survives" in stale


def test_every_judgement_is_of_a_known_kind_and_says_why() -> None:
    judged = read_judgements()

    assert len({one.name for one in judged}) == len(judged)
    assert [one.name for one in judged if one.kind not in KINDS or len(one.because) < 20] == []


def test_what_a_cache_keeps_is_met_by_other_tests_than_those_that_run_its_lines() -> None:
    kept, plain = (
        mutants_of("domain.x", "@cache\ndef f():\n    return 1\n"),
        mutants_of("domain.x", "def f():\n    return 1\n"),
    )
    assert {mutant.lines for mutant in kept} == {None}
    assert {mutant.lines for mutant in plain} == {(2, 2)}
