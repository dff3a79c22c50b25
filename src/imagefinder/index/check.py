"""Looks at every file of an index that is not in use: for ``imagefinder doctor``. Opening one looks at less."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from imagefinder.errors import ImageFinderError
from imagefinder.index import manifest as manifests
from imagefinder.index.models import TRAINED
from imagefinder.index.own_files import refuse_links
from imagefinder.index.runs import RUNS, load_run
from imagefinder.index.said import FILE, load_said
from imagefinder.models.registry import find_spec
from imagefinder.store.edge.live import live_folder
from imagefinder.store.edge.seal import check_files, read_seal
from imagefinder.vectors.transform import LinearTransform


def faults(folder: Path) -> Iterator[tuple[str, str]]:
    """What is damaged in the index in ``folder``, and what to do about it. Nobody writes there meanwhile."""
    yield from _tried(lambda: refuse_links(folder))
    yield from _tried(lambda: manifests.load(folder))
    try:
        manifest = manifests.load(folder)
    except ImageFinderError:
        return
    try:
        points = live_folder(folder / manifest.made / manifests.POINTS)
    except ImageFinderError as error:
        yield error.message, error.remedy
        return
    seal = read_seal(points)
    if seal is not None:
        yield from _tried(lambda: check_files(points, seal, all=True))
    for entry in manifest.spaces.values():
        if entry.transform:
            yield from _tried(partial(LinearTransform.load, folder / entry.transform))
    yield from _tried(lambda: load_said(folder))
    if lost := load_said(folder).lost:
        yield f"{folder / FILE} is damaged: {lost} of its lines can't be read.", "Run: imagefinder index"
    for run in sorted((folder / RUNS).glob("*/[0-9]*")):
        yield from _tried(partial(_read_run, folder, run))
    for model in sorted(path for path in (folder / TRAINED).glob("*") if path.is_dir()):
        yield from _tried(partial(_read_model, folder, model.name))


def _read_run(folder: Path, run: Path) -> None:
    load_run(folder, run.parent.name, run.name).arrays()


def _read_model(folder: Path, name: str) -> None:
    find_spec(name, [folder / TRAINED]).verify()


def _tried(look: Callable[[], object]) -> Iterator[tuple[str, str]]:
    try:
        look()
    except ImageFinderError as error:
        yield error.message, error.remedy
