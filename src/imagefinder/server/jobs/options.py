"""What clients may say of each kind of job."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from imagefinder.duplicates.candidates import LEAST_COSINE
from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.server.requests import Body, FilterText, Id, Name
from imagefinder.training.classifier import MAX_HIDDEN
from imagefinder.training.export import NAME

TrainedName = Annotated[str, StringConstraints(pattern=f"^{NAME.pattern}$")]
Glob = Annotated[str, StringConstraints(max_length=500)]
Method = Annotated[str, StringConstraints(max_length=40)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Place = Annotated[str, StringConstraints(min_length=1, max_length=8000, pattern=r"^[^\x00]+$")]


class IndexOptions(Body):
    sources: list[Place] = Field(
        default_factory=list, max_length=1000, description="Folders, tables and URLs; none: all that are known."
    )
    include: list[Glob] = Field(default_factory=list, max_length=100)
    exclude: list[Glob] = Field(default_factory=list, max_length=100)
    force: bool = False
    allow_empty: bool = False
    cluster: bool = Field(False, description="Then cluster, if that was never done.")


class ClusterOptions(Body):
    n_clusters: int | None = Field(None, ge=1, le=100_000)
    method: Method = "leiden"
    features: Method = "default"
    scale: Method = "none"
    seed: Seed = 0
    fresh: bool = False


class ChooseOptions(Body):
    max_k: int = Field(100, ge=2, le=1000)


class MapOptions(Body):
    method: Method | None = None
    seed: Seed = 0
    filter: FilterText | None = None
    update: bool = Field(False, description="Place new images on the latest map instead of making one anew.")


class DuplicateOptions(Body):
    tier: Tier = Tier.SAME_PICTURE
    similar: float = Field(0.8, ge=LEAST_COSINE, le=1)
    keep: list[Method] = Field(default_factory=list, max_length=20)


class OutlierOptions(Body):
    k: int = Field(50, ge=1, le=1000)


class QualityOptions(Body):
    again: bool = False


class NoOptions(Body):
    pass


class ModelOptions(Body):
    """A further model for all images, beside those there are: one that is on the server's machine."""

    name: Name
    use: bool = Field(False, description="Search with it from then on.")


class TrainOptions(Body):
    """A model of this index: an adapter or a classifier from labels, words from captions."""

    what: Literal["adapter", "classifier", "words"]
    labels: dict[Id, Annotated[str, StringConstraints(min_length=1, max_length=200)]] | None = Field(
        None, max_length=100_000, description="Labels by the ids of images, of an adapter or a classifier."
    )
    by: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(
        None, description="A field whose values are labels: folder, tags, cluster_name, a table's column ..."
    )
    feedback: bool | None = Field(None, description="Of an adapter: learn from what was liked and disliked too.")
    hidden: int | None = Field(None, ge=2, le=MAX_HIDDEN, description="Width of a classifier's space, by default 64.")
    space: Name | None = Field(None, description="Space or model to start from. None: the one in use.")
    name: TrainedName | None = Field(None, description="Name of the model and its space.")
    use: bool = Field(False, description="Search with it from then on.")

    @model_validator(mode="after")
    def _fitting(self) -> TrainOptions:
        unfit = {"adapter": ("hidden",), "classifier": ("feedback",), "words": ("labels", "by", "feedback", "hidden")}
        for name in unfit[self.what]:
            if getattr(self, name) is not None:
                raise ValueError(f"{name} means nothing to {self.what}")
        return self


class ClassifyOptions(Body):
    """The class of every image, as the fields class and class_confidence, for filters."""

    model: Name | None = Field(None, description="A classifier. None: the one trained last.")


OPTIONS: dict[str, type[Body]] = {
    "index": IndexOptions,
    "cluster": ClusterOptions,
    "choose-k": ChooseOptions,
    "map": MapOptions,
    "duplicates": DuplicateOptions,
    "outliers": OutlierOptions,
    "quality": QualityOptions,
    "pca": NoOptions,
    "model": ModelOptions,
    "train": TrainOptions,
    "classify": ClassifyOptions,
}
Kind = Literal[
    "index", "cluster", "choose-k", "map", "duplicates", "outliers", "quality", "pca", "model", "train", "classify"
]


class JobRequest(Body):
    """A job to run in the background. The options depend on its kind."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"kind": "index", "options": {"sources": ["https://example.com/cat.jpg"]}},
                {"kind": "cluster", "options": {"n_clusters": 20}},
                {"kind": "train", "options": {"what": "classifier", "by": "tags"}},
            ]
        },
    )
    kind: Kind
    options: dict[str, Any] = Field(default_factory=dict)
