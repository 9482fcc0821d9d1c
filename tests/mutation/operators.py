"""What is changed in the code, one change a mutant: mutmut's operators, and a few of ours for what those leave alone.

Left out by rule, since no test may demand it: words for people. A literal with a space in it is such a text, unless it
is a raw string (a regular expression); so is an f-string. Of any other literal one change is enough; of a regular
expression all are made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final

import libcst as cst
from mutmut.mutation.mutators import mutation_operators, operator_string

__all__ = ["Change", "changes_of", "is_text"]

Change = tuple[cst.CSTNode, cst.CSTNode]
"""A node, and what stands in its place."""

_SWAPPED_CALLS: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
_TURNED_BY_MUTMUT: Final = (cst.Equal, cst.NotEqual, cst.Is, cst.IsNot, cst.In, cst.NotIn)


def changes_of(node: cst.CSTNode) -> Iterator[Change]:
    """Yield each change of a node."""
    for kind, operator in mutation_operators:
        if isinstance(node, kind):
            made = operator(node)
            yield from _worth_running(node, _enough(node, made) if operator is operator_string else made)
    for ours, changes in _OURS:
        if isinstance(node, ours):
            yield from changes(node)


def is_text(node: cst.CSTNode) -> bool:
    """Tell whether an expression is a literal for people."""
    if isinstance(node, cst.ConcatenatedString):
        return is_text(node.left) or is_text(node.right)
    return isinstance(node, cst.FormattedString) or (
        isinstance(node, cst.SimpleString) and " " in node.value and not _is_raw(node)
    )


def _is_raw(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.SimpleString) and "r" in node.prefix.lower()


def _enough(node: cst.CSTNode, made: Iterable[cst.CSTNode]) -> Iterable[cst.CSTNode]:
    return () if is_text(node) else made if _is_raw(node) else islice(made, 1)


def _worth_running(node: cst.CSTNode, made: Iterable[cst.CSTNode]) -> Iterator[Change]:
    """Leave out None in the place of a local value or an argument, which the type checker refuses anyhow.

    What stays of those: values of attributes and items, which are state, and named arguments taken out, for which a
    default may step in.
    """
    if isinstance(node, cst.Assign | cst.AnnAssign):
        targets = [one.target for one in node.targets] if isinstance(node, cst.Assign) else [node.target]
        if all(isinstance(target, cst.Name | cst.Tuple) for target in targets):
            return
    for changed in made:
        if isinstance(node, cst.Call) and isinstance(changed, cst.Call) and node.func is changed.func:
            gone = [argument for argument in node.args if all(argument is not kept for kept in changed.args)]
            if len(changed.args) == len(node.args) or gone[0].keyword is None or _has_other_change(gone[0].value):
                continue
            yield node, _without_last_comma(changed)
        else:
            yield node, changed


def _without_last_comma(call: cst.Call) -> cst.Call:
    ends = [argument.with_changes(comma=cst.MaybeSentinel.DEFAULT) for argument in call.args[-1:]]
    return call.with_changes(args=[*call.args[:-1], *ends])


def _has_other_change(value: cst.BaseExpression) -> bool:
    return is_text(value) or (isinstance(value, cst.Name) and value.value in {"True", "False"})


def _negate(node: cst.If | cst.While | cst.CompIf) -> Iterator[Change]:
    """Negate a condition that mutmut does not turn round."""
    test = node.test
    if isinstance(test, cst.Comparison) and isinstance(test.comparisons[0].operator, _TURNED_BY_MUTMUT):
        return
    if not (isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not)):
        inner = test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        yield test, cst.UnaryOperation(operator=cst.Not(), expression=inner)


def _drop_operand(node: cst.BooleanOperation) -> Iterator[Change]:
    yield node, node.left
    yield node, node.right


def _forget_return(node: cst.Return) -> Iterator[Change]:
    if node.value is not None and not (isinstance(node.value, cst.Name) and node.value.value == "None"):
        yield node, node.with_changes(value=cst.Name("None"), whitespace_after_return=cst.SimpleWhitespace(" "))


def _drop_call(node: cst.Expr) -> Iterator[Change]:
    if isinstance(node.value, cst.Call | cst.Yield):
        yield node, cst.Pass()


def _drop_raise(node: cst.Raise) -> Iterator[Change]:
    yield node, cst.Pass()


def _catch_less(node: cst.ExceptHandler) -> Iterator[Change]:
    """Take one exception out of those that a handler catches."""
    if isinstance(node.type, cst.Tuple):
        for place in range(len(node.type.elements)):
            kept = [element.value for number, element in enumerate(node.type.elements) if number != place]
            yield node.type, cst.Tuple([cst.Element(value, comma=cst.Comma()) for value in kept])
    elif node.type is not None:
        yield node.type, cst.Tuple([])


def _swap_call(node: cst.Call) -> Iterator[Change]:
    if isinstance(node.func, cst.Name) and node.func.value in _SWAPPED_CALLS:
        yield node, node.with_changes(func=cst.Name(_SWAPPED_CALLS[node.func.value]))


_OURS: Final[list[tuple[type | tuple[type, ...], Callable[[Any], Iterator[Change]]]]] = [
    ((cst.If, cst.While, cst.CompIf), _negate),
    (cst.BooleanOperation, _drop_operand),
    (cst.Return, _forget_return),
    (cst.Expr, _drop_call),
    (cst.Raise, _drop_raise),
    (cst.ExceptHandler, _catch_less),
    (cst.Call, _swap_call),
]
