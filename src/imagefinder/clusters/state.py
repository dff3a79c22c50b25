"""Which clustering is in force, and the labels on the records that follow from it.

``groups.json`` names the run in force. A change is a new run, written whole; then the file is switched over; then the
records get their labels, and the file says so. Whatever is interrupted, the next look at it finishes the job.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from imagefinder.clusters.assign import assign_rest
from imagefinder.clusters.clustering import KIND, MADE, TAKEN_IN, Clustering
from imagefinder.clusters.labels import put_back, relabel, rename_members
from imagefinder.errors import ImageFinderError, IndexDamagedError, NotFoundError
from imagefinder.index.audit import Audit
from imagefinder.index.jsonfile import read_json, write_json
from imagefinder.index.runs import RUNS, drop_older, load_run, save_run, save_version
from imagefinder.index.said import load_few, note

if TYPE_CHECKING:
    from imagefinder._util.places import Place
    from imagefinder.index.folder import Index

FILE = "groups.json"
HISTORY = "groups-"  # before the name of a version: the id of what made it in the audit log
KEPT = 20  # versions that can be gone back to
AGAIN = "Cluster again: imagefinder cluster"
FLAGS = ("named", "locked", "joined")
_COUNTS = ("clustered", "assigned", "far", "unassigned")
_SHAPE = {"run?": (re.compile("[0-9]{1,9}"), None), "applied?": bool, **{f"{name}?": int for name in _COUNTS}}


def current(index: Index) -> Clustering:
    """The clustering in force; its arrays are read when they are asked for. Raises NotFoundError when there is none."""
    state = _read(index)
    if state.get("run") is None:
        raise NotFoundError("The images are not clustered yet.", remedy="Run: imagefinder cluster")
    if not state.get("applied") and index.read_only:
        index.finish(current)
    if state.get("applied") or index.read_only:
        return _load(index, _read(index)["run"])
    with index.grouping, index.writing:  # by now another thread may have put one in force
        state = _read(index)
        clustering = _load(index, state["run"])
        if not state.get("applied"):
            assign_rest(index, clustering, put_back(index, clustering)[1])
            _write(index, {**state, "applied": True})
    return clustering


def _load(index: Index, name: str) -> Clustering:
    """A run; the facts of the one asked for last are kept in memory, the arrays never."""
    kept = index.results.get(KIND)
    if kept is None or kept[0].name != name:
        run = load_run(index.documents, KIND, name)
        kept = index.results[KIND] = (run, Clustering.of(run))
    run, clustering = kept
    return clustering.read_again(run)


def finish_interrupted(index: Index, *, again: bool = False) -> None:
    """Have the records say what the clustering in force says, if a change of it was cut short: otherwise filters by
    cluster would find some of both. ``again``: even if they said it, as after a power cut. What can't be done now is
    left to the next look at the clusters."""
    with suppress(ImageFinderError):
        if again:
            apply_again(index.documents)
        state = _read(index)
        if state.get("run") is not None and not state.get("applied"):
            current(index)


def apply_again(folder: Place) -> None:
    """Have the records of the index in ``folder`` labelled again when next looked at: they are being made anew."""
    state = _read_file(folder / FILE)
    if state:
        _write_file(folder / FILE, {**state, "applied": False})


@dataclass(frozen=True, slots=True)
class SaidOfCluster:
    """What people said of a cluster: the flags of ``clustering.Cluster``."""

    label: int
    name: str
    named: bool
    locked: bool
    joined: bool


@dataclass(frozen=True, slots=True)
class SaidOfClusters:
    """What people said of ``clusters``, and the labels of those that they split (``apart``)."""

    clusters: tuple[SaidOfCluster, ...]
    apart: tuple[tuple[int, int], ...]


def said_of_clusters(index: Index) -> SaidOfClusters | None:
    """What was said of the clusters in force, also where their run is damaged; None where nothing is clustered."""
    try:
        row: Mapping[str, Any] | None = _said(current(index)) if in_force(index) is not None else None
    except (IndexDamagedError, NotFoundError) as error:
        row = load_few(index.documents).groups
        index.notice(f"{error} What was said of the clusters is taken from what was kept of it.")
    if row is None:
        return None
    clusters = (SaidOfCluster(**{name: c[name] for name in ("label", "name", *FLAGS)}) for c in row["clusters"])
    return SaidOfClusters(tuple(clusters), tuple((a, b) for a, b in row["apart"]))


def in_force(index: Index) -> str | None:
    """The name of the run in force, None when there is none. Raises IndexDamagedError."""
    return _read(index).get("run")


def put_in_force(index: Index, clustering: Clustering, former: Clustering | None = None) -> Clustering:
    """Keep a clustering and label the records by it. ``former`` is what the records say now, of the same images; where
    it is not given, all records are looked through. Raises StorageError; the one before is then still in force."""
    with index.writing:
        if not clustering.contents:
            found = index.store.columns(("id", "content_hash"))
            contents = dict(zip(found["id"], found["content_hash"], strict=True))
            clustering = clustering.with_arrays(contents=[contents.get(id) or "" for id in clustering.ids])
        run = save_run(index.documents, KIND, clustering.facts(), clustering.stored)
        made = replace(clustering, name=run.name, created=run.facts["created"])
        if former is None:
            _switch(index, made, _all_records(index, made), _none_since(made))
        else:  # a correction: what came since the clustering was made is still to be clustered
            counts = _none_since(made) if made.done == TAKEN_IN else None
            _switch(index, made, lambda: relabel(index, former, made), counts)
        return made


def put_facts_in_force(index: Index, clustering: Clustering, former: Clustering) -> Clustering:
    """Keep the version after ``former``, the one in force, that differs in facts of its clusters alone. Costs what the
    images of renamed clusters cost, however many others there are. Raises StorageError; see ``put_in_force``."""
    with index.writing:
        run = save_version(index.documents, load_run(index.documents, KIND, former.name), clustering.facts())
        made = _load(index, run.name)
        _switch(index, made, _names_only(index, former, made))
        return made


def go_back(index: Index) -> Clustering:
    """Put the version in force that the present one was made from. Raises NotFoundError when there is none."""
    with index.grouping, index.writing:
        now = current(index)
        if now.parent is None:
            raise NotFoundError("There is no earlier version of the clusters to go back to.")
        former = _load(index, now.parent)
        if former.placed_by == now.placed_by:
            _switch(index, former, _names_only(index, now, former), undone=now.name)
        else:
            again = now.done in (MADE, TAKEN_IN)  # what came since is new to the version before, too
            counts = _since(index, former) if again else None
            _switch(index, former, _all_records(index, former, count=again), counts, undone=now.name)
        return former


def last_change(index: Index) -> str:
    """The id in the audit log of what made the version in force; "" where ``go_back`` can't take it back."""
    with suppress(ImageFinderError):
        name = in_force(index)
        parent = _load(index, name).parent if name is not None else None
        if parent is not None and (index.documents / RUNS / KIND / parent).is_dir():
            return f"{HISTORY}{name}"
    return ""


def _none_since(made: Clustering) -> dict[str, int]:
    return {"clustered": made.n_images, "assigned": 0, "far": 0, "unassigned": 0}


def grouped_from(index: Index, clustering: Clustering) -> Clustering:
    """The version that all images were last grouped by; the given one where that is gone."""
    try:
        return _load(index, clustering.grouped_by or clustering.name)
    except (IndexDamagedError, NotFoundError):
        return clustering


def newcomers(index: Index, clustering: Clustering) -> list[int]:
    """The rows of the images of ``clustering`` that came after all were grouped, or have another content since."""
    first = grouped_from(index, clustering)
    known = set(first.contents) if first.contents and clustering.contents else set(first.ids)
    now = clustering.contents if first.contents and clustering.contents else clustering.ids
    return [row for row, one in enumerate(now) if one not in known]


def _since(index: Index, former: Clustering) -> dict[str, int]:
    """The counts of a version that is gone back to, of the images that it knows."""
    came = newcomers(index, former)
    unassigned = int((former.labels[came] < 0).sum())
    return {"clustered": former.n_images - len(came), "assigned": len(came), "far": 0, "unassigned": unassigned}


Apply: TypeAlias = "Callable[[], object]"


def _switch(
    index: Index, made: Clustering, apply: Apply | None, counts: Mapping[str, int] | None = None, *, undone: str = ""
) -> None:
    """Put a version in force that is on disk, then ``apply`` it to the records; a kill in between leaves that to
    ``current``. ``counts`` begin anew where images were clustered anew. ``undone`` names the version that it is gone
    back from."""
    state = {**(_read(index) if counts is None else counts), "run": made.name}
    note(index, [_said(made)])
    log, n = Audit(index.documents), len(made.clusters)
    if undone:
        log.add("undone", [], n, id=f"{HISTORY}{undone}")
    else:
        log.add("grouped", [], n, what=made.done, id=f"{HISTORY}{made.name}")
    if apply:
        _write(index, {**state, "applied": False})
        apply()
        state = _read(index)
    _write(index, {**state, "applied": True})
    drop_older(index.documents, KIND, KEPT, but=(made.name, made.parent, made.grouped_by or made.name))


def _all_records(index: Index, made: Clustering, *, count: bool = False) -> Apply:
    """Makes the records say what the clustering says; those it does not know are assigned anew, and counted."""

    def apply() -> None:
        joined, left, far = assign_rest(index, made, put_back(index, made)[1])
        if count:
            count_assigned(index, joined + left, far, left)

    return apply


def _names_only(index: Index, former: Clustering, made: Clustering) -> Apply | None:
    same = former.names() == made.names()
    return None if same else lambda: rename_members(index, former, made)


def count_assigned(index: Index, came: int, far: int, unassigned: int = 0) -> dict[str, int]:
    """Add to the counts of images that came since the clustering was made: all, those outside every radius, and those
    in no cluster. The sums, and how many were clustered."""
    with index.writing:
        state, sums = _read(index), counts(index)
        for name, more in (("assigned", came), ("far", far), ("unassigned", unassigned)):
            sums[name] += more
        _write(index, {**state, **sums})
        return sums


def counts(index: Index) -> dict[str, int]:
    """How many images were ``clustered``, how many came since (``assigned``), and how many of these lie outside every
    radius (``far``) or are in no cluster (``unassigned``)."""
    state = _read(index)
    return {name: state.get(name, 0) for name in _COUNTS}


def _read(index: Index) -> dict[str, Any]:
    return _read_file(index.documents / FILE)


def _write(index: Index, state: Mapping[str, Any]) -> None:
    _write_file(index.documents / FILE, state)


def _read_file(path: Place) -> dict[str, Any]:
    """What the file says; if it is damaged or gone, what was kept of it in ``said.jsonl``, and that the records are to
    be labelled again. Raises IndexDamagedError."""
    error: IndexDamagedError | None = None
    try:
        state = read_json(path, _SHAPE, AGAIN)
        if state.get("run") is None or (path.parent / RUNS / KIND / state["run"]).is_dir():
            return state
        error = IndexDamagedError(f"{path} names the run {state['run']!r}, which is not there.", remedy=AGAIN)
    except FileNotFoundError:
        pass
    except IndexDamagedError as found:
        error = found
    kept = load_few(path.parent).groups if (path.parent / RUNS / KIND).is_dir() else None
    if kept is None and error is not None:
        raise error
    if kept is None:
        return {}
    told = error.message if error else f"{path} is missing."
    logging.getLogger("imagefinder").warning("%s What was kept of it in said.jsonl is used.", told)
    return {"run": kept["groups"], "applied": False}


def _write_file(path: Place, state: Mapping[str, Any]) -> None:
    write_json(path, state, indent=None)


def _said(made: Clustering) -> dict[str, Any]:
    """The line about a clustering: which it is, and of its clusters those of which people said something."""
    clusters = [
        {"label": c.label, "name": c.name, **{flag: bool(getattr(c, flag)) for flag in FLAGS}}
        for c in made.clusters
        if any(getattr(c, flag) for flag in FLAGS)
    ]
    return {"groups": made.name, "clusters": clusters, "apart": [list(pair) for pair in made.apart]}
