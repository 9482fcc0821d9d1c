"""Names every place in which two contracts differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["differences"]


def differences(place: str, committed: Any, vendor: Any) -> Iterator[str]:
    """Yield one line for each difference, such as ``CampaignManagement.types.Campaign.fields.Name.type: ...``.

    Fields are compared by name, and their order as a list of names.
    """
    if isinstance(committed, Mapping) and isinstance(vendor, Mapping):
        for key in [*committed, *(key for key in vendor if key not in committed)]:
            if key not in vendor:
                yield f"{place}.{key}: gone from the vendor's packages"
            elif key not in committed:
                yield f"{place}.{key}: new in the vendor's packages"
            else:
                yield from differences(f"{place}.{key}", committed[key], vendor[key])
    elif _named(committed) and _named(vendor):
        yield from differences(place, _by_name(committed), _by_name(vendor))
        ours, theirs = [item["name"] for item in committed], [item["name"] for item in vendor]
        if ours != theirs and sorted(ours) == sorted(theirs):
            yield f"{place}: order {ours} here, {theirs} in the vendor's packages"
    elif committed != vendor:
        yield f"{place}: {committed!r} here, {vendor!r} in the vendor's packages"


def _named(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, Mapping) and "name" in item for item in value)


def _by_name(items: list[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {item["name"]: item for item in items}
