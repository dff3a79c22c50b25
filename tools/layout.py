"""Where each part of the package stands, and what its modules import: for the test of the architecture, and for the
picture and the tables of docs/architecture.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "imagefinder"
ROWS = (  # a module imports its own package and the rows above; two parts of one row don't know each other
    ("errors", "_version"),
    ("types", "_util"),
    ("images", "models", "store", "vectors", "settings"),
    ("results", "planning"),
    ("index",),
    ("search", "catalog", "maps", "duplicates", "clusters"),
    ("ingest", "quality", "ocr", "evaluation", "plots", "whole"),
    ("training", "organising"),
    ("finder",),
    ("client", "server"),
    ("mcp",),
    ("cli",),
    ("__init__", "__main__"),
)
LEVELS = {part: level for level, row in enumerate(ROWS) for part in row}


@dataclass(frozen=True)
class Module:
    """A module's name below the package, such as ``images.decode``, and its code."""

    name: str
    code: str

    @property
    def top(self) -> str:
        return self.name.partition(".")[0]

    @property
    def level(self) -> int:
        return LEVELS[self.top]

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.code)

    @property
    def summary(self) -> str:
        """The first sentence of its docstring, without the full stop; "" where there is none."""
        text = " ".join((ast.get_docstring(self.tree) or "").split())
        return re.split(r"\.(?:\s|$)", text)[0]

    @cached_property
    def imports(self) -> list[str]:
        """Every module imported, and every name from one: at its top, inside functions and under TYPE_CHECKING."""
        return list(imports(self.tree, everywhere=True))

    @cached_property
    def imports_at_once(self) -> list[str]:
        """What importing the module imports."""
        return list(imports(self.tree, everywhere=False))


@cache
def modules() -> list[Module]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)
        found.append(Module(name, path.read_text("utf-8")))
    return found


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports(node: ast.AST, *, everywhere: bool) -> Iterator[str]:
    """Modules imported, and names from modules as ``module.name``: when the module is imported, or ``everywhere``."""
    for child in ast.iter_child_nodes(node):
        if not everywhere and (
            is_type_checking(child) or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        ):
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            module = "." * child.level + (child.module or "")
            yield module
            yield from (f"{module}.{alias.name}" for alias in child.names)
        else:
            yield from imports(child, everywhere=everywhere)


def own(name: str) -> str | None:
    """The part below the package of a module's name; None for others' modules."""
    return name.removeprefix("imagefinder.") if name.startswith("imagefinder.") else None
