"""``ImageFinder``, the object most people use."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from imagefinder.cataloguing import Cataloguing
from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.images.loader import Loader
from imagefinder.images.sources import open_source
from imagefinder.index.collection import Modelling, cores, known_name
from imagefinder.index.folder import Index
from imagefinder.index.manifest import exists
from imagefinder.index.models import Models
from imagefinder.index.spaces import no_images
from imagefinder.ingest.run import ingest
from imagefinder.models.names import find_spec
from imagefinder.organising import Organising
from imagefinder.results import Hits, IndexInfo, IngestReport, Progress
from imagefinder.search.answer import SearchOptions, search
from imagefinder.search.fusion import Fuse, Measure
from imagefinder.search.query import Kind, QueryInput, Term, ids_of, parse_query
from imagefinder.store.filters.parse import FilterLike, as_filter
from imagefinder.training.on_pictures import Finetuning
from imagefinder.training.on_vectors import Teaching
from imagefinder.types import Limits

if TYPE_CHECKING:
    from imagefinder.store.base import Point


class ImageFinder(Modelling, Cataloguing, Organising, Teaching, Finetuning):
    """A collection of images that can be searched.

    >>> with ImageFinder.open("my-index") as finder:
    ...     finder.add("~/Pictures")
    ...     hits = finder.search("red bike", k=5)

    One process at a time holds an index; it is released by ``close`` or at the end of the ``with`` block.
    """

    def __init__(self, index: Index, *, model: str | None = None, limits: Limits | None = None) -> None:
        self._index = index
        self._model_name = known_name(model) if model else None
        self._models = Models(index)
        self._indexers = Models(index, threads=1)  # ingest calls them from one thread a core
        self._limits = limits or Limits()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        model: str | None = None,
        create: bool = True,
        limits: Limits | None = None,
        wait_s: float = 2.0,
    ) -> Self:
        """Open the index in the folder ``path``, or make a new one there.

        ``model`` names the model of a new index. In an existing one it says which of its models is asked, by default
        the one in use; ``add_model`` adds another. If another process holds the index, wait up to ``wait_s`` seconds
        for it. Raises NotFoundError (``create=False`` and there is none), IndexLockedError, IndexVersionError,
        IndexDamagedError or ModelMismatchError.
        """
        folder = Path(path).expanduser().absolute()
        if model is not None and create and not exists(folder):
            find_spec(known_name(model))  # a name that is wrong leaves no new index behind
        index = Index(folder, create=create, wait_s=wait_s)
        try:
            finder = cls(index, model=model, limits=limits)
            if model is not None:
                finder._check_model(finder._model_name or model)
        except BaseException:
            index.close()
            raise
        return finder

    # --- changing -------------------------------------------------------------------------------------------------

    def add(
        self,
        *sources: str | os.PathLike[str],
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        column: str | None = None,
        force: bool = False,
        allow_empty: bool = False,
        workers: int | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> IngestReport:
        """Index folders, image files, CSV or Parquet tables and URLs; called again, take in what has changed.

        With no source at all, go over those already known, with the options they were last given.

        New and changed images are embedded; moved ones keep their vectors; images gone from a folder or a table
        leave the index. ``include`` and ``exclude`` are globs in gitignore syntax, ``column`` the column of a table
        that holds the paths or URLs (found by its name when not given). An image that can't be used is listed in the
        report's ``skipped``; the run goes on. Searches go on meanwhile; a second run, from another thread, waits. An
        exception that ``progress`` raises stops the run and comes out of here; what is stored stays.
        """
        options = {"include": tuple(include), "exclude": tuple(exclude), "column": column}
        wanted = [(os.fspath(s), options) for s in sources] or self._known_sources()
        if not wanted:
            raise InvalidInputError("No source was given.", remedy="Give a folder, an image, a table or a URL.")
        with self._index.indexing:
            main, *others = (self._indexers.named(name) for name in self._models_in_order())
            return ingest(
                self._index,
                main,
                [open_source(text, **how) for text, how in wanted],
                limits=self._limits,
                force=force,
                allow_empty=allow_empty,
                progress=progress,
                workers=workers or cores(),
                others=others,
            )

    def remove(self, *images: str | os.PathLike[str], filter: FilterLike = None) -> int:
        """Take images out of the index, by id, URI or filter; a folder stands for all images in it. Returns how many.

        The image files themselves are never touched. Raises NotFoundError for an image that isn't in the index.
        """
        condition = as_filter(filter)
        if not images and condition is None:
            raise InvalidInputError("Nothing to remove was named.", remedy="Give ids, paths, URLs or a filter.")
        ids = {id for image in images for id in self._resolve_all(os.fspath(image))}
        if condition is not None:
            ids |= {p.id for points in self._index.store.scroll(filter=condition, fields=()) for p in points}
        with self._index.writing:  # each image is removed once, and not between being looked for and being written
            there = {point.id for point in self._index.store.retrieve(sorted(ids))}
            self._index.store.delete(sorted(there))
        return len(there)

    # --- asking ---------------------------------------------------------------------------------------------------

    def search(  # noqa: PLR0913 - each can be given without the others, and by name only
        self,
        query: QueryInput | None,
        k: int = 10,
        *,
        filter: FilterLike = None,
        min_score: float | None = None,
        offset: int = 0,
        same_cluster: bool = False,
        liked: Sequence[str] = (),
        disliked: Sequence[str] = (),
        collapse: bool = False,
        diversity: float = 0.0,
        spaces: Sequence[str] = (),
        measures: Sequence[Measure] = ("cosine",),
        fuse: Fuse = "mean",
    ) -> Hits:
        """The ``k`` images that fit the query best; see ``search.query.parse_query`` for what a query may be.

        ``same_cluster`` keeps to one cluster: that of the image asked for, or of the best hit. ``liked`` and
        ``disliked`` name images that were right or wrong, by id or URI; the answer learns from them, and with some
        liked there need be no query. ``collapse`` makes one hit of near-identical ones. ``diversity``, from 0 to 1,
        puts hits unlike each other ahead.

        ``spaces`` names the spaces or models to ask, by default the one in use. ``measures`` are "cosine", "euclidean"
        (of the vectors as the model gave them) or both. Several models or measures rank by themselves, and ``fuse``
        makes one ranking of it: "rrf", "vote" or "mean", see ``fusion``. Raises InvalidQueryError, InvalidFilterError
        or NotFoundError.
        """
        self._ready()
        options = SearchOptions(
            k=k,
            filter=as_filter(filter),
            min_score=min_score,
            offset=offset,
            same_cluster=same_cluster,
            liked=tuple(dict.fromkeys(map(self._resolve, liked))),
            disliked=tuple(dict.fromkeys(map(self._resolve, disliked))),
            collapse=collapse,
            diversity=diversity,
            measures=tuple(measures),
            fuse=fuse,
        )
        views = self._views(spaces)
        terms = parse_query(query) if query is not None else []
        loader = Loader(self._limits, max(view.image_model.short_side for view in views))
        try:
            return search(views, terms, options, loader)
        finally:
            loader.close()

    def similar(self, image: str | os.PathLike[str], k: int = 10, **options: Any) -> Hits:
        """The ``k`` images most like one of the index, named by id or URI, without itself."""
        return self.search(Term(Kind.ID, self._resolve(os.fspath(image))), k, **options)

    def info(self) -> IndexInfo:
        """What the index holds."""
        manifest = self._index.manifest
        spaces = {
            name: {
                "model": s.model,
                "dim": s.dim,
                "searched_dim": self._searched_dim(s.search_vector),
                "version": s.search_vector,
                "current": [role for role, current in manifest.current.items() if current == name],
                "words": self._understands_words(name),
            }
            for name, s in manifest.spaces.items()
        }
        return IndexInfo(
            path=str(self._index.path),
            images=len(self),
            bytes=sum(f.stat().st_blocks * 512 for f in self._index.path.rglob("*") if f.is_file()),
            model=manifest.spaces[manifest.current["image"]].model if manifest.current else None,
            spaces=spaces,
            sources=[{"uri": s.uri, "kind": s.kind, "last_indexed": s.last_indexed} for s in manifest.sources],
            created=manifest.created,
            version=manifest.version,
        )

    @property
    def sources(self) -> list[str]:
        """The sources indexed so far."""
        return [s.uri for s in self._index.manifest.sources]

    def _known_sources(self) -> list[tuple[str, dict[str, Any]]]:
        return [(s.uri, dict(s.options)) for s in self._index.manifest.sources]

    # --- inside ---------------------------------------------------------------------------------------------------

    def _ready(self) -> None:
        """Fit what an interrupted first run left unfitted of the spaces in use; a model that is being added fits its
        own. Raises NotFoundError if nothing was ever indexed."""
        for name in self._index.manifest.current.values():
            if (entry := self._index.space(name)).search_vector is None:
                self._index.refit(self._models.spec(entry.model))
        if not any(self._index.is_fitted(name) for name in self._index.manifest.current.values()):
            raise no_images()

    def _resolve(self, image: str) -> str:
        """The id of an image named by its id, ``id:`` and its id, its path or its URL."""
        return self._find(image).id

    def _find(self, image: str) -> Point:
        for id in ids_of(image):
            if found := self._index.store.retrieve([id]):
                return found[0]
        raise NotFoundError(f"The index has no image {image!r}.", remedy="Name it by its id, full path or URL.")

    def _resolve_all(self, image: str) -> list[str]:
        try:
            return [self._resolve(image)]
        except NotFoundError:
            inside = str(Path(image).expanduser().absolute()).rstrip(os.sep) + os.sep
            scroll = self._index.store.scroll(fields=("uri",))
            ids = [p.id for points in scroll for p in points if p.payload["uri"].startswith(inside)]
            if not ids:
                raise
            return ids

    def _searched_dim(self, vector: str | None) -> int | None:
        return self._index.store.vectors()[vector].dim if vector else None

    # --- life -----------------------------------------------------------------------------------------------------

    def serve_at(self, url: str) -> None:
        """Tell other processes, which find the index locked, where this one serves it: ``IndexLockedError.url``."""
        self._index.serve_at(url)

    def close(self) -> None:
        """Flush and release the index; called twice, does nothing more."""
        self._index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return self._index.store.count()

    def __contains__(self, id: str) -> bool:
        return bool(self._index.store.retrieve([id]))

    def __repr__(self) -> str:
        return f"ImageFinder({str(self._index.path)!r}, {len(self)} images)"
