"""What clients may send. The responses are described in ``responses``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, create_model, field_validator, model_validator

from imagefinder._util.suggest import unknown_argument
from imagefinder.catalog.edits import CAPTION_LENGTH, NAME_LENGTH, TAG_LENGTH, TAGS
from imagefinder.clusters.edit import LONGEST
from imagefinder.duplicates.decisions import Decision
from imagefinder.index.concepts import LONGEST as LONGEST_NAME
from imagefinder.search.options import ABOUT_OPTIONS, About, Measure

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
QueryText = Annotated[str, StringConstraints(max_length=2000)]
Url = Annotated[str, StringConstraints(pattern=r"^[hH][tT][tT][pP][sS]?://", max_length=8000)]
DataUri = Annotated[str, Field(description="A data URI: data:image/jpeg;base64,...")]
UploadName = Annotated[
    str, StringConstraints(pattern="^[0-9a-f]{32}$"), Field(description="The name that POST /v1/uploads gave.")
]
ConceptName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST_NAME),
    Field(description="The name of a concept.", examples=["red shoes"]),
]
FilterText = Annotated[
    str,
    StringConstraints(max_length=4000),
    Field(description="A filter expression.", examples=['folder = "shoes" and width >= 800']),
]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TAG_LENGTH)]
Ids = Annotated[list[Id], Field(max_length=10_000)]
ContentHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
ShortText = Annotated[str, StringConstraints(max_length=8000)]
ClusterNumber = Annotated[int, Field(ge=0, le=2**31 - 1)]


URLS = 10_000  # in one request, or one job


class Body(BaseModel):
    """A request: a field there isn't is an error, so that a misspelt name is not passed over."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known(cls, given: Any) -> Any:
        if isinstance(given, dict):
            for name in given:
                if name not in cls.model_fields:
                    raise ValueError(unknown_argument(name, cls.model_fields))
        return given


def check_one(body: Body, *names: str) -> None:
    """Raises ValueError unless exactly one of these fields is given."""
    given = [name for name in names if getattr(body, name) is not None]
    if len(given) != 1:
        raise ValueError(f"give exactly one of {', '.join(names[:-1])} and {names[-1]}, not {given or 'none'}")


class Part(Body):
    """One part of a query: exactly one of words, id, url, image, upload and concept. A negative weight
    steers away from it."""

    words: QueryText | None = None
    id: Id | None = None
    url: Url | None = None
    image: DataUri | None = None
    upload: UploadName | None = None
    concept: ConceptName | None = None
    weight: float = Field(1.0, ge=-100, le=100)
    box: Box | None = Field(None, description="Search by this part of the picture only.")
    quoted: bool = Field(False, description="Search by the words even if the model knows none of them.")
    phrases: list[QueryText] = Field(
        default_factory=list, max_length=20, description="Images whose texts say one of these phrases come first."
    )
    field: Literal["name", "caption", "text", "tag"] | None = Field(
        None, description="The words are what this field of an image has to say, or with a negative weight may not."
    )

    @model_validator(mode="after")
    def _one(self) -> Part:
        check_one(self, "words", "id", "url", "image", "upload", "concept")
        if (self.field or self.phrases) and self.words is None:
            raise ValueError("a field and phrases are for words")
        if self.box and (self.words is not None or self.concept is not None):
            raise ValueError("a box needs a picture")
        return self


_NARROWER: dict[str, Any] = {  # where a request may say less than a program
    "k": Annotated[int, Field(ge=1, le=1000)],
    "offset": Annotated[int, Field(ge=0, le=1_000_000)],
    "filter": FilterText | None,
    "liked": Annotated[list[Id], Field(max_length=1000)],
    "disliked": Annotated[list[Id], Field(max_length=1000)],
    "spaces": Annotated[list[Name], Field(max_length=8)],
    "measures": Annotated[list[Measure], Field(min_length=1, max_length=2)],
}
_HITS = 50  # where a request does not say how many


def _search_field(about: About) -> Any:
    """A field of a request for an option of a search: its type, its default, and what is said of it."""
    item: Any = Literal[about.choices] if about.choices else str if about.kind is tuple else about.kind
    kind: Any = list[item] if about.kind is tuple else item
    kind = Annotated[kind, Field(ge=about.least, le=about.most)] if about.least is not None else kind
    kind = _NARROWER.get(about.name, kind if about.default is not None else kind | None)
    if about.kind is tuple:
        return kind, Field(description=about.help, default_factory=lambda: [*about.default])
    return kind, Field(_HITS if about.name == "k" else about.default, description=about.help)


class Query(Body):
    """What is looked for: words, parts to be added up, or both."""

    words: QueryText | None = Field(
        None, description="Words, with rclip's arithmetic: dog + id:UUID - people, 2:dog, URLs."
    )
    parts: list[Part] = Field(default_factory=list, max_length=50)


_EXPLAINED = ("liked", "disliked", "spaces", "words_in")

if TYPE_CHECKING:
    _Search = Query
    _Explain = Query
else:
    _Explain = create_model("_Explain", __base__=Query, **{n: _search_field(ABOUT_OPTIONS[n]) for n in _EXPLAINED})
    _Search = create_model("_Search", __base__=Query, **{n: _search_field(a) for n, a in ABOUT_OPTIONS.items()})


class Search(_Search):
    """A query: words, parts to be added up, or images that were liked. Its options are those of ``SearchOptions``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"words": "red bike - people", "k": 20},
                {"parts": [{"id": "6ba7b810-9dad-51d1-80b4-00c04fd430c8"}, {"words": "blue", "weight": 0.5}]},
                {"words": "shoe", "filter": 'folder = "new" and width >= 800', "collapse": True},
            ]
        },
    )

    def options(self) -> dict[str, Any]:
        """What ``ImageFinder.search`` takes beside the query."""
        return {name: getattr(self, name) for name in ABOUT_OPTIONS}


class Explain(_Explain):
    """A query, as that of a search, which is to be explained for one image."""

    def options(self) -> dict[str, Any]:
        """What ``ImageFinder.explain`` takes beside the image and the query."""
        return {name: getattr(self, name) for name in _EXPLAINED}


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
    urls: list[Url] = Field(min_length=1, max_length=URLS)


class Feedback(Body):
    query: dict[str, Any] = Field(default_factory=dict, description="The body of the search that was judged.")
    liked: Ids = Field(default_factory=list)
    disliked: Ids = Field(default_factory=list)


class Concept(Query):
    """A query to be kept under a name, and images that were right and wrong."""

    name: ConceptName
    liked: Ids = Field(default_factory=list)
    disliked: Ids = Field(default_factory=list)
    min_score: float | None = Field(
        None, description="Hits that score at least this belong to it. None: those that surely fit."
    )
    filter: FilterText | None = Field(None, description="Only images that pass belong to it; without a query, all.")


class Renamed(Body):
    name: ConceptName


class Change(Body):
    """New tags, caption or name of an image; what is left out stays."""

    tags: list[Tag] | None = Field(None, max_length=TAGS)
    caption: Annotated[str, StringConstraints(max_length=CAPTION_LENGTH)] | None = None
    name: Annotated[str, StringConstraints(max_length=NAME_LENGTH)] | None = None


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
    clusters: list[ClusterNumber] = Field(min_length=2, max_length=1000)


class Split(Body):
    n: int = Field(2, ge=2, le=100)


class Decide(Body):
    ids: list[Id] = Field(min_length=2, max_length=100)
    decision: Decision


class DecidedPair(Body):
    """A decision on two contents, as GET /v1/duplicates/decisions lists it."""

    a: ContentHash
    b: ContentHash
    decision: Decision
    when: Annotated[str, StringConstraints(max_length=40)]
    names: tuple[ShortText, ShortText] = ("", "")


class DecidedPairs(Body):
    version: int = Field(1, ge=1)
    pairs: list[DecidedPair] = Field(max_length=100_000)


class Forget(Body):
    """Two images by their ids, or by the hashes of their contents, as the list of decisions names them."""

    ids: list[Id | ContentHash] = Field(min_length=2, max_length=2)


class TrashGroup(Body):
    keep: Id
    remove: list[Id] = Field(min_length=1, max_length=10_000)


class Trash(Body):
    groups: list[TrashGroup] = Field(min_length=1, max_length=10_000)


class Undo(Body):
    journal: ShortText | None = Field(None, description="A journal of the trash, as it was named. None: the last one.")


class KnownSource(Body):
    source: str = Field(min_length=1, max_length=8000, description="The path or URL of a source, as GET /v1/sources.")


class ForgottenSource(KnownSource):
    remove_images: bool = Field(False, description="Also take its images out of the index.")


class Key(Body):
    """The key of the server, or the token of a link: exactly one of them."""

    key: Annotated[str, StringConstraints(max_length=1000)] | None = None
    link: Annotated[str, StringConstraints(max_length=1000)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Key:
        check_one(self, "key", "link")
        return self


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
