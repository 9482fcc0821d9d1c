"""What `pip install` gives a user: the files in the wheel, the one version, the provider's metadata."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import airflow_provider_bingads
from airflow_provider_bingads.get_provider_info import get_provider_info

ROOT = Path(__file__).resolve().parents[2]
CLASS_KEYS = {"hook-class-name", "class-name", "plugin-class"}
MODULE_LISTS = ("operators", "hooks", "sensors", "triggers")


@pytest.fixture(scope="module")
def wheel(wheel_file: Path) -> zipfile.ZipFile:
    """Open the wheel."""
    return zipfile.ZipFile(wheel_file)


def test_wheel_holds_every_module_and_data_file(wheel: zipfile.ZipFile) -> None:
    package = ROOT / "airflow_provider_bingads"
    wanted = {
        str(path.relative_to(ROOT)) for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted <= set(wheel.namelist())
    assert "airflow_provider_bingads/py.typed" in wheel.namelist()


def test_wheel_holds_nothing_but_the_package(wheel: zipfile.ZipFile) -> None:
    """Tests, examples or benchmarks would land beside the user's own modules."""
    assert {name.split("/")[0].split("-")[0] for name in wheel.namelist()} == {"airflow_provider_bingads"}


def test_wheel_names_its_licence_and_entry_points(wheel: zipfile.ZipFile) -> None:
    (entry_points,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    text = wheel.read(entry_points).decode()
    assert re.findall(r"^\[(.+)\]$", text, re.MULTILINE) == ["apache_airflow_provider", "console_scripts", "pytest11"]
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


def test_version_stands_in_one_place() -> None:
    version = airflow_provider_bingads.__version__
    sources = [ROOT / "pyproject.toml", ROOT / "setup.cfg", *(ROOT / "airflow_provider_bingads").rglob("*.py")]
    places = {
        path.name
        for path in sources
        for line in path.read_text().splitlines()
        # when a setting appeared is history, not the version
        if f'"{version}"' in line and "version_added" not in line
    }
    assert places == {"__init__.py"}


def test_every_runtime_dependency_is_justified() -> None:
    """A line of reason stands above each, so that nothing stays for no reason."""
    text = (ROOT / "pyproject.toml").read_text()
    block = text.split("\ndependencies = [\n")[1].split("\n]")[0].splitlines()
    declared = tomllib.loads(text)["project"]["dependencies"]
    assert [line.strip().startswith("#") for line in block] == [True, False] * len(declared)


def _schema() -> dict[str, Any]:
    spec = importlib.util.find_spec("airflow")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    folder = Path(spec.submodule_search_locations[0])
    return json.loads((folder / "provider_info.schema.json").read_text())


def test_provider_info_is_valid_for_airflow() -> None:
    jsonschema.validate(get_provider_info(), _schema())


def _named_classes(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [found for key, found in value.items() if key in CLASS_KEYS]
        return own + [name for inner in value.values() for name in _named_classes(inner)]
    if isinstance(value, list):
        return [name for inner in value for name in _named_classes(inner)]
    return []


def test_every_class_and_module_in_provider_info_exists() -> None:
    info = get_provider_info()
    for name in _named_classes(info):
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute), name
    for kind in MODULE_LISTS:
        for entry in info.get(kind, []):
            for module in entry["python-modules"]:
                importlib.import_module(module)


def test_optional_connection_fields_accept_null() -> None:
    """A field of type "string" alone is drawn as required by the browser form."""
    (connection,) = get_provider_info()["connection-types"]
    secrets = {"developer_token", "refresh_token"}
    for name, field in connection["conn-fields"].items():
        optional = "null" in field["schema"]["type"] or "default" in field["schema"]
        assert optional == (name not in secrets), name
        assert (field["schema"].get("format") == "password") == (name in secrets), name


def test_provider_info_is_read_without_importing_airflow() -> None:
    """Every Airflow process imports it at start."""
    code = (
        "import sys; import airflow_provider_bingads.get_provider_info as info; info.get_provider_info();"
        "print(sorted(set(sys.modules) & {'airflow', 'httpx', 'sqlalchemy', 'zeep'}))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["offline_conversions", "ledger_keeping"])
def test_importing_the_operator_adds_nothing_heavy_to_airflow(module: str) -> None:
    """Airflow imports it whenever it reads a DAG file; what `airflow.sdk` loads itself is there already."""
    code = (
        "import sys; import airflow.sdk; from airflow.sdk import BaseOperator; before = set(sys.modules);"
        f"import airflow_provider_bingads.operators.{module};"
        "print(sorted({name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip().splitlines()[-1] == "['airflow_provider_bingads']"
