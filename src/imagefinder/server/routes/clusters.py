"""The clusters: what there is, and what people correct."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal, TypeVar
from zipfile import ZipFile

from fastapi import Path as InPath
from fastapi import Query
from fastapi.responses import Response

from imagefinder._util.csv_cells import write_rows
from imagefinder.clusters.export import COLUMNS
from imagefinder.clusters.model import ARRAYS, FACTS
from imagefinder.server import cluster_bodies, requests, responses
from imagefinder.server.access import changes, reads
from imagefinder.server.errors import RefusedError
from imagefinder.server.state import Json, Serving, ServingDep
from imagefinder.server.strict import Router

router = Router(prefix="/v1/clusters", tags=["clusters"])
T = TypeVar("T")
ClusterParam = Annotated[int, InPath(ge=0, le=2**31 - 1)]


@router.get("", response_model=responses.Clusters)
@reads()
async def clusters(serving: ServingDep) -> Response:
    """The clusters in force. 404 while nothing was clustered."""
    return Json(await serving.searching.run(_facts, serving))


def _facts(serving: Serving) -> dict[str, Any]:
    return serving.finder.clusters.to_dict()


@router.get("/levels")
@reads()
async def levels(serving: ServingDep, n: Annotated[int, Query(ge=1, le=10_000)] = 5) -> Response:
    """Clusters of clusters: the tree cut into ``n`` groups, the largest first."""
    found = await serving.searching.run(lambda: serving.finder.clusters.levels(n))
    return Json({"levels": [[c.to_dict() for c in group] for group in found]})


@router.get("/news", response_model=cluster_bodies.ClusterNews)
@reads()
async def news(serving: ServingDep) -> Response:
    """What came since the images were grouped: how many joined each cluster, and the new clusters that the others would
    make. Changes nothing: a job of the kind `take-in` makes them."""
    return Json(await serving.searching.run(lambda: serving.finder.clusters.news().to_dict()))


@router.get("/{label}/borderline", response_model=cluster_bodies.Doubts)
@reads()
async def borderline(
    serving: ServingDep, label: ClusterParam, k: Annotated[int, Query(ge=1, le=1000)] = 30, new: bool = False
) -> Response:
    """The members nearest to another cluster, the most doubtful first, without those that a person has put there;
    ``new``: of those alone that came since the images were grouped. To keep one, move it to its own cluster."""
    found = await serving.searching.run(lambda: serving.finder.clusters.borderline(label, k, new=new))
    return Json({"images": [doubt.to_dict() for doubt in found]})


@router.get("/export", response_class=Response)
@reads()
async def export(serving: ServingDep, format: Literal["csv", "json"] = "csv") -> Response:
    """A row for each image: uri, cluster, name, distance to the centre."""
    rows = await serving.searching.run(lambda: serving.finder.clusters.rows())
    headers = {"content-disposition": f'attachment; filename="clusters.{format}"'}
    if format == "json":
        return Json(rows, headers=headers)
    text = io.StringIO()
    write_rows(text, list(rows[0]) if rows else COLUMNS, rows, line_end="\r\n", quote=False)
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/model", response_class=Response, responses={200: {"content": {"application/zip": {}}}})
@reads()
async def model(serving: ServingDep) -> Response:
    """What assigns any image to these clusters without the collection: clusters.json and clusters.npz in a ZIP file."""

    def write() -> bytes:
        with TemporaryDirectory() as folder:
            serving.finder.clusters.export_model(folder)
            data = io.BytesIO()
            with ZipFile(data, "w") as file:
                for name in (FACTS, ARRAYS):
                    file.write(Path(folder) / name, name)
        return data.getvalue()

    return Response(await serving.searching.run(write), media_type="application/zip")


@router.post("", response_model=responses.Cluster)
@changes()
async def create(serving: ServingDep, body: cluster_bodies.NewCluster) -> Response:
    """Make a cluster of these images. They stay in it when clustering runs again."""
    return Json(await edit(serving, lambda: serving.finder.clusters.create(body.ids, body.name).to_dict()))


@router.patch("/{label}", response_model=responses.Cluster)
@changes()
async def change(serving: ServingDep, label: ClusterParam, body: requests.ClusterChange) -> Response:
    """Rename a cluster, or lock it: a locked one keeps its members when clustering runs again."""

    def do() -> dict[str, Any]:
        found = serving.finder.clusters.find(label)
        if body.name is not None:
            found = serving.finder.clusters.rename(label, body.name)
        if body.locked is not None:
            found = serving.finder.clusters.lock(label, body.locked)
        return found.to_dict()

    return Json(await edit(serving, do))


@router.post("/merge", response_model=responses.Cluster)
@changes()
async def merge(serving: ServingDep, body: requests.Merge) -> Response:
    """Make one cluster of several, with the label and the name of the first."""
    return Json(await edit(serving, lambda: serving.finder.clusters.merge(*body.clusters).to_dict()))


@router.post("/undo", response_model=responses.Clusters)
@changes()
async def undo(serving: ServingDep) -> Response:
    """Take the last change back, be it a correction or a run."""

    def do() -> dict[str, Any]:
        serving.finder.clusters.undo()
        return _facts(serving)

    return Json(await edit(serving, do))


@router.post("/{label}/split")
@changes()
async def split(serving: ServingDep, label: ClusterParam, body: requests.Split) -> Response:
    """Part a cluster; the largest part keeps its label and name."""

    def do() -> dict[str, Any]:
        return {"clusters": [c.to_dict() for c in serving.finder.clusters.split(label, body.n)]}

    return Json(await edit(serving, do))


@router.post("/{label}/images", response_model=responses.Cluster)
@changes()
async def move(serving: ServingDep, label: ClusterParam, body: requests.IdList) -> Response:
    """Put images into a cluster. They stay there when clustering runs again."""
    return Json(await edit(serving, lambda: serving.finder.clusters.move(body.ids, label).to_dict()))


async def edit(serving: Serving, do: Callable[[], T]) -> T:
    """One correction at a time, and none while a run is making other clusters."""

    def locked() -> T:
        with serving.editing:
            running = serving.jobs.running
            if running and running.kind in ("cluster", "take-in"):
                raise RefusedError(
                    409, "The images are being clustered.", code="busy", remedy="Wait for it, or cancel it."
                )
            return do()

    result = await serving.searching.run(locked)
    serving.hub.changed("clusters")
    return result
