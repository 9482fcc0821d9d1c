"""What can become of a row, and of a call: the two vocabularies everything else speaks.

A row's state is the event of the highest rank recorded for it, so repeated, late or reordered writes change
nothing: max is commutative, associative and idempotent.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

__all__ = [
    "CALL_RANK",
    "FORGOTTEN_CONTENT",
    "FORGOTTEN_REFERENCE",
    "ROW_RANK",
    "TERMINAL_RANK",
    "CallEventKind",
    "Counter",
    "Finality",
    "RowState",
    "Violation",
]


class RowState(str, Enum):
    """The recorded outcome of one row (design 3, "Outcomes of a row")."""

    APPLIED = "applied"
    REJECTED = "rejected"
    INVALID = "invalid"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    DEFERRED = "deferred"
    UNKNOWN = "unknown"
    HELD = "held"


class Counter(str, Enum):
    """Counted on the run, never written as a row."""

    SKIPPED = "skipped"
    ALREADY_REJECTED = "already_rejected"
    OUT_OF_WINDOW = "out_of_window"


ROW_RANK: Final[dict[RowState, int]] = {
    RowState.DEFERRED: 10,
    RowState.UNKNOWN: 20,
    RowState.HELD: 25,
    RowState.SUPERSEDED: 30,
    RowState.DUPLICATE: 40,
    RowState.INVALID: 50,
    RowState.REJECTED: 60,
    RowState.APPLIED: 100,
}

TERMINAL_RANK: Final = 30
"""From this rank on a row of the same key and content is not judged again."""


FORGOTTEN_CONTENT: Final = "0" * 16
"""Content hash of a tombstone, an ``invalid`` event: the row of this key was erased on request and is never sent again,
whatever its content becomes."""
FORGOTTEN_REFERENCE: Final = "ForgottenReference"
"""``error_code`` of a tombstone whose key is ``identity.erased_key``: it stands for a source row, not for an event."""


class CallEventKind(str, Enum):
    """The events of one call, in the order in which they outrank each other."""

    INTENT = "intent"
    UNKNOWN = "unknown"
    NOT_APPLIED = "not_applied"
    ANSWERED = "answered"
    RECONCILED = "reconciled"


CALL_RANK: Final[dict[CallEventKind, int]] = {kind: rank for rank, kind in enumerate(CallEventKind, start=1)}


class Finality(str, Enum):
    """Where the cause of a violation lies, hence whether the verdict can change without the row changing."""

    FINAL = "final"
    """In the row's own content: judged once."""
    DEFERRED = "deferred"
    """Outside the row (goal, setting, clock): judged anew in each run."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One reason why a row cannot be sent, found here.

    :param error_code: Microsoft's symbol where Microsoft has one for this rule, else a symbol of ours.
    :param code: Microsoft's number for it; None for a rule of ours.
    :param field: API field that is at fault.
    :param column: source column mapped to it; None when nothing is mapped.
    :param reason: what is wrong, as the rest of a sentence that begins with the column, or a whole sentence where
        there is none; without the value itself (it may be personal data).
    :param remedy: what to do about it.
    :param owner: who does it: ``data``, ``marketing`` or ``platform``.
    :param finality: whether only a change of the row can help.
    :param undeclared: a setting that the rows need is missing: if at least half of the first chunk carries it, the
        run stops likewise.
    :param systemic: a cause that would hit every row alike (no zone declared, no such goal): if all rows of the
        first chunk carry it, the run stops before anything is recorded.
    """

    error_code: str
    code: int | None
    field: str
    column: str | None
    reason: str
    remedy: str
    owner: str = "data"
    finality: Finality = Finality.FINAL
    systemic: bool = False
    undeclared: bool = False

    @property
    def sentence(self) -> str:
        """Say what is wrong, with the column where one is at fault."""
        return f"{self.column} {self.reason}" if self.column else self.reason
