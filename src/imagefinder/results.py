"""What the library gives back: answers, rows of the index, and what an index holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, overload

from imagefinder.images.grid import html_grid
from imagefinder.types import Hit, Record, Skipped, Why

if TYPE_CHECKING:
    from imagefinder.types import Float32

SURELY, MAYBE = 0.7, 0.25  # the chances to belong from which on a hit surely, or maybe, does
MOST = 0.99  # that people are told: nothing is certain


class Records(Sequence[Record]):
    """Rows of the index, by ascending id where nothing else is said. In a notebook they show as a grid of pictures."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = tuple(records)

    @overload
    def __getitem__(self, i: int) -> Record: ...
    @overload
    def __getitem__(self, i: slice) -> Sequence[Record]: ...
    def __getitem__(self, i: int | slice) -> Record | Sequence[Record]:
        return self._records[i]

    def __len__(self) -> int:
        return len(self._records)

    def __repr__(self) -> str:
        return f"Records({len(self)})"

    def _repr_html_(self) -> str:
        return html_grid([(r.uri, "", r.caption or "") for r in self])


class Hits(Sequence[Hit]):
    """The answers of one search, best first. In a notebook they show as a grid of pictures.

    ``total`` is how many images the filter lets through, all of them without one. ``stages`` are the milliseconds
    spent on each part of the search, ``took_ms`` on all of it: read, embed, feedback, query, count. ``unknown_words``
    are those of the query that no model asked knows, and ``notice`` says so to people, None if there are none. If no
    word is known, and nothing else is looked for, there are no hits. Where the hits were to be cut, ``surely`` and
    ``maybe`` count the images that surely fit, and those that maybe do, 1,000 of both at most; else they are None, as
    they are where there are too few images to tell. ``approximate``: a graph of the vectors was asked, which may miss a
    few of a hundred; ``exact`` is there for that.
    """

    def __init__(  # noqa: PLR0913 - each is a fact of its own
        self,
        hits: Sequence[Hit],
        *,
        space: str,
        total: int,
        took_ms: float,
        stages: Mapping[str, float],
        unknown_words: Sequence[str] = (),
        notice: str | None = None,
        surely: int | None = None,
        maybe: int | None = None,
        approximate: bool = False,
    ) -> None:
        self._hits = tuple(hits)
        self.space = space
        self.total = total
        self.took_ms = took_ms
        self.stages = dict(stages)
        self.unknown_words = tuple(unknown_words)
        self.notice = notice
        self.surely, self.maybe = surely, maybe
        self.approximate = approximate

    @overload
    def __getitem__(self, i: int) -> Hit: ...
    @overload
    def __getitem__(self, i: slice) -> Sequence[Hit]: ...
    def __getitem__(self, i: int | slice) -> Hit | Sequence[Hit]:
        return self._hits[i]

    def __len__(self) -> int:
        return len(self._hits)

    def __repr__(self) -> str:
        return f"Hits({len(self)} in {self.space!r}, {self.took_ms:.1f} ms)"

    def to_dict(self) -> dict[str, Any]:
        return {
            "took_ms": round(self.took_ms, 2),
            "stages": {f"{name}_ms": round(ms, 2) for name, ms in self.stages.items()},
            "space": self.space,
            "total": self.total,
            "unknown_words": list(self.unknown_words),
            "notice": self.notice,
            "surely": self.surely,
            "maybe": self.maybe,
            "approximate": self.approximate,
            "hits": [h.to_dict() for h in self],
        }

    def _repr_html_(self) -> str:
        notice = f"<p>{escape(self.notice)}</p>" if self.notice else ""
        return notice + html_grid([(h.uri, f"{h.rank}. {how_sure(h)}", h.record.caption or "") for h in self])


def how_sure(hit: Hit) -> str:
    """How well a hit fits, for people: "92 %" where it surely does, "maybe", or "8 %"; the score where nobody can
    tell."""
    if hit.sure is None:
        return f"{hit.score:.3f}"
    return "maybe" if MAYBE <= hit.sure < SURELY else f"{100 * min(hit.sure, MOST):.0f} %"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the image ``id`` fits a query: ``why``, and the ``map`` of which part of its picture does, float32 (h, w)
    over the upright picture, 256 along its longer side: 0 where it does not matter, 1 where it matters most.

    ``how`` the map was made: "features", from what the model makes of the parts of the picture, "occlusion", from what
    hiding parts of it changes, or "none" where the picture could not be read; then the map is None. ``text_at`` are
    the words read in the picture that the query says: their places in ``text.split()`` and among the ``text_boxes``.
    """

    id: str
    why: Why
    map: Float32 | None = None
    how: str = "none"
    text_at: tuple[int, ...] = ()

    @property
    def peak(self) -> tuple[float, float] | None:
        """Where the map is highest, as fractions of the width and height; None for a map of zeros, or none."""
        if self.map is None or not self.map.any():
            return None
        row, column = divmod(int(self.map.argmax()), self.map.shape[1])
        return (column + 0.5) / self.map.shape[1], (row + 0.5) / self.map.shape[0]

    def to_dict(self) -> dict[str, Any]:
        """Without the map itself."""
        ours = {"id": self.id, "why": self.why.to_dict(), "how": self.how, "peak": self.peak and list(self.peak)}
        return {**ours, "text_at": list(self.text_at)}


@dataclass(frozen=True, slots=True)
class SpaceInfo:
    """One space: its ``model``, its dimension, how many ``images`` have a vector in it, and what it is ``current``
    for: "image", "words", both or nothing. ``broken`` says why its model can't be used."""

    name: str
    model: str
    dim: int
    images: int
    current: tuple[str, ...]
    broken: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """What an index holds. ``bytes`` is its size on disk, ``notices`` are what was found damaged in it since it was
    opened, and what became of it. ``shards`` are the last runs in shards: ``of`` how many, over which ``sources``
    (none: all known), which are ``running`` (or were killed), and which are ``missing``, that have not ended; when what
    concerns the whole index was ``finished`` (ISO 8601, or None). ``neighbors`` is of the neighbour graph that is kept
    for clusters, maps, duplicates and outliers: of how many ``images``, with ``k`` neighbours each, and its ``recall``
    measured on a sample, 1 where it is exact."""

    path: str
    images: int
    bytes: int
    model: str | None
    spaces: dict[str, dict[str, Any]]
    sources: list[dict[str, Any]]
    created: str
    version: int
    notices: tuple[str, ...] = ()
    shards: tuple[dict[str, Any], ...] = ()
    neighbors: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class ShardRun:
    """The run of shard ``number`` of ``of``, which has ended, and which shards were ``missing`` then: the last one,
    which misses none, did what concerns the whole index."""

    number: int
    of: int
    missing: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"number": self.number, "of": self.of, "missing": list(self.missing)}


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """One source of an index: its kind ("folder", "file", "table" or "url"), how many images came from it, and when it
    was last indexed to the end (ISO 8601, or None).

    ``state`` is "there", "missing" (not where it was; its images stay), "paused", "interrupted" (its last run did not
    come to the end; the next one goes on) or "indexing". ``missing`` of its images were not there when last looked for.
    ``label`` is what people call it, if anything. ``found`` is how many files a run that has not come to its end has
    found there, 0 before that is known.
    """

    uri: str
    kind: str
    images: int
    last_indexed: str | None
    state: str
    missing: int = 0
    label: str = ""
    found: int = 0

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class BackfillReport:
    """What became of the images that had no vectors of a ``model``: how many have them now, and which can't."""

    model: str
    filled: int
    skipped: tuple[Skipped, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {"model": self.model, "filled": self.filled, "skipped": [s.to_dict() for s in self.skipped]}


Filled = BackfillReport  # its name before 0.2


@dataclass(frozen=True, slots=True)
class Assigned:
    """What became of new images: how many joined a cluster (``assigned``), and how many are like none of the clustered
    images and are in no cluster, -1 (``unassigned``). ``far`` of them all lie farther out than 99 % of the nearest
    cluster. ``since`` counts all that came since the clustering was made, ``unassigned_since`` those of them that are
    in none; ``returned`` those that were away and have their cluster back. ``advice`` to cluster again, or None."""

    assigned: int
    far: int
    since: int
    advice: str | None
    returned: int = 0
    unassigned: int = 0
    unassigned_since: int = 0

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class Marked:
    """How many ``concepts`` were looked for again after images came, and how many ``images`` carry the name of one now
    that did not before. ``left`` of them were not looked for, and keep the images that they had; ``advice`` says why,
    None where none is left."""

    concepts: int
    images: int
    left: int = 0
    advice: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What a run did. ``seen`` = added + updated + unchanged + moved + skipped; ``total`` is the index's size.
    ``clusters`` says what became of new images; None, and left out of the dict, while there are no clusters.
    ``filled`` says for further models how many images got their vectors, and ``concepts`` which of the kept searches
    the new images belong to; None, and left out of the dict, where there are no concepts or no image is new.

    ``missing`` are the sources that could not be gone over; their images stay. ``kept`` counts the images that are not
    there any more and stay in the index all the same, each place of them in ``skipped``; ``said`` those that were
    removed after people had said something of them, which is kept. The dict leaves out those of them that say nothing.
    ``errors`` are the exceptions of ``missing``, and never in the dict. ``shard``: the run was of one shard, of whose
    images alone all of this is, but for ``total``; None, and left out of the dict, where it was of all."""

    seen: int
    added: int
    updated: int
    unchanged: int
    moved: int
    removed: int
    skipped: tuple[Skipped, ...]
    seconds: float
    images_per_second: float
    total: int
    clusters: Assigned | None = None
    filled: tuple[BackfillReport, ...] = ()
    missing: tuple[Skipped, ...] = ()
    kept: int = 0
    said: int = 0
    errors: tuple[Exception, ...] = ()
    concepts: Marked | None = None
    shard: ShardRun | None = None

    def to_dict(self) -> dict[str, Any]:
        late = ("clusters", "concepts", "filled", "missing", "kept", "said", "errors", "shard")
        row = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in late}
        told = {n: one.to_dict() for n in ("clusters", "concepts", "shard") if (one := getattr(self, n))}
        filled = {"filled": [f.to_dict() for f in self.filled]} if self.filled else {}
        missing = {"missing": [s.to_dict() for s in self.missing]} if self.missing else {}
        counts = {name: n for name in ("kept", "said") if (n := getattr(self, name))}
        return {**row, "skipped": [s.to_dict() for s in self.skipped], **missing, **counts, **told, **filled}
