"""Reading the source as text: what attributes, settings and error codes are called, and what is said about them.

Knows Python's syntax trees; refuses to know what the pages look like.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("ledger", "commands", "projections", "replay", "api")


def first_sentence(text: str | None) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((text or "").strip().split("\n\n")[0].split())


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module of the product as (path from the root, tree)."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def settings() -> set[str]:
    """The environment variables that `api/settings.py` reads."""
    tree = ast.parse((ROOT / "api" / "settings.py").read_text())
    return {
        str(node.args[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "env"
        and isinstance(node.args[0], ast.Constant)
    }


class Code(NamedTuple):
    """An error code as the source raises it."""

    code: str
    kind: str
    """The exception's class."""
    message: str
    where: str


def codes() -> list[Code]:
    """Every code that an error class has, and every `code="…"` that one is raised with. The sandbox's are Stripe's."""
    found = []
    for path, tree in modules():
        if path.startswith("api/sandbox/"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                for line in node.body:
                    fixed = isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant)
                    if fixed and _named(line.targets[0]) == "code":
                        found.append(
                            Code(str(line.value.value), node.name, first_sentence(ast.get_docstring(node)), path)
                        )
            elif isinstance(node, ast.Call):
                for keyword in node.keywords:
                    if keyword.arg == "code" and isinstance(keyword.value, ast.Constant):
                        message = _text(node.args[0]) if node.args else ""
                        found.append(Code(str(keyword.value.value), _named(node.func), message, path))
    return sorted(set(found))


def _named(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _text(node: ast.AST) -> str:
    """A message as written; what is filled in at run time is an ellipsis."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    return "…"
