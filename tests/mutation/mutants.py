"""Reads a module of the package and lists its mutants: all code of it, tables at module level included.

Left out by rule: imports, annotations, decorators, docstrings, ``__all__``, ``__slots__`` and blocks for the type
checker only, since they do nothing while a run lasts.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import libcst as cst
from libcst.metadata import ByteSpanPositionProvider, MetadataWrapper, PositionProvider

from tests.mutation.operators import changes_of

__all__ = ["PACKAGE", "Mutant", "modules", "mutants_of"]

PACKAGE: Final = "airflow_provider_bingads"
PARTS: Final = ("domain", "sync")

_SILENT: Final = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom)
_DECLARATIONS: Final = {"__all__", "__slots__"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one module.

    :param module: its name below the package, ``domain.times``.
    :param function: qualified name of the function or class changed, empty at module level.
    :param change: the changed lines, each after ``- `` or ``+ ``; with ``function`` it names the mutant for good.
    :param lines: first and last line of the statement changed; None where a cache keeps what they made, so that not
        only the tests that run them meet the change.
    :param source: the whole module, changed.
    """

    module: str
    function: str
    change: str
    lines: tuple[int, int] | None
    source: str

    @property
    def name(self) -> tuple[str, str, str]:
        """What names a mutant however its module's other lines move."""
        return (self.module, self.function, self.change)


def modules(root: Path) -> dict[str, Path]:
    """Return the modules that are mutated, by name below the package."""
    folder = root / PACKAGE
    files = sorted(path for part in PARTS for path in (folder / part).rglob("*.py"))
    return {".".join(file.relative_to(folder).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


def mutants_of(module: str, source: str) -> list[Mutant]:
    """List the mutants of a module in the order of its lines; the few that are no Python show when they are loaded."""
    wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    collector = _Collector(source)
    wrapper.visit(collector)
    found: list[Mutant] = []
    alike: Counter[tuple[str, str]] = Counter()
    met: set[str] = {source}
    for function, lines, changed in collector.found:
        if changed in met:
            continue
        met.add(changed)
        change = _lines_changed(source, changed)
        alike[function, change] += 1
        number = alike[function, change]
        found.append(Mutant(module, function, change if number == 1 else f"{change}\n# {number}", lines, changed))
    return found


def _lines_changed(source: str, changed: str) -> str:
    before, after = source.splitlines(), changed.splitlines()
    first = next((n for n, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), 0)
    tail = next((n for n, pair in enumerate(zip(before[::-1], after[::-1], strict=False)) if pair[0] != pair[1]), 0)
    gone = [f"- {line.strip()}" for line in before[first : max(first + 1, len(before) - tail)]]
    come = [f"+ {line.strip()}" for line in after[first : max(first + 1, len(after) - tail)]]
    return "\n".join(gone + come)


def _is_cached(node: cst.FunctionDef | cst.ClassDef) -> bool:
    names = [one.decorator.value for one in node.decorators if isinstance(one.decorator, cst.Name)]
    return any(name in {"cache", "cached_property"} for name in names)


class _Collector(cst.CSTVisitor):
    METADATA_DEPENDENCIES = (ByteSpanPositionProvider, PositionProvider)

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[int, int] | None, str]] = []
        self._bytes = source.encode()
        self._names: list[str] = []
        self._cached = 0
        self._statements: list[tuple[int, int]] = [(1, 1)]

    def on_visit(self, node: cst.CSTNode) -> bool:
        if self._is_silent(node):
            return False
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self._names.append(node.name.value)
            self._cached += _is_cached(node)
        if isinstance(node, cst.BaseStatement | cst.BaseSmallStatement):
            self._statements.append(self._span(node))
        for old, new in changes_of(node):
            self.found.append((".".join(self._names), self._lines(old), self._with(old, new)))
        return True

    def on_leave(self, node: cst.CSTNode) -> None:
        if self._is_silent(node):
            return
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self._names.pop()
            self._cached -= _is_cached(node)
        if isinstance(node, cst.BaseStatement | cst.BaseSmallStatement):
            self._statements.pop()

    @staticmethod
    def _is_silent(node: cst.CSTNode) -> bool:
        if isinstance(node, _SILENT):
            return True
        if isinstance(node, cst.Expr):
            return isinstance(node.value, cst.BaseString)
        if isinstance(node, cst.If):
            return isinstance(node.test, cst.Name) and node.test.value == "TYPE_CHECKING"
        targets = [target.target for target in node.targets] if isinstance(node, cst.Assign) else []
        return any(isinstance(target, cst.Name) and target.value in _DECLARATIONS for target in targets)

    def _span(self, node: cst.CSTNode) -> tuple[int, int]:
        position = self.get_metadata(PositionProvider, node)
        return position.start.line, position.end.line

    def _lines(self, node: cst.CSTNode) -> tuple[int, int] | None:
        """Return the lines whose run shows that a test meets the node: from its statement's first to its own last."""
        return None if self._cached else (self._statements[-1][0], self._span(node)[1])

    def _with(self, old: cst.CSTNode, new: cst.CSTNode) -> str:
        span = self.get_metadata(ByteSpanPositionProvider, old)
        # the parentheses of an expression lie outside its span
        inner = new.with_changes(lpar=[], rpar=[]) if getattr(old, "lpar", ()) and hasattr(new, "lpar") else new
        text = cst.Module([]).code_for_node(inner)
        if isinstance(old, cst.BaseCompOp):  # its span is the word alone
            text = text.strip()
        return (self._bytes[: span.start] + text.encode() + self._bytes[span.start + span.length :]).decode()
