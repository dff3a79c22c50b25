"""The table of clustering methods in the documentation, from their one table."""

from __future__ import annotations

from imagefinder.clusters.algorithms.methods import DEFAULT, METHODS, Method


def methods() -> str:
    """A row for each clustering method."""
    rows = "".join(
        f"| {_name(name)} | {row.summary} | {_number(row)} | {_noise(row)} |\n" for name, row in METHODS.items()
    )
    return f"| `--method` | what it does | number of clusters | noise |\n|---|---|---|---|\n{rows}"


def _name(name: str) -> str:
    return f"`{name}`" + " (default)" * (name == DEFAULT)


def _number(row: Method) -> str:
    if not row.counts:
        return "found"
    return "`-n`, or that of the communities" if row.needs_count else "found, or `-n`"


def _noise(row: Method) -> str:
    return "cluster `-1`" if row.noise else "none"
