"""Fingerprints of the statements that make a ledger: one for each kind of database, stored with the version.

``python -m tests.warehouse.ledger_fingerprints`` stores those of a new version. A version that went out in a release is
never stored again, because ledgers of it exist; while it has not, ``--unreleased`` stores it anew.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from sqlalchemy.engine.url import URL

from airflow_provider_bingads.warehouse.ledger.migrations import statements
from airflow_provider_bingads.warehouse.ledger.schema import VERSION, ledger_tables

STORED = Path(__file__).with_name("ledger_fingerprints.json")
DIALECTS = ("mariadb", "mysql", "postgresql", "sqlite")
WHAT_TO_DO = f"""\
The statements that make a ledger changed, and its version is still {VERSION}: ledgers that exist would not follow.
1. If version {VERSION} went out in a release: raise VERSION in warehouse/ledger/schema.py, add what leads there to
   _STEPS in warehouse/ledger/migrations.py (views are replaced by themselves), keep the script of the version before as
   tests/warehouse/ledger_version_{VERSION}.sql, and run `python -m tests.warehouse.ledger_fingerprints`.
2. If it did not: run `python -m tests.warehouse.ledger_fingerprints --unreleased`.
The views name codes of the error catalogue: a new code that passes by itself changes them too."""


def fingerprints() -> dict[str, str]:
    """Return the digest of all statements of the present version, by database."""
    return {name: _fingerprint(name) for name in DIALECTS}


def _fingerprint(dialect_name: str) -> str:
    dialect = URL.create(dialect_name).get_dialect()()
    script = "\n".join(statements(dialect, ledger_tables(None), 0))
    return hashlib.sha256(script.encode()).hexdigest()


def stored() -> dict[str, dict[str, str]]:
    """Return what is stored: version -> database -> digest."""
    found: dict[str, dict[str, str]] = json.loads(STORED.read_text(encoding="utf-8"))
    return found


def store(*, unreleased: bool) -> None:
    """Store the present fingerprints."""
    known = stored() if STORED.exists() else {}
    if known.get(str(VERSION), fingerprints()) != fingerprints() and not unreleased:
        sys.exit(WHAT_TO_DO)
    known[str(VERSION)] = fingerprints()
    STORED.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    store(unreleased="--unreleased" in sys.argv[1:])
