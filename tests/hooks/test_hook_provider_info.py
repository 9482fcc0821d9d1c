"""What Airflow reads of the provider at start, checked by Airflow's own schema and form."""

from __future__ import annotations

import ast
import importlib
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest

import airflow_provider_bingads.get_provider_info as module
from airflow_provider_bingads.api.settings import ConnectionSettings, Environment, TokenStorage, TransportKind

INFO: dict[str, Any] = module.get_provider_info()
FORM: dict[str, Any] = INFO["connection-types"][0]["conn-fields"]


def test_airflows_schema_accepts_it() -> None:
    schema = Path(airflow.__file__).with_name("provider_info.schema.json")
    jsonschema.validate(INFO, json.loads(schema.read_text()))


def test_the_module_imports_nothing() -> None:
    """Every Airflow process reads it at start."""
    tree = ast.parse(Path(module.__file__).read_text())
    found = [it for it in ast.walk(tree) if isinstance(it, ast.Import | ast.ImportFrom)]
    assert [it.module for it in found if isinstance(it, ast.ImportFrom)] == ["__future__"]
    assert not [it for it in found if isinstance(it, ast.Import)]


def test_the_form_has_a_field_for_each_setting() -> None:
    settings = {field.name for field in fields(ConnectionSettings)}
    assert set(FORM) == settings - {"conn_id", "client_id", "client_secret"}


@pytest.mark.parametrize(
    ("name", "kind"), [("environment", Environment), ("transport", TransportKind), ("token_store", TokenStorage)]
)
def test_choices_are_those_the_settings_know(name: str, kind: Any) -> None:
    assert FORM[name]["schema"]["enum"] == [it.value for it in kind]


def test_only_what_is_needed_is_required() -> None:
    """A type that is plain ``string`` without a default is a field the form insists on."""
    required = {name for name, it in FORM.items() if it["schema"]["type"] == "string" and "default" not in it["schema"]}
    assert required == {"developer_token", "refresh_token"}


def test_secrets_are_typed_blind() -> None:
    blind = {name for name, it in FORM.items() if it["schema"].get("format") == "password"}
    assert blind == {"developer_token", "refresh_token"}


def test_every_class_and_module_named_exists() -> None:
    for connection in INFO["connection-types"]:
        path, _, name = connection["hook-class-name"].rpartition(".")
        hook = getattr(importlib.import_module(path), name)
        assert hook.conn_type == connection["connection-type"]
        assert hook.hook_name == connection["hook-name"]
    for kind in ("operators", "hooks"):
        for group in INFO[kind]:
            for path in group["python-modules"]:
                assert importlib.import_module(path)


def test_airflow_knows_the_form_without_importing_the_hook() -> None:
    from airflow.providers_manager import ProvidersManager

    found = {it.connection_type: it for it in ProvidersManager().iter_connection_type_hook_ui_metadata()}
    assert found["bingads"].hook_name == "Microsoft Advertising (Bing Ads)"


def test_the_settings_of_the_provider_have_defaults() -> None:
    from airflow.sdk.configuration import conf

    assert conf.getfloat("bingads", "lease_seconds") == 30
    assert conf.getfloat("bingads", "call_deadline_seconds") == 120
