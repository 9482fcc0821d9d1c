"""What is said, and what is kept, where no package registry can be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from contractgen.vendor_packages import VendorUnavailableError, newest
from environments import EnvironmentUnavailableError, python_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.judge


@pytest.fixture(autouse=True)
def _no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")


def test_an_environment_that_cannot_be_built_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentUnavailableError, match=r"msads cannot be installed .*No matching .*registry"):
        python_of("msads", tmp_path)


def test_a_package_that_cannot_be_fetched_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(VendorUnavailableError, match=r"package bingads cannot be fetched .*registry"):
        newest("bingads", tmp_path)


def test_the_package_fetched_last_is_used_where_there_is_no_newer(tmp_path: Path) -> None:
    (tmp_path / "bingads-13.0.30.1").mkdir()
    package = newest("bingads", tmp_path)
    assert (package.name, package.version) == ("bingads", "13.0.30.1")
