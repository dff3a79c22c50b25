"""The bodies of responses, for the description of the API. They are sent as they are, not checked against these."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from imagefinder.server.reasons import Why


class ResponseBody(BaseModel):
    model_config = ConfigDict(extra="allow")


class Problem(BaseModel):
    code: str = Field(examples=["not-found"])
    message: str
    remedy: str = ""


class Error(BaseModel):
    """Every error has this shape."""

    error: Problem


class Image(ResponseBody):
    """A record: facts of the file, what people said of it, what was computed. Fields without a value are left out, and
    the columns of a table stand beside these."""

    id: str
    uri: str
    folder: str = ""
    source: str = ""
    content_hash: str = ""
    bytes: int = 0
    width: int = 0
    height: int = 0
    format: str = ""
    mtime: str | None = None
    taken_at: str | None = None
    taken_from: str | None = None
    taken_guess: str | None = None
    caption: str | None = None
    tags: list[str] = []
    favorite: bool | None = None
    rating: int | None = Field(default=None, description="Stars, 1 to 5.")
    albums: list[str] = []
    colours: list[str] = []
    cluster: int | None = None
    cluster_name: str | None = None
    camera: str | None = Field(default=None, description="What the file says of itself, as lens, lat and lon.")
    lens: str | None = None
    lat: float | None = Field(default=None, description="Degrees, WGS 84, north positive.")
    lon: float | None = Field(default=None, description="Degrees, WGS 84, east positive.")
    text: str | None = Field(default=None, description="The text read in the picture.")
    text_boxes: list[int] | None = Field(
        default=None,
        description="Of one image only: four numbers for each word of its text (by spaces): left, top, right and "
        "bottom, in thousandths of the picture's sides.",
    )


class Hit(Image):
    """A hit of a search: rank from 1, a score that is larger for better, and the record."""

    rank: int
    score: float
    sure: float | None = Field(
        default=None,
        description="The chance that it belongs, 0 to 1, on one scale for all queries; null where there are too few "
        "images to tell.",
    )
    copies: list[str] = Field(default=[], description="Near-identical images that stand behind this one.")
    other_parts: list[str] = Field(
        default=[], description="Other pages of its PDF, or frames of its video, among the best hits."
    )
    why: Why | None = Field(default=None, description="Why it is a hit, where `explain` was asked for.")


class Hits(ResponseBody):
    took_ms: float
    stages: dict[str, float] = Field(description="Milliseconds of each stage.")
    space: str
    total: int = Field(description="How many images match the filter.")
    next_offset: int | None
    unknown_words: list[str] = Field(description="Words of the query that no model asked knows.")
    notice: str | None = Field(description="The same, for people.")
    surely: int | None = Field(description="How many images surely fit, where the hits were cut.")
    maybe: int | None = Field(description="How many more maybe fit. Both together are 1000 at most.")
    approximate: bool = Field(description="Whether a few of the best may be missing: `exact` was not asked for.")
    hits: list[Hit]


class Concept(ResponseBody):
    """A query under a name. `parts` are those of POST /v1/search; `images` are marked as belonging to it."""

    id: str
    created: str
    name: str
    parts: list[dict[str, Any]]
    liked: list[dict[str, str]]
    disliked: list[dict[str, str]]
    min_score: float | None
    filter: str = Field(description="What its images pass; empty for none.")
    images: int


class Concepts(ResponseBody):
    concepts: list[Concept]


class Upload(ResponseBody):
    upload: str
    width: int
    height: int
    format: str


class Images(ResponseBody):
    total: int
    offset: int = Field(description="The place of the first one among all.")
    next_offset: int | None
    images: list[Image]


class Columns(ResponseBody):
    total: int
    columns: dict[str, list[Any]]


class Skipped(ResponseBody):
    uri: str
    code: str
    reason: str
    remedy: str = ""


class Added(ResponseBody):
    images: list[Image]
    skipped: list[Skipped]


class Job(ResponseBody):
    """A piece of work in the background; ``done`` of ``total`` counts what ``stage`` names."""

    id: str
    kind: str
    title: str = Field(description="What it is, for people.")
    options: dict[str, Any]
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    stage: str
    done: int
    total: int
    eta_s: float | None
    run_eta_s: float | None = Field(None, description="Seconds to the end of all stages, where an earlier job tells.")
    created: str
    started: str | None
    finished: str | None
    seconds: float
    error: Problem | None
    result: Any = None
    skipped: int


class Waiting(ResponseBody):
    """It will be done after this job."""

    job: Job


class Jobs(ResponseBody):
    total: int
    jobs: list[Job]


class SkippedList(ResponseBody):
    total: int
    skipped: list[Skipped]


class Cluster(ResponseBody):
    label: int
    name: str
    size: int
    tightness: float
    silhouette: float
    stability: float | None
    medoid: str
    representatives: list[str]
    borderline: list[str]
    words: list[tuple[str, float]]
    named: bool
    locked: bool
    sure: float | None = Field(None, description="Share of its images whose nearest word is the name, or a kind of it.")
    measured: int | None = Field(None, description="Images that tightness, silhouette and stability were measured on.")


class Since(ResponseBody):
    """What came since the clusters were made."""

    clustered: int
    came: int
    fit: int = Field(description="In a cluster.")
    unfit: int = Field(description="Like none of the clustered images, and in no cluster (-1).")
    advice: str | None = Field(description="Why it is time to cluster again.")


class Clusters(ResponseBody):
    run: str
    created: str
    grouped: str = Field(description="When all images were last grouped; corrections don't change it.")
    parent: str | None = Field(description="The version that undo goes back to.")
    method: str
    n_images: int
    n_clusters: int
    n_noise: int
    scores: dict[str, Any]
    clusters: list[Cluster]
    since: Since


class Map(ResponseBody):
    name: str
    method: str
    images: int
    scores: dict[str, Any] | None = None


class Maps(ResponseBody):
    maps: list[Map]


class Duplicates(ResponseBody):
    run: str
    created: str
    images: int
    indexed: int = Field(0, description="All images that were in the index at the search.")
    groups: list[dict[str, Any]]
    one_file: list[list[str]] = Field(description="Images that are names of one file: no duplicates.")
    one_picture: list[list[str]] = Field(description="Images that are one picture in several files: no duplicates.")


class Space(ResponseBody):
    name: str
    model: str
    dim: int
    images: int = Field(description="How many images have a vector in it.")
    current: list[Literal["image", "words"]] = Field(description="What it is searched for where none is named.")
    broken: str = Field(description="Why its model can't be used; empty if it can.")


class Source(ResponseBody):
    uri: str
    kind: str
    images: int
    last_indexed: str | None
    state: str = Field(description="there, missing, paused, interrupted or indexing")
    missing: int = Field(description="How many of its images were not there when last looked for.")
    label: str = Field(description="What people call it; empty: by its path or URL.")
    found: int = Field(description="How many files a run that has not come to its end has found there; 0: not known.")


class Sources(ResponseBody):
    sources: list[Source]


class Spaces(ResponseBody):
    images: int
    spaces: list[Space]


class BetterModel(ResponseBody):
    """A model with which searches by words would find more, and what it costs there."""

    model: str = Field(description="The short name of a model of the catalogue.")
    title: str
    licence: str
    bytes: int = Field(description="Still to be fetched; 0 if it is on the server's machine.")
    images: int
    images_per_second: float = Field(description="Judged by a part of such a model, timed on the server's machine.")
    seconds: float = Field(description="For all images at that speed, without reading them.")


class BetterWords(ResponseBody):
    better_words: BetterModel | None = Field(description="null: none is needed, or none can be fetched.")


class Link(ResponseBody):
    """The token of a link that opens the page once, and for how many seconds it is good."""

    link: str
    seconds: int


class Prediction(ResponseBody):
    """The likeliest class of a picture, how sure that is (0 to 1), and the likeliest five with their probabilities."""

    class_: str = Field(alias="class")
    confidence: float
    classes: dict[str, float]


class Facets(ResponseBody):
    """The values of each field that filters offer, with their counts, and the ranges of the numbers."""

    total: int
    places: int = Field(description="The number of folders.")
    ranges: dict[str, list[Any]]
    more: dict[str, int] = Field(description="How many rarer values of a field are left out, where some are.")


class Embedding(BaseModel):
    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str = Field(description="Numbers, or base64 of float32, little-endian.")


class Usage(BaseModel):
    """Word pieces of the texts; pictures count nothing."""

    prompt_tokens: int
    total_tokens: int


class Embedded(ResponseBody):
    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    version: str = Field(description="Vectors compare with each other as long as this is the same.")
    usage: Usage


class Model(ResponseBody):
    """A space that pictures, or pictures and texts, have vectors in."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    dimensions: int
    version: str
    inputs: list[Literal["text", "image"]]


class Models(BaseModel):
    object: Literal["list"] = "list"
    data: list[Model]
