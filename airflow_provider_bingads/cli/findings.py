"""What a check found, and how it is shown to people and to machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

import click

__all__ = ["Finding", "Status", "failed", "passed", "show", "skipped"]


class Status(str, Enum):
    """How one check ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """The end of one check.

    :param name: what was checked, one or two words.
    :param sentence: what was found; of a failure with its remedy.
    """

    name: str
    status: Status
    sentence: str


_MARKS: Final = {Status.OK: ("✓", "green"), Status.FAILED: ("✗", "red"), Status.SKIPPED: ("-", "yellow")}
_NAME_WIDTH: Final = 16


def passed(name: str, sentence: str) -> Finding:
    """Return a tick."""
    return Finding(name, Status.OK, sentence)


def failed(name: str, sentence: object) -> Finding:
    """Return a cross; lines of a longer message become one."""
    return Finding(name, Status.FAILED, " ".join(str(sentence).split()))


def skipped(name: str, sentence: str) -> Finding:
    """Return what could not, or need not, be checked."""
    return Finding(name, Status.SKIPPED, sentence)


def show(findings: Sequence[Finding], *, as_json: bool) -> bool:
    """Print the findings and tell whether none failed."""
    good = all(finding.status is not Status.FAILED for finding in findings)
    if as_json:
        checks = [{"name": it.name, "status": it.status.value, "sentence": it.sentence} for it in findings]
        click.echo(json.dumps({"ok": good, "checks": checks}, indent=1, ensure_ascii=False))
        return good
    for finding in findings:
        mark, colour = _MARKS[finding.status]
        click.echo(f"{click.style(mark, fg=colour)} {finding.name:<{_NAME_WIDTH}} {finding.sentence}")
    return good
