"""The values of the Helm chart as a table, from values.yaml and its comments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

VALUES = Path(__file__).resolve().parents[1] / "deploy" / "helm" / "imagefinder" / "values.yaml"
LINE = re.compile(r"( *)(?:# ?(.*)|([\w]+):.*)")


def commented(text: str) -> Iterator[tuple[str, str]]:
    """Each value with a comment above it, by its path, and what that says. Raises ValueError for a comment that stands
    above no value."""
    path: list[str] = []
    said: list[str] = []
    for line in text.partition("\n\n")[2].splitlines():
        found = LINE.fullmatch(line)
        if found is None:  # a line of a list, or an empty one
            if said:
                raise ValueError(f"this comment is above no value: {' '.join(said)}")
            continue
        indent, comment, name = found.groups()
        if name is None:
            said.append(comment)
            continue
        path = [*path[: len(indent) // 2], name]
        if said:
            yield ".".join(path), " ".join(said)
        said = []


def values() -> str:
    """The table."""
    text = VALUES.read_text("utf-8")
    defaults = yaml.safe_load(text)
    rows = [f"| `{path}` | {_shown(_at(defaults, path))} | {_cell(said)} |" for path, said in commented(text)]
    return "\n".join(["| value | default | what it does |", "|---|---|---|", *rows]) + "\n"


def _at(values: Any, path: str) -> Any:
    for name in path.split("."):
        values = values[name]
    return values


def _shown(value: Any) -> str:
    return "" if value in ("", [], {}) else f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|") + ("" if text.endswith(".") else ".")
