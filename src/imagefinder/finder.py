"""``ImageFinder``, the object most people use."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from imagefinder.cataloguing import Cataloguing
from imagefinder.embedding import embed_pictures
from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.images.loader import Loader
from imagefinder.images.sources import open_source
from imagefinder.index import Index
from imagefinder.ingest import IngestReport, Progress, ingest
from imagefinder.organising import Organising, cores
from imagefinder.query import Kind, QueryInput, Term, ids_of, parse_query
from imagefinder.results import Hits, IndexInfo
from imagefinder.search import SearchOptions, search
from imagefinder.store.filters import FilterLike, as_filter
from imagefinder.types import Limits

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.models.base import Embedder
    from imagefinder.models.spec import ModelSpec
    from imagefinder.store.base import Point
    from imagefinder.types import Float32

DEFAULT_MODEL = "default"


class ImageFinder(Cataloguing, Organising):
    """A collection of images that can be searched.

    >>> with ImageFinder.open("my-index") as finder:
    ...     finder.add("~/Pictures")
    ...     hits = finder.search("red bike", k=5)

    One process at a time holds an index; it is released by ``close`` or at the end of the ``with`` block.
    """

    def __init__(self, index: Index, *, model: str | None = None, limits: Limits | None = None) -> None:
        self._index = index
        self._model_name = model
        self._embedder: Embedder | None = None
        self._indexer: Embedder | None = None
        self._loading = threading.Lock()
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

        ``model`` is for a new index ("default" or "fast"); an existing one goes on with its own. If another process
        holds the index, wait up to ``wait_s`` seconds for it. Raises NotFoundError (``create=False`` and there is
        none), IndexLockedError, IndexVersionError, IndexDamagedError or ModelMismatchError.
        """
        index = Index(Path(path).expanduser().absolute(), create=create, wait_s=wait_s)
        try:
            finder = cls(index, model=model, limits=limits)
            if model is not None:
                index.check_model(finder._spec)
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
            if self._indexer is None:  # kept for the next run: a server adds images one by one
                self._indexer = self._load_model(threads=1)  # ingest calls it from one thread a core
            return ingest(
                self._index,
                self._indexer,
                [open_source(text, **how) for text, how in wanted],
                limits=self._limits,
                force=force,
                allow_empty=allow_empty,
                progress=progress,
                workers=workers or cores(),
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
        self._index.store.delete(sorted(ids))
        return len(ids)

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
    ) -> Hits:
        """The ``k`` images that fit the query best; see ``query.parse_query`` for what a query may be.

        ``same_cluster`` keeps to one cluster: that of the image asked for, or of the best hit. ``liked`` and
        ``disliked`` name images that were right or wrong, by id or URI; the answer learns from them, and with some
        liked there need be no query. ``collapse`` makes one hit of near-identical ones. ``diversity``, from 0 to 1,
        puts hits unlike each other ahead. Raises InvalidQueryError, InvalidFilterError or NotFoundError.
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
        )
        terms = parse_query(query) if query is not None else []
        loader = Loader(self._limits, self.embedder.short_side)
        try:
            return search(self._index, self.embedder, terms, options, loader)
        finally:
            loader.close()

    def similar(self, image: str | os.PathLike[str], k: int = 10, **options: Any) -> Hits:
        """The ``k`` images most like one of the index, named by id or URI, without itself."""
        return self.search(Term(Kind.ID, self._resolve(os.fspath(image))), k, **options)

    def vectors(self, space: str | None = None, *, raw: bool = False) -> tuple[list[str], Float32]:
        """Ids and vectors, float32 (n, dim), by ascending id: those searched (rows of unit length), or ``raw`` as
        the model gave them (to float16 precision). ``space`` is by default the image space."""
        import numpy as np

        self._ready()
        name = space or self._image_space
        ids: list[str] = []
        arrays: list[Float32] = []
        for part, rows in self._index.raw_batches(name) if raw else self._index.searched_batches(name):
            ids += part
            arrays.append(rows)
        return ids, np.concatenate(arrays) if arrays else np.zeros((0, self._index.space(name).dim), np.float32)

    def embed_words(self, texts: Sequence[str]) -> Float32:
        """Texts as vectors that compare with ``vectors(finder.text_space)``: float32 (n, dim), rows of unit length."""
        self._ready()
        vectors = self.embedder.embed_texts(texts)
        with self._index.steady.shared():
            return self._index.texts_to_search(self.text_space, vectors)

    def embed_images(self, images: Sequence[str | Path | bytes | Image], space: str | None = None) -> Float32:
        """Pictures (paths, URLs, bytes of image files, or Pillow images) as vectors that compare with
        ``vectors(space)``, by default of the image space; ``finder.text_space`` is for comparing them with words.

        Float32 (n, dim), rows of unit length. Raises ImageError for a picture that can't be used.
        """
        self._ready()
        loader = Loader(self._limits, self.embedder.short_side)
        pictures = [str(i.expanduser()) if isinstance(i, Path) else i for i in images]
        try:
            return embed_pictures(self._index, self.embedder, pictures, space or self._image_space, loader)
        finally:
            loader.close()

    @property
    def text_space(self) -> str:
        """The space that words are compared in. Raises NotFoundError for a model that doesn't understand words."""
        if self._spec.text_space is None:
            raise NotFoundError(f"The model {self._spec.name} doesn't understand words.")
        return self._index.spaces_of(self._spec)[self._spec.text_space]

    def info(self) -> IndexInfo:
        """What the index holds."""
        manifest = self._index.manifest
        spaces = {
            name: {
                "model": s.model,
                "dim": s.dim,
                "searched_dim": self._searched_dim(s.search_vector),
                "version": s.search_vector,
            }
            for name, s in manifest.spaces.items()
        }
        return IndexInfo(
            path=str(self._index.path),
            images=len(self),
            bytes=sum(f.stat().st_blocks * 512 for f in self._index.path.rglob("*") if f.is_file()),
            model=next((s.model for s in manifest.spaces.values()), None),
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

    @property
    def embedder(self) -> Embedder:
        """The model of this index, loaded when first needed; one call uses all cores, as a search wants it."""
        with self._loading:
            if self._embedder is None:
                self._embedder = self._load_model(None)
            return self._embedder

    def _load_model(self, threads: int | None) -> Embedder:
        from imagefinder.models.names import load_model

        return load_model(self._spec.name, threads=threads)

    # --- inside ---------------------------------------------------------------------------------------------------

    @property
    def _spec(self) -> ModelSpec:
        from imagefinder.models.names import find_spec

        used = next((s.model for s in self._index.manifest.spaces.values()), None)
        return find_spec(self._model_name or used or DEFAULT_MODEL)

    @property
    def _image_space(self) -> str:
        return self._index.spaces_of(self._spec)["image"]

    def _ready(self) -> None:
        """Fit what an interrupted first run left unfitted; raises NotFoundError if nothing was ever indexed."""
        self._index.check_model(self._spec)
        spaces = self._index.manifest.spaces.values()
        if any(s.search_vector is None for s in spaces):
            self._index.refit(self._spec)
        if all(s.search_vector is None for s in self._index.manifest.spaces.values()):
            raise NotFoundError("The index holds no images yet.", remedy="Add some with: imagefinder index FOLDER")

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
