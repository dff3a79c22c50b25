"""What clients may send. What they get back is described in ``answers``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

Id = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"),
    Field(description="The id of an image: a UUID.", examples=["6ba7b810-9dad-51d1-80b4-00c04fd430c8"]),
]
Fraction = Annotated[float, Field(ge=0, le=1)]
Box = Annotated[
    tuple[Fraction, Fraction, Fraction, Fraction],
    Field(description="Left, top, right, bottom as fractions of the upright picture.", examples=[[0.1, 0.2, 0.6, 0.9]]),
]
Name = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,119}$"),
    Field(description="The name of a space or a model.", examples=["efficientnet-lite2"]),
]
Measure = Literal["cosine", "euclidean"]
Words = Annotated[str, StringConstraints(max_length=2000)]
Url = Annotated[str, StringConstraints(pattern=r"^[hH][tT][tT][pP][sS]?://", max_length=8000)]
FilterText = Annotated[
    str,
    StringConstraints(max_length=4000),
    Field(description="A filter expression.", examples=['folder = "shoes" and width >= 800']),
]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Ids = Annotated[list[Id], Field(max_length=10_000)]
ContentHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Label = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Body(BaseModel):
    """A request: a field there isn't is an error, so that a slip of the pen is not a silent default."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Part(Body):
    """One part of a query: exactly one of words, id, url, image and upload. A negative weight steers away from it."""

    words: Words | None = None
    id: Id | None = None
    url: Url | None = None
    image: str | None = Field(None, description="A data URI: data:image/jpeg;base64,...")
    upload: str | None = Field(None, description="What POST /v1/uploads answered.", pattern="^[0-9a-f]{32}$")
    weight: float = Field(1.0, ge=-100, le=100)
    box: Box | None = Field(None, description="Search by this part of the picture only.")

    @model_validator(mode="after")
    def _one(self) -> Part:
        given = [n for n in ("words", "id", "url", "image", "upload") if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of words, id, url, image and upload, not {given or 'none'}")
        if self.box and self.words is not None:
            raise ValueError("a box needs a picture")
        return self


class Search(Body):
    """A query: words, parts to be added up, or images that were liked."""

    model_config = ConfigDict(
        extra="forbid",
        allow_inf_nan=False,
        json_schema_extra={
            "examples": [
                {"words": "red bike - people", "k": 20},
                {"parts": [{"id": "6ba7b810-9dad-51d1-80b4-00c04fd430c8"}, {"words": "blue", "weight": 0.5}]},
                {"words": "shoe", "filter": 'folder = "new" and width >= 800', "collapse": True},
            ]
        },
    )
    words: Words | None = Field(
        None, description="Words, with rclip's arithmetic: dog + id:UUID - people, 2:dog, URLs."
    )
    parts: list[Part] = Field(default_factory=list, max_length=20)
    liked: list[Id] = Field(default_factory=list, max_length=1000, description="Images to find more of.")
    disliked: list[Id] = Field(default_factory=list, max_length=1000, description="Images to find less of.")
    filter: FilterText | None = None
    k: int = Field(50, ge=1, le=1000, description="How many hits.")
    offset: int = Field(0, ge=0, le=1_000_000)
    min_score: float | None = None
    same_cluster: bool = Field(False, description="Keep to the cluster of the image asked for, or of the best hit.")
    collapse: bool = Field(False, description="Show one hit for each set of near-identical images.")
    diversity: Fraction = Field(0.0, description="0 for the best hits, towards 1 for hits unlike each other (MMR).")
    spaces: list[Name] = Field(
        default_factory=list, max_length=8, description="Spaces or models to ask; see /v1/spaces."
    )
    measures: list[Measure] = Field(
        default_factory=lambda: list[Measure](["cosine"]),
        min_length=1,
        max_length=2,
        description="How vectors are compared.",
    )
    fuse: Literal["rrf", "vote", "mean"] = Field("mean", description="How several spaces or measures rank together.")


class UploadUrl(Body):
    url: Url


class Urls(Body):
    urls: list[Url] = Field(min_length=1, max_length=10_000)


class Feedback(Body):
    query: dict[str, Any] = Field(default_factory=dict, description="The body of the search that was judged.")
    liked: Ids = Field(default_factory=list)
    disliked: Ids = Field(default_factory=list)


class Change(Body):
    """New tags or caption of an image; what is left out stays."""

    tags: list[Tag] | None = Field(None, max_length=200)
    caption: Annotated[str, StringConstraints(max_length=10_000)] | None = None


class Tagging(Body):
    ids: Ids
    add: list[Tag] = Field(default_factory=list, max_length=200)
    remove: list[Tag] = Field(default_factory=list, max_length=200)


class IdList(Body):
    ids: Ids


class ClusterChange(Body):
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = None
    locked: bool | None = None


class Merge(Body):
    clusters: list[Label] = Field(min_length=2, max_length=1000)


class Split(Body):
    n: int = Field(2, ge=2, le=100)


class Decide(Body):
    ids: list[Id] = Field(min_length=2, max_length=100)
    decision: Literal["not-duplicate", "keep-both"]


class Forget(Body):
    """Two images by their ids, or by the hashes of their contents, as the list of decisions names them."""

    ids: list[Id | ContentHash] = Field(min_length=2, max_length=2)


class TrashGroup(Body):
    keep: Id
    remove: list[Id] = Field(min_length=1, max_length=10_000)


class Trash(Body):
    groups: list[TrashGroup] = Field(min_length=1, max_length=10_000)


class Key(Body):
    key: Annotated[str, StringConstraints(max_length=1000)]


# --- jobs ---------------------------------------------------------------------------------------------------------

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
    tier: Literal["identical-bytes", "identical-pixels", "same-picture", "same-scene", "similar"] = "same-picture"
    similar: float = Field(0.8, ge=0, le=1)
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
}
Kind = Literal["index", "cluster", "choose-k", "map", "duplicates", "outliers", "quality", "pca", "model"]


class JobRequest(Body):
    """A job to run in the background. The options depend on its kind."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"kind": "index", "options": {"sources": ["https://example.com/cat.jpg"]}},
                {"kind": "cluster", "options": {"n_clusters": 20}},
            ]
        },
    )
    kind: Kind
    options: dict[str, Any] = Field(default_factory=dict)


# --- OpenAI's shape -----------------------------------------------------------------------------------------------


class TextInput(Body):
    text: str


class ImageInput(Body):
    image: str = Field(description="A data URI (data:image/jpeg;base64,...) or a URL.")


Input = str | TextInput | ImageInput


class Embeddings(BaseModel):
    """As OpenAI's. Fields that mean nothing here are ignored."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"model": "efficientnet-lite2-words", "input": ["a red bike", "data:image/jpeg;base64,..."]},
                {"model": "efficientnet-lite2", "input": [{"image": "https://example.com/bike.jpg"}]},
            ]
        },
    )
    input: str | Annotated[list[Input], Field(min_length=1, max_length=256)] = Field(
        description="Texts and pictures. A string that is a data URI is a picture, every other one a text."
    )
    model: str = Field("", description="A name of GET /v1/models. None: the space that compares texts and pictures.")
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(None, ge=1, description="If given, the model's own number.")

    @field_validator("input", mode="before")
    @classmethod
    def _no_tokens(cls, given: Any) -> Any:
        if isinstance(given, list) and given and isinstance(given[0], int | list):
            raise ValueError("token ids of another model's tokenizer mean nothing here; send the texts themselves")
        return given
