"""What an address of ``line`` looks like. Apart from it, as every process that opens an index asks."""

from __future__ import annotations

from typing import Any

PREFIX = "\0imagefinder-"  # of names without a file


def is_address(value: Any) -> bool:
    """Whether it is one that ``line.listen`` may have made."""
    if isinstance(value, str):
        return value.startswith(PREFIX) and len(value) < 100
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**16
