"""``client.clusters``: the clusters of the server's index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from zipfile import ZipFile

from imagefinder._util.files import write_named
from imagefinder.client.responses import cluster_of, doubt_of, news_of

if TYPE_CHECKING:
    from imagefinder.client.jobs import JobProgress, Jobs
    from imagefinder.client.transport import Transport
    from imagefinder.clusters.borderline import Doubt
    from imagefinder.clusters.clustering import Cluster
    from imagefinder.clusters.export import Exported
    from imagefinder.clusters.model import ClusterModel
    from imagefinder.clusters.news import News
    from imagefinder.results import Records

HOME = "/v1/clusters"


@dataclass(frozen=True, slots=True)
class Clustering:
    """All clusters at one time: what ``clusters.clustering.Clustering`` tells of them without its arrays. ``facts`` are
    JSON values, as GET /v1/clusters has them; sizes are those of now."""

    clusters: tuple[Cluster, ...]
    facts: Mapping[str, Any]

    @classmethod
    def of(cls, response: Mapping[str, Any]) -> Self:
        return cls(tuple(cluster_of(row) for row in response["clusters"]), response)

    @property
    def scores(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.facts["scores"]
        return found

    @property
    def n_noise(self) -> int:
        return int(self.facts["n_noise"])

    def find(self, cluster: int | str) -> Cluster:
        """A cluster by its label or its name, whatever the case. Raises NotFoundError."""
        from imagefinder.clusters.clustering import find_cluster

        return find_cluster(self.clusters, cluster)

    def to_dict(self) -> dict[str, Any]:
        return dict(self.facts)


class Clusters(Sequence["Cluster"]):
    """The clusters in force, as ``finder.clusters`` has them: named by label or name, corrected, and undone. Raises
    NotFoundError while nothing is clustered."""

    def __init__(
        self,
        transport: Transport,
        resolve: Callable[[Sequence[str]], Sequence[str]],
        records: Callable[[str], Records],
        jobs: Jobs,
    ) -> None:
        self._transport = transport
        self._jobs = jobs
        self._resolve = resolve
        self._records = records

    @property
    def clustering(self) -> Clustering:
        """All of them, with the parameters and scores."""
        return Clustering.of(self._transport.json("GET", HOME))

    def __getitem__(self, i: Any) -> Any:
        return self.clustering.clusters[i]

    def __iter__(self) -> Iterator[Cluster]:
        return iter(self.clustering.clusters)  # asked for once, not once a cluster

    def __len__(self) -> int:
        return len(self.clustering.clusters)

    def find(self, cluster: int | str) -> Cluster:
        """One cluster, by label or name. Raises NotFoundError."""
        return self.clustering.find(cluster)

    def members(self, cluster: int | str) -> Records:
        """The records of a cluster's images."""
        return self._records(f"cluster = {self.find(cluster).label}")

    def sizes(self) -> dict[int, int]:
        """How many images each cluster has now, by label; -1 counts those in none."""
        now = self.clustering
        sizes = {c.label: c.size for c in now.clusters}
        return {**sizes, -1: now.n_noise} if now.n_noise else sizes

    def to_dict(self) -> dict[str, Any]:
        """The facts of the clusters in force as JSON values; sizes are those of now."""
        return self.clustering.to_dict()

    def since(self) -> dict[str, Any]:
        """What came since the clusters were made: ``clustered`` images then, ``came`` later, of which ``fit`` a cluster
        and ``unfit`` fit none and are in none (-1); and ``advice`` to cluster again, or None."""
        return dict(self.clustering.facts["since"])

    def news(self) -> News:
        """What came since the images were grouped: how many joined which cluster, and the new clusters that the others
        would make. Nothing changes until ``take_in``."""
        return news_of(self._transport.json("GET", f"{HOME}/news"))

    def take_in(
        self,
        key: str | None = None,
        clusters: Sequence[int] | None = None,
        *,
        progress: JobProgress | None = None,
    ) -> Clustering:
        """Put in force what ``news`` tells: its new clusters, or those of some labels, beside the former ones. With the
        ``key`` of the news, only while nothing has changed since. Waits for the job that does it."""
        self._jobs.run("take-in", {"key": key, "clusters": None if clusters is None else list(clusters)}, progress)
        return self.clustering

    def borderline(self, cluster: int | str, k: int = 30, *, new: bool = False) -> list[Doubt]:
        """The ``k`` members that are nearest to another cluster, without those that a person has put or kept there,
        the most doubtful first; ``new``: of those alone that came since the images were grouped. ``move`` answers: to
        their own cluster keeps them there."""
        path = f"{HOME}/{self.find(cluster).label}/borderline"
        return [doubt_of(row) for row in self._transport.json("GET", path, params={"k": k, "new": new})["images"]]

    def levels(self, n: int) -> list[list[Cluster]]:
        """Clusters of clusters: the tree cut into ``n`` groups, the largest first."""
        found = self._transport.json("GET", f"{HOME}/levels", params={"n": n})["levels"]
        return [[cluster_of(row) for row in group] for group in found]

    def rename(self, cluster: int | str, name: str) -> Cluster:
        """Give a cluster a name."""
        return self._change(cluster, {"name": name})

    def lock(self, cluster: int | str, locked: bool = True) -> Cluster:
        """Keep a cluster's members as they are when clustering runs again."""
        return self._change(cluster, {"locked": locked})

    def _change(self, cluster: int | str, change: Mapping[str, Any]) -> Cluster:
        return cluster_of(self._transport.json("PATCH", f"{HOME}/{self.find(cluster).label}", json=change))

    def merge(self, *clusters: int | str) -> Cluster:
        """Make one cluster of several, with the label and name of the first."""
        now = self.clustering
        labels = [now.find(c).label for c in clusters]
        return cluster_of(self._transport.json("POST", f"{HOME}/merge", json={"clusters": labels}))

    def split(self, cluster: int | str, n: int = 2) -> list[Cluster]:
        """Part a cluster into ``n``; the largest part keeps its label and name."""
        made = self._transport.json("POST", f"{HOME}/{self.find(cluster).label}/split", json={"n": n})
        return [cluster_of(row) for row in made["clusters"]]

    def move(self, images: Sequence[str] | str, cluster: int | str) -> Cluster:
        """Put images, by id, path or URL, into a cluster."""
        ids = self._resolve([images] if isinstance(images, str) else images)
        path = f"{HOME}/{self.find(cluster).label}/images"
        return cluster_of(self._transport.json("POST", path, json={"ids": ids}))

    def create(self, images: Sequence[str] | str, name: str | None = None) -> Cluster:
        """Make a cluster of images, by id, path or URL; without a name it gets one from what sets it apart."""
        ids = self._resolve([images] if isinstance(images, str) else images)
        return cluster_of(self._transport.json("POST", HOME, json={"ids": ids, "name": name}))

    def undo(self) -> Clustering:
        """Take the last change back. Raises NotFoundError when there is none."""
        return Clustering.of(self._transport.json("POST", f"{HOME}/undo"))

    def rows(self) -> list[dict[str, Any]]:
        """A row for each image: uri, cluster, name, distance to the centre; by cluster, then by distance."""
        found: list[dict[str, Any]] = self._transport.json(
            "GET", f"{HOME}/export", kind=list, params={"format": "json"}
        )
        return found

    def export(self, path: str | Path) -> Exported:
        """Write these rows to a .csv, .parquet or .json file of this machine."""
        from imagefinder.clusters.export import write_table

        return write_table(self.rows(), Path(path))

    def export_model(self, folder: str | Path) -> ClusterModel:
        """Write what assigns new images to these clusters without the collection: JSON and NPZ."""
        from imagefinder.clusters.model import ARRAYS, FACTS, ClusterModel, check_free

        check_free(Path(folder))
        with ZipFile(BytesIO(self._transport.content(f"{HOME}/model"))) as sent:
            for name in (FACTS, ARRAYS):
                write_named(Path(folder) / name, sent.read(name))
        return ClusterModel.load(Path(folder))

    def __repr__(self) -> str:
        return f"Clusters({', '.join(f'{c.label}: {c.name}' for c in self)})"
