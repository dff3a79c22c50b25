"""What clients send and get about what came since the images were grouped, and about who is in doubt."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from imagefinder.clusters.edit import LONGEST
from imagefinder.server.requests import Body, Ids
from imagefinder.server.responses import Cluster, ResponseBody


class NewCluster(Body):
    ids: Ids
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST)] | None = Field(
        None, description="Without one it gets a name from what sets its images apart."
    )


class NewFit(ResponseBody):
    label: int
    came: int


class ClusterNews(ResponseBody):
    """What came since the images were grouped."""

    key: str = Field(description="Stands for exactly these images in these clusters.")
    came: int
    fit: list[NewFit] = Field(description="How many joined each cluster, the most first.")
    clusters: list[Cluster] = Field(description="New clusters that the others would make.")
    rest: int = Field(description="Images that fit no cluster, old or new.")
    too_many: bool = Field(description="More fit nowhere than are looked at here: cluster again.")


class Doubt(ResponseBody):
    id: str
    margin: float = Field(description="How much farther the next cluster is than its own; below 0: nearer.")
    others: list[int] = Field(description="Labels of the next clusters, the nearest first.")


class Doubts(ResponseBody):
    images: list[Doubt]
