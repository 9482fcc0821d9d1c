"""What a person may do to a ledger: send rows again, release held ones, forget somebody, drop what is old."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from airflow_provider_bingads.warehouse.ledger.forget import forget
from airflow_provider_bingads.warehouse.ledger.kept import RELEASE, REPLAY, Forgotten, Pruned, Replayed, Scope
from airflow_provider_bingads.warehouse.ledger.ledger import SqlLedger
from airflow_provider_bingads.warehouse.ledger.prune import prune
from airflow_provider_bingads.warehouse.ledger.replay import Question, mark_again

__all__ = ["APPLIED_DAYS", "OTHER_DAYS", "REPLAY_LIMIT", "LedgerKeeper"]

APPLIED_DAYS: Final = 120
"""Days an applied row stays after its event."""
OTHER_DAYS: Final = 400
"""Days anything else stays after it was recorded."""
REPLAY_LIMIT: Final = 1000
"""Rows one replay marks at most unless told otherwise."""


class LedgerKeeper:
    """Keeps one ledger. Every method is a trial run unless told to apply: it then only reads.

    ``replay`` and ``release`` append and need the loader's rights (SELECT, INSERT); ``forget`` needs UPDATE on
    ``bingads_row``, ``bingads_error`` and ``bingads_lease`` besides, ``prune`` DELETE: ``ledger_ddl(..., keeper=ROLE)``
    prints these grants.

    :param ledger: of the database; the caller closes it.
    :param owner: who asks, as lease holders and runs name them, such as ``jane at the command line``.
    """

    def __init__(self, ledger: SqlLedger, *, owner: str = "bingads ledger") -> None:
        self._ledger = ledger
        self._owner = owner

    def replay(
        self,
        *,
        code: int | None = None,
        error_code: str | None = None,
        keys: Sequence[str] = (),
        run_id: str | None = None,
        scope: Scope = Scope(),  # noqa: B008 - frozen
        limit: int = REPLAY_LIMIT,
        apply: bool = False,
    ) -> Replayed:
        """Mark refused rows so that the next run of their source judges and sends them again.

        Picked are rows whose present state is ``rejected``, ``invalid`` or ``duplicate``; whatever else meets the
        question is counted in ``left_out`` with its reason. The mark is an append: one event of the next generation,
        ``deferred`` with ``error_code`` ``Replayed``, in a run of its own whose outcome is ``replay``. Repeating it
        before that next run marks nothing twice.

        :param code: Microsoft's number of any of the row's reasons.
        :param error_code: symbol of any of the row's reasons, Microsoft's or ours.
        :param keys: ``source_ref`` values or 32-digit row keys.
        :param run_id: the run that gave the rows their present state.
        :param scope: where to look.
        :param limit: most rows to mark, oldest first.
        :param apply: write the marks.
        :raises FixConfiguration: none of code, error_code, keys and run_id is given, or the limit is below 1.
        :raises RetryLater: the ledger's database cannot be reached.
        """
        question = Question(code=code, error_code=error_code, keys=keys, run_id=run_id, scope=scope)
        return mark_again(self._ledger, question, REPLAY, limit=limit, apply=apply, owner=self._owner)

    def release(
        self,
        keys: Sequence[str],
        *,
        scope: Scope = Scope(),  # noqa: B008 - frozen
        limit: int = REPLAY_LIMIT,
        apply: bool = False,
    ) -> Replayed:
        """Let held rows go: the next run of their source judges and sends them again.

        As ``replay``, for rows whose present state is ``held`` and no others; ``error_code`` and the run's outcome
        are ``Released`` and ``release``.

        :param keys: ``source_ref`` values or 32-digit row keys; at least one.
        :raises FixConfiguration: no key is given.
        """
        question = Question(keys=keys, scope=scope)
        return mark_again(self._ledger, question, RELEASE, limit=limit, apply=apply, owner=self._owner)

    def forget(
        self,
        key: str,
        *,
        scope: Scope = Scope(),  # noqa: B008 - frozen
        apply: bool = False,
    ) -> Forgotten:
        """Erase what leads from the ledger to one person's rows, and prevent that they are sent from now on.

        Of every key ever recorded under this ``source_ref`` (or of this row key) all outcomes and reasons lose
        ``source_ref``, ``message``, ``remote_key`` (the click id), ``remote_id``, ``details``, ``disapproved_text`` and
        ``location``; those not applied also ``group_name``. Tombstones are appended: one for each key, and one for each
        source row that is recorded under these keys. Such a row is counted and neither sent nor recorded again,
        whatever its content, identifier, goal or time become. A source row is recognised by stream, DAG, task and
        ``source_ref`` together, because two tables may number their rows alike: one that returns under another value
        of the key column, or that another task reads, is another row and is sent.

        What stays is pseudonymous, not anonymous: ``row_key`` and ``content_hash`` are hashes, and times, amounts and
        codes stay. Backups, and what the database has not yet overwritten, are outside its reach; the service keeps
        what it was sent.

        Two tables may name different people's rows by the same number: look at the trial run's rows first, and
        narrow the scope.

        :param key: a ``source_ref`` or a 32-digit row key.
        :param scope: where to look; by default every stream of the ledger.
        :param apply: write it, in one transaction, with the leases of all streams concerned.
        :raises LeaseBusy: a run holds one of the streams; the message names it. Nothing is changed.
        :raises FixLedger: the role lacks UPDATE; the message names the grants.
        """
        return forget(self._ledger, key, scope, apply=apply, owner=self._owner)

    def prune(
        self,
        *,
        applied_days: int = APPLIED_DAYS,
        other_days: int = OTHER_DAYS,
        now: datetime | None = None,
        apply: bool = False,
        stop: Callable[[], bool] = lambda: False,
    ) -> Pruned:
        """Delete what is past its term; only of operations whose events have a time window, never of others.

        Applied rows are due by the time of their event (where it has none, of their record), everything else by the
        time of its record. All events of a key go together, once the last of them is due. Calls, batches and
        runs go when nothing refers to them any longer. Kept whatever their age: calls without an answer, rows held or
        in doubt, tombstones whose event may still be sent, and for ever those of source rows, which are few.
        Each transaction is bounded and complete by itself, loads go on meanwhile, and a prune that was broken off is
        resumed by the next.

        :param applied_days: days after the event.
        :param other_days: days after the record.
        :param now: the present, aware; by default the database's clock.
        :param apply: delete; else only count.
        :param stop: asked between transactions; True ends early.
        :raises FixConfiguration: a term is shorter than an operation's window; the message names the minimum.
        :raises FixLedger: the role lacks DELETE; the message names the grants.
        """
        return prune(self._ledger, applied_days=applied_days, other_days=other_days, now=now, apply=apply, stop=stop)
