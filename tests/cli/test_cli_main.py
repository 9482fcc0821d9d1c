"""The command as a whole."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from click.testing import Result

from airflow_provider_bingads import __version__

COMMANDS = ("auth", "check", "columns", "emulator", "ledger")


def test_help_names_every_command(bingads: Callable[..., Result]) -> None:
    shown = bingads("--help")
    assert shown.exit_code == 0
    assert all(f"  {command} " in shown.output for command in COMMANDS)


def test_version_is_the_package_s(bingads: Callable[..., Result]) -> None:
    assert __version__ in bingads("--version").output


@pytest.mark.parametrize("arguments", [("nonsense",), ("check",), ("ledger", "init"), ("columns", "--nonsense")])
def test_wrong_usage_is_exit_code_two(bingads: Callable[..., Result], arguments: tuple[str, ...]) -> None:
    assert bingads(*arguments).exit_code == 2


def test_what_has_to_be_mended_is_one_sentence_without_a_traceback(bingads: Callable[..., Result]) -> None:
    refused = bingads("columns", "nonsense")
    assert refused.exit_code == 1
    assert refused.output == (
        "Error: Name the operator, one of: offline_conversions (ApplyOfflineConversionsOperator).\n"
    )


def test_commands_that_need_no_airflow_do_not_import_it() -> None:
    """Airflow takes three seconds; `bingads --help` must not."""
    script = (
        "import sys; from airflow_provider_bingads.cli.main import main\n"
        "main(['columns', '--ddl'], standalone_mode=False)\n"
        "print([name for name in ('airflow', 'zeep', 'pandas') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"
