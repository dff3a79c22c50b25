"""What the library gives back: rows of the index, and what an index holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

from imagefinder.images.grid import html_grid
from imagefinder.types import Record


class Records(Sequence[Record]):
    """Rows of the index, by ascending id where nothing else is said. In a notebook they show as a grid of pictures."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = tuple(records)

    @overload
    def __getitem__(self, i: int) -> Record: ...
    @overload
    def __getitem__(self, i: slice) -> Sequence[Record]: ...
    def __getitem__(self, i: int | slice) -> Record | Sequence[Record]:
        return self._records[i]

    def __len__(self) -> int:
        return len(self._records)

    def __repr__(self) -> str:
        return f"Records({len(self)})"

    def _repr_html_(self) -> str:
        return html_grid([(r.uri, "", r.caption or "") for r in self])


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """What an index holds. ``bytes`` is its size on disk."""

    path: str
    images: int
    bytes: int
    model: str | None
    spaces: dict[str, dict[str, Any]]
    sources: list[dict[str, Any]]
    created: str
    version: int

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}
