"""``finder.clusters``: the clusters of an index as an object."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeAlias, TypeVar

from imagefinder._util.arguments import checked
from imagefinder.clusters import edit, state
from imagefinder.clusters import news as since_then
from imagefinder.clusters.algorithms.hierarchy import cut
from imagefinder.clusters.borderline import Doubt, borderline
from imagefinder.clusters.clustering import Cluster, Clustering
from imagefinder.clusters.export import Exported, How, membership, write_folders, write_table
from imagefinder.clusters.join import advice
from imagefinder.clusters.labels import count_members
from imagefinder.clusters.model import ClusterModel
from imagefinder.types import ignore

if TYPE_CHECKING:
    from imagefinder.clusters.news import News
    from imagefinder.index.collection import Collection
    from imagefinder.types import OnProgress, Record

    ImageName: TypeAlias = str | os.PathLike[str]  # an id, path or URL


R = TypeVar("R")
P = ParamSpec("P")


def _one_at_a_time(method: Callable[Concatenate[Clusters, P], R]) -> Callable[Concatenate[Clusters, P], R]:
    """A change reads the clusters, then writes others: no second one in between."""

    @wraps(method)
    def whole(self: Clusters, /, *args: P.args, **options: P.kwargs) -> R:
        with self._index.grouping:
            return method(self, *args, **options)

    return whole


@checked
class Clusters(Sequence[Cluster]):
    """The clusters in force, and what can be done with them.

    >>> finder.cluster(n_clusters=20)
    >>> finder.clusters[0].name
    'jersey'
    >>> finder.clusters.rename("jersey", "T-shirts")
    >>> finder.clusters.merge("T-shirts", "pullover")

    A cluster is named by its label or its name. Corrections are kept when clustering runs again; ``undo`` takes the
    last one back. Raises NotFoundError while nothing is clustered.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._index = collection.index

    @property
    def clustering(self) -> Clustering:
        """The whole result: parameters, scores, labels, centres."""
        return self._now.loaded()

    @property
    def _now(self) -> Clustering:
        """The same; what belongs to single images is read only where it is asked for."""
        return state.current(self._index)

    def __getitem__(self, i: Any) -> Any:
        return self._now.clusters[i]

    def __iter__(self) -> Iterator[Cluster]:
        return iter(self._now.clusters)  # read once, not once a cluster

    def __len__(self) -> int:
        return len(self._now.clusters)

    def find(self, cluster: int | str) -> Cluster:
        """One cluster, by label or name. Raises NotFoundError."""
        return self._now.find(cluster)

    def members(self, cluster: int | str) -> Sequence[Record]:
        """The records of a cluster's images."""
        records: Sequence[Record] = self._collection.records(f"cluster = {self.find(cluster).label}")
        return records

    def sizes(self) -> dict[int, int]:
        """How many images each cluster has now, by label; -1 counts those in none."""
        return count_members(self._index, [c.label for c in self._now.clusters])

    def to_dict(self) -> dict[str, Any]:
        """The facts of the clusters in force as JSON values; sizes are those of now. ``measured`` counts the images
        that tightness, silhouette and stability of a cluster were measured on; ``since``: see there."""
        facts, sizes = self._now.to_dict(), self.sizes()
        for cluster in facts["clusters"]:
            cluster["measured"] = cluster["size"]
            cluster["size"] = sizes.get(cluster["label"], 0)
        since = self.since()
        return {**facts, "n_noise": sizes.get(-1, 0), "n_images": sum(sizes.values()), "since": since}

    def since(self) -> dict[str, Any]:
        """What came since the clusters were made: ``clustered`` images then, ``came`` later, of which ``fit`` a cluster
        and ``unfit`` fit none and are in none (-1); and ``advice`` to cluster again, or None."""
        counts = state.counts(self._index)
        came, unfit = counts["assigned"], counts["unassigned"]
        if unfit:  # some of them may be in a cluster by now
            counts["unassigned"] = unfit = min(unfit, self.sizes().get(-1, 0))
        told = {"clustered": counts["clustered"], "came": came, "fit": came - unfit, "unfit": unfit}
        return {**told, "advice": advice(counts) if came else None}

    def news(self) -> News:
        """What came since the images were grouped: how many joined which cluster, and the new clusters that the others
        would make. Nothing changes until ``take_in``."""
        return since_then.news(self._index, self._collection.view())

    def borderline(self, cluster: int | str, k: int = 30, *, new: bool = False) -> list[Doubt]:
        """The ``k`` members that are nearest to another cluster, without those that a person has put or kept there,
        the most doubtful first; ``new``: of those alone that came since the images were grouped. ``move`` answers: to
        their own cluster keeps them there."""
        return borderline(self._index, cluster, k, new=new)

    def levels(self, n: int) -> list[list[Cluster]]:
        """Clusters of clusters: the tree cut into ``n`` parts, the largest first."""
        now = self._now
        parts: dict[int, list[Cluster]] = {}
        for cluster, part in zip(now.clusters, cut(now.tree, n).tolist(), strict=True):
            parts.setdefault(part, []).append(cluster)
        return sorted(parts.values(), key=lambda part: -sum(c.size for c in part))

    @_one_at_a_time
    def rename(self, cluster: int | str, name: str) -> Cluster:
        """Give a cluster a name."""
        label = self.find(cluster).label
        return edit.rename(self._index, label, name).find(label)

    @_one_at_a_time
    def merge(self, *clusters: int | str) -> Cluster:
        """Make one cluster of several, with the label and name of the first."""
        label = self.find(clusters[0]).label if clusters else -1
        return edit.merge(self._index, self._collection.view(), clusters).find(label)

    @_one_at_a_time
    def split(self, cluster: int | str, n: int = 2) -> list[Cluster]:
        """Part a cluster into ``n``; the largest part keeps its label and name."""
        before = {c.label for c in self}
        found = self.find(cluster)
        made = edit.split(self._index, self._collection.view(), found.label, n)
        return [c for c in made.clusters if c.label == found.label or c.label not in before]

    @_one_at_a_time
    def move(self, images: Sequence[ImageName] | ImageName, cluster: int | str) -> Cluster:
        """Put images, by id, path or URL, into a cluster."""
        names: Sequence[ImageName] = [images] if isinstance(images, (str, os.PathLike)) else images
        label = self.find(cluster).label
        return edit.move(
            self._index, self._collection.view(), [self._collection.resolve(os.fspath(i)) for i in names], label
        ).find(label)

    @_one_at_a_time
    def create(self, images: Sequence[ImageName] | ImageName, name: str | None = None) -> Cluster:
        """Make a cluster of images, by id, path or URL; without a name it gets one from what sets it apart."""
        names: Sequence[ImageName] = [images] if isinstance(images, (str, os.PathLike)) else images
        ids = [self._collection.resolve(os.fspath(i)) for i in names]
        return max(edit.create(self._index, self._collection.view(), ids, name).clusters, key=lambda c: c.label)

    @_one_at_a_time
    def take_in(
        self,
        key: str | None = None,
        clusters: Sequence[int] | None = None,
        *,
        progress: OnProgress | None = None,
    ) -> Clustering:
        """Put in force what ``news`` tells: its new clusters, or those of some labels, beside the former ones. With the
        ``key`` of the news, only while nothing has changed since. An exception from ``progress`` leaves all as it is.
        Raises InvalidInputError."""
        return since_then.take_in(self._index, self._collection.view(), key, clusters, progress or ignore)

    @_one_at_a_time
    def lock(self, cluster: int | str, locked: bool = True) -> Cluster:
        """Keep a cluster's members as they are when clustering runs again."""
        label = self.find(cluster).label
        return edit.lock(self._index, label, locked).find(label)

    @_one_at_a_time
    def undo(self) -> Clustering:
        """Take the last change back. Raises NotFoundError when there is none."""
        return state.go_back(self._index)

    def rows(self) -> list[dict[str, Any]]:
        """A row for each image: uri, cluster, name, distance to the centre; by cluster, then by distance."""
        return membership(self._index)

    def export(self, path: str | Path) -> Exported:
        """Write these rows to a .csv, .parquet or .json file."""
        return write_table(self.rows(), Path(path))

    def export_folders(self, folder: str | Path, how: How = "copy") -> Exported:
        """Copy or link the images into a folder for each cluster."""
        return write_folders(self.rows(), Path(folder), how, self._collection.limits)

    def export_model(self, folder: str | Path) -> ClusterModel:
        """Write what assigns new images to these clusters without the collection: JSON and NPZ."""
        model = ClusterModel.of(self._now)
        model.save(Path(folder))
        return model

    def __repr__(self) -> str:
        return f"Clusters({', '.join(f'{c.label}: {c.name}' for c in self)})"
