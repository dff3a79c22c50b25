"""Models that were fetched from the hub or copied from files, each in its own folder with its spec and checksums.

The files are hard links to those in the hub's cache if both are on the same disk, so they need no space, and stay when
the cache is emptied; otherwise they are copies. Several processes may pull, use and remove models at the same time.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

from imagefinder._util.systems import replace_path
from imagefinder.errors import InvalidInputError, ModelError, NotFoundError, StorageError
from imagefinder.models import hub
from imagefinder.models.layouts import Layout, choose_files, describe, external_files
from imagefinder.models.spec import SPEC_FILE, ModelSpec, file_sha256
from imagefinder.types import OnProgress

ONNX = "onnx:"
DRAFTS, LOCKS = ".partial", "model-locks"  # a folder among the models, and one beside theirs
STAMP = ".checked.json"  # what the files looked like when their checksums were last found right
MODEL_ZOO = "onnxmodelzoo/"


def models_folder() -> Path:
    """The folder of this user's pulled models."""
    from platformdirs import user_data_path

    return user_data_path("imagefinder", appauthor=False) / "models"


def machine_folders() -> list[Path]:
    """The folders of models for all users of the machine, which are only read: an administrator puts them there. Not on
    Windows, where every user may write into the folder for all."""
    from platformdirs import PlatformDirs

    if os.name != "posix":
        return []
    places = PlatformDirs("imagefinder", appauthor=False, multipath=True).site_data_dir
    return [Path(place) / "models" for place in places.split(os.pathsep)]


def taken_once(name: str, take: Callable[[], ModelSpec], *, again: bool = False) -> ModelSpec:
    """The pulled model of this name. If there is none, or with ``again``, the one that ``take`` makes. Others who want
    the same model at the same time wait, and then find it. Raises StorageError, and what ``take`` raises."""
    if not again and (there := pulled_spec(name)) is not None:
        return there  # found without the lock, which needs a folder that can be written
    with _changing(name):
        there = None if again else pulled_spec(name)
        return there or take()


@contextmanager
def _changing(name: str) -> Iterator[None]:
    """A lock for checking whether a pulled model exists and then adding or removing it: one thread of one process at a
    time, the others wait. Raises StorageError."""
    from filelock import FileLock

    lock = models_folder().with_name(LOCKS) / f"{name}.lock"
    with _storing(lock.parent):
        lock.parent.mkdir(parents=True, exist_ok=True)
        waiting = FileLock(lock, is_singleton=False)
        waiting.acquire()
    try:
        yield
    finally:
        waiting.release()


def pulled_spec(name: str) -> ModelSpec | None:
    """The pulled model of this name, this user's before the machine's; None when it isn't there. Raises ModelError for
    a damaged one."""
    for folder in (models_folder() / name, *(place / name for place in machine_folders())):
        if os.path.isfile(folder / SPEC_FILE):  # False also for a name too long
            return ModelSpec.load(folder)
    return None


def pulled_models() -> dict[str, ModelSpec | None]:
    """The pulled models by name; None for one whose description is damaged."""
    found: dict[str, ModelSpec | None] = {}
    folders = (models_folder(), *machine_folders())
    for path in (path for folder in folders for path in sorted(folder.glob(f"*/{SPEC_FILE}"))):
        if path.parent.name in found:
            continue
        try:
            found[path.parent.name] = ModelSpec.load(path.parent)
        except ModelError:
            found[path.parent.name] = None
    return found


def pull_hub(
    address: hub.Address,
    facts: Mapping[str, Any],
    folder: Path,
    *,
    replacing: bool = False,
    progress: OnProgress | None = None,
) -> ModelSpec:
    """Fetch what a model needs of a repository into ``folder``, which must not be there yet, or be empty, unless it is
    to be ``replacing`` what is there.

    ``facts`` are those of ``layouts.describe``, and ``files``, the checksums that are known. Raises NotFoundError,
    ModelError and StorageError, and changes nothing then.
    """
    listing = hub.look_up(address)
    layout = choose_files(listing.files, address.file)
    if not facts.get("preprocess") and address.repo.startswith(MODEL_ZOO):
        facts = {"preprocess": "imagenet", **facts}
    pinned = hub.Address(address.repo, listing.commit, address.file)
    with _making(folder, replacing) as made:
        digests = _fetch_all(listing, layout, made, facts.get("files") or {}, progress)
        found = {"licence": listing.licence or "unknown", "source": str(pinned), "title": address.repo, **facts}
        spec = _with_files(describe(made, layout, found), digests)
        for name in digests.keys() - spec.files.keys():
            (made / name).unlink()
        spec.save(made)
        _stamp(spec)
    return ModelSpec.load(folder)


def _fetch_all(
    listing: hub.Listing, layout: Layout, folder: Path, known: Mapping[str, str | None], progress: OnProgress | None
) -> dict[str, str]:
    """Fetch the files of a layout, and those its graphs point to; their checksums by path."""
    digests: dict[str, str] = {}
    waiting = [*layout.beside, *filter(None, (layout.text, layout.image))]
    while waiting:
        path = waiting.pop(0)
        cached, digests[path] = hub.fetch(listing, path, sha256=known.get(path), progress=progress)
        _link(cached, folder / path)
        if path.endswith(".onnx"):
            for outside in external_files(folder, path):
                if outside not in listing.files:
                    raise NotFoundError(f"{path} of {listing.repo} needs {outside}, which is not there.")
                waiting.append(outside)
    return digests


def read_local(path: Path) -> ModelSpec:
    """The model in a folder with a ``spec.json``, or the one described by what is beside an .onnx file, or in a folder
    laid out as on the hub. Raises NotFoundError and ModelError."""
    folder, wanted = (path.absolute(), None) if os.path.isdir(path) else (path.absolute().parent, path.name)
    if not os.path.exists(path):
        raise NotFoundError(
            f"There is no file or folder {path}.", remedy="Give the path of an .onnx file or its folder."
        )
    if (folder / SPEC_FILE).is_file():
        return ModelSpec.load(folder)
    if wanted is None:
        there = [p for p in folder.rglob("*") if p.is_file()]
    else:  # the folder above holds the configs in the hub's layouts
        wanted = f"{folder.name}/{wanted}" if folder.name in ("onnx", "visual") else wanted
        folder = folder.parent if "/" in wanted else folder
        there = [p for p in (*folder.glob("*"), *folder.glob("*/*")) if p.is_file()]
    stats = [(p.relative_to(folder).as_posix(), p.stat()) for p in there]
    return _described(folder, wanted, tuple(sorted((name, s.st_size, s.st_mtime_ns) for name, s in stats)))


@lru_cache(maxsize=8)
def _described(folder: Path, wanted: str | None, files: tuple[tuple[str, int, int], ...]) -> ModelSpec:
    """The model made of these files. The result is cached by their sizes and times, because models are asked for often
    and describing one means running its graph."""
    there = {name for name, *_ in files}
    layout = choose_files(there, wanted)
    name = _word(f"{folder.name}.{Path(layout.image).stem}" if wanted else folder.name)
    used = [file for file in (*layout.beside, layout.text, layout.image) if file]
    for graph in filter(None, (layout.text, layout.image)):
        for outside in external_files(folder, graph):
            if outside not in there:
                raise NotFoundError(f"{folder / graph} needs {outside}, which is not beside it.")
            used.append(outside)
    source = f"{ONNX}{folder / wanted if wanted else folder}"
    facts = {"name": name, "alias": name, "title": name, "licence": "unknown", "source": source}
    return _with_files(describe(folder, layout, facts), {file: file_sha256(folder / file) for file in used})


def take_in(spec: ModelSpec, folder: Path, *, replacing: bool = False) -> ModelSpec:
    """Copy (or link) a model and its files into ``folder``. Raises ModelError, StorageError, and InvalidInputError
    where something is there that is not to be replaced."""
    spec.verify()
    with _making(folder, replacing) as made:
        for name in spec.files:
            if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute():
                raise ModelError(f"{spec.name} uses {name!r}, a file outside its folder.")
            _link(spec.folder / name, made / name)
        spec.save(made)
        _stamp(replace(spec, folder=made))
    return ModelSpec.load(folder)


def remove(name: str) -> Path:
    """Delete a pulled model. Raises NotFoundError and StorageError."""
    folder = models_folder() / name
    missing = NotFoundError(f"No model '{name}' was pulled.", remedy="See: imagefinder models list")
    if not (folder / SPEC_FILE).is_file() and any((place / name / SPEC_FILE).is_file() for place in machine_folders()):
        missing = NotFoundError(f"The model '{name}' is there for all users of this machine, so it isn't removed.")
    if not (folder / SPEC_FILE).is_file() or folder.parent != models_folder():
        raise missing
    with _changing(name), _storing(folder):
        if not (folder / SPEC_FILE).is_file():
            raise missing
        gone = _new_draft(folder)
        replace_path(folder, gone)  # whoever looks for it meanwhile finds it whole or not at all
        shutil.rmtree(gone)
        _tidy(gone.parent)
    return folder


def check_files(spec: ModelSpec) -> None:
    """Make sure the files are those the spec was written for. Checksums are computed once, and again only when a file's
    size or time has changed. Raises ModelError."""
    try:
        stamp = json.loads((spec.folder / STAMP).read_text("utf-8"))
    except (OSError, ValueError):
        stamp = None
    try:
        looks = _looks(spec)
    except OSError as error:
        raise ModelError(
            f"A file of the model {spec.name} is missing: {error}.",
            remedy=f"imagefinder models pull {spec.alias} --force",
        ) from error
    if looks != stamp:
        spec.verify()
        _stamp(spec)


def _looks(spec: ModelSpec) -> dict[str, list[int]]:
    stats = {name: (spec.folder / name).stat() for name in spec.files}
    return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}


def _stamp(spec: ModelSpec) -> None:
    with suppress(OSError):  # a folder that can't be written is checked each time
        (spec.folder / STAMP).write_text(json.dumps(_looks(spec)), "utf-8")


def _with_files(spec: ModelSpec, digests: Mapping[str, str]) -> ModelSpec:
    """Only what is read when the model runs: the settings beside it are in the spec now."""
    used = {name: digest for name, digest in digests.items() if not name.endswith("config.json")}
    used = {name: digest for name, digest in used.items() if not name.endswith(("_cfg.json", "_map.json"))}
    return replace(spec, files=dict(sorted(used.items())))


def _word(text: str) -> str:
    """The name of a model, made from a file name."""
    word = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in text.lower()).strip("._-")
    return word[:80] or "model"


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source = source.resolve()
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that knows no hard links
        shutil.copyfile(source, target)


@contextmanager
def _making(folder: Path, replacing: bool = False) -> Iterator[Path]:
    """A draft folder that becomes ``folder``, complete, only if all went well. What a killed run left is deleted a day
    later."""
    if not replacing:
        _refuse_full(folder)
    with _storing(folder):
        draft = _new_draft(folder)
        former = draft.with_name(f"{draft.name}.old")
        try:
            yield draft
            if not replacing:
                _refuse_full(folder)  # somebody may have filled it meanwhile
            elif folder.exists():
                replace_path(folder, former)
            replace_path(draft, folder)
        finally:
            for left in (draft, former):
                shutil.rmtree(left, ignore_errors=True)
            _tidy(draft.parent)


def _refuse_full(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInputError(f"{folder} is there already and not empty.", remedy="Choose another folder.")


def _new_draft(folder: Path) -> Path:
    """A new folder beside ``folder``, hidden among others of its kind, which other processes make and remove too."""
    draft = folder.parent / DRAFTS / f"{folder.name}.{uuid4().hex[:8]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with suppress(FileExistsError):  # Path's exist_ok looks again, when the folder may be gone
            draft.parent.mkdir()
        with suppress(FileNotFoundError):  # the folder of drafts was empty, and removed in this very moment
            draft.mkdir()
            return draft


def _tidy(drafts: Path) -> None:
    """Remove what killed runs left a day ago, and the folder of drafts when none is left."""
    with suppress(OSError):  # others make and remove drafts at the same time
        for old in drafts.iterdir():
            if time.time() - old.stat().st_mtime > 86400:
                shutil.rmtree(old, ignore_errors=True)
        drafts.rmdir()


@contextmanager
def _storing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(
            f"{folder} can't be written: {error.strerror or error}.", remedy="Make room, or choose another folder."
        ) from error
