"""Opens a ledger for somebody who keeps it: only one that is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from sqlalchemy import Engine

from airflow_provider_bingads.warehouse.ledger.inspection import LedgerInspection
from airflow_provider_bingads.warehouse.ledger.keeper import LedgerKeeper
from airflow_provider_bingads.warehouse.ledger.opening import ledger_for

__all__ = ["kept_ledger"]


@contextmanager
def kept_ledger(engine: Engine, schema: str | None, *, owner: str) -> Iterator[tuple[LedgerKeeper, LedgerInspection]]:
    """Hand out a ledger's keeper, and what reads it; a wrong connection must not end with an empty new ledger.

    :param engine: of the ledger's database; the caller disposes of it.
    :param schema: database schema of the tables; None for the connection's default.
    :param owner: who asks, as lease holders and runs name them.
    :raises FixLedger: there is no ledger, or an older one.
    """
    inspection = LedgerInspection(engine, schema)
    inspection.refuse_missing()
    with closing(ledger_for(engine, schema)) as ledger:
        yield LedgerKeeper(ledger, owner=owner), inspection
