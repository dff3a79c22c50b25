"""A clustering as it is kept: its clusters, how it was made, and the arrays that assign new images to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from imagefinder.clusters.algorithms.methods import METHODS
from imagefinder.errors import IndexDamagedError, NotFoundError
from imagefinder.index.runs import Run, pack_ids, unpack_ids
from imagefinder.vectors.features import Features

if TYPE_CHECKING:
    import numpy as np

    from imagefinder.types import Float32

KIND = "clusters"
MADE = "cluster"  # what was done: a run of clustering, not a correction


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster. ``label`` is its number for good, ``name`` what to call it; ``words`` are those that set its images
    apart, each with its lead over the rest of the collection (0 to 1).

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

    def to_dict(self) -> dict[str, Any]:
        row = {name: getattr(self, name) for name in self.__dataclass_fields__}
        rounded = {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}
        lists = {"representatives": list(self.representatives), "borderline": list(self.borderline)}
        return {**rounded, **lists, "words": [list(w) for w in self.words]}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        known: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
        return cls(**{**known, "words": tuple((str(w), float(lead)) for w, lead in row["words"])})


@dataclass(frozen=True, slots=True)
class Clustering:
    """All clusters of an index at one time. ``labels`` int32 (n,) belong to ``ids``; -1 is noise. ``pinned`` bool (n,)
    marks the images that a person has put where they are. ``contents`` are the images' content hashes, empty in the
    versions that were kept without. ``centres`` float32 (k, dim) follow the order of
    ``clusters``; ``tree`` is over the same (see ``algorithms.hierarchy``). ``apart`` are pairs of labels that a person
    has split. ``scores`` judge the whole: inertia, silhouette with its error, and so on."""

    clusters: tuple[Cluster, ...]
    parameters: Mapping[str, Any]
    scores: Mapping[str, Any]
    ids: Sequence[str]
    labels: np.ndarray
    pinned: np.ndarray
    centres: Float32
    tree: np.ndarray
    features: Features
    contents: Sequence[str] = ()
    apart: tuple[tuple[int, int], ...] = ()
    done: str = MADE
    parent: str | None = None
    name: str = ""
    created: str = ""

    @property
    def n_noise(self) -> int:
        return int((self.labels < 0).sum())

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

    def with_clusters(self, clusters: Sequence[Cluster], done: str) -> Clustering:
        return replace(self, clusters=tuple(clusters), done=done, parent=self.name)

    def to_dict(self) -> dict[str, Any]:
        """The facts, for people and JSON: everything but what belongs to single images."""
        return {
            "run": self.name,
            "created": self.created,
            "done": self.done,
            "parent": self.parent,
            **dict(self.parameters),
            "n_images": len(self.labels),
            "n_clusters": len(self.clusters),
            "n_noise": self.n_noise,
            "scores": dict(self.scores),
            "apart": [list(pair) for pair in self.apart],
            "clusters": [c.to_dict() for c in self.clusters],
        }

    def facts(self) -> dict[str, Any]:
        """What is kept in ``run.json``."""
        row = self.to_dict()
        kept = {k: v for k, v in row.items() if k not in (*self.parameters, "run", "created")}
        return {**kept, "parameters": dict(self.parameters)}

    def arrays(self) -> dict[str, np.ndarray]:
        """What is kept in ``arrays.npz``."""
        import numpy as np

        own = {name: getattr(self, name) for name in ("labels", "pinned", "centres", "tree")}
        return (
            {"ids": pack_ids(self.ids), "contents": np.array(self.contents, np.str_)}
            | own
            | {f"features_{name}": array for name, array in self.features.arrays().items()}
        )

    @classmethod
    def of(cls, run: Run) -> Self:
        """Read a kept clustering. Raises IndexDamagedError."""
        arrays, facts = run.arrays(), run.facts
        try:
            return cls(
                clusters=tuple(Cluster.from_dict(row) for row in facts["clusters"]),
                parameters=facts["parameters"],
                scores=facts["scores"],
                ids=unpack_ids(arrays["ids"]),
                labels=arrays["labels"],
                pinned=arrays["pinned"],
                centres=arrays["centres"],
                tree=arrays["tree"],
                contents=arrays["contents"].tolist() if "contents" in arrays else (),
                features=Features.from_arrays(
                    {k.removeprefix("features_"): v for k, v in arrays.items() if k.startswith("features_")}
                ),
                apart=tuple((int(a), int(b)) for a, b in facts["apart"]),
                done=facts["done"],
                parent=facts["parent"],
                name=run.name,
                created=facts["created"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise IndexDamagedError(
                f"{run.folder} lacks or garbles an entry: {error!r}.", remedy="Cluster again, or undo the last change."
            ) from error


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
