"""Finds what was said of an image before it came to where it is now."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder._util.threads import chunked
from imagefinder.errors import IndexDamagedError, NotFoundError
from imagefinder.images.inside import is_there
from imagefinder.index.said import BATCH
from imagefinder.index.said_again import SaidBefore
from imagefinder.ingest.known import KnownImages, known_images
from imagefinder.store.filters.parse import Compare
from imagefinder.types import Record, image_id

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.index.said import Kept
    from imagefinder.ingest.plan import Plan


class Earlier:
    """The records of an index that is made again. ``known`` is what it knows, by URI."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.known = known_images(index.store)

    def find(self, uri: str, content_hash: str) -> Record | None:
        """The record of the image at ``uri``, else of one with the same content."""
        known = self.known.get(uri)
        if not known and (alike := _of_content(self.known, content_hash)):
            known = self.known[_most_alike(uri, alike)]
        points = self._index.store.retrieve([known.id]) if known else []
        if not points:
            return None
        return Record.from_payload(points[0].id, points[0].payload)


class Former:
    """The former records of images, of one run. ``moved`` are the URIs that they had, each found once. ``earlier`` are
    those of the index that this one takes the place of; ``kept`` is what is kept of what was said, where that was read
    already."""

    def __init__(self, index: Index, plan: Plan, earlier: Earlier | None = None, kept: Kept | None = None) -> None:
        self._earlier = earlier
        self._index = index
        self._plan = plan
        self._gone: defaultdict[str, list[str]] = defaultdict(list)
        for uri, known in plan.gone.items():
            self._gone[known.content_hash].append(uri)
        self._said = SaidBefore(index, self._there, kept)
        self._clusters: tuple[dict[int, str], set[str]] | None = None
        self.moved: set[str] = set()

    def find(self, uri: str, content_hash: str) -> Record | None:
        """What the index knows of the image at ``uri``; else of one with the same content that is gone from its place
        (``moved``), or whose file is not there while its source is away; else what is kept of this content."""
        known = self._plan.known.get(uri)
        if known:
            return self._record_of(known.id)
        while gone := self._gone.get(content_hash):
            before = _most_alike(uri, gone)
            gone.remove(before)
            if record := self._record_of(self._plan.gone[before].id):
                self.moved.add(before)
                return record
            if self._plan.split:  # another shard has removed it meanwhile, and kept what was said of it
                self._said = self._said.again()
        if away := [u for u in self._of_content(content_hash) if not is_there(u)]:
            return self._record_of(image_id(_most_alike(uri, away)))
        if self._earlier and (before_all := self._earlier.find(uri, content_hash)):
            return before_all
        return self._kept(uri, content_hash)

    def said_contents(self) -> set[str]:
        """The contents of which something is kept that was said."""
        return self._said.contents()

    def settle(self) -> None:
        """Forget what was kept and is on records now."""
        if any(uri in self._plan.strangers for uri in self.moved):  # the shard they were in may have kept it as well
            self._said = self._said.again()
        self._said.forget((self._plan.gone[uri].content_hash, uri) for uri in self.moved)
        self._said.settle()

    def noted(self, payloads: Sequence[Mapping[str, Any]]) -> None:
        """Keep what these records say a second time, before they are stored."""
        for payload in payloads:
            known = self._plan.known.get(payload["uri"])
            if known and known.content_hash != payload.get("content_hash"):
                self._said.forget([(known.content_hash, payload["uri"])])
        self._said.noted(payloads)

    def _record_of(self, id: str) -> Record | None:
        points = self._index.store.retrieve([id])
        return Record.from_payload(points[0].id, points[0].payload) if points else None

    def _of_content(self, content_hash: str) -> list[str]:
        split = self._plan.split
        if split and split.may_be_outside(content_hash):
            alike = Compare("content_hash", "=", content_hash)
            return [str(uri) for uri in self._index.store.columns(("uri",), filter=alike)["uri"]]
        return _of_content(self._plan.known, content_hash)

    def _there(self, uris: Collection[str]) -> dict[str, str]:
        """The content of those of these images that the index has."""
        there = self._plan.known.contents_of(list(uris)) if uris else {}
        if self._plan.split:
            for part in chunked((uri for uri in uris if uri not in there), BATCH):
                found = self._index.store.retrieve([image_id(uri) for uri in part])
                there |= {str(p.payload["uri"]): str(p.payload["content_hash"]) for p in found}
        return there

    def _kept(self, uri: str, content_hash: str) -> Record | None:
        fields = self._said.find(content_hash, uri)
        if fields is None:
            return None
        payload = dict(fields)
        if not self._has_cluster(content_hash, payload):
            payload = {name: value for name, value in payload.items() if not name.startswith("cluster")}
        return Record.from_payload("", {"uri": uri, "content_hash": content_hash, **payload})

    def _has_cluster(self, content_hash: str, payload: Mapping[str, Any]) -> bool:
        """Whether the cluster it was put in still is one, and clustering itself does not know where the image was."""
        from imagefinder.clusters.state import current

        if self._clusters is None:
            try:
                clustering = current(self._index)
                self._clusters = clustering.names(), set(clustering.contents)
            except (NotFoundError, IndexDamagedError):
                self._clusters = {}, set()
        names, contents = self._clusters
        name = payload.get("cluster_name")
        return name is not None and content_hash not in contents and names.get(payload.get("cluster", -1)) == name


def _of_content(known: KnownImages, content_hash: str) -> list[str]:
    """The URIs of the images that are known to have this content."""
    return [uri for _, uri in known.uris(np.array(known.with_content(content_hash), np.int64))]


def _most_alike(uri: str, others: list[str]) -> str:
    """Of these URIs the one with the most names in common at its end, as of files in a folder that was renamed."""
    names = uri.split(os.sep)[::-1]

    def alike(other: str) -> int:
        pairs = zip(names, other.split(os.sep)[::-1], strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    return max(others, key=alike)
