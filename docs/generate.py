"""Writes the generated parts of README and docs from the code: ``make docs``; the suite checks that they are current.

A generated part stands between ``<!-- generated: NAME ARGUMENTS -->`` and ``<!-- end -->``; the functions in
``PARTS`` write them.
"""

from __future__ import annotations

import inspect
import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

ROOT = Path(__file__).resolve().parents[1]
_PART = re.compile(r"(<!-- generated: (?P<order>[^>]+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def pages() -> list[Path]:
    """Return every page that may hold generated parts."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def rendered(page: Path) -> str:
    """Return the text of a page with its generated parts written anew."""
    return _PART.sub(_render, page.read_text())


def _render(found: re.Match[str]) -> str:
    name, *arguments = found["order"].split()
    return f"{found[1]}\n{PARTS[name](*arguments).strip()}\n\n{found[3]}"


def file(path: str, section: str | None = None) -> str:
    """Quote a file of the project, whole or between its lines ``[START section]`` and ``[END section]``."""
    text = (ROOT / path).read_text()
    if section:
        text = text.split(f"[START {section}]\n")[1].rsplit(f"[END {section}]", 1)[0].rsplit("\n", 1)[0]
    language = {".py": "python", ".sql": "sql", ".sh": "sh"}[Path(path).suffix]
    return f"```{language}\n{inspect.cleandoc(text)}\n```"


def errors() -> str:
    """Write the error catalogue, one table for each service."""
    from airflow_provider_bingads.domain.catalogue import entries

    titles = {"*": "Every service", "OAuth": "Sign-in (OAuth)"}
    services = dict.fromkeys(entry.service for entry in entries())
    parts = []
    for service in services:
        rows = [
            (
                str(entry.code or ""),
                f"`{entry.symbol}`" if entry.symbol else "",
                entry.advice.action.value,
                entry.advice.owner,
                entry.advice.meaning,
                entry.advice.remedy,
            )
            for entry in entries()
            if entry.service == service
        ]
        table = _table(("code", "name", "the provider will", "owner", "meaning", "what to do"), rows)
        parts.append(f"## {titles.get(service, service)}\n\n{table}")
    return "\n\n".join(parts)


def arguments(module: str, name: str) -> str:
    """List the arguments of an operator with their defaults, from its docstring."""
    operator = getattr(_module(f"operators.{module}"), name)
    described = dict(re.findall(r":param (\w+): (.*?)(?=\n:|\Z)", inspect.getdoc(operator) or "", re.DOTALL))
    defaults = _defaults(operator)
    rows = [
        (f"`{argument}`", _default(defaults, argument), " ".join(text.replace("``", "`").split()))
        for argument, text in described.items()
    ]
    return _table(("argument", "default", "meaning"), rows)


def _default(defaults: dict[str, Any], argument: str) -> str:
    if argument not in defaults:
        return "required"
    value = defaults[argument]
    if isinstance(value, timedelta):
        return f"{value.total_seconds() / 60:g} minutes"
    return f"`{value!r}`"


def _defaults(operator: type) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for base in reversed([it for it in operator.__mro__ if it.__module__.startswith("airflow_provider_bingads")]):
        for parameter in inspect.signature(vars(base)["__init__"]).parameters.values():
            if parameter.default is not parameter.empty:
                found[parameter.name] = parameter.default
    return found


def fields(entity_name: str) -> str:
    """List the fields of an entity and the columns they are read from."""
    from airflow_provider_bingads.entities import event_entities

    (entity,) = [it for it in event_entities() if it.name == entity_name]
    rows = [
        (f"`{it.name}`", f"`{it.default_column}`", f"`{it.sql_type}`", "yes" if it.required else "", it.help)
        for it in entity.fields
    ]
    return _table(("field", "column", "type", "required", "meaning"), rows)


def connection() -> str:
    """List the fields of the connection form."""
    from airflow_provider_bingads.get_provider_info import get_provider_info

    info: dict[str, Any] = get_provider_info()
    (form,) = info["connection-types"]
    relabelled = form["ui-field-behaviour"]["relabeling"]
    rows = [(f"`{name}`", label, "") for name, label in relabelled.items()]
    rows += [(f"`{name}`", field["label"], field.get("description", "")) for name, field in form["conn-fields"].items()]
    return _table(("field", "label in the form", "meaning"), rows)


def tables() -> str:
    """List the ledger's tables with their columns."""
    from airflow_provider_bingads.warehouse.ledger.schema import ledger_tables

    rows = [
        (
            f"`{table.name}`",
            ", ".join(f"**{column.name}**" if column.primary_key else column.name for column in table.c),
        )
        for table in ledger_tables().metadata.sorted_tables
    ]
    return _table(("table", "columns (key in bold)"), rows)


def views() -> str:
    """List the ledger's views with their columns."""
    from airflow_provider_bingads.warehouse.ledger.schema import ledger_tables
    from airflow_provider_bingads.warehouse.ledger.views import views as of

    rows = [(f"`{view.name}`", ", ".join(view.statement.selected_columns.keys())) for view in of(ledger_tables())]
    return _table(("view", "columns"), rows)


def commands() -> str:
    """Quote the help of every command."""
    import click

    from airflow_provider_bingads.cli.main import main as group

    root = click.Context(group, info_name="bingads", **group.context_settings)
    return "\n\n".join(
        f"## {context.command_path}\n\n```text\n{context.get_help()}\n```"
        for context in _leaves(root)
        if context.command_path != "bingads emulator"  # it hands its options on to the emulator
    )


def _leaves(context: Any) -> Iterable[Any]:
    children = getattr(context.command, "commands", {})
    for name, child in children.items():
        yield from _leaves(type(context)(child, info_name=name, parent=context))
    if not children:
        yield context


def rules() -> str:
    """List the emulator's rules with their source and certainty."""
    from airflow_provider_bingads.emulator.coverage import coverage

    rows = [
        (
            rule["operation"],
            str(rule["code"] or ""),
            f"`{rule['error_code']}`",
            rule["when"],
            rule["source"],
            rule["certainty"],
        )
        for rule in coverage()["rules"]
    ]
    return _table(("operation", "code", "name", "when", "source", "certainty"), rows)


def faults() -> str:
    """List the faults the emulator can inject."""
    from airflow_provider_bingads.emulator.coverage import coverage

    rows = [(f"`{fault['name']}`", fault["help"]) for fault in coverage()["faults"]]
    return _table(("do", "what happens"), rows)


def not_emulated() -> str:
    """List what the emulator leaves out."""
    from airflow_provider_bingads.emulator.coverage import NOT_EMULATED

    return "\n".join(f"- {line}" for line in NOT_EMULATED)


def _module(name: str) -> Any:
    import importlib

    return importlib.import_module(f"airflow_provider_bingads.{name}")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *[[cell.replace("|", "\\|") for cell in row] for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


PARTS: dict[str, Callable[..., str]] = {
    "arguments": arguments,
    "commands": commands,
    "connection": connection,
    "errors": errors,
    "fields": fields,
    "faults": faults,
    "file": file,
    "not_emulated": not_emulated,
    "rules": rules,
    "tables": tables,
    "views": views,
}


def main() -> None:
    """Write every page anew."""
    for page in pages():
        page.write_text(rendered(page))
        sys.stdout.write(f"{page.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
