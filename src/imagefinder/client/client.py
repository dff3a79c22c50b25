"""``Client``: the library's names over HTTP."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from imagefinder._util.threads import chunked
from imagefinder.client.analysis import Organising
from imagefinder.client.feedback import Feedback
from imagefinder.client.ingest import Added, Adding
from imagefinder.client.jobs import Jobs
from imagefinder.client.queries import bytes_of, data_uri, parts_of
from imagefinder.client.responses import hits_of, info_of, record_of
from imagefinder.client.spaces import Spaces
from imagefinder.client.training import Teaching
from imagefinder.client.transport import Transport
from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.images.loader import is_url
from imagefinder.results import Hits, IndexInfo, Records
from imagefinder.search.query import Kind, QueryInput, Term
from imagefinder.store.filters.parse import FilterLike, as_filter
from imagefinder.types import Record, ids_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.types import Float32

DEFAULT_URL = "http://127.0.0.1:8642"
PAGE = 1000  # records in one request
MANY = 10_000  # ids in one request
EMBEDDED = 64  # texts or pictures embedded in one request


class Client(Organising, Spaces, Teaching):
    """The collection of a server (``imagefinder serve``), with the names that ``ImageFinder`` has.

    >>> with Client("http://127.0.0.1:8642") as client:
    ...     client.add("beach.jpg", "https://example.com/cat.jpg")
    ...     hits = client.search("red bike", k=5)

    Files and pictures are those of this machine, and are sent; ``add_folder`` names a folder of the server's. Images
    are named by id, or by the path or URL they were indexed from. ``timeout_s`` is how long one request may take.
    Raises the library's exceptions, and ServerError for what only a server can refuse: UnreachableError where none
    answers, UnauthorizedError without its key. May be used from several threads.
    """

    def __init__(self, url: str = DEFAULT_URL, *, key: str | None = None, timeout_s: float = 90.0) -> None:
        self._transport = Transport(url, key, timeout_s)
        self._jobs = Jobs(self._transport)

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
        measures: Sequence[str] = ("cosine",),
        fuse: str = "mean",
    ) -> Hits:
        """The ``k`` images, 1000 at most, that fit the query best; as ``ImageFinder.search``, which tells of each
        option. A path, bytes or a Pillow image in the query is sent to the server."""
        body = {
            "parts": parts_of(query, self._transport) if query is not None else [],
            "k": k,
            "filter": _filter(filter),
            "min_score": min_score,
            "offset": offset,
            "same_cluster": same_cluster,
            "liked": self._ids(liked),
            "disliked": self._ids(disliked),
            "collapse": collapse,
            "diversity": diversity,
            "spaces": list(spaces),
            "measures": list(measures),
            "fuse": fuse,
        }
        return hits_of(self._transport.json("POST", "/v1/search", json=body))

    def similar(self, image: str | os.PathLike[str], k: int = 10, **options: Any) -> Hits:
        """The ``k`` images most like one of the index, named by id or URI, without itself."""
        return self.search(Term(Kind.ID, self._id(image)), k, **options)

    @property
    def feedback(self) -> Feedback:
        """What people said of answers, kept by the server."""
        return Feedback(self._transport, self._ids)

    def get(self, image: str | os.PathLike[str]) -> Record:
        """The record of one image, by id or URI. Raises NotFoundError."""
        for id in ids_of(os.fspath(image)):
            try:
                return record_of(self._transport.json("GET", f"/v1/images/{id}"))
            except NotFoundError as error:
                missing = error
        raise NotFoundError(
            f"The index has no image {os.fspath(image)!r}.", remedy="Name it by its id, full path or URL."
        ) from missing

    def records(self, filter: FilterLike = None) -> Records:
        """The records that match, all without a filter, by ascending id."""
        return Records(list(self._pages(filter)))

    def _pages(self, filter: FilterLike) -> Iterator[Record]:
        params: dict[str, Any] = {"filter": _filter(filter), "k": PAGE, "offset": 0}
        while params["offset"] is not None:
            page = self._transport.json("GET", "/v1/images", params=params)
            yield from map(record_of, page["images"])
            params["offset"] = page["next_offset"]

    def list(
        self, filter: FilterLike = None, sort: str | None = None, k: int = 100, offset: int = 0
    ) -> tuple[Sequence[Record], int]:
        """A page of the records that match, and how many there are. ``sort`` is a field, with ``-`` in front for the
        largest first."""
        params = {"filter": _filter(filter), "sort": sort, "k": k, "offset": offset}
        page = self._transport.json("GET", "/v1/images", params=params)
        return Records([record_of(row) for row in page["images"]]), int(page["total"])

    def columns(
        self, fields: Sequence[str], filter: FilterLike = None, sort: str | None = None
    ) -> dict[str, Sequence[Any]]:
        """Some fields of all records that match, a list for each."""
        params = {"fields": ",".join(fields), "filter": _filter(filter), "sort": sort}
        found: dict[str, Sequence[Any]] = self._transport.json("GET", "/v1/images/columns", params=params)["columns"]
        return found

    def facets(self, filter: FilterLike = None) -> dict[str, Any]:
        """What there is to filter by among the images that match: values with their counts, and ranges."""
        found: dict[str, Any] = self._transport.json("GET", "/v1/facets", params={"filter": _filter(filter)})
        return found

    def thumbnail(self, image: str | os.PathLike[str], size: int = 256) -> bytes:
        """A JPEG of an image, upright, its longest side ``size`` pixels at most: 64, 128, 256, 512, 1024 or 2048."""
        return self._transport.content(f"/v1/images/{self._id(image)}/thumbnail", size=size)

    def original(self, image: str | os.PathLike[str]) -> bytes:
        """The bytes of an image's own file."""
        return self._transport.content(f"/v1/images/{self._id(image)}/original")

    def embed_words(self, texts: Sequence[str]) -> Float32:
        """Texts as vectors that compare with those of pictures in the text space: float32 (n, dim), unit rows."""
        return self._embed([{"text": text} for text in texts], "")

    def embed_images(self, images: Sequence[str | Path | bytes | Image], space: str | None = None) -> Float32:
        """Pictures (paths, URLs, bytes of image files, or Pillow images) as vectors of a space, by default the image
        space: float32 (n, dim), unit rows."""
        wanted = space or str(self.info().model)
        inputs = [i if isinstance(i, str) and is_url(i) else data_uri(_bytes(i)) for i in images]
        return self._embed([{"image": i} for i in inputs], wanted)

    def _embed(self, inputs: Sequence[dict[str, str]], model: str) -> Float32:
        import numpy as np

        rows: list[bytes] = []
        for some in chunked(inputs, EMBEDDED):
            body = {"input": some, "model": model, "encoding_format": "base64"}
            data = self._transport.json("POST", "/v1/embeddings", json=body)["data"]
            rows += [base64.b64decode(row["embedding"]) for row in data]
        return np.frombuffer(b"".join(rows), "<f4").reshape(len(rows), -1 if rows else 0).astype(np.float32)

    def info(self) -> IndexInfo:
        """What the index holds."""
        return info_of(self.about())

    def about(self) -> dict[str, Any]:
        """All that GET /v1/index says of the index and of what the server lets its clients do."""
        found: dict[str, Any] = self._transport.json("GET", "/v1/index")
        return found

    @property
    def sources(self) -> Sequence[str]:
        """The sources indexed so far."""
        return [s["uri"] for s in self.info().sources]

    # --- changing -------------------------------------------------------------------------------------------------

    def add(
        self,
        *sources: str | os.PathLike[str],
        tags: Sequence[str] = (),
        progress: Callable[[int, int], None] | None = None,
    ) -> Added:
        """Send image files of this machine to the server, which keeps a copy of each, and let it fetch URLs.

        While a job is in the way, this waits for it. ``progress`` is told how many are done, of how many. Raises
        InvalidInputError for a path that is no file; an image that can't be used is listed in ``skipped``.
        """
        if not sources:
            raise InvalidInputError("No image was given.", remedy="Give the paths of image files, or URLs.")
        return Adding(self._transport, self._jobs, progress).add(sources, tags)

    def remove(self, *images: str | os.PathLike[str], filter: FilterLike = None) -> int:
        """Take images out of the index, by id, URI or filter. Returns how many. Files stay where they are, but for
        those that were sent by ``add``."""
        if not images and _filter(filter) is None:
            raise InvalidInputError("Nothing to remove was named.", remedy="Give ids, paths, URLs or a filter.")
        portions = chunked(self._chosen(images, filter), MANY)
        return sum(
            self._transport.json("POST", "/v1/images/delete", json={"ids": some})["removed"] for some in portions
        )

    def update(self, image: str | os.PathLike[str], **changes: Any) -> Record:
        """Give an image other ``tags``, or another ``caption`` (None takes it away)."""
        id = self._id(image)
        return record_of(self._transport.json("PATCH", f"/v1/images/{id}", json=changes))

    def tag(
        self,
        images: Sequence[str | os.PathLike[str]] = (),
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
        *,
        filter: FilterLike = None,
    ) -> int:
        """Add and remove tags of images, named by id or URI, or all that match a filter; how many have changed."""
        if isinstance(images, str):
            raise InvalidInputError(f"Images are a list of ids or paths, not the text {images!r}.")
        portions = chunked(self._chosen(images, filter), MANY)
        bodies = ({"ids": some, "add": [*add], "remove": [*remove]} for some in portions)
        return sum(self._transport.json("POST", "/v1/images/tags", json=body)["changed"] for body in bodies)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _ids(self, images: Sequence[str]) -> Sequence[str]:
        """The ids of images named by id, path or URL. Asks the server about what is no id. Raises NotFoundError."""
        return [self._id(image) for image in images]

    def _chosen(self, images: Sequence[str | os.PathLike[str]], filter: FilterLike) -> Sequence[str]:
        """The ids of images that are named, and of those that match."""
        ids = [self._id(image) for image in images]
        if _filter(filter) is not None:
            ids += self.columns(["id"], filter)["id"]
        return [*dict.fromkeys(ids)]

    def _id(self, image: str | os.PathLike[str]) -> str:
        name = os.fspath(image)
        first = ids_of(name)[0]
        return first if first == name.removeprefix("id:").lower() else self.get(name).id

    def close(self) -> None:
        """Give the connection back; called twice, does nothing more."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return self.list(k=1)[1]

    def __contains__(self, id: str) -> bool:
        try:
            return bool(self.get(id))
        except NotFoundError:
            return False

    def __repr__(self) -> str:
        return f"Client({self._transport.url!r})"


def _filter(given: FilterLike) -> str | None:
    """A filter as text, checked here already. Raises InvalidFilterError."""
    condition = as_filter(given)
    return None if condition is None else str(condition)


def _bytes(picture: str | Path | bytes | Image) -> bytes:
    return bytes_of(Path(picture) if isinstance(picture, str) else picture)
