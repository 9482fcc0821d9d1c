"""``bingads emulator``: starts the emulator in this process's place."""

from __future__ import annotations

import os
import sys

import click

__all__ = ["emulator"]


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    short_help="Start a Microsoft Advertising of your own, for tests.",
)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def emulator(options: tuple[str, ...]) -> None:
    """Start the emulator; all options are its own (``bingads emulator --help``).

    It prints one JSON line with its address and credentials, and runs until it is interrupted.
    """
    # in its place: a signal then reaches the emulator itself, and nothing is left behind
    os.execv(sys.executable, [sys.executable, "-m", "airflow_provider_bingads.emulator", *options])  # noqa: S606 - our own module
