"""README and docs say what the code says: generated parts are current, links lead somewhere, names exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from docs.generate import ROOT, pages, rendered

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


def test_every_reason_a_row_can_have_is_explained() -> None:
    """Whoever finds a name in an audit table finds it on the page of errors; the emulator's names are Microsoft's."""
    package = ROOT / "airflow_provider_bingads"
    code = "".join(path.read_text() for path in package.rglob("*.py") if "emulator" not in path.parts)
    names = set(re.findall(r'(?:\bSymbol\(|\bViolation\(|error_code=)\s*"([A-Z]\w+)"', code))
    assert {"SourceTimezoneNotDeclared", "DuplicateInSource", "RunStopped"} <= names
    explained = (ROOT / "docs" / "errors.md").read_text()
    assert sorted(name for name in names if f"`{name}`" not in explained) == []


def test_installation_names_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[<>=\[]", one)[0] for one in project["dependencies"]} - {"apache-airflow"}
    page = (ROOT / "docs" / "installation.md").read_text()
    assert sorted(name for name in names if f"`{name}`" not in page) == []


def test_readme_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text()
    assert not [page.name for page in pages() if page.parent.name == "docs" and f"(docs/{page.name})" not in readme]
