"""The contract against the vendor's newest packages, by three readers: the generator, zeep, and ``msads`` itself."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from contractgen.difference import differences
from contractgen.scope import IN_SCOPE, SERVICES
from contractgen.vendor_packages import VendorUnavailableError, newest
from environments import EnvironmentUnavailableError, python_of

from airflow_provider_bingads import contract
from airflow_provider_bingads.contract import loader

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
DATA = Path(loader.__file__).with_name("data")
JSON_TYPES = {
    "string": "str",
    "long": "str",
    "base64Binary": "str",
    "int": "int",
    "unsignedByte": "int",
    "double": "float",
    "decimal": "float",
    "boolean": "bool",
    "dateTime": "datetime",
}
MODEL_NAMES = {
    "KeyValuePairOfstringstring": "KeyValuePairOfstringAndstring",
    "KeyValuePairOfstringbase64Binary": "KeyValuePairOfstringAndByteArray",
}


def _check(data: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HERE / "generate_contract.py"), "--check", "--data", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 2:
        pytest.skip(done.stderr.strip())
    return done


pytestmark = pytest.mark.timeout(900)  # the first one downloads both of the vendor's packages


@pytest.fixture(scope="module")
def vendor_models() -> dict[str, Any]:
    try:
        python = python_of("msads")
    except EnvironmentUnavailableError as error:
        pytest.skip(str(error))
    services = [f"{service}={folder}" for service, folder in SERVICES.items()]
    done = subprocess.run(
        [str(python), str(HERE / "vendor_models.py"), *services], capture_output=True, text=True, check=True
    )
    models: dict[str, Any] = json.loads(done.stdout)
    return models


@pytest.mark.judge
def test_the_contract_is_what_the_newest_packages_say() -> None:
    done = _check(DATA)
    assert done.returncode == 0, (
        f"python tests/contract/generate_contract.py writes it anew:\n{done.stdout}{done.stderr}"
    )


@pytest.mark.judge
def test_every_planted_difference_is_named(tmp_path: Path) -> None:
    """One of each kind: a field renamed, moved, of another type, no longer nillable; a value, a path, a type gone."""
    shutil.copytree(DATA, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "CampaignManagement.json"
    data = json.loads(path.read_text("utf-8"))
    fields = data["types"]["OfflineConversion"]["fields"]
    fields[0]["name"] = "Renamed"
    fields[3]["type"] = "decimal"
    del fields[4]["nillable"]
    goal = data["types"]["ConversionGoal"]["fields"]
    goal.append(goal.pop(0))
    data["types"]["ConversionGoalStatus"]["enum"].remove("Paused")
    data["operations"]["ApplyOfflineConversions"]["path"] += "X"
    del data["types"]["UrlGoal"]
    data["vendor"]["bingads"] = "1"
    path.write_text(json.dumps(data), "utf-8")
    (tmp_path / "CustomerManagement.wsdl").write_text("<changed/>", "utf-8")
    done = _check(tmp_path)
    assert done.returncode == 1
    places = [line.partition(": ")[0] for line in done.stdout.splitlines()]
    conversion = "CampaignManagement.types.OfflineConversion.fields"
    assert places == [
        "CampaignManagement.vendor.bingads",
        "CampaignManagement.operations.ApplyOfflineConversions.path",
        "CampaignManagement.types.ConversionGoal.fields",
        "CampaignManagement.types.ConversionGoalStatus.enum",
        f"{conversion}.Renamed",
        f"{conversion}.ConversionValue.type",
        f"{conversion}.ExternalAttributionCredit.nillable",
        f"{conversion}.ConversionCurrencyCode",
        "CampaignManagement.types.UrlGoal",
        "CustomerManagement.wsdl",
    ]


def test_a_difference_says_both_sides() -> None:
    assert list(differences("S", {"a": 1, "b": 2}, {"a": 3, "c": 4})) == [
        "S.a: 1 here, 3 in the vendor's packages",
        "S.b: gone from the vendor's packages",
        "S.c: new in the vendor's packages",
    ]
    assert list(differences("S", {"a": [1]}, {"a": [1]})) == []


@pytest.mark.judge
@pytest.mark.parametrize("service", IN_SCOPE)
def test_zeep_reads_the_same_types_from_the_vendors_wsdl(service: str) -> None:
    """A second reader of the vendor's own file, at its full size."""
    import zeep

    try:
        package = newest("bingads")
    except VendorUnavailableError as error:
        pytest.skip(str(error))
    wsdl = package.path / f"bingads/v13/proxies/production/{service.lower()}_service.xml"
    theirs, ours = zeep.Client(str(wsdl)), zeep.Client(str(contract.wsdl_path(service)))
    for name, data_type in contract.service(service).types.items():
        if data_type.enum is None:
            qualified = f"{{{data_type.namespace}}}{name}"
            assert _as_zeep_sees(ours, qualified) == _as_zeep_sees(theirs, qualified), name
    for name in IN_SCOPE[service]:
        our_operation, their_operation = (client.service._binding.get(name) for client in (ours, theirs))
        assert our_operation.soapaction == their_operation.soapaction
        assert _fault_elements(our_operation) == _fault_elements(their_operation)
        for side in ("input", "output"):
            our_side, their_side = getattr(our_operation, side), getattr(their_operation, side)
            assert our_side.header.signature() == their_side.header.signature()
            assert our_side.body.qname == their_side.body.qname


def _fault_elements(operation: Any) -> list[str]:
    return sorted(fault.abstract.parts["detail"].element.qname.text for fault in operation.faults.values())


def _as_zeep_sees(client: Any, qualified: str) -> list[tuple[Any, ...]]:
    """Return the elements of a named type, or of the anonymous one of a request or response."""
    anonymous = qualified.endswith(("Request", "Response"))
    seen = client.get_element(qualified).type if anonymous else client.get_type(qualified)
    return [
        (element.qname, element.type.qname, element.nillable, element.min_occurs, element.max_occurs)
        for _, element in seen.elements
    ]


@pytest.mark.judge
@pytest.mark.parametrize("service", SERVICES)
def test_msads_itself_sends_each_operation_to_the_same_place(service: str, vendor_models: dict[str, Any]) -> None:
    theirs = {name.replace("_", ""): tuple(route) for name, route in vendor_models[service]["operations"].items()}
    ours = {
        name.lower(): (operation.http_method, operation.path)
        for name, operation in contract.service(service).operations.items()
        if operation.path
    }
    assert ours == theirs


@pytest.mark.judge
def test_msads_models_have_the_same_fields_but_for_the_known_differences(vendor_models: dict[str, Any]) -> None:
    """A difference that is not listed fails, and so does a listed one that is gone."""
    found = {
        place: {"contract": ours, "msads": theirs}
        for service in IN_SCOPE
        for place, ours, theirs in _rest_differences(contract.service(service), vendor_models[service])
    }
    known = json.loads((HERE / "known_rest_differences.json").read_text("utf-8"))
    assert all(entry["why"] for entry in known.values())
    assert found == {place: {side: entry[side] for side in ("contract", "msads")} for place, entry in known.items()}


@pytest.mark.judge
@pytest.mark.parametrize("service", IN_SCOPE)
def test_msads_models_carry_the_same_discriminators(service: str, vendor_models: dict[str, Any]) -> None:
    theirs = vendor_models[service]["discriminators"]
    for data_type in contract.service(service).types.values():
        if data_type.enum is None:
            carried = theirs.get(f"{data_type.name}Base") or theirs.get(data_type.name)
            assert carried == data_type.rest_type, data_type.name


def _rest_differences(service: contract.Service, vendor: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for data_type in service.types.values():
        place = f"{service.name}.{data_type.name}"
        if data_type.enum is not None:
            theirs = vendor["enums"][data_type.name]
            assert theirs["flags"] == data_type.is_flags, place
            ours_only = sorted(set(data_type.enum) - set(theirs["values"]))
            theirs_only = sorted(set(theirs["values"]) - set(data_type.enum))
            if ours_only or theirs_only:
                yield place, ours_only, theirs_only
        elif service.item_of(data_type.name) is None:
            name = MODEL_NAMES.get(data_type.name, data_type.name)
            theirs = vendor["models"].get(f"{name}Base") or vendor["models"][name]
            ours = {field.name: f"{_json_type(service, field.type)}?" for field in service.all_fields(data_type.name)}
            for field in sorted({*ours, *theirs}):
                # msads marks every item that is an object as nullable; only scalars tell something
                if ours.get(field) != _without_item_marks(theirs.get(field)):
                    yield f"{place}.{field}", ours.get(field), theirs.get(field)


def _json_type(service: contract.Service, name: str) -> str:
    item = service.item_of(name)
    if item is None:
        return JSON_TYPES.get(name, MODEL_NAMES.get(name, name))
    nullable = item.nillable and item.type in JSON_TYPES
    return f"list[{_json_type(service, item.type)}{'?' if nullable else ''}]"


@functools.cache
def _without_item_marks(theirs: str | None) -> str | None:
    scalars = tuple(f"list[{scalar}" for scalar in JSON_TYPES.values())
    return theirs if theirs is None or theirs.startswith(scalars) else theirs.replace("?]?", "]?")
