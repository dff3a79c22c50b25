"""The bodies of responses that say why an image was found."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class Reason(BaseModel):
    """A part of the query or what was judged, with its `share` of the score; or what image and query have in common."""

    kind: str
    text: str
    share: float | None = None


class Why(BaseModel):
    meaning: float = Field(description="What the models make of it: the sum of the shares that are not of `texts`.")
    reasons: list[Reason]


class Explanation(BaseModel):
    id: str
    why: Why
    how: Literal["features", "occlusion", "none"] = Field(description="How the map was made.")
    peak: tuple[float, float] | None = Field(description="Where it is highest: fractions of width and height.")
    text_at: list[int] = Field(
        description="The words read in the picture that the query says, by their places in `text` and `text_boxes`."
    )
    map: str | None = Field(description="Which part of the picture fits: a grey PNG over all of it, as a data URI.")
