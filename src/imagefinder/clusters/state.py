"""Which clustering is in force, and the labels on the records that follow from it.

``groups.json`` names the run in force. A change is a new run, written whole; then the file is switched over; then the
records get their labels, and the file says so. Whatever is interrupted, the next look at it finishes the job.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from imagefinder._util.files import write_whole
from imagefinder.clusters.assign import assign_rest
from imagefinder.clusters.clustering import KIND, MADE, Clustering
from imagefinder.clusters.labels import HASH, put_back
from imagefinder.errors import IndexDamagedError, NotFoundError
from imagefinder.index.runs import drop_run, list_runs, load_run, save_run

if TYPE_CHECKING:
    from pathlib import Path

    from imagefinder.index.folder import Index

FILE = "groups.json"
KEPT = 20  # versions that can be gone back to


def current(index: Index) -> Clustering:
    """The clustering in force. Raises NotFoundError when there is none."""
    state = _read(index)
    if state.get("run") is None:
        raise NotFoundError("The images are not clustered yet.", remedy="Run: imagefinder cluster")
    if state.get("applied"):
        return Clustering.of(load_run(index.path, KIND, state["run"]))
    with index.grouping:  # by now another thread may have put one in force
        state = _read(index)
        clustering = Clustering.of(load_run(index.path, KIND, state["run"]))
        if not state.get("applied"):
            _apply(index, clustering)
            _write(index, {**state, "applied": True})
    return clustering


def apply_again(folder: Path) -> None:
    """Have the records of the index in ``folder`` labelled again when next looked at: they are being made anew."""
    state = _read_file(folder / FILE)
    if state:
        _write_file(folder / FILE, {**state, "applied": False})


def in_force(index: Index) -> str | None:
    """The name of the run in force, None when there is none. Raises IndexDamagedError."""
    return _read(index).get("run")


def put_in_force(index: Index, clustering: Clustering) -> Clustering:
    """Keep a clustering and label the records by it. Raises StorageError; the one before is then still in force."""
    with index.writing:
        counts = {"clustered": len(clustering.ids), "assigned": 0, "far": 0}
        if clustering.done != MADE:  # a correction: what came since the clustering was made is still to be clustered
            counts |= {name: n for name, n in _read(index).items() if name in counts}
        hashes = {p.id: p.payload["content_hash"] for some in index.store.scroll(fields=HASH, batch=5000) for p in some}
        clustering = replace(clustering, contents=[hashes.get(id, "") for id in clustering.ids])
        run = save_run(index.path, KIND, clustering.facts(), clustering.arrays())
        clustering = replace(clustering, name=run.name, created=run.facts["created"])
        _write(index, {"run": run.name, "applied": False, **counts})
        _apply(index, clustering)
        _write(index, {"run": run.name, "applied": True, **counts})
        for old in list_runs(index.path, KIND)[:-KEPT]:
            drop_run(old)
        return clustering


def go_back(index: Index) -> Clustering:
    """Put the version in force that the present one was made from. Raises NotFoundError when there is none."""
    with index.writing:
        parent = current(index).parent
        if parent is None:
            raise NotFoundError("There is no earlier version of the clusters to go back to.")
        former = Clustering.of(load_run(index.path, KIND, parent))
        _write(index, {**_read(index), "run": former.name, "applied": False})
        return current(index)


def count_assigned(index: Index, assigned: int, far: int) -> dict[str, int]:
    """Add to the counts of images assigned since the clustering was made; the sums, and how many were clustered."""
    with index.writing:
        state = _read(index)
        sums = {"assigned": state.get("assigned", 0) + assigned, "far": state.get("far", 0) + far}
        _write(index, {**state, **sums})
        return {"clustered": state.get("clustered", 0), **sums}


def _apply(index: Index, clustering: Clustering) -> None:
    """Make the records say what the clustering says; those it does not know are assigned anew."""
    assign_rest(index, clustering, put_back(index, clustering)[1])


def _read(index: Index) -> dict[str, Any]:
    return _read_file(index.path / FILE)


def _write(index: Index, state: Mapping[str, Any]) -> None:
    _write_file(index.path / FILE, state)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        state = json.loads(path.read_text("utf-8"))
        if not isinstance(state, dict):
            raise ValueError("it is not an object")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise IndexDamagedError(f"{path} is damaged: {error}.", remedy="Delete it and cluster again.") from error
    return state


def _write_file(path: Path, state: Mapping[str, Any]) -> None:
    write_whole(path, (json.dumps(dict(state)) + "\n").encode())
