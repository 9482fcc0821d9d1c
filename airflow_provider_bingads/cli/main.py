"""The command ``bingads``: sign in, check a set-up, see the expected table, keep the ledger, start the emulator.

It runs outside tasks, on the machine of whoever sets Airflow up. Exit codes: 0 as wished, 1 something has to be
mended (said in one sentence), 2 wrong usage.
"""

from __future__ import annotations

import click

from airflow_provider_bingads import __version__
from airflow_provider_bingads.cli.auth import auth
from airflow_provider_bingads.cli.check import check
from airflow_provider_bingads.cli.columns import columns
from airflow_provider_bingads.cli.emulator import emulator
from airflow_provider_bingads.cli.ledger import ledger
from airflow_provider_bingads.exceptions import BingAdsError

__all__ = ["main"]


class _Sentences(click.Group):
    """Ends in one sentence, not a traceback, where something has to be mended."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BingAdsError as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=_Sentences, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="bingads")
def main() -> None:
    """Microsoft Advertising (Bing Ads) for Apache Airflow."""


for _command in (auth, check, columns, ledger, emulator):
    main.add_command(_command)
