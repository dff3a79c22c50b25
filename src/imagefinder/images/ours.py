"""Folders that ImageFinder made for itself: an index with all that is in it, and a trash. Their pictures are copies of
others, so no source takes them in."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection

INDEX, JOURNAL = "index.json", "journal.jsonl"
PARTS = ("points", "made-1", "made-2", "uploads", "runs", "thumbnails", "transforms", ".lock", "trash")  # of an index
_RUN = re.compile(r"\d{8}-\d{6}(-\d+)?")  # the name of a folder that duplicates were moved to
_MOVED = re.compile(r"\d{4,}-.+")  # the names of the files there


def ours(folder: str, names: Collection[str]) -> str | None:
    """What a folder with these entries is of ours, in words; None for any other folder."""
    if INDEX in names and _is_index(folder, names):
        return "the folder of an index"
    if JOURNAL in names and _is_journal(os.path.join(folder, JOURNAL)):
        return "a trash of duplicates"
    shown = [name for name in names if not name.startswith(".")]
    if _RUN.fullmatch(os.path.basename(folder)) and shown and all(map(_MOVED.fullmatch, shown)):
        return "a trash of duplicates"
    return None


def inside_ours(folder: str) -> tuple[str, str] | None:
    """The folder of ours that this folder is or lies in, and what it is; None if there is none."""
    while True:
        if what := ours(folder, _names(folder)):
            return folder, what
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def _names(folder: str) -> list[str]:
    """Those that tell what the folder is; a listing of all the folders above could take long."""
    if _RUN.fullmatch(os.path.basename(folder)):
        try:
            return os.listdir(folder)
        except OSError:
            return []
    return [name for name in (INDEX, JOURNAL, *PARTS) if os.path.exists(os.path.join(folder, name))]


def _is_index(folder: str, names: Collection[str]) -> bool:
    """An index whose file is damaged is known by what lies beside it."""
    try:
        with open(os.path.join(folder, INDEX), encoding="utf-8") as file:
            found = json.load(file)
        if isinstance(found, dict) and {"version", "app_version", "sources"} <= set(found):
            return True
    except (OSError, ValueError, RecursionError):
        pass
    return ".lock" in names and not {"points", "made-1", "made-2"}.isdisjoint(names)


def _is_journal(path: str) -> bool:
    try:
        with open(path, encoding="utf-8") as file:
            row = json.loads(file.readline(100_000))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(row, dict) and {"from", "to"} <= set(row)
