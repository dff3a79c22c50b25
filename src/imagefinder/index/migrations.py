"""From older schemas of ``index.json`` to the current one, step by step.

A change of the schema adds a function ``mNNN_what_it_does`` at the end of ``MIGRATIONS``. It gets the dict that schema
NNN - 1 wrote, and returns the one of schema NNN. A step is never changed after its release, because existing indexes
have gone through it. The first release writes schema 1. An index that uses nothing of a later one is still written as
that, so that the first release can read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

Migration: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]

FIRST: Final = 1
REBUILT: Final = 2  # the first that has ``made``
MERGED: Final = 3  # the first that looks for the points where they were merged


def m002_name_the_folder_of_the_points(data: dict[str, Any]) -> dict[str, Any]:
    """``made``: where a rebuild has put the points."""
    return {**data, "made": ""}


def m003_let_the_points_name_their_folder(data: dict[str, Any]) -> dict[str, Any]:
    """The points of a large index are where ``points/current.json`` says; ``index.json`` itself is as before."""
    return dict(data)


MIGRATIONS: tuple[Migration, ...] = (m002_name_the_folder_of_the_points, m003_let_the_points_name_their_folder)
CURRENT: Final = FIRST + len(MIGRATIONS)


def migrate(data: Mapping[str, Any], migrations: Sequence[Migration] = MIGRATIONS) -> dict[str, Any]:
    """``data`` in the schema that the last of ``migrations`` makes. ``data`` itself is not changed.

    Raises:
        ValueError: its version is older than the first schema or newer than the last.
    """
    version, last = int(data["version"]), FIRST + len(migrations)
    if not FIRST <= version <= last:
        raise ValueError(f"schema {version} is not one of {FIRST} to {last}")
    current = dict(data)
    for step, migration in enumerate(migrations[version - FIRST :], start=version + 1):
        current = {**migration(dict(current)), "version": step}
    return current
