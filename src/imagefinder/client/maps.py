"""Maps of the server's index. The places of the images are fetched when they are first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from imagefinder.client.transport import Transport
    from imagefinder.types import Float32

ID_BYTES, PLACE_BYTES, SCORE_BYTES = 16, 8, 4  # of one image
PART_BYTES = 2_880_000  # of one answer


class Map:
    """Where each image lies on the plane. ``facts`` are JSON values: method, parameters, scores, seconds."""

    def __init__(self, transport: Transport, facts: Mapping[str, Any]) -> None:
        self._transport = transport
        self.facts = facts

    @property
    def name(self) -> str:
        return str(self.facts["name"])

    @property
    def method(self) -> str:
        return str(self.facts["method"])

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The ids of its images."""
        data = self.parts("ids", ID_BYTES)
        return tuple(str(UUID(bytes=data[i : i + ID_BYTES])) for i in range(0, len(data), ID_BYTES))

    @cached_property
    def coordinates(self) -> Float32:
        """Their places, float32 (n, 2), in the order of ``ids``."""
        import numpy as np

        data = self.parts("coordinates", PLACE_BYTES)
        return np.frombuffer(data, "<f4").reshape(-1, 2).astype(np.float32)

    def parts(self, what: str, each: int, body: Mapping[str, Any] | None = None) -> bytes:
        """What there is of its images, ``each`` bytes of one, put together from answers none of which is large. With a
        ``body`` it is asked for by POST."""
        path, k = f"/v1/maps/{self.name}/{what}", PART_BYTES // each
        asked: dict[str, Any] = {} if body is None else {"json": body}
        method = "GET" if body is None else "POST"
        starts = range(0, max(1, len(self)), k)
        return b"".join(
            self._transport.send(method, path, params={"offset": start, "k": k}, **asked).content for start in starts
        )

    def columns(self, *fields: str) -> dict[str, list[Any]]:
        """Fields of its images, in the same order; None for an image that has gone, or lacks the field."""
        path = f"/v1/maps/{self.name}/columns"
        found: dict[str, list[Any]] = self._transport.json("GET", path, params={"fields": ",".join(fields)})["columns"]
        return found

    def __len__(self) -> int:
        return int(self.facts["images"])

    def to_dict(self) -> dict[str, Any]:
        """The facts, without the places of the images."""
        return dict(self.facts)

    def __repr__(self) -> str:
        return f"Map({self.name!r}, {len(self)} images)"
