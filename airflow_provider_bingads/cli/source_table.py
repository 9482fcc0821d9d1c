"""The source table an operator expects: its columns, a CREATE TABLE and an example row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from airflow_provider_bingads.domain.entity import EventEntity, EventField
from airflow_provider_bingads.entities import event_entities
from airflow_provider_bingads.exceptions import FixConfiguration

__all__ = ["ExpectedColumn", "create_table", "entity_of", "expected_columns"]

_KEY: Final = "source_id"
_HASHED: Final = "Hashed"
_MYSQL: Final = frozenset({"mysql", "mariadb"})


@dataclass(frozen=True, slots=True)
class ExpectedColumn:
    """One column of the expected table.

    :param instead_of: name of the field that becomes the same field of the API; only one of the two may be mapped.
    """

    field: EventField
    instead_of: str | None


def entity_of(operator: str | None) -> EventEntity:
    """Return the entity of an operator, by entity, operation or class name; of the only one without a name.

    :raises FixConfiguration: no operator has this name.
    """
    entities = event_entities()
    if operator is None and len(entities) == 1:
        return entities[0]
    for entity in entities:
        names = (entity.name, entity.operation, f"{entity.operation}Operator")
        if operator is not None and operator.lower() in {name.lower() for name in names}:
            return entity
    known = ", ".join(f"{entity.name} ({entity.operation}Operator)" for entity in entities)
    raise FixConfiguration(f"Name the operator, one of: {known}.")


def expected_columns(entity: EventEntity) -> list[ExpectedColumn]:
    """Return the columns in the order of the entity's fields."""
    names = {field.name for field in entity.fields}
    return [ExpectedColumn(field, _twin(field.name, names)) for field in entity.fields]


def create_table(entity: EventEntity, table: str, dialect_name: str) -> str:
    """Return a CREATE TABLE with a key, each column explained, and an INSERT of one example row.

    Where a raw and a hashed field become one, the table has the hashed one: what is not stored cannot leak.

    :param table: name of the table.
    :param dialect_name: SQLAlchemy's name of the database, such as ``postgresql``.
    """
    chosen = [it for it in expected_columns(entity) if not _is_raw_twin(it)]
    lines = [f"    {_KEY} VARCHAR(64) NOT NULL PRIMARY KEY, -- names the row in every audit table"]
    for position, it in enumerate(chosen):
        field, comma = it.field, "," if position < len(chosen) - 1 else ""
        null = " NOT NULL" if field.required else ""
        lines.append(f"    {field.default_column} {_type(field, dialect_name)}{null}{comma} -- {field.help}")
    names = ", ".join([_KEY, *(it.field.default_column for it in chosen)])
    values = ", ".join(["'order-1'", *(_example(it.field, dialect_name) for it in chosen)])
    raw = [f"-- {_raw_note(it)}" for it in expected_columns(entity) if _is_raw_twin(it)]
    return "\n".join(
        [
            f"-- Source table of {entity.operation}Operator. Leave NULL what you do not have.",
            *raw,
            f"CREATE TABLE {table} (",
            *lines,
            ");",
            "",
            f"INSERT INTO {table} ({names})",
            f"VALUES ({values});",
        ]
    )


def _twin(name: str, names: set[str]) -> str | None:
    other = name.removeprefix(_HASHED) if name.startswith(_HASHED) else _HASHED + name
    return other if other in names else None


def _is_raw_twin(it: ExpectedColumn) -> bool:
    return it.instead_of is not None and it.instead_of.startswith(_HASHED)


def _raw_note(it: ExpectedColumn) -> str:
    return f"{it.field.default_column} {it.field.sql_type} may stand instead of {it.instead_of}. {it.field.help}"


def _type(field: EventField, dialect_name: str) -> str:
    if field.sql_type != "TIMESTAMP":
        return field.sql_type
    from sqlalchemy import DateTime
    from sqlalchemy.engine.url import URL
    from sqlalchemy.exc import NoSuchModuleError

    try:
        dialect = URL.create(dialect_name).get_dialect()()
    except NoSuchModuleError:
        raise FixConfiguration(
            f"SQLAlchemy knows no database {dialect_name!r} here. Name another, or install its SQLAlchemy package."
        ) from None
    # a time without zone would need source_timezone; with one, nothing has to be declared
    if dialect_name in _MYSQL:
        return "TIMESTAMP" if field.required else "TIMESTAMP NULL"
    return DateTime(timezone=True).compile(dialect)


def _example(field: EventField, dialect_name: str) -> str:
    if field.sql_type == "TIMESTAMP" and dialect_name in _MYSQL:  # which take neither the letter T nor Z
        return _literal(field.example.replace("T", " ").removesuffix("Z"))
    return _literal(field.example)


def _literal(value: str) -> str:
    try:
        float(value)
    except ValueError:
        quoted = value.replace("'", "''")
        return f"'{quoted}'"
    return f"'{value}'" if value.startswith("+") else value
