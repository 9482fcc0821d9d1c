"""A change of the ledger's tables or views raises its version, or ledgers that exist would never follow."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_bingads.warehouse.ledger.migrations import _STEPS
from airflow_provider_bingads.warehouse.ledger.schema import VERSION
from tests.warehouse import ledger_fingerprints
from tests.warehouse.ledger_fingerprints import DIALECTS, WHAT_TO_DO, fingerprints, store, stored


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_statement_changes_without_a_new_version(dialect: str) -> None:
    known = stored().get(str(VERSION), {})
    assert fingerprints()[dialect] == known.get(dialect), f"{dialect}: {WHAT_TO_DO}"


def test_each_version_has_its_step_and_the_script_of_the_one_before() -> None:
    assert sorted(_STEPS) == list(range(2, VERSION + 1))
    scripts = Path(__file__).parent.glob("ledger_version_*.sql")
    assert {script.name for script in scripts} == {f"ledger_version_{number}.sql" for number in range(1, VERSION)}


def test_a_released_version_is_not_stored_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "fingerprints.json"
    monkeypatch.setattr(ledger_fingerprints, "STORED", place)
    place.write_text(f'{{"{VERSION}": {{"sqlite": "another"}}}}')
    with pytest.raises(SystemExit, match="raise VERSION"):
        store(unreleased=False)
    store(unreleased=True)
    assert stored()[str(VERSION)] == fingerprints()
    store(unreleased=False)
