"""``Client``: the library's methods over HTTP."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from imagefinder.client.analysis import Analysis
from imagefinder.client.ingest import Added, Sender
from imagefinder.client.organising import Organising
from imagefinder.client.queries import parts_of
from imagefinder.client.responses import explanation_of, hits_of, info_of
from imagefinder.client.sources import Sources
from imagefinder.client.spaces import Spaces
from imagefinder.client.training import Trainer
from imagefinder.errors import InvalidInputError
from imagefinder.results import Explanation, Hits, IndexInfo
from imagefinder.search.options import Cut, Fuse, Measure, SearchOptions, WordsIn
from imagefinder.search.query import Kind, QueryInput, Term
from imagefinder.store.filters.parse import FilterLike
from imagefinder.types import OnProgress


class Client(Analysis, Organising, Sources, Spaces, Trainer):
    """The collection of a server (``imagefinder serve``), with the methods that ``ImageFinder`` has.

    >>> with Client("http://127.0.0.1:8642") as client:
    ...     client.add("beach.jpg", "https://example.com/cat.jpg")
    ...     hits = client.search("red bike", k=5)

    Files and pictures are those of this machine, and are sent; ``add_folder`` names a folder of the server's. Images
    are named by id, or by the path or URL they were indexed from. ``timeout_s`` is how long one request may take.
    Raises the library's exceptions, and ServerError for what only a server can refuse: UnreachableError where none
    answers, UnauthorizedError without its key. May be used from several threads.
    """

    def add(
        self,
        *sources: str | os.PathLike[str],
        tags: Sequence[str] = (),
        progress: OnProgress | None = None,
    ) -> Added:
        """Send image files of this machine to the server, which keeps a copy of each, and let it fetch URLs.

        While a job is in the way, this waits for it. ``progress`` is told of each portion. Raises
        InvalidInputError for a path that is no file; an image that can't be used is listed in ``skipped``.
        """
        if not sources:
            raise InvalidInputError("No image was given.", remedy="Give the paths of image files, or URLs.")
        return Sender(self._transport, self._jobs, progress).add(sources, tags)

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
        words_in: WordsIn = "both",
        explain: bool = False,
        each_part: bool = False,
        cut: Cut | None = None,
        exact: bool = False,
    ) -> Hits:
        """The ``k`` images, 1000 at most, that fit the query best; as ``ImageFinder.search``, which tells of each
        option. A path, bytes or a Pillow image in the query is sent to the server."""
        options = SearchOptions.of(
            k,
            filter=filter,
            min_score=min_score,
            offset=offset,
            same_cluster=same_cluster,
            liked=self._ids(liked),
            disliked=self._ids(disliked),
            collapse=collapse,
            diversity=diversity,
            spaces=spaces,
            measures=measures,
            fuse=fuse,
            words_in=words_in,
            explain=explain,
            each_part=each_part,
            cut=cut,
            exact=exact,
        )
        body = {"parts": parts_of(query, self._transport) if query is not None else [], **options.to_dict()}
        return hits_of(self._transport.json("POST", "/v1/search", json=body))

    def similar(self, image: str | os.PathLike[str], k: int = 10, **options: Any) -> Hits:
        """The ``k`` images most like one of the index, named by id or URI, without itself."""
        return self.search(Term(Kind.ID, self._id(image)), k, **options)

    def explain(self, image: str | os.PathLike[str], query: QueryInput | None, **options: Any) -> Explanation:
        """Why an image, named by id or URI, fits a query, with a map of which part of its picture does, to 1/255. The
        options are ``liked``, ``disliked``, ``spaces`` and ``words_in`` of ``search``."""
        body: dict[str, Any] = {"parts": parts_of(query, self._transport) if query is not None else []}
        judged = {name: self._ids(options.pop(name)) for name in ("liked", "disliked") if name in options}
        found = self._transport.json(
            "POST", f"/v1/images/{self._id(image)}/explain", json={**body, **options, **judged}
        )
        return explanation_of(found)

    def info(self) -> IndexInfo:
        """What the index holds."""
        return info_of(self.about())

    @property
    def sources(self) -> list[str]:
        """The sources indexed so far."""
        return [s["uri"] for s in self.info().sources]
