"""Holds the pure packages to the standard library, whatever library somebody reaches for next."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).resolve().parents[2] / "airflow_provider_bingads"
PURE = ("contract", "domain", "entities", "sync", "exceptions.py")
OWN = PACKAGE.name
LIBRARIES_BY_EXCEPTION = {
    "phonenumbers",  # E.164 is a table of the world's numbering plans, which nobody should write again
}


def _imported_packages(source: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def _modules(name: str) -> list[Path]:
    place = PACKAGE / name
    return [place] if place.suffix else sorted(place.rglob("*.py"))


@pytest.mark.parametrize("name", PURE)
def test_pure_package_imports_nothing_but_the_standard_library(name: str) -> None:
    allowed = sys.stdlib_module_names | {OWN} | LIBRARIES_BY_EXCEPTION
    foreign = {
        f"{module.relative_to(PACKAGE)}: {package}"
        for module in _modules(name)
        for package in _imported_packages(module)
        if package not in allowed
    }
    assert not foreign


@pytest.mark.parametrize("name", PURE)
def test_pure_package_takes_time_chance_and_threads_from_outside(name: str) -> None:
    """A clock, a random number or a thread in there would make the delivery untestable without waiting."""
    injected = {"random", "secrets", "threading", "time", "concurrent", "asyncio", "subprocess", "socket"}
    found = {
        f"{module.relative_to(PACKAGE)}: {package}"
        for module in _modules(name)
        for package in _imported_packages(module)
        if package in injected
    }
    assert not found


def test_no_module_is_named_for_what_is_left_over() -> None:
    leftovers = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert not [path for path in PACKAGE.rglob("*.py") if path.stem in leftovers]


def test_no_module_outgrows_its_subject() -> None:
    """Above 500 lines a file holds more than one subject."""
    assert not {path.name for path in PACKAGE.rglob("*.py") if len(path.read_text().splitlines()) > 500}
