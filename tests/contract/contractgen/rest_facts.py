"""Reads the vendor's ``msads`` package without importing it: its generated source is regular."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from contractgen.facts import RestOperation

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_discriminators", "read_hosts", "read_operations"]


def read_operations(package: Path, service: str) -> dict[str, RestOperation]:
    """Return verb and path of every operation by its API name.

    The API name is that of the request or response model: method names are in snake_case, and either model can be
    missing.
    """
    module = re.sub(r"(?<!^)(?=[A-Z])", "_", service).lower()
    tree = ast.parse((package / "openapi_client" / "api" / f"{module}_service_api.py").read_text("utf-8"))
    names: dict[str, str] = {}
    found: dict[str, RestOperation] = {}
    for method in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        parameter = method.args.args[1].annotation if len(method.args.args) > 1 else None
        for annotation, suffix in ((parameter, "Request"), (method.returns, "Response")):
            if isinstance(annotation, ast.Name) and annotation.id.endswith(suffix):
                names[method.name] = annotation.id.removesuffix(suffix)
    for method in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        facts = _serialized(method)
        if facts is not None:
            found[names[method.name.removeprefix("_").removesuffix("_serialize")]] = facts
    return found


def _serialized(method: ast.FunctionDef) -> RestOperation | None:
    for call in (node for node in ast.walk(method) if isinstance(node, ast.Call)):
        keywords = {word.arg: word.value.value for word in call.keywords if isinstance(word.value, ast.Constant)}
        if "resource_path" in keywords:
            return RestOperation(http_method=keywords["method"], path=keywords["resource_path"])
    return None


def read_hosts(package: Path) -> dict[str, dict[str, str]]:
    """Return environment -> service in lower case -> scheme and host."""
    tree = ast.parse((package / "bingads" / "service_client.py").read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "endpoints":
            hosts: dict[str, dict[str, str]] = ast.literal_eval(node.value)
            return hosts
    raise ValueError("msads: no table of endpoints in service_client.py")


def read_discriminators(package: Path, folder: str) -> dict[str, str]:
    """Return type -> the value its objects carry in ``Type``; the base of a family stands under its own name."""
    found: dict[str, str] = {}
    for path in sorted((package / "openapi_client" / "models" / folder).glob("*.py")):
        text = path.read_text("utf-8")
        if "type_mapping = [" in text:
            family = re.search(r"^class (\w+)\(", text, re.MULTILINE)
            assert family is not None
            for name, value in reversed(_mapping(ast.parse(text))):
                found[family[1] if name == f"{family[1]}Base" else name] = value
    return found


def _mapping(tree: ast.Module) -> list[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "type_mapping":
            pairs: list[tuple[str, str]] = ast.literal_eval(node.value)
            return pairs
    return []
