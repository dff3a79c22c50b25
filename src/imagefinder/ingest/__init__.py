"""Bringing an index up to date with its sources. Who takes its modules from here imports each when it is first used: a
search needs none."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagefinder.ingest import fill, manage, sources

__all__ = ["fill", "manage", "sources"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")
