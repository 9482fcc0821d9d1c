"""Operators that keep the ledger: send rows again, release held ones, forget somebody, delete what is old."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bingads.exceptions import FixConfiguration, Stopped
from airflow_provider_bingads.operators.ledger import XCOM_BYTES, LedgerOperator

if TYPE_CHECKING:
    from airflow.sdk import Context
    from sqlalchemy import Engine

    from airflow_provider_bingads.warehouse.ledger.inspection import LedgerInspection
    from airflow_provider_bingads.warehouse.ledger.keeper import LedgerKeeper
    from airflow_provider_bingads.warehouse.ledger.kept import Forgotten, Pruned, Replayed, Scope

__all__ = ["ForgetRowOperator", "PruneLedgerOperator", "ReleaseHeldRowsOperator", "ReplayRowsOperator"]

_WORDS: Final = {"true": True, "1": True, "false": False, "0": False, "none": False, "": False}


class _KeepingOperator(LedgerOperator):
    """What the operators of this file share: a trial run unless told to apply, and where to look."""

    template_fields: Sequence[str] = (*LedgerOperator.template_fields, "apply")

    def __init__(self, *, apply: bool | str = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.apply = apply

    def _work(self, engine: Engine, context: Context) -> dict[str, Any]:
        from airflow_provider_bingads.warehouse.ledger.reports import kept_document

        with self._kept(engine, context) as (keeper, inspection):
            done = self._keep(keeper, inspection, apply=self._applies())
        if not done.applied:
            self.log.info("Trial run, nothing was changed: apply=True does it.")
        return kept_document(done, XCOM_BYTES)

    def _keep(
        self, keeper: LedgerKeeper, inspection: LedgerInspection, *, apply: bool
    ) -> Replayed | Forgotten | Pruned:
        """Must be overridden."""
        raise NotImplementedError

    @contextmanager
    def _kept(self, engine: Engine, context: Context) -> Iterator[tuple[LedgerKeeper, LedgerInspection]]:
        from airflow_provider_bingads.warehouse.ledger.at_hand import kept_ledger

        instance = context["ti"]
        owner = f"{instance.dag_id}/{instance.task_id} run {instance.run_id}"
        with kept_ledger(engine, self.ledger_schema, owner=owner) as at_hand:
            yield at_hand

    def _applies(self) -> bool:
        """Read ``apply``; a template gives text, and the text ``False`` must not count as true."""
        known = _WORDS.get(str(self.apply).strip().lower())
        if known is None:
            raise FixConfiguration(f"apply must be True or False; it is {self.apply!r}")
        return known


class _ScopedOperator(_KeepingOperator):
    """Adds which part of the ledger is meant."""

    template_fields: Sequence[str] = (
        *_KeepingOperator.template_fields,
        "account_id",
        "source_dag_id",
        "source_task_id",
    )

    def __init__(
        self,
        *,
        account_id: str | None = None,
        source_dag_id: str | None = None,
        source_task_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.account_id = account_id
        self.source_dag_id = source_dag_id
        self.source_task_id = source_task_id

    def _scope(self) -> Scope:
        from airflow_provider_bingads.warehouse.ledger.kept import Scope

        return Scope(
            account_id=self.account_id or None,
            dag_id=self.source_dag_id or None,
            task_id=self.source_task_id or None,
        )


class ReplayRowsOperator(_ScopedOperator):
    """Has refused rows judged and sent again by the next run of their source, though they did not change.

    A row is refused for its own content, and stays refused until that changes. Where the cause lay elsewhere and is
    gone, such as a goal's setting, replay its rows. It appends a mark and sends nothing itself; it takes the rights of
    the role that loads. Usage::

        ReplayRowsOperator(
            task_id="replay",
            ledger_conn_id="warehouse",
            code=5616,
            apply="{{ params.apply }}",
        )

    Returned is what ``bingads ledger replay --json`` prints: the rows, those left out by reason, those over the limit.

    :param ledger_conn_id: Airflow connection of the ledger: that of the loading operator, or its warehouse.
    :param ledger_schema: schema of the ledger's tables.
    :param keys: a row, or several: values of ``source_key``, or row keys of 32 hex digits.
    :param code: rows refused for this: Microsoft's number or the name of a reason.
    :param ledger_run: rows refused by this run: its id, or the beginning of it. At least one of ``keys``, ``code``
        and ``ledger_run``; several narrow each other.
    :param account_id: only of this account.
    :param source_dag_id: only rows judged last by this DAG.
    :param source_task_id: only rows judged last by this task.
    :param limit: most rows to mark, those judged first come first.
    :param apply: True marks them; anything else is a trial run, which only says what would be marked.
    """

    template_fields: Sequence[str] = (*_ScopedOperator.template_fields, "keys", "code", "ledger_run", "limit")

    def __init__(
        self,
        *,
        keys: str | Sequence[str] = (),
        code: str | int | None = None,
        ledger_run: str | None = None,
        limit: int | str = 1000,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.keys = keys
        self.code = code
        self.ledger_run = ledger_run
        self.limit = limit

    def _keep(self, keeper: LedgerKeeper, inspection: LedgerInspection, *, apply: bool) -> Replayed:
        from airflow_provider_bingads.warehouse.ledger.kept import is_number

        code = str(self.code) if self.code else None
        by_number = code is not None and is_number(code)
        return keeper.replay(
            code=int(code) if code is not None and by_number else None,
            error_code=None if by_number else code,
            keys=_listed(self.keys),
            run_id=inspection.run_id_of(self.ledger_run) if self.ledger_run else None,
            scope=self._scope(),
            limit=self.whole_number("limit"),
            apply=apply,
        )


class ReleaseHeldRowsOperator(_ScopedOperator):
    """Lets rows go that were held for a person: the next run of their source judges and sends them.

    A row is held where sending it again may do it twice. Find out first whether the service has it. Usage::

        ReleaseHeldRowsOperator(
            task_id="release",
            ledger_conn_id="warehouse",
            keys=["order-50"],
            apply=True,
        )

    :param ledger_conn_id: Airflow connection of the ledger: that of the loading operator, or its warehouse.
    :param keys: a row, or several: values of ``source_key``, or row keys of 32 hex digits.
    :param ledger_schema: schema of the ledger's tables.
    :param account_id: only of this account.
    :param source_dag_id: only rows judged last by this DAG.
    :param source_task_id: only rows judged last by this task.
    :param limit: most rows to release.
    :param apply: True releases them; anything else is a trial run, which only says what would be released.
    """

    template_fields: Sequence[str] = (*_ScopedOperator.template_fields, "keys", "limit")

    def __init__(self, *, keys: str | Sequence[str], limit: int | str = 1000, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keys = keys
        self.limit = limit

    def _keep(self, keeper: LedgerKeeper, _inspection: LedgerInspection, *, apply: bool) -> Replayed:
        return keeper.release(_listed(self.keys), scope=self._scope(), limit=self.whole_number("limit"), apply=apply)


class ForgetRowOperator(_ScopedOperator):
    """Erases what leads from the ledger to a row, for good, and prevents that it is ever sent again.

    The row is recognised whatever its identifier, goal or time become, as long as the same task of the same DAG reads
    it under the same ``source_key``; one that returns under another key, or is read by another task, is not.

    References, click ids and texts are blanked wherever they stand; hashes, times, amounts and codes stay. It takes
    the rights of a keeper: UPDATE on ``bingads_row`` and ``bingads_error``. Usage, for a DAG started by hand::

        ForgetRowOperator(
            task_id="forget",
            ledger_conn_id="warehouse",
            key="{{ params.key }}",
            apply="{{ params.apply }}",
        )

    Airflow keeps the rendered arguments of its tasks and the parameters of its runs: a key that is itself personal
    does not belong there; name the row by its row key, which is a hash. The returned rows bear row keys only.

    :param ledger_conn_id: Airflow connection of the ledger, with a keeper's rights.
    :param key: the value of ``source_key``, or a row key of 32 hex digits.
    :param ledger_schema: schema of the ledger's tables.
    :param account_id: only of this account.
    :param source_dag_id: only rows judged last by this DAG.
    :param source_task_id: only rows judged last by this task; two tables may name rows by the same number.
    :param apply: True erases; anything else is a trial run, which only says what would be erased.
    """

    template_fields: Sequence[str] = (*_ScopedOperator.template_fields, "key")

    def __init__(self, *, key: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.key = key

    def _keep(self, keeper: LedgerKeeper, inspection: LedgerInspection, *, apply: bool) -> Forgotten:
        if not self.key:
            raise FixConfiguration("key is empty: name the row to forget")
        key, scope = str(self.key), self._scope()
        done = keeper.forget(key, scope=scope, apply=apply)
        if not done.rows:
            raise inspection.nothing_recorded(key, scope)
        return done


class PruneLedgerOperator(_KeepingOperator):
    """Deletes from the ledger what is past its term, never anything open, held, or inside the service's window.

    Loads go on meanwhile, and a prune that is broken off is resumed by the next. It takes the rights of a keeper:
    DELETE on the ledger's tables. Usage, once a night::

        PruneLedgerOperator(
            task_id="prune",
            ledger_conn_id="ledger_keeper",
            applied_days=120,
            apply=True,
        )

    :param ledger_conn_id: Airflow connection of the ledger, with a keeper's rights.
    :param ledger_schema: schema of the ledger's tables.
    :param applied_days: days an applied row stays after its event; at least the service's own window.
    :param other_days: days anything else stays after it was recorded.
    :param apply: True deletes; anything else is a trial run, which only counts.
    """

    template_fields: Sequence[str] = (*_KeepingOperator.template_fields, "applied_days", "other_days")

    def __init__(self, *, applied_days: int | str = 120, other_days: int | str = 400, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.applied_days = applied_days
        self.other_days = other_days
        self._stop: threading.Event | None = None

    def _keep(self, keeper: LedgerKeeper, _inspection: LedgerInspection, *, apply: bool) -> Pruned:
        self._stop = threading.Event()
        done = keeper.prune(
            applied_days=self.whole_number("applied_days"),
            other_days=self.whole_number("other_days"),
            apply=apply,
            stop=self._stop.is_set,
        )
        if apply and not done.complete:
            raise Stopped("The task was asked to end before everything due was deleted; the next prune goes on.")
        return done

    def on_kill(self) -> None:
        """Ask the prune to end after its present transaction."""
        if self._stop is not None:
            self._stop.set()


def _listed(keys: str | Sequence[str]) -> list[str]:
    """Return the keys; a text is one key, also where it is a JSON list: so are several columns written."""
    given = [keys] if isinstance(keys, str) else list(keys)
    return [str(key) for key in given if str(key)]
