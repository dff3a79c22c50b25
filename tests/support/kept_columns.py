"""What a store of the engine reads for its columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imagefinder.store.edge.store import EdgeStore


def columns_read(store: EdgeStore, fields: Sequence[str]) -> tuple[dict[str, list[Any]], bool]:
    """The columns, and whether all payloads were read for them."""
    read: list[Any] = []
    before = store._kept._read_all

    def read_all(fields: Any) -> Any:
        read.append(1)
        return before(fields)

    store._kept._read_all = read_all
    try:
        return store.columns(fields), bool(read)
    finally:
        store._kept._read_all = before
