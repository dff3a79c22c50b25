"""A clustering as it is kept: its clusters, how it was made, and the arrays that assign new images to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from imagefinder._util import uuids
from imagefinder.clusters.algorithms.methods import METHODS
from imagefinder.errors import IndexDamagedError, NotFoundError
from imagefinder.index.runs import LateArrays, Run
from imagefinder.vectors.features import Features

if TYPE_CHECKING:
    import numpy as np

    from imagefinder.clusters.algorithms.strangers import Strangers
    from imagefinder.types import Float32

KIND = "clusters"
MADE = "cluster"  # what was done: a run of clustering, not a correction
TAKEN_IN = "take in what came"  # or this: the clusters that new images make beside those there are
_CLUSTER = {
    **{"label": int, "name": str, "size": int, "medoid": str, "representatives": [str], "borderline": [str]},
    **dict.fromkeys(("tightness", "silhouette", "radius"), float),
    **{"words": [[object]], "stability?": (float, None), "named?": bool, "locked?": bool, "joined?": bool},
    **{"sure?": (float, None)},
}
_PARAMETERS = {
    **dict.fromkeys(("method", "space", "model", "model_fingerprint"), str),
    **{"asked": (int, str), "features": str, "scale": str, "seed": int, "settings": {str: object}},
}
FACTS = {
    **{"created": str, "done": str, "parent": (str, None), "placed_by?": (str, None)},
    **{"grouped_by?": (str, None), "grouped?": (str, None)},
    **{"n_images": int, "n_noise": int, "scores": {str: (float, None)}, "apart": [[int]]},
    **{"clusters": [_CLUSTER], "parameters": _PARAMETERS},
}
ARRAYS = {
    **{"ids": ("u", "n", 16), "labels": ("i", "n"), "pinned": ("b", "n"), "contents": ("U", "n")},
    **{"centres": ("f", "k", "dim"), "tree": ("f", "joins", 4)},
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster. ``label`` is its number for good, ``name`` what to call it; ``words`` are those that set its images
    apart, each with its lead over the rest of the collection (0 to 1). ``sure``: the share of the images whose nearest
    word is the name or a kind of it; None for a name that a person gave, or that is no word.

    ``tightness`` is the mean cosine to the centre, ``stability`` the mean Jaccard overlap between resampled runs,
    ``radius`` the distance within which 99 % of the members lie. ``medoid``, ``representatives`` and ``borderline`` are
    ids: the most typical image, some that show the range, and those nearest to another cluster. ``named``, ``locked``,
    ``joined``: what a person did with it.
    """

    label: int
    name: str
    size: int
    tightness: float
    silhouette: float
    radius: float
    medoid: str
    representatives: tuple[str, ...]
    borderline: tuple[str, ...]
    words: tuple[tuple[str, float], ...] = ()
    stability: float | None = None
    named: bool = False
    locked: bool = False
    joined: bool = False
    sure: float | None = None

    def to_dict(self) -> dict[str, Any]:
        row = {name: getattr(self, name) for name in self.__dataclass_fields__}
        rounded = {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}
        lists = {"representatives": list(self.representatives), "borderline": list(self.borderline)}
        return {**rounded, **lists, "words": [list(w) for w in self.words]}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        known: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
        return cls(**{**known, "words": tuple((str(w), float(lead)) for w, lead in row["words"])})


@dataclass(frozen=True)
class Clustering:
    """All clusters of an index at one time, how they were made (``parameters``) and ``scores`` that judge the whole:
    inertia, silhouette with its error, and so on.

    ``stored`` are the arrays that are kept with it; those of a kept clustering are read when they are first asked for.
    ``placed_by`` names the run that put the images where they are: what gives a name or a lock has the arrays of the
    version before it. ``grouped_by`` names the one that all images were last grouped by, at the time ``grouped``:
    corrections of it keep both. ``apart`` are pairs of labels that a person has split. ``done`` says what made this
    version, ``parent`` is the one before it.
    """

    clusters: tuple[Cluster, ...]
    parameters: Mapping[str, Any]
    scores: Mapping[str, Any]
    stored: Mapping[str, np.ndarray]
    n_images: int
    n_noise: int
    apart: tuple[tuple[int, int], ...] = ()
    done: str = MADE
    parent: str | None = None
    name: str = ""
    created: str = ""
    placed_by: str = ""
    grouped_by: str = ""
    grouped: str = ""

    @cached_property
    def ids(self) -> Sequence[str]:
        """The images, by ascending id."""
        return uuids.unpacked(self.stored["ids"])

    @property
    def labels(self) -> np.ndarray:
        """The cluster of each image, int32 (n,); -1 is noise."""
        return self.stored["labels"]

    @property
    def pinned(self) -> np.ndarray:
        """Whether a person has put the image there, bool (n,)."""
        return self.stored["pinned"]

    @cached_property
    def contents(self) -> Sequence[str]:
        """The content hash of each image; empty in the versions that were kept without."""
        found: Sequence[str] = self.stored["contents"].tolist() if "contents" in self.stored else ()
        return found

    @property
    def centres(self) -> Float32:
        """The mean of each cluster's images, float32 (k, dim), in the order of ``clusters``."""
        return self.stored["centres"]

    @property
    def tree(self) -> np.ndarray:
        """The clusters of clusters, over the same order: see ``algorithms.hierarchy``."""
        return self.stored["tree"]

    @cached_property
    def features(self) -> Features:
        """What turns a raw vector of the model into one that can be compared with the centres."""
        held = {k.removeprefix("features_"): self.stored[k] for k in self.stored if k.startswith("features_")}
        return Features.from_arrays(held)

    @cached_property
    def strangers(self) -> Strangers | None:
        """What tells images that are like none of those clustered; None where nothing was learned of that."""
        from imagefinder.clusters.algorithms.strangers import Strangers

        held = {k.removeprefix("strangers_"): self.stored[k] for k in self.stored if k.startswith("strangers_")}
        return Strangers.from_arrays(held)

    @property
    def has_noise(self) -> bool:
        """Whether the method leaves out what fits nowhere."""
        row = METHODS.get(self.parameters.get("method", ""))
        return row is not None and row.noise

    def find(self, cluster: int | str) -> Cluster:
        """A cluster by its label or its name, whatever the case. Raises NotFoundError."""
        return find_cluster(self.clusters, cluster)

    def place(self, label: int) -> int:
        """Where the cluster of a label stands in ``clusters`` and ``centres``."""
        return [c.label for c in self.clusters].index(label)

    def names(self) -> dict[int, str]:
        return {c.label: c.name for c in self.clusters}

    def with_clusters(self, clusters: Sequence[Cluster], done: str) -> Self:
        """The next version: other facts of the clusters, and the same images in them."""
        return replace(self, clusters=tuple(clusters), done=done, parent=self.name)

    def with_arrays(self, **arrays: Any) -> Self:
        """A copy with some arrays changed, by the names of the properties."""
        stored = {**self.stored, **pack_arrays(**arrays)}
        labels = stored["labels"]
        return replace(self, stored=stored, placed_by="", n_images=len(labels), n_noise=count_noise(labels))

    def loaded(self) -> Self:
        """A copy that has all its arrays in memory, whatever becomes of the index. Raises IndexDamagedError."""
        return replace(self, stored=dict(self.stored))

    def to_dict(self) -> dict[str, Any]:
        """The facts, for people and JSON: everything but what belongs to single images."""
        return {
            "run": self.name,
            "created": self.created,
            "done": self.done,
            "parent": self.parent,
            "placed_by": self.placed_by or self.name,
            "grouped_by": self.grouped_by or self.name,
            "grouped": self.grouped or self.created,
            **dict(self.parameters),
            "n_images": self.n_images,
            "n_clusters": len(self.clusters),
            "n_noise": self.n_noise,
            "scores": dict(self.scores),
            "apart": [list(pair) for pair in self.apart],
            "clusters": [c.to_dict() for c in self.clusters],
        }

    def facts(self) -> dict[str, Any]:
        """What is kept in ``run.json``."""
        own = {"placed_by": self.placed_by, "grouped_by": self.grouped_by, "grouped": self.grouped}
        row = {**self.to_dict(), **own}
        kept = {k: v for k, v in row.items() if k not in (*self.parameters, "run", "created")}
        return {**kept, "parameters": dict(self.parameters)}

    def read_again(self, run: Run) -> Self:
        """A copy that reads its arrays from the run when they are asked for."""
        sizes = {"n": self.n_images, "k": len(self.clusters), "joins": max(0, len(self.clusters) - 1)}
        return replace(self, stored=LateArrays(run, ARRAYS, sizes))

    @classmethod
    def of(cls, run: Run) -> Self:
        """Read a kept clustering, its arrays when they are asked for. Raises IndexDamagedError."""
        facts = run.facts
        run.check(FACTS)
        try:
            found = cls(
                clusters=tuple(Cluster.from_dict(row) for row in facts["clusters"]),
                parameters=facts["parameters"],
                scores=facts["scores"],
                stored={},
                n_images=int(facts["n_images"]),
                n_noise=int(facts["n_noise"]),
                apart=tuple((int(a), int(b)) for a, b in facts["apart"]),
                done=facts["done"],
                parent=facts["parent"],
                name=run.name,
                created=facts["created"],
                placed_by=facts.get("placed_by") or run.name,
                grouped_by=facts.get("grouped_by") or run.name,
                grouped=facts.get("grouped") or facts["created"],
            )
            return found.read_again(run)
        except (KeyError, TypeError, ValueError) as error:
            raise IndexDamagedError(f"{run.folder} lacks or garbles an entry: {error!r}.", remedy=run.again) from error


def pack_arrays(**arrays: Any) -> dict[str, np.ndarray]:
    """The arrays of a clustering as they are kept in ``arrays.npz``, by the names of its properties."""
    import numpy as np

    packed: dict[str, np.ndarray] = {}
    for name, value in arrays.items():
        match name:
            case "ids":
                packed[name] = uuids.packed(value)
            case "contents":
                packed[name] = np.array(value, np.str_)
            case "features" | "strangers":
                packed |= {f"{name}_{part}": array for part, array in value.arrays().items()}
            case _:
                packed[name] = value
    return packed


def count_noise(labels: np.ndarray) -> int:
    return int((labels < 0).sum())


def find_cluster(clusters: Sequence[Cluster], cluster: int | str) -> Cluster:
    """One of them by its label or its name, whatever the case. Raises NotFoundError."""
    text = str(cluster).strip()
    named = [c for c in clusters if str(c.label) == text] or [
        c for c in clusters if c.name.casefold() == text.casefold()
    ]
    if named:
        return named[0]
    raise NotFoundError(
        f"There is no cluster {text!r} among the {len(clusters)}.",
        remedy="`imagefinder clusters` lists them with their names.",
    )
