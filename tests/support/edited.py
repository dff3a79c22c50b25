"""Edits files of an index as a person or an older version would: without the checksum that tells damage."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def edit_json(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the object in a file of JSON."""
    row = json.loads(path.read_text("utf-8"))
    row.pop("sum", None)
    change(row)
    path.write_text(json.dumps(row), "utf-8")
