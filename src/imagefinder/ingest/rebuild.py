"""Makes an index again from its sources: a new one beside it, which then takes its place.

The new points are made in ``made-1`` (or ``made-2``) in the index folder. When they are whole, ``index.json`` names
that folder: this is the switch, and nothing of the old index is gone before. Whatever ends the process earlier leaves
the index as it was, and the next opening removes what was begun.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection as Some
from collections.abc import Container, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.systems import rename_path
from imagefinder._util.threads import cores
from imagefinder.clusters.state import apply_again
from imagefinder.errors import IndexDamagedError, IndexVersionError, InvalidInputError, NotFoundError, StorageError
from imagefinder.images.inside import part_of, whole_of
from imagefinder.index import manifest as manifests
from imagefinder.index.collection import Collection
from imagefinder.index.folder import Index
from imagefinder.index.lock import IndexLock
from imagefinder.index.manifest import MADE, POINTS, Manifest
from imagefinder.index.models import Models
from imagefinder.index.said import FILE, Kept, Said, load_said, said_of, save_said
from imagefinder.ingest.carry import carry_spaces
from imagefinder.ingest.former import Earlier
from imagefinder.ingest.known import known_images
from imagefinder.ingest.opening import Absent, Left, open_known, source_uri
from imagefinder.ingest.plan import Plan, make_plan
from imagefinder.ingest.removal import held
from imagefinder.ingest.sources import add_sources, note_end, note_start
from imagefinder.store.stores import DEFAULT_STORE, find_store
from imagefinder.types import Limits, SkipCode, Skipped

if TYPE_CHECKING:
    from imagefinder.images.source import Source
    from imagefinder.models.base import Embedder
    from imagefinder.results import IngestReport
    from imagefinder.types import OnProgress

SHOWN = 3  # causes that a refusal names


@dataclass(frozen=True, slots=True)
class _Here:
    """The index that is there, as far as it can be read: ``manifest`` is empty, ``index`` None where it can't be.
    ``said`` is what people said of its images and of former ones. ``unread`` are folders of points that could not be
    looked through, and why, where what was said of their images may not be known otherwise."""

    path: Path
    manifest: Manifest
    index: Index | None
    said: Kept
    unread: Mapping[Path, str] = field(default_factory=dict)


def rebuild_index(  # noqa: PLR0913 - each can be given without the others, and by name only
    path: Path,
    sources: Sequence[str | os.PathLike[str]] = (),
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    column: str | None = None,
    model: str | Embedder | None = None,
    limits: Limits | None = None,
    allow_removal: bool = False,
    workers: int | None = None,
    progress: OnProgress | None = None,
) -> IngestReport:
    """Make the index at ``path`` again from the sources that it knows, paused ones too, and from further ones; for
    these are ``include``, ``exclude`` and ``column``, as in ``ImageFinder.add``. ``model`` is by default the one in
    use; vectors of other models are copied, those of another version of a model computed again. Meanwhile other
    processes can read the old index; then they see the new.

    What people said of images stays, as do clusters, decisions, feedback, sources, and trained models. Images whose
    source was forgotten are made again from their files.

    An exception from ``progress`` ends it, and nothing has changed. So it is when images could not be made again: that
    raises NotFoundError where a source or image is not there, and StorageError where it can't be read, unless
    ``allow_removal`` is set. Also raises what ``Index`` and ``ingest`` raise, and IndexDamagedError when what was said
    of former images can't be read.
    """
    options = {"include": tuple(include), "exclude": tuple(exclude), "column": column}
    with ExitStack() as stack:
        try:
            here = _open(path, stack)
        except NotFoundError:
            if not sources:
                raise
            index = stack.enter_context(Index(path))
            collection = Collection(index, model=model, limits=limits)
            return add_sources(collection, sources, options, workers=workers, progress=progress)
        opened = _sources(here, sources, options)
        for source in opened:
            source.limits = limits or Limits()
        earlier = Earlier(here.index) if here.index else None
        gone = _look(here, earlier, opened, allow_removal)
        place = _place(here)
        stack.callback(_clean, path, place)
        with Index(place) as beside:
            beside.home = path
            note = replace(beside.manifest, sources=here.manifest.sources, created=here.manifest.created)
            beside.save_manifest(note)
            save_said(place, here.said)
            collection = Collection(beside, model=model or _main_model(here.manifest, beside), limits=limits)
            report = _make(collection, opened, earlier, workers or cores(), progress)
            made = known_images(beside.store)
            if earlier and not allow_removal:
                contents = set(made.contents())
                there = {whole_of(uri) for uri in made}  # a file that is there may have fewer pages now
                lost = [u for u in _lost(earlier, made, gone) if not (part_of(u) and whole_of(u) in there)]
                _refuse([uri for uri in lost if earlier.known[uri].content_hash not in contents], report.skipped)
            carry_spaces(here.index, here.manifest, collection, progress)
            _keep_current(here.manifest, beside, model)
            manifest, rest = beside.manifest, load_said(place)
        aside = _put_aside(here)
        _switch(here, place, manifest, rest, made)
    return replace(report, skipped=(*report.skipped, *aside))


# --- what is there ----------------------------------------------------------------------------------------------------


def _open(path: Path, stack: ExitStack) -> _Here:
    """The index, held until ``stack`` ends. Raises NotFoundError when there is none."""
    said = load_said(path)
    try:
        index = stack.enter_context(Index(path, create=False))
        return _Here(path, index.manifest, index, said)
    except (IndexDamagedError, IndexVersionError):
        stack.enter_context(IndexLock(path))
    try:
        manifest = manifests.load(path)
    except (IndexDamagedError, IndexVersionError):
        manifest = Manifest("")
    unread: dict[Path, str] = {}
    if not (path / FILE).exists() or said.lost:
        for folder in (path / POINTS, *(path / name / POINTS for name in MADE)):
            if folder.is_dir():
                try:
                    said.add(_said_in(folder))
                except (IndexDamagedError, StorageError) as error:
                    unread[folder] = error.message
    return _Here(path, manifest, None, said, unread)


def _said_in(points: Path) -> list[Said]:
    """What was said of the images of a store whose index can't be opened."""
    store = find_store(DEFAULT_STORE).open(points)
    try:
        return [one for batch in store.scroll() for point in batch if (one := said_of(point.payload))]
    finally:
        store.close()


def _sources(here: _Here, named: Sequence[str | os.PathLike[str]], options: Mapping[str, Any]) -> list[Source]:
    entries = here.manifest.sources
    uris = [source_uri(name) for name in named]
    wanted = [(entry.uri, dict(entry.options)) for entry in entries if entry.uri not in uris]
    opened = [open_known(here.path, entries, uri, how) for uri, how in [*wanted, *((uri, options) for uri in uris)]]
    if not opened:
        raise InvalidInputError(
            "The index can't be made again: it knows no source.", remedy="Name the folders that it is made from."
        )
    absent = [source for source in opened if isinstance(source, Absent)]
    for source in absent:
        if source.uri in uris or len(absent) == len(opened):
            raise source.error
    return opened


def _look(here: _Here, earlier: Earlier | None, opened: list[Source], allow_removal: bool) -> set[str]:
    """Go over the sources before anything is made; the images that may be gone. Images of no source are added to
    ``opened`` as one of their own."""
    if here.index is None or earlier is None:
        return set()
    entries = here.manifest.sources
    covered = [(entry, entry.uri) for entry in entries]
    known = earlier.known.sourced()
    rest = {uri: source for _, uri, source in known if not any(e.covers(uri, source) for e, _ in covered)}
    if rest:
        opened.append(Left(rest))
    plan = make_plan(here.index.store, opened, entries=entries)
    if allow_removal:
        return set(plan.gone)
    stay = held(here.index, plan)
    gone = set(plan.gone) - {uri for one in stay for uri in one.uris}
    _refuse(_lost(earlier, plan.found, gone), _causes(plan, [(one.place, one.why) for one in stay]))
    return gone


def _causes(plan: Plan, stay: Sequence[tuple[str, str]]) -> list[Skipped]:
    held_back = [Skipped(place, SkipCode.NOT_FOUND, f"{why[:1].upper()}{why[1:]}.") for place, why in stay]
    return [*plan.missing, *held_back, *plan.skipped]


def _lost(earlier: Earlier, there: Container[str], gone: Container[str]) -> list[str]:
    return [uri for uri in earlier.known if uri not in there and uri not in gone]


def _refuse(lost: Sequence[str], causes: Sequence[Skipped]) -> None:
    """Raise NotFoundError or StorageError if images would be lost."""
    if not lost:
        return
    concerned = [one for one in causes if any(uri == one.uri or uri.startswith(one.uri) for uri in lost)] or causes
    reasons = [f"{one.uri}: {one.reason}" for one in concerned[:SHOWN]]
    kind = NotFoundError if all(one.code == SkipCode.NOT_FOUND for one in concerned) else StorageError
    what = "1 image" if len(lost) == 1 else f"{len(lost):,} images"
    raise kind(
        f"The index was not rebuilt, and nothing has changed: {what} of it could not be made again, such as {lost[0]}. "
        f"{' '.join(reasons)}".rstrip(),
        remedy="Mount or mend it. If it was moved, first run: imagefinder sources move OLD NEW, or imagefinder index. "
        "To go on without these images: --allow-removal",
    )


# --- the new one ------------------------------------------------------------------------------------------------------


def _place(here: _Here) -> Path:
    """An empty folder for the new points. Where it is not known which are in use, none is touched."""
    known = bool(here.manifest.app_version)
    for name in MADE:
        if name != here.manifest.made and (known or not (here.path / name).exists()):
            shutil.rmtree(here.path / name, ignore_errors=True)
            return here.path / name
    raise IndexDamagedError(
        f"{here.path / manifests.NAME} can't be read, and both {' and '.join(MADE)} are there.",
        remedy="Restore index.json, or move one of the two away.",
    )


def _clean(path: Path, place: Path) -> None:
    """Remove what is not in use at the end; without ``index.json``, only what was begun here."""
    try:
        manifests.drop_unnamed(path, manifests.load(path))
    except (IndexDamagedError, IndexVersionError, NotFoundError):
        shutil.rmtree(place, ignore_errors=True)


def _main_model(manifest: Manifest, beside: Index) -> str | None:
    """The model in use; if it can't be used, the first one that can. None where there is none."""
    current, models = manifest.current.get("image"), Models(beside)
    wanted = [manifest.space(current).model] if current else []
    wanted += [entry.model for entry in manifest.spaces.values()]
    return next((name for name in wanted if models.broken(name) is None), wanted[0] if wanted else None)


def _make(
    collection: Collection,
    opened: Sequence[Source],
    earlier: Earlier | None,
    workers: int,
    progress: OnProgress | None,
) -> IngestReport:
    from imagefinder.ingest.run import ingest

    index = collection.index
    before = {entry.uri for entry in index.manifest.sources}
    here = [source for source in opened if not isinstance(source, (Absent, Left))]
    note_start(index, here)
    report = ingest(
        index,
        collection.indexers.named(collection.model_order()[0]),
        opened,
        limits=collection.limits,
        workers=workers,
        progress=progress,
        earlier=earlier,
    )
    note_end(index, here, {one.uri: one for one in report.missing}, before)
    return report


def _keep_current(former: Manifest, beside: Index, model: object) -> None:
    """The spaces in use stay in use, unless another model was asked for."""
    if model is None and set(former.current.values()) <= set(beside.manifest.spaces):
        beside.save_manifest(replace(beside.manifest, current=former.current))


# --- the switch -------------------------------------------------------------------------------------------------------


def _switch(here: _Here, place: Path, manifest: Manifest, rest: Kept, made: Some[str]) -> None:
    """Have the new points take the place of the old ones. What is said twice meanwhile does no harm; what would be
    missing for a moment might be lost."""
    for name in (manifests.NAME, manifests.SECOND, FILE):
        (place / name).unlink(missing_ok=True)
    left = [one for one in _said_by_records(here) if one.uri not in made]
    here.said.add(left)
    rest.add(left)
    save_said(here.path, here.said)
    with suppress(IndexDamagedError):
        apply_again(here.path)
    spaces = {
        name: replace(entry, transform=entry.transform and f"{place.name}/{entry.transform}")
        for name, entry in manifest.spaces.items()
    }
    switched = replace(manifest, spaces=spaces, made=place.name)
    if here.index:
        here.index.switch_to(switched)
    else:
        manifests.save(here.path, switched)
    save_said(here.path, rest)


def _said_by_records(here: _Here) -> list[Said]:
    if here.index is None:
        return []
    return [one for batch in here.index.store.scroll() for point in batch if (one := said_of(point.payload))]


def _put_aside(here: _Here) -> list[Skipped]:
    """Keep points that could not be read under another name, as what was said of their images is in them."""
    told = []
    for points, why in here.unread.items():
        kept = here.path / f"damaged-{os.urandom(4).hex()}"
        rename_path(points, kept)
        reason = f"{why} What was said of the images in it could not be read."
        told.append(Skipped(str(kept), SkipCode.CORRUPT, reason, "It is kept there; delete it if nothing is missing."))
    return told
