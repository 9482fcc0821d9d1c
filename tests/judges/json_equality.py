"""Compares a JSON body with what ``msads`` made of it, field by field, as the contract types them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_bingads.contract import Service

__all__ = ["KNOWN_DEFECTS", "changes"]

KNOWN_DEFECTS: Final = {
    "null added": "msads writes a null for every field that was left out; the two mean the same (F.6)",
    "time rewritten": "msads writes +00:00 for Z and stops at microseconds; the instant is the same",
    "None added": "msads puts the name of the empty set before several flags: 'None, Url, Event'",
    "map emptied": "msads looks for Key and Value in a map's items, where the API has key and value",
    "null id": "msads refuses a reply with a null id, which every partly refused Add has (F.8)",
}
"""What ``msads`` is known to change. All but the last two keep the meaning; those two lose data."""


def changes(service: Service, type_name: str, sent: Any, returned: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield (place, what changed); what is a key of ``KNOWN_DEFECTS``, or says what is wrong."""
    item = service.item_of(type_name)
    data_type = service.types.get(type_name)
    if returned is None and sent is None:
        return
    if item is not None:
        yield from _list_changes(service, item.type, sent, returned, place)
    elif type_name.startswith("KeyValuePair"):
        if returned != sent:
            yield place, "map emptied" if set(returned.values()) == {None} else f"{sent!r} became {returned!r}"
    elif data_type is not None and data_type.enum is None:
        yield from _object_changes(service, type_name, sent, returned, place)
    elif data_type is not None and data_type.is_flags:
        yield from _flag_changes(sent, returned, place)
    elif type_name == "dateTime":
        yield from _time_changes(sent, returned, place)
    elif sent != returned or isinstance(sent, bool) != isinstance(returned, bool):
        yield place, f"{sent!r} became {returned!r}"


def _list_changes(service: Service, item: str, sent: Any, returned: Any, place: str) -> Iterator[tuple[str, str]]:
    if not isinstance(returned, list) or not isinstance(sent, list) or len(sent) != len(returned):
        yield place, "the list has another length"
        return
    for index, pair in enumerate(zip(sent, returned, strict=True)):
        yield from changes(service, item, *pair, f"{place}[{index}]")


def _object_changes(service: Service, name: str, sent: Any, returned: Any, place: str) -> Iterator[tuple[str, str]]:
    actual = _actual_type(service, name, sent)
    types = {field.name: field.type for field in service.all_fields(actual)}
    # the discriminator is a field of its own in JSON, where XML has an attribute or the element's name
    types.setdefault("Type", "string")
    for field in {*sent, *returned} - {*types}:
        yield f"{place}.{field}", "not a field of the contract"
    for field, type_name in types.items():
        if field not in returned and field in sent:
            yield f"{place}.{field}", "lost"
        elif field in returned and field not in sent:
            yield f"{place}.{field}", "null added" if returned[field] is None else f"{returned[field]!r} added"
        elif field in sent:
            yield from changes(service, type_name, sent[field], returned[field], f"{place}.{field}")


def _actual_type(service: Service, name: str, sent: Any) -> str:
    named = sent.get("Type")
    return next((found.name for found in service.derived_types(name) if found.rest_type == named), name)


def _flag_changes(sent: str, returned: str, place: str) -> Iterator[tuple[str, str]]:
    ours, theirs = sent.split(", "), returned.split(", ")
    if sorted(ours) != sorted(theirs):
        yield place, "None added" if sorted(theirs) == sorted(["None", *ours]) else f"{sent!r} became {returned!r}"


def _time_changes(sent: str, returned: str, place: str) -> Iterator[tuple[str, str]]:
    if sent != returned:
        same = _instant(sent) == _instant(returned)
        yield place, "time rewritten" if same else f"{sent!r} became {returned!r}"


def _instant(text: str) -> datetime:
    """Read a time, to the microsecond; the API writes up to seven digits."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
