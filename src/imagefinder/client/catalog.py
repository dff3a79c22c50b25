"""The records of the server's index, and what people say of images."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from imagefinder._util.threads import chunked
from imagefinder.client.browse import Browse
from imagefinder.client.concepts import Concepts
from imagefinder.client.connection import Connection, filter_text
from imagefinder.client.feedback import Feedback
from imagefinder.client.keys import Audit, Keys
from imagefinder.client.responses import record_of
from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.results import Records
from imagefinder.store.filters.parse import FilterLike
from imagefinder.types import UNSET, Record, Unset

PAGE = 1000  # records in one request
MANY = 10_000  # ids in one request


class Catalog(Connection):
    """As the methods of ``ImageFinder`` of the same names; ``thumbnail``, ``original`` and
    ``whole_file`` are the client's own."""

    def records(self, filter: FilterLike = None) -> Records:
        """The records that match, all without a filter, by ascending id."""
        return Records(list(self._pages(filter)))

    def _pages(self, filter: FilterLike) -> Iterator[Record]:
        params: dict[str, Any] = {"filter": filter_text(filter), "k": PAGE, "offset": 0}
        while params["offset"] is not None:
            page = self._transport.json("GET", "/v1/images", params=params)
            yield from map(record_of, page["images"])
            params["offset"] = page["next_offset"]

    def list(
        self, filter: FilterLike = None, sort: str | None = None, k: int = 100, offset: int = 0
    ) -> tuple[Records, int]:
        """``k`` records from ``offset`` on, and how many match in all. ``sort`` is a field, with ``-`` before it from
        large to small."""
        params = {"filter": filter_text(filter), "sort": sort, "k": k, "offset": offset}
        page = self._transport.json("GET", "/v1/images", params=params)
        return Records([record_of(row) for row in page["images"]]), int(page["total"])

    def columns(
        self, fields: Sequence[str], filter: FilterLike = None, sort: str | None = None
    ) -> dict[str, Sequence[Any]]:
        """Some fields of all records that match, a list for each."""
        params = {"fields": ",".join(fields), "filter": filter_text(filter), "sort": sort}
        found: dict[str, Sequence[Any]] = self._transport.json("GET", "/v1/images/columns", params=params)["columns"]
        return found

    def columns_of(self, ids: Sequence[str], fields: Sequence[str]) -> dict[str, Any]:
        """Some fields of the images ``ids`` in their order, a list for each; one that isn't there is left out."""
        found: dict[str, list[Any]] = {field: [] for field in fields}
        for start in range(0, max(1, len(ids)), PAGE):  # also of none, for a field that is no field
            body = {"ids": [*ids[start : start + PAGE]], "fields": [*fields]}
            part = self._transport.json("POST", "/v1/images/columns", json=body)["columns"]
            for field, values in found.items():
                values += part[field]
        return found

    def facets(self, filter: FilterLike = None) -> dict[str, Any]:
        """What there is to filter by among the images that match: values with their counts, and ranges."""
        found: dict[str, Any] = self._transport.json("GET", "/v1/facets", params={"filter": filter_text(filter)})
        return found

    def suggest(self, text: str, k: int = 5) -> dict[str, Any]:
        """The tags, groups, folders, files and kept searches that a text may become."""
        found: dict[str, Any] = self._transport.json("GET", "/v1/suggest", params={"text": text, "k": k})
        return found

    def thumbnail(self, image: str | os.PathLike[str], size: int = 256) -> bytes:
        """A JPEG of an image, upright, its longest side ``size`` pixels at most: 64, 128, 256, 512, 1024 or 2048."""
        return self._transport.content(f"/v1/images/{self._id(image)}/thumbnail", size=size)

    def whole_file(self, image: str | os.PathLike[str]) -> bytes:
        """The PDF or video that a page or frame is of; of any other image its own file."""
        return self._transport.content(f"/v1/images/{self._id(image)}/file")

    def original(self, image: str | os.PathLike[str]) -> bytes:
        """The bytes of an image's own file."""
        return self._transport.content(f"/v1/images/{self._id(image)}/original")

    def remove(self, *images: str | os.PathLike[str], filter: FilterLike = None) -> int:
        """Take images out of the index, by id, URI or filter. Returns how many. Files stay where they are, but for
        those that were sent by ``add``."""
        if not images and filter_text(filter) is None:
            raise InvalidInputError("Nothing to remove was named.", remedy="Give ids, paths, URLs or a filter.")
        portions = chunked(self._chosen(images, filter), MANY)
        return sum(
            self._transport.json("POST", "/v1/images/delete", json={"ids": some})["removed"] for some in portions
        )

    def update(
        self,
        image: str | os.PathLike[str],
        *,
        tags: Sequence[str] | Unset = UNSET,
        caption: str | Unset | None = UNSET,
        name: str | Unset | None = UNSET,
    ) -> Record:
        """Replace the tags, the caption or the name of an image; None takes one away, and what is not given stays.
        Raises NotFoundError or InvalidInputError."""
        given = {"tags": tags, "caption": caption, "name": name}
        changes = {field: value for field, value in given.items() if value is not UNSET}
        return record_of(self._transport.json("PATCH", f"/v1/images/{self._id(image)}", json=changes))

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

    @property
    def feedback(self) -> Feedback:
        """What people said of responses, kept by the server."""
        return Feedback(self._transport, self._ids)

    @property
    def browse(self) -> Browse:
        """The collection by months, folders and tags, and how its values are spread."""
        return Browse(self._transport, self._ids)

    @property
    def concepts(self) -> Concepts:
        """Queries that are kept under a name, by the server."""
        return Concepts(self._transport, self._ids)

    @property
    def keys(self) -> Keys:
        """The keys with which clients use servers of the index."""
        return Keys(self._transport)

    @property
    def audit(self) -> Audit:
        """What was removed, trashed and restored, which keys were made and removed, when and by whom."""
        return Audit(self._transport)

    def _chosen(self, images: Sequence[str | os.PathLike[str]], filter: FilterLike) -> Sequence[str]:
        """The ids of images that are named, and of those that match."""
        ids = [*self._ids(images)]
        if filter_text(filter) is not None:
            ids += self.columns(["id"], filter)["id"]
        return [*dict.fromkeys(ids)]

    def __len__(self) -> int:
        return self.list(k=1)[1]

    def __contains__(self, id: str) -> bool:
        try:
            return bool(self.get(id))
        except NotFoundError:
            return False
