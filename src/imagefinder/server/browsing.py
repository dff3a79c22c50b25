"""What clients send and get of browsing."""

from __future__ import annotations

from pydantic import BaseModel, Field

from imagefinder.server.requests import Body, FilterText, Ids, Tag
from imagefinder.server.responses import ResponseBody


class TagCount(Body):
    ids: Ids
    filter: FilterText | None = None


class TagRename(Body):
    tag: Tag
    to: Tag | None = Field(None, description="Its new name; null takes the tag away.")


class Month(BaseModel):
    month: str = Field(examples=["2024-05"])
    count: int
    guessed: int = Field(description="Those of which only the date of the file is known.")


class Timeline(ResponseBody):
    total: int
    undated: int
    months: list[Month]


class Histogram(ResponseBody):
    """Each bin begins with its edge, and ends before the next one."""

    field: str
    edges: list[float] | list[str]
    counts: list[int]
    missing: int = Field(description="Images without a value.")


class PlacedFolder(BaseModel):
    path: str
    name: str
    count: int = Field(description="Images in it and below.")
    folders: int = Field(description="Folders in it.")


class PlacedFolders(ResponseBody):
    folders: list[PlacedFolder]
    more: int = Field(description="How many are left out, of the least full.")


class TagValue(BaseModel):
    value: str
    count: int


class Tags(ResponseBody):
    tags: list[TagValue]
