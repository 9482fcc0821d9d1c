"""``bingads auth``: walks a person through consent and prints the Airflow connection."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from airflow_provider_bingads.exceptions import FixConfiguration

if TYPE_CHECKING:
    from airflow_provider_bingads.api.settings import ConnectionSettings

__all__ = ["auth"]

_HIDDEN: Final = "***"
_BETTER: Final = "Others on this machine see a command line: better set in the environment, or"
_SECRETS: Final = ("developer_token", "refresh_token")


@click.command(short_help="Sign in and get the Airflow connection.")
@click.option("--client-id", metavar="ID", help="Application (client) id of the app registration; else asked for.")
@click.option("--client-secret", envvar="BINGADS_CLIENT_SECRET", metavar="SECRET", help=f"{_BETTER} asked for.")
@click.option("--developer-token", envvar="BINGADS_DEVELOPER_TOKEN", metavar="TOKEN", help=f"{_BETTER} asked for.")
@click.option("--environment", type=click.Choice(["production", "sandbox", "emulator"]), default="production")
@click.option("--base-url", metavar="URL", help="Address of the emulator; only with --environment emulator.")
@click.option("--tenant", default="common", show_default=True, help="Tenant that signs in.")
@click.option("--redirect-uri", metavar="URL", help="As the app registration lists it; default the native client's.")
@click.option("--account-id", metavar="ID", help="Account id of the connection (the number).")
@click.option("--customer-id", metavar="ID", help="Customer id of the connection (the number).")
@click.option("--conn-id", default="bingads_default", show_default=True, help="Name of the Airflow connection.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the connection to this file.")
@click.option("--show-token", is_flag=True, help="Print the connection with its secrets on the screen.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines; questions go to standard error.")
def auth(
    *,
    conn_id: str,
    output: Path | None,
    show_token: bool,
    as_json: bool,
    redirect_uri: str | None,
    **given: str | None,
) -> None:
    """Sign in to Microsoft Advertising and print the Airflow connection.

    Open the printed address, sign in, consent, and paste the address of the blank page you end on. The refresh token
    goes into the file of --output, or onto the screen with --show-token; without either nothing is started.
    """
    from airflow_provider_bingads.cli.consent import NATIVE_REDIRECT, Consent

    _check_target(output, show_token=show_token)
    consent = Consent(settings=_settings(conn_id, _ask_missing(given)), redirect_uri=redirect_uri or NATIVE_REDIRECT)
    click.echo(f"\nOpen this address, sign in with the user of the accounts, and consent:\n\n{consent.url}\n", err=True)
    answer = click.prompt("Paste the address you end on (or the code in it)", err=True)
    connection = _connection(consent.settings, consent.refresh_token(consent.code_of(answer)))
    if output is not None:
        _write(output, connection)
    _print(conn_id, connection, output, show_token=show_token, as_json=as_json)


def _ask_missing(given: dict[str, str | None]) -> dict[str, str | None]:
    asked = dict(given)
    if asked["client_id"] is None:
        asked["client_id"] = click.prompt("OAuth application (client) id", err=True)
    if asked["client_secret"] is None:
        text = "Client secret (empty for a public client)"
        asked["client_secret"] = click.prompt(text, default="", show_default=False, hide_input=True, err=True)
    if asked["developer_token"] is None:
        asked["developer_token"] = click.prompt("Developer token", hide_input=True, err=True)
    return asked


def _check_target(output: Path | None, *, show_token: bool) -> None:
    if output is None and not show_token:
        raise click.UsageError("Say where the refresh token goes: --output FILE, or --show-token for the screen.")
    if output is not None and output.exists():
        raise FixConfiguration(f"{output} exists already. Choose another name; nothing is overwritten.")


def _settings(conn_id: str, given: dict[str, str | None]) -> ConnectionSettings:
    """Check what was given as the fields of a connection are; the refresh token is still to come."""
    from airflow_provider_bingads.api.settings import ConnectionSettings

    extra = {name: value for name, value in given.items() if name not in {"client_id", "client_secret"}}
    return ConnectionSettings.parse(
        conn_id,
        login=given["client_id"],
        password=given["client_secret"],
        extra={**extra, "refresh_token": "still-to-come"},
    )


def _connection(settings: ConnectionSettings, refresh_token: str) -> dict[str, Any]:
    extra = {
        "developer_token": settings.developer_token,
        "refresh_token": refresh_token,
        "tenant": settings.tenant,
        "environment": settings.environment.value,
        "base_url": settings.base_url,
        "account_id": settings.account_id,
        "customer_id": settings.customer_id,
    }
    return {
        "conn_type": "bingads",
        "login": settings.client_id,
        "password": settings.client_secret or "",
        "extra": {name: value for name, value in extra.items() if value is not None},
    }


def _write(path: Path, connection: dict[str, Any]) -> None:
    try:
        # exclusive and private from its first byte: a chmod afterwards would leave a moment for others to read
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise FixConfiguration(f"{path} cannot be written ({error.strerror}). Choose another --output.") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(connection, indent=1) + "\n")


def _print(conn_id: str, connection: dict[str, Any], output: Path | None, *, show_token: bool, as_json: bool) -> None:
    shown = connection if show_token else _masked(connection)
    argument = f'"$(cat {shlex.quote(str(output))})"' if output else shlex.quote(json.dumps(connection))
    command = f"airflow connections add {shlex.quote(conn_id)} --conn-json {argument}"
    if as_json:
        document = {"conn_id": conn_id, "connection": shown, "file": str(output) if output else None}
        click.echo(json.dumps({**document, "command": command}))
        return
    click.echo(f"\nThe Airflow connection{f', whole in {output}' if output else ''}:\n")
    click.echo(json.dumps(shown, indent=1))
    click.echo(f"\nCreate it with\n\n{command}\n\nand try it with\n\nbingads check {shlex.quote(conn_id)}")


def _masked(connection: dict[str, Any]) -> dict[str, Any]:
    extra = {name: _HIDDEN if name in _SECRETS else value for name, value in connection["extra"].items()}
    return {**connection, "password": _HIDDEN if connection["password"] else "", "extra": extra}
