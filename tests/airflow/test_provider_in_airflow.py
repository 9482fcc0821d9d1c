"""Airflow itself finds the installed provider, its connection form and its settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

AIRFLOW = Path(sys.executable).with_name("airflow")


def airflow(*arguments: str) -> str:
    """Return what an ``airflow`` command prints; wide, so that tables do not break words."""
    environment = {**os.environ, "COLUMNS": "400"}
    done = subprocess.run([AIRFLOW, *arguments], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_airflow_lists_the_provider_with_its_version() -> None:
    from airflow_provider_bingads import __version__

    line = next(line for line in airflow("providers", "list").splitlines() if "airflow-provider-bingads" in line)
    assert line.rstrip().endswith(__version__)


def test_airflow_knows_the_connection_type() -> None:
    line = next(line for line in airflow("providers", "hooks").splitlines() if line.startswith("bingads "))
    assert "airflow_provider_bingads.hooks.bingads" in line


def test_airflow_applies_the_default_of_each_setting() -> None:
    from airflow.sdk.configuration import conf

    assert conf.getfloat("bingads", "lease_seconds") == pytest.approx(30)
    assert conf.getfloat("bingads", "call_deadline_seconds") == pytest.approx(120)


def test_connection_form_holds_every_field_of_the_connection() -> None:
    """The browser's form is made from the declaration alone, so a field missing there cannot be filled in."""
    from dataclasses import fields

    from airflow_provider_bingads.api.settings import ConnectionSettings
    from airflow_provider_bingads.get_provider_info import get_provider_info

    (form,) = get_provider_info()["connection-types"]
    standard = {"conn_id", "client_id", "client_secret"}
    assert {field.name for field in fields(ConnectionSettings)} - standard == set(form["conn-fields"])
