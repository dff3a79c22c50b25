"""The records that pass between modules, and aliases for arrays. Nothing here does any work."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

    Float32: TypeAlias = npt.NDArray[np.float32]

Scalar: TypeAlias = str | int | float | bool | None
Metadata: TypeAlias = Mapping[str, Scalar | list[str]]


class SkipCode(StrEnum):
    """Why an image was left out. Stable: programs may compare with these."""

    NOT_FOUND = "not-found"
    PERMISSION = "permission"
    EMPTY = "empty"
    BAD_NAME = "bad-name"
    TOO_MANY_BYTES = "too-many-bytes"
    TOO_MANY_PIXELS = "too-many-pixels"
    TOO_COSTLY = "too-costly"
    NOT_AN_IMAGE = "not-an-image"
    UNSUPPORTED_FORMAT = "unsupported-format"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    ADDRESS_REFUSED = "address-refused"
    TIMEOUT = "timeout"
    FETCH_FAILED = "fetch-failed"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one image may cost, checked before the work is done, or by ending it.

    ``max_pixels`` bounds what a header claims; ``max_decoded_pixels`` bounds what is really decoded, which for a
    JPEG read at a reduced scale is far less. ``max_seconds`` is the time of a processor, and ``max_memory`` the memory
    in bytes beside the file itself, that decoding may take.

    Of a file of several pictures, ``max_pages`` of a PDF and ``max_frames`` of a video are taken in; of a video, only
    its first ``max_length_s`` seconds are looked at, and for ``max_look_s`` seconds of a processor.
    """

    max_bytes: int = 256 * 1024**2
    max_pixels: int = 250_000_000
    max_decoded_pixels: int = 100_000_000
    max_seconds: float = 10.0
    max_memory: int = 700_000_000
    max_pages: int = 1000
    max_frames: int = 300
    max_length_s: float = 6 * 3600.0
    max_look_s: float = 60.0
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 15.0
    total_timeout_s: float = 60.0
    max_redirects: int = 5
    allow_private_addresses: bool = False


@dataclass(frozen=True, slots=True)
class ImageRef:
    """Where an image is, before it has been read.

    ``uri`` is an absolute path for a local file and the URL for a remote one; it is what the image is known by. For a
    picture inside a table see ``images.inside``: its ``mtime_ns`` is that of the table. ``folder`` is the name of the
    folder that holds it. ``size`` (bytes) is None for a URL and a picture inside a table, ``mtime_ns`` for a URL.
    ``within`` are the folders, by their real paths, that its file must lie in when it is opened, whatever links lead
    there; None: anywhere. ``content_hash`` is what it must hold, as one that was indexed does; empty: anything.
    ``sidecar`` is the path of a file of XMP beside it that speaks of it, ``sidecar_ns`` when that was last changed.
    ``version`` changes with the content, as in buckets; empty where ``size`` and ``mtime_ns`` tell. ``at`` is where a
    member is in its tar.
    """

    uri: str
    size: int | None = None
    mtime_ns: int | None = None
    folder: str = ""
    source: str = ""
    metadata: Metadata = field(default_factory=dict)
    within: tuple[str, ...] | None = None
    content_hash: str = ""
    sidecar: str = ""
    sidecar_ns: int | None = None
    version: str = ""
    at: str = ""

    @property
    def id(self) -> str:
        return image_id(self.uri)


@dataclass(frozen=True, slots=True)
class Skipped:
    """An image left out of a run, and why. A value, not an exception: the run goes on."""

    uri: str
    code: str
    reason: str
    remedy: str = ""

    def to_dict(self) -> dict[str, str]:
        return {"uri": self.uri, "code": self.code, "reason": self.reason, "remedy": self.remedy}


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """The bytes of an image, read but not decoded. ``content_hash`` is the hex BLAKE2b-128 of ``data``.

    Of a page or frame, ``data`` is a JPEG that was made of it, ``content_hash`` that of its file and place, and
    ``facts`` are those of ``LoadedImage`` that the JPEG doesn't say.
    """

    ref: ImageRef
    data: bytes = field(repr=False)
    content_hash: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LoadedImage:
    """An upright RGB picture and the facts of its file.

    ``image`` may have been decoded at a reduced scale; ``width`` and ``height`` are the full size in pixels after
    the EXIF orientation. ``taken_at`` is ISO 8601, without a zone when the camera gave none; ``taken_from`` says what
    gave it, as ``images.dates`` has it. ``told`` is what else the file says, as ``images.metadata`` has it.
    """

    ref: ImageRef
    image: Image = field(repr=False)
    content_hash: str
    bytes: int
    width: int
    height: int
    format: str
    taken_at: str | None = None
    taken_from: str | None = None
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the index: an image and what is known of it. Times are ISO 8601, ``mtime`` in UTC; ``colours`` are
    those of ``images.palette``, the largest first. ``taken_from`` says what gave ``taken_at``: "exif", "xmp", "iptc",
    "png", "name", or "changed" where only the time of the last saving is known. Where nothing gave it, ``taken_from``
    is "file", and ``taken_guess`` the time of the file, in UTC: a guess, by which no filter on ``taken_at`` goes."""

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
    mtime_ns: int | None = None
    taken_at: str | None = None
    caption: str | None = None
    tags: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    taken_from: str | None = None
    taken_guess: str | None = None
    extra: Metadata = field(default_factory=dict)

    @classmethod
    def from_payload(cls, id: str, payload: Mapping[str, Any]) -> Record:
        known = {k: payload[k] for k in RECORD_FIELDS if k in payload}
        known |= {name: tuple(known.get(name) or ()) for name in ("tags", "colours")}
        return cls(id=id, extra={k: v for k, v in payload.items() if k not in RECORD_FIELDS}, **known)

    def to_payload(self) -> dict[str, Any]:
        """A flat dict for the store: every field but the id, extra columns beside them, None left out."""
        fields = {k: getattr(self, k) for k in RECORD_FIELDS}
        fields |= {"tags": list(self.tags), "colours": list(self.colours)}
        return {k: v for k, v in {**self.extra, **fields}.items() if v is not None and v != []}

    def to_dict(self) -> dict[str, Any]:
        """A flat dict for people and JSON: the id and every field that says something to them."""
        return {"id": self.id, **{k: v for k, v in self.to_payload().items() if k not in UNSHOWN_FIELDS}}


# What ImageFinder itself writes on records beside their own fields: clusters, scores of the picture, and the concepts
# that it belongs to.
DERIVED_FIELDS = (
    "cluster",
    "cluster_name",
    "cluster_pinned",
    "outlier",
    "blur",
    "brightness",
    "contrast",
    "aspect",
    "issues",
    "class",
    "class_confidence",
    "concept",
    "missing",
)
# What files themselves say, beside tags, caption and date. A table may have columns of these names, which go before.
FILE_FIELDS = ("camera", "lens", "lat", "lon")
# The text in a picture, the place of each of its words, and what read it. A table's column ``text`` goes before.
TEXT_FIELDS = ("text", "text_boxes", "text_by")
# What the file of an image said last (tags, caption), what of it people had said before, and when its sidecar was last
# changed: to tell what is new in a file from what people have taken away.
NOTED_FIELDS = ("file_tags", "own_tags", "file_caption", "own_caption", "sidecar_ns")
UNSHOWN_FIELDS = ("mtime_ns", "text_boxes", "remote_version", "member_at", "album_at", *NOTED_FIELDS)
RECORD_FIELDS = tuple(k for k in Record.__dataclass_fields__ if k not in ("id", "extra"))


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason why an image is a hit, of a ``kind``:

    - "words", "picture": the part of the query that is called ``text``. "liked", "disliked": the images that were
      judged. "others": that it is unlike ordinary images of the collection, which judgements are told apart from.
      Their ``share`` is what they add to the score; it may be negative.
    - "texts": what is written of the image, by the words of the query that it says, and for its name or a phrase, by
      which it comes before all others; with the ``share`` of each.
    - "shows": what both the image and the query show, as one word. "colour": a colour that both have.
    - "name", "folder", "caption", "tag", "group", "text in picture", or the name of a column of a table: which words of
      the query it says, as they are written there.
    """

    kind: str
    text: str
    share: float | None = None

    def to_dict(self) -> dict[str, Any]:
        share = {} if self.share is None else {"share": round(self.share, 6)}
        return {"kind": self.kind, "text": self.text, **share}


@dataclass(frozen=True, slots=True)
class Why:
    """Why an image is a hit. The shares among the ``reasons`` add up to its score, those that are not of "texts" to
    ``meaning``: how well the image fits by what the models make of it."""

    reasons: tuple[Reason, ...] = ()
    meaning: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return {"meaning": round(self.meaning, 6), "reasons": [reason.to_dict() for reason in self.reasons]}

    def texts(self) -> list[str]:
        """The reasons in words, such as "colour: red", "shows: dog", "grass +0.12". Where one part is all the score,
        it is left out."""
        shared = sum(reason.share is not None for reason in self.reasons)
        found = []
        for reason in self.reasons:
            if reason.share is None:
                found.append(f"{reason.kind}: {reason.text}")
            elif shared > 1:
                found.append(f"{reason.text} {reason.share:+.3f}")
        return found

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Why:
        reasons = tuple(Reason(r["kind"], r["text"], r.get("share")) for r in row["reasons"])
        return cls(reasons, row["meaning"])


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer of a search. ``rank`` counts from 1; ``score`` is larger for better. ``copies`` are the ids of the
    near-identical images it stands for, where the search was to collapse them. ``sure`` is the chance that it belongs,
    from 0 to 1, on one scale for all queries and collections; None where there are too few images to tell. ``why`` says
    why it is a hit, where the search was to explain. ``other_parts`` are the ids of the other pages or frames of its
    file among the best hits, the best first."""

    rank: int
    score: float
    record: Record
    copies: tuple[str, ...] = ()
    sure: float | None = None
    why: Why | None = None
    other_parts: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def uri(self) -> str:
        return self.record.uri

    def to_dict(self) -> dict[str, Any]:
        sure = None if self.sure is None else round(self.sure, 3)
        ours = {"rank": self.rank, "id": self.id, "uri": self.uri, "score": round(self.score, 6), "sure": sure}
        copies = {"copies": list(self.copies)} if self.copies else {}
        others = {"other_parts": list(self.other_parts)} if self.other_parts else {}
        why = {"why": self.why.to_dict()} if self.why else {}
        told = {**copies, **others, **why}
        return {**ours, **self.record.to_dict(), **ours, **told}  # ours first, and never a table's of the same name


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a piece of work is: ``done`` of ``total`` of what its ``stage`` names; a ``total`` of 0 is not known.

    A run of indexing also says how many images are ``stored`` safely in the index, and how many it ``skipped``.
    ``note`` adds what else is worth showing, such as the loss of a training.
    """

    stage: str
    done: int = 0
    total: int = 0
    stored: int = 0
    skipped: int = 0
    note: str = ""


OnProgress: TypeAlias = Callable[[Progress], None]  # an exception that it raises stops the work


def ignore(progress: Progress) -> None:
    """For whoever does not ask how far the work is."""


class Unset(Enum):
    """The value of an argument that was not given, where None would take something away."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


def image_id(uri: str) -> str:
    """The id of the image known by ``uri``: a UUIDv5, so the same place always has the same id."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, uri.encode("utf-8", "backslashreplace").decode()))


def ids_of(image: str) -> list[str]:
    """The ids that an image may have which is named by its id, ``id:`` and its id, its path or its URL."""
    try:
        ids = [str(uuid.UUID(image.removeprefix("id:")))]
    except ValueError:
        ids = []
    return [*ids, image_id(image), image_id(os.path.abspath(os.path.expanduser(image)))]
