"""What clients may send. What they get back is described in ``answers``."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from imagefinder.catalog.edits import CAPTION_LENGTH, TAG_LENGTH, TAGS
from imagefinder.clusters.edit import LONGEST
from imagefinder.duplicates.decisions import Decision
from imagefinder.search.fusion import Fuse, Measure

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
Words = Annotated[str, StringConstraints(max_length=2000)]
Url = Annotated[str, StringConstraints(pattern=r"^[hH][tT][tT][pP][sS]?://", max_length=8000)]
DataUri = Annotated[str, Field(description="A data URI: data:image/jpeg;base64,...")]
UploadName = Annotated[
    str, StringConstraints(pattern="^[0-9a-f]{32}$"), Field(description="What POST /v1/uploads answered.")
]
FilterText = Annotated[
    str,
    StringConstraints(max_length=4000),
    Field(description="A filter expression.", examples=['folder = "shoes" and width >= 800']),
]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TAG_LENGTH)]
Ids = Annotated[list[Id], Field(max_length=10_000)]
ContentHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Label = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Body(BaseModel):
    """A request: a field there isn't is an error, so that a slip of the pen is not a silent default."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def check_one(body: Body, *names: str) -> None:
    """Raises ValueError unless exactly one of these fields is given."""
    given = [name for name in names if getattr(body, name) is not None]
    if len(given) != 1:
        raise ValueError(f"give exactly one of {', '.join(names[:-1])} and {names[-1]}, not {given or 'none'}")


class Part(Body):
    """One part of a query: exactly one of words, id, url, image and upload. A negative weight steers away from it."""

    words: Words | None = None
    id: Id | None = None
    url: Url | None = None
    image: DataUri | None = None
    upload: UploadName | None = None
    weight: float = Field(1.0, ge=-100, le=100)
    box: Box | None = Field(None, description="Search by this part of the picture only.")

    @model_validator(mode="after")
    def _one(self) -> Part:
        check_one(self, "words", "id", "url", "image", "upload")
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
        max_length=len(get_args(Measure)),
        description="How vectors are compared.",
    )
    fuse: Fuse = Field("mean", description="How several spaces or measures rank together.")


class Predict(Body):
    """A picture whose class is asked for: exactly one of id, url, image and upload."""

    id: Id | None = None
    url: Url | None = None
    image: DataUri | None = None
    upload: UploadName | None = None
    model: Name | None = Field(None, description="A classifier. None: the one trained last.")

    @model_validator(mode="after")
    def _one(self) -> Predict:
        check_one(self, "id", "url", "image", "upload")
        return self


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

    tags: list[Tag] | None = Field(None, max_length=TAGS)
    caption: Annotated[str, StringConstraints(max_length=CAPTION_LENGTH)] | None = None


class Tagging(Body):
    ids: Ids
    add: list[Tag] = Field(default_factory=list, max_length=TAGS)
    remove: list[Tag] = Field(default_factory=list, max_length=TAGS)


class IdList(Body):
    ids: Ids


class ClusterChange(Body):
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST)] | None = None
    locked: bool | None = None


class Merge(Body):
    clusters: list[Label] = Field(min_length=2, max_length=1000)


class Split(Body):
    n: int = Field(2, ge=2, le=100)


class Decide(Body):
    ids: list[Id] = Field(min_length=2, max_length=100)
    decision: Decision


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
