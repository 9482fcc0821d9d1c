"""The environments of other warehouses' packages: built once, and a reason where they cannot be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.warehouse.standins import environments
from tests.warehouse.standins.environments import DIALECTS, EnvironmentUnavailableError, python_of


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Carry no command out, and return those given."""
    given: list[list[str]] = []

    def run(_name: str, command: list[str]) -> None:
        given.append(command)
        if "venv" in command:
            Path(command[-1]).mkdir(exist_ok=True)

    monkeypatch.setattr(environments, "_run", run)
    return given


def test_an_environment_is_built_once_and_anew_when_what_it_holds_changes(
    commands: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        assert python_of(DIALECTS, tmp_path) == tmp_path / ".venv-dialects" / "bin" / "python"
    assert len(commands) == 2
    (tmp_path / ".venv-dialects" / ".holds").write_text("something else")
    python_of(DIALECTS, tmp_path)
    assert "--clear" in commands[2]


def test_an_environment_that_cannot_be_built_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse = [sys.executable, "-c", "import sys; sys.stderr.write('ERROR: No matching distribution'); sys.exit(1)"]
    real = environments._run

    def run(name: str, command: list[str]) -> None:
        if "venv" in command:
            Path(command[-1]).mkdir(exist_ok=True)
        else:
            real(name, refuse)

    monkeypatch.setattr(environments, "_run", run)
    for _ in range(2):
        with pytest.raises(EnvironmentUnavailableError, match=r"dialects cannot be installed \(No matching .*registry"):
            python_of(DIALECTS, tmp_path)
