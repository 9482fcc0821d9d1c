"""Puts the facts of one service together: the JSON that ``contract.loader`` reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from contractgen.facts import FieldFacts, OperationFacts, RestOperation, SoapService, TypeFacts

__all__ = ["assemble", "reachable", "to_text"]


def assemble(
    soap: SoapService,
    sandbox_address: str,
    rest: Mapping[str, RestOperation],
    rest_hosts: Mapping[str, str],
    discriminators: Mapping[str, str],
    in_scope: Sequence[str],
    vendor: Mapping[str, str],
) -> dict[str, Any]:
    """Return the contract of one service as plain data.

    :param rest: operations by name; those without one are only on SOAP, and the other way round.
    :param discriminators: type -> REST ``Type`` value.
    :param vendor: package -> version the facts come from.
    """
    return {
        "service": soap.name,
        "vendor": dict(vendor),
        "namespace": soap.namespace,
        "soap_path": urlsplit(soap.address).path,
        "soap_hosts": {"production": _host(soap.address), "sandbox": _host(sandbox_address)},
        "rest_hosts": dict(rest_hosts),
        "soap_headers": list(next(iter(soap.operations.values())).request_headers),
        "fault_elements": {
            fault.name: fault.namespace for operation in soap.operations.values() for fault in operation.faults
        },
        "operations": {
            name: _operation(soap.operations.get(name), rest.get(name), in_scope)
            for name in sorted({*soap.operations, *rest})
        },
        "types": {name: _type(soap.types[name], discriminators.get(name)) for name in reachable(soap, in_scope)},
    }


def reachable(soap: SoapService, in_scope: Iterable[str]) -> list[str]:
    """Return the names of all types the operations can carry, derived types included, in alphabetical order."""
    derived: dict[str, list[str]] = {}
    for facts in soap.types.values():
        if facts.base in soap.types:
            derived.setdefault(facts.base, []).append(facts.name)
    waiting = [
        name
        for operation in (soap.operations[name] for name in in_scope)
        for name in (operation.request, operation.response, *(fault.name for fault in operation.faults))
    ]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in soap.types and name not in found:
            found.add(name)
            facts = soap.types[name]
            waiting += [field.type for field in facts.fields] + derived.get(name, []) + [facts.base or ""]
    return sorted(found)


def _operation(soap: OperationFacts | None, rest: RestOperation | None, in_scope: Sequence[str]) -> dict[str, Any]:
    entry: dict[str, Any] = {"method": rest and rest.http_method, "path": rest and rest.path}
    if soap is not None and soap.name in in_scope:
        entry |= {"request": soap.request, "response": soap.response, "faults": [fault.name for fault in soap.faults]}
    return entry


def _type(facts: TypeFacts, discriminator: str | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"namespace": facts.namespace}
    if facts.enum is not None:
        entry |= {"flags": True} if facts.is_flags else {}
        return entry | {"enum": list(facts.enum)}
    entry |= {"base": facts.base} if facts.base else {}
    entry |= {"rest_type": discriminator} if discriminator else {}
    return entry | {"fields": [_field(field) for field in facts.fields]}


def _field(facts: FieldFacts) -> dict[str, Any]:
    marks = {"nillable": facts.nillable, "list": facts.is_list, "required": facts.required}
    return {"name": facts.name, "type": facts.type, **{name: True for name, value in marks.items() if value}}


def _host(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def to_text(contract: Mapping[str, Any]) -> str:
    """Return JSON with one operation, one field or one enumeration a line, so that a change reads well in a diff."""
    lines = [
        f"  {json.dumps(key)}: {json.dumps(value)},"
        for key, value in contract.items()
        if key not in {"operations", "types"}
    ]
    lines.append('  "operations": {')
    lines.append(
        ",\n".join(f"    {json.dumps(name)}: {json.dumps(value)}" for name, value in contract["operations"].items())
    )
    lines.append('  },\n  "types": {')
    lines.append(",\n".join(_type_text(name, value) for name, value in contract["types"].items()))
    return "{\n" + "\n".join(line for line in lines if line) + "\n  }\n}\n"


def _type_text(name: str, entry: Mapping[str, Any]) -> str:
    if not entry.get("fields"):
        return f"    {json.dumps(name)}: {json.dumps(entry)}"
    head = json.dumps({key: value for key, value in entry.items() if key != "fields"})[:-1]
    fields = ",\n".join(f"      {json.dumps(field)}" for field in entry["fields"])
    return f'    {json.dumps(name)}: {head}, "fields": [\n{fields}\n    ]}}'
