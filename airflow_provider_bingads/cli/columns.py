"""``bingads columns``: the source table an operator expects."""

from __future__ import annotations

import dataclasses
import json

import click

from airflow_provider_bingads.domain.entity import EventEntity

__all__ = ["columns"]


@click.command(short_help="Show the source table an operator expects.")
@click.argument("operator", required=False)
@click.option("--ddl", is_flag=True, help="Print a CREATE TABLE with an example row.")
@click.option("--table", metavar="NAME", help="Name of the table in the DDL; default the entity's.")
@click.option("--dialect", default="postgresql", show_default=True, help="Database of the DDL, by SQLAlchemy's name.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def columns(*, operator: str | None, ddl: bool, table: str | None, dialect: str, as_json: bool) -> None:
    """Show the columns that OPERATOR reads, such as offline_conversions.

    A column of another name is named in the operator's argument columns; a column that the table lacks is left out.
    """
    from airflow_provider_bingads.cli.source_table import create_table, entity_of

    entity = entity_of(operator)
    script = create_table(entity, table or entity.name, dialect) if ddl else None
    if as_json:
        click.echo(json.dumps({**_document(entity), **({"ddl": script} if ddl else {})}, indent=1))
    elif script is not None:
        click.echo(script)
    else:
        _show(entity)


def _document(entity: EventEntity) -> dict[str, object]:
    from airflow_provider_bingads.cli.source_table import expected_columns

    return {
        "operator": f"{entity.operation}Operator",
        "entity": entity.name,
        "columns": [{**dataclasses.asdict(it.field), "instead_of": it.instead_of} for it in expected_columns(entity)],
    }


def _show(entity: EventEntity) -> None:
    from airflow_provider_bingads.cli.source_table import expected_columns

    found = expected_columns(entity)
    width = max(len(it.field.default_column) for it in found)
    click.echo(f"{entity.operation}Operator reads these columns, * required:\n")
    for it in found:
        name = click.style(f"{it.field.default_column:<{width}}", bold=True)
        mark = "*" if it.field.required else " "
        instead = f" Instead of {it.instead_of}." if it.instead_of else ""
        click.echo(f"{mark} {name}  {it.field.sql_type:<14}  {it.field.name}")
        click.echo(f"    {it.field.help}{instead} Example: {it.field.example}")
    click.echo("\n`bingads columns --ddl` prints a CREATE TABLE with an example row.")
