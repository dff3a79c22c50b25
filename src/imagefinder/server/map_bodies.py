"""What clients get of the values of a map."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from imagefinder.server.responses import ResponseBody


class MapKind(BaseModel):
    code: int
    value: Any
    name: str
    count: int


class MapScale(BaseModel):
    low: float
    high: float
    is_date: bool = Field(description="Then both are milliseconds since 1970, UTC.")


class MapValues(ResponseBody):
    """Codes are 0 where there is no value, 1 for one of the rare kinds, 255 for an image that has gone."""

    total: int
    codes: str = Field(description="A byte for each image of the map, in its order, as base64.")
    kinds: list[MapKind] | None = Field(description="The commonest first.")
    rest: int = Field(description="How many rarer kinds there are.")
    scale: MapScale | None = Field(description="Of codes from 2 to 254.")
    missing: int
