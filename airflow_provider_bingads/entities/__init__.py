"""The entities that can be synced, one module each; whatever module of this package holds one is found by listing."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from airflow_provider_bingads.domain.entity import EventEntity

__all__ = ["event_entities"]


@cache
def event_entities() -> tuple[EventEntity, ...]:
    """Return every event entity of this package, by name."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    entities = {
        value.name: value for module in modules for value in vars(module).values() if isinstance(value, EventEntity)
    }
    return tuple(entities[name] for name in sorted(entities))
