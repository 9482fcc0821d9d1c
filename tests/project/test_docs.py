"""README and docs say what the code says: generated parts are current, links lead somewhere, names exist."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_bingads.domain.catalogue import entries
from docs.generate import ROOT, pages, rendered

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(#[^)\s]+)?\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def _anchor(heading: str) -> str:
    plain = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return "#" + plain.replace(" ", "-")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_generated_parts_are_current(page: Path) -> None:
    """`make docs` writes them."""
    assert rendered(page) == page.read_text()


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    for path, anchor in _LINK.findall(page.read_text()):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        if anchor:
            assert anchor in {_anchor(heading) for heading in _HEADING.findall(target.read_text())}, path + anchor


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_python_in_the_docs_comes_from_a_file_that_runs(page: Path) -> None:
    """A snippet typed by hand rots; one quoted from an example that CI runs does not."""
    quoted = re.sub(r"<!-- generated: .*?<!-- end -->", "", page.read_text(), flags=re.DOTALL)
    assert "```python" not in quoted


def test_installation_names_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[<>=\[]", one)[0] for one in project["dependencies"]} - {"apache-airflow"}
    page = (ROOT / "docs" / "installation.md").read_text()
    assert sorted(name for name in names if f"`{name}`" not in page) == []


def test_readme_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text()
    assert not [page.name for page in pages() if page.parent.name == "docs" and f"(docs/{page.name})" not in readme]


def _error_code_positions(trees: list[ast.Module]) -> dict[str, int]:
    """Return where the functions and record classes of the package take an ``error_code``."""
    positions = {}
    for node in (node for tree in trees for node in ast.walk(tree)):
        names: list[str] = []
        if isinstance(node, ast.FunctionDef):
            names = [it.arg for it in (*node.args.posonlyargs, *node.args.args) if it.arg not in {"self", "cls"}]
        elif isinstance(node, ast.ClassDef):
            names = [
                it.target.id for it in node.body if isinstance(it, ast.AnnAssign) and isinstance(it.target, ast.Name)
            ]
        if "error_code" in names and isinstance(node, ast.FunctionDef | ast.ClassDef):
            positions[node.name] = names.index("error_code")
    return positions


def _error_codes(trees: list[ast.Module]) -> Iterator[str]:
    """Yield every literal that the package hands on as an ``error_code``."""
    positions = _error_code_positions(trees)
    for call in (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        given = [it.value for it in call.keywords if it.arg == "error_code"]
        position = positions.get(name, len(call.args))
        yield from (
            it.value
            for it in (*given, *call.args[position : position + 1])
            if isinstance(it, ast.Constant) and isinstance(it.value, str)
        )


def test_every_reason_of_our_own_is_explained() -> None:
    """A name that stands in the ledger and nowhere in the documents leaves its reader alone; so does a stale one."""
    package = ROOT / "airflow_provider_bingads"
    files = [it for it in package.rglob("*.py") if "emulator" not in it.relative_to(package).parts]
    ours = set(_error_codes([ast.parse(it.read_text()) for it in files])) - {it.symbol for it in entries()}
    assert {"EmailAddressInvalid", "NotSent", "RunStopped", "RequestNotWritable"} <= ours, "the search finds nothing"
    section = (ROOT / "docs" / "errors.md").read_text().split("## Reasons of the provider")[1].split("<!--")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == sorted(ours)
