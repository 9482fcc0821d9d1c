"""Database errors of the ledger as sentences: what is wrong, and the script that mends it."""

from __future__ import annotations

from airflow_provider_bingads.exceptions import BingAdsError, FixLedger, RetryLater
from airflow_provider_bingads.warehouse.failures import Trouble, code_of, trouble_of
from airflow_provider_bingads.warehouse.ledger.ddl import ledger_ddl

__all__ = ["refusal"]

_PASSING = {
    Trouble.CONNECTION: "The ledger's database cannot be reached or closed the connection",
    Trouble.BUSY: "Another transaction kept the ledger locked, or a time limit ended the statement",
    Trouble.SPACE: "The ledger's database is out of space",
}
_RIGHTS = {
    Trouble.PERMISSION: "The ledger cannot be created, read or written with the rights of this connection",
    Trouble.MISSING: "A table, column or schema of the ledger is missing",
}


def refusal(error: BaseException, dialect: str, schema: str | None, found: int, *, keeps: bool = False) -> BingAdsError:
    """Return the exception to raise for a database error; its text holds none of the driver's.

    :param dialect: SQLAlchemy's name of the database.
    :param schema: the ledger's database schema.
    :param found: version of the ledger that is there, 0 for none.
    :param keeps: it came of changing or deleting what is recorded, which takes the rights of a keeper.
    """
    trouble, code = trouble_of(error), code_of(error)
    if trouble in _PASSING:
        return RetryLater(f"{_PASSING[trouble]} ({code}). The next try of the task resumes; nothing is lost.")
    if trouble is Trouble.SIGN_IN:
        return FixLedger(
            f"The ledger's database lets this connection not in ({code}): correct the connection's database, user or "
            "password, or name another in ledger_conn_id."
        )
    if keeps and trouble is Trouble.PERMISSION:
        return FixLedger(
            f"To forget and to prune takes rights that a loader need not have ({code}). Use a connection whose role "
            "has them, or let somebody who may grant run this script, with the keeper's role in place of "
            f"bingads_keeper:\n\n{ledger_ddl(dialect, schema, keeper='bingads_keeper', found=found)}"
        )
    if trouble in _RIGHTS:
        return FixLedger(
            f"{_RIGHTS[trouble]} ({code}). Let somebody who may create tables run this script once, with the loader's "
            f"role in place of bingads_loader:\n\n{ledger_ddl(dialect, schema, found=found)}"
        )
    return FixLedger(
        f"The ledger's database refused a statement ({code}); `bingads check` shows its version and rights."
    )
