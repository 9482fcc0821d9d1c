"""What every entity owes its users and the core; a new file in ``entities`` is covered without an edit here."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields as attributes
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pytest

from airflow_provider_bingads.contract import operation, service
from airflow_provider_bingads.domain.entity import EventEntity, Preparation
from airflow_provider_bingads.entities import event_entities
from airflow_provider_bingads.exceptions import FixSource

ENTITIES = event_entities()
HEADINGS = ("**Source table.**", "**Required.**", "**Checked here.**", "**Same ", "**Not known here.**")
NOW = datetime(2026, 11, 2, tzinfo=UTC)


def prepared(entity: EventEntity, names: list[str]) -> Preparation:
    mapped = [field for field in entity.fields if field.name in names]
    return Preparation(
        columns=("id", *(field.default_column for field in mapped)),
        mapping={field.name: field.default_column for field in mapped},
        constants={},
        source_key=("id",),
        account_id="1",
        source_timezone=None,
        lookback_days=entity.lookback_days,
        value_decimals=3,
        phone_region=None,
        currency_codes=frozenset({"USD"}),
        options={},
    )


def test_the_entities_are_found_by_listing() -> None:
    assert "offline_conversions" in [entity.name for entity in ENTITIES]
    assert [entity.name for entity in ENTITIES] == sorted({entity.name for entity in ENTITIES})


@pytest.fixture(params=ENTITIES, ids=lambda entity: entity.name)
def entity(request: pytest.FixtureRequest) -> EventEntity:
    found: EventEntity = request.param
    return found


def test_an_entity_is_named_after_its_module_and_explains_itself_in_order(entity: EventEntity) -> None:
    """The docstring is the user's documentation: a sentence, a table, the same questions for each entity."""
    text = import_module(f"airflow_provider_bingads.entities.{entity.name}").__doc__ or ""
    positions = [text.find(heading) for heading in HEADINGS]

    assert re.fullmatch(r"[A-Z].*\.", text.splitlines()[0])
    assert -1 not in positions
    assert positions == sorted(positions)
    for field in entity.fields:
        if field.required:
            assert field.name in text
            assert field.default_column in text


def test_its_operation_and_fields_are_those_of_the_contract(entity: EventEntity) -> None:
    """A field of ours is either raw personal data that becomes a field of the API, or one that is only checked."""
    called = operation(entity.service, entity.operation)
    types = service(entity.service).types
    request = {field.name: field for field in types[called.request or ""].fields}
    item = types[types[request[entity.list_element].type].fields[0].type]
    sent = {field.name for field in item.fields}
    ours = [field for field in entity.fields if field.name not in sent]

    assert entity.time_field in sent
    assert sent <= {field.name for field in entity.fields}
    assert all(field.personal or field.name.islower() for field in ours)
    assert 0 < entity.batch_limit <= 1000
    assert entity.reference is None or operation(entity.reference.service, entity.reference.operation)


def test_its_fields_can_be_told_apart_and_are_explained(entity: EventEntity) -> None:
    names = [field.name for field in entity.fields]
    columns = [field.default_column for field in entity.fields]

    assert len(set(names)) == len(names)
    assert len(set(columns)) == len(columns)
    for field in entity.fields:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", field.default_column)
        assert field.default_column.replace("_", "") == field.name.replace("_", "").lower()
        assert re.fullmatch(r"[A-Z]+(\(\d+(, \d+)?\))?", field.sql_type)
        assert re.fullmatch(r"[A-Z].{5,}\.", field.help)
        assert len(field.help) < 100
        assert field.example


def test_the_example_row_is_valid_and_sent_as_the_service_takes_it(entity: EventEntity) -> None:
    """Once with every field that is not raw personal data, once with the raw fields in place of the hashed ones."""
    hashed = {field.name for field in entity.fields if field.name.startswith("Hashed")}
    raw = {name.removeprefix("Hashed") for name in hashed}
    payloads = []
    for left_out in (hashed, raw):
        names = [field.name for field in entity.fields if field.name not in left_out]
        preparation = prepared(entity, names)
        row: tuple[Any, ...] = (1, *(field.example for field in entity.fields if field.name in names))
        (candidate,) = entity.compile(preparation)([row], NOW)
        assert candidate.violations == ()
        assert candidate.payload
        payloads.append(candidate.payload)
    called = operation(entity.service, entity.operation)
    types = service(entity.service).types
    items = types[next(f for f in types[called.request or ""].fields if f.name == entity.list_element).type]
    wire = [field.name for field in types[items.fields[0].type].fields]

    assert payloads[0] == payloads[1]
    assert list(payloads[0]) == [name for name in wire if name in payloads[0]], "in the order of the wire"
    assert {type(value) for value in payloads[0].values()} <= {str, int, float, bool}


def test_some_field_beside_the_required_ones_is_enough_to_identify_a_row(entity: EventEntity) -> None:
    required = [field.name for field in entity.fields if field.required]
    with pytest.raises(FixSource, match="identifies"):
        entity.compile(prepared(entity, required))
    enough = [field.name for field in entity.fields if _compiles(entity, [*required, field.name])]

    assert 1 <= len(enough) < len(entity.fields)


def _compiles(entity: EventEntity, names: list[str]) -> bool:
    try:
        entity.compile(prepared(entity, names))
    except FixSource:
        return False
    return True


def test_every_attribute_is_set_and_codes_point_at_fields(entity: EventEntity) -> None:
    names = {field.name for field in entity.fields}

    assert [a.name for a in attributes(entity) if a.name != "reference" and not getattr(entity, a.name)] == []
    assert set(entity.field_of_code.values()) <= names


def test_importing_the_entities_loads_nothing_heavy() -> None:
    """Rule 12 of the layers: an entity is data; what it needs for phones is loaded when a phone column is mapped."""
    heavy = "airflow sqlalchemy zeep lxml pandas httpx phonenumbers iso4217 msgspec"
    program = (
        "import sys, airflow_provider_bingads.entities as e; e.event_entities(); "
        f"print([name for name in {heavy.split()!r} if name in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert output.stdout.strip() == "[]"
