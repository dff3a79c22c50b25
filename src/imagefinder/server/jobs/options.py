"""The options of each kind of job, as clients may give them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from imagefinder.clusters.algorithms.methods import DEFAULT
from imagefinder.duplicates.candidates import LEAST_COSINE
from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.search.options import WordsIn
from imagefinder.server.requests import URLS, Body, ClusterNumber, FilterText, Id, Ids, Name, Url
from imagefinder.training.classifier import MAX_HIDDEN
from imagefinder.training.export import NAME

TrainedName = Annotated[str, StringConstraints(pattern=f"^{NAME.pattern}$")]
Glob = Annotated[str, StringConstraints(max_length=500)]
Method = Annotated[str, StringConstraints(max_length=40)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Place = Annotated[str, StringConstraints(min_length=1, max_length=8000, pattern=r"^[^\x00]+$")]


Label = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Labels = Annotated[dict[Id, Label], Field(max_length=100_000)]
Captions = Annotated[
    dict[
        Id, Annotated[list[Annotated[str, StringConstraints(min_length=1, max_length=10_000)]], Field(max_length=100)]
    ],
    Field(max_length=100_000),
]
Workers = Field(None, ge=1, le=256, description="Threads, by default one a core.")


class IndexOptions(Body):
    sources: list[Place] = Field(
        default_factory=list, max_length=1000, description="Folders, tables and URLs; none: all that are known."
    )
    include: list[Glob] = Field(default_factory=list, max_length=100)
    exclude: list[Glob] = Field(default_factory=list, max_length=100)
    column: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(
        None, description="The column of a table that holds the paths or URLs."
    )
    force: bool = False
    allow_removal: bool = Field(False, description="Remove images even if their drive only seems to be away.")
    allow_empty: bool = Field(False, description="The older name of allow_removal.")
    workers: int | None = Workers
    cluster: bool = Field(False, description="Then cluster, if that was never done.")


class UrlOptions(Body):
    """Images to add by their URLs."""

    urls: list[Url] = Field(min_length=1, max_length=URLS)


class MoveOptions(Body):
    old: Place
    new: Place


class FileOptions(Body):
    """Files of images that are copied or moved into a folder."""

    what: Literal["copy", "move"]
    ids: Ids
    folder: Place


class ClusterOptions(Body):
    n_clusters: int | None = Field(None, ge=1, le=100_000)
    method: Method = DEFAULT
    features: Method = "default"
    scale: Method = "none"
    seed: Seed = 0
    stability: int = Field(5, ge=0, le=100, description="Resampled runs that judge the clusters; 0 for none.")
    fresh: bool = False
    settings: dict[Method, Annotated[int, Field(ge=-(2**31), lt=2**31)] | float | Method | None] = Field(
        default_factory=dict, max_length=20, description="What the method can be told further."
    )


class TakeInOptions(Body):
    """The new clusters of GET /v1/clusters/news, to be made beside the former ones."""

    key: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        None, description="Of the news: the job fails if images or clusters have changed since."
    )
    clusters: list[ClusterNumber] | None = Field(
        None, max_length=10_000, description="Labels of the new clusters to make; null for all."
    )


class ChooseOptions(Body):
    max_k: int = Field(100, ge=2, le=1000)
    features: Method = "default"
    scale: Method = "none"
    seed: Seed = 0


class MapOptions(Body):
    method: Method | None = None
    seed: Seed = 0
    filter: FilterText | None = None
    update: bool = Field(False, description="Place new images on the latest map instead of making one anew.")


class DuplicateOptions(Body):
    tier: Tier = Tier.SAME_PICTURE
    similar: float = Field(0.8, ge=LEAST_COSINE, le=1)
    keep: list[Method] = Field(default_factory=list, max_length=20)
    references: list[Place] = Field(
        default_factory=list, max_length=100, description="Folders whose images are always kept."
    )
    prefer: list[Place] = Field(
        default_factory=list, max_length=100, description="Folders whose images are rather kept, the first named first."
    )
    workers: int | None = Workers


class OutlierOptions(Body):
    k: int = Field(50, ge=1, le=1000)


class QualityOptions(Body):
    again: bool = False


class ReadOptions(Body):
    """Read the text in the pictures that were not read yet."""

    again: bool = Field(False, description="Read all of them again.")
    workers: int | None = Field(None, ge=1, le=256, description="Cores to take, by default half of them.")


class NoOptions(Body):
    pass


class ModelOptions(Body):
    """A further model for all images, beside those there are: one that is on the server's machine."""

    name: Name
    use: bool = Field(False, description="Search with it from then on.")


class TrainOptions(Body):
    """A model of this index: an adapter or a classifier from labels, words from captions."""

    what: Literal["adapter", "classifier", "words"]
    labels: Labels | None = Field(None, description="Labels by the ids of images, of an adapter or a classifier.")
    captions: Captions | None = Field(None, description="Captions by the ids of images, of words.")
    by: Label | None = Field(
        None, description="A field whose values are labels: folder, tags, cluster_name, a table's column ..."
    )
    feedback: bool | None = Field(None, description="Of an adapter: learn from what was liked and disliked too.")
    hidden: int | None = Field(None, ge=2, le=MAX_HIDDEN, description="Width of a classifier's space, by default 64.")
    held_out: float | None = Field(
        None, ge=0, le=0.9, description="Of a classifier: share of each class to measure on."
    )
    methods: list[Method] | None = Field(None, max_length=20, description="Of an adapter: the only ones to try.")
    seed: Seed = 0
    space: Name | None = Field(None, description="Space or model to start from. None: the one in use.")
    name: TrainedName | None = Field(None, description="Name of the model and its space.")
    use: bool = Field(False, description="Search with it from then on.")

    @model_validator(mode="after")
    def _fitting(self) -> TrainOptions:
        unfit = {
            "adapter": ("hidden", "held_out", "captions"),
            "classifier": ("feedback", "methods", "captions"),
            "words": ("labels", "by", "feedback", "hidden", "held_out", "methods"),
        }
        for name in unfit[self.what]:
            if getattr(self, name) is not None:
                raise ValueError(f"{name} means nothing to {self.what}")
        return self


class AskedQuery(Body):
    """A query in words, as people write them, or an image by its id, and the images that it should find."""

    text: Annotated[str, StringConstraints(max_length=2000)] = ""
    image: Id | Literal[""] = ""
    right: Annotated[dict[Id, Annotated[float, Field(gt=0, le=100)]], Field(max_length=100_000)] = Field(
        default_factory=dict, description="How right each image is, by its id; none where nothing fits."
    )

    @model_validator(mode="after")
    def _one(self) -> AskedQuery:
        if bool(self.text.strip()) == bool(self.image):
            raise ValueError("give a text or an image")
        return self


class EvaluateOptions(Body):
    """Labels, captions, queries and pairs of duplicates, by the ids of images; what is measured besides, and how."""

    labels: Labels = Field(default_factory=dict)
    captions: Captions = Field(default_factory=dict)
    by: Label | None = Field(None, description="A field whose values are labels: folder, tags, a table's column ...")
    queries: list[AskedQuery] = Field(default_factory=list, max_length=10_000)
    feedback: bool = Field(False, description="Measure by what was liked and disliked.")
    duplicates: list[tuple[Id, Id]] = Field(default_factory=list, max_length=100_000)
    apart: list[tuple[Id, Id]] = Field(default_factory=list, max_length=100_000, description="Pairs that are none.")
    tier: Tier | None = Field(None, description="The loosest tier of duplicates that counts.")
    space: Name | None = Field(None, description="Space or model to measure. None: the one in use.")
    compare: tuple[Name, Name] | None = Field(None, description="Two spaces or models: which one finds more.")
    min_score: float | None = Field(None, description="A cut to measure.")
    limit: int | None = Field(None, ge=1, le=100_000, description="Queries of each list, by default 1,000.")
    seed: Seed = 0
    words_in: WordsIn | None = Field(
        None, description="Where words are looked for. None: both, but captions that stand in the index in pictures."
    )


class ClassifyOptions(Body):
    """The class of every image, as the fields class and class_confidence, for filters."""

    model: Name | None = Field(None, description="A classifier. None: the one trained last.")
