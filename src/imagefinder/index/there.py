"""Images that may have gone, or changed, since somebody looked at them: what long work writes at its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from imagefinder._util.threads import chunked
from imagefinder.types import image_id

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.store.base import Point, Store
    from imagefinder.types import Skipped

BATCH = 1000


def each_there(store: Store, ids: Iterable[str]) -> Iterator[Point]:
    """The points of these ids that are there, in their order. They are read ``BATCH`` at a time, as the payloads of
    1,000,000 take 6 GB, and who searches meanwhile waits for each call."""
    for some in chunked(ids, BATCH):
        yield from store.retrieve(some)


def contents_now(index: Index) -> dict[str, str]:
    """The content hash of every image in the index, by its id."""
    found = index.store.columns(("id", "content_hash"))
    return {id: content or "" for id, content in zip(found["id"], found["content_hash"], strict=True)}


def merge_there(index: Index, contents: Mapping[str, str], payload: Mapping[str, Any]) -> list[str]:
    """Set fields on the images of ``contents``, content hashes by id, that are still in the index with that content;
    None removes a field. Returns their ids."""
    with index.writing:  # nothing is removed between being looked for and being written
        there = still_there(index, contents)
        index.store.merge_payload(there, payload)
    return there


def still_there(index: Index, contents: Mapping[str, str]) -> list[str]:
    """The ids of those images of ``contents``, content hashes by id, that are in the index with that content."""
    points = each_there(index.store, contents)
    return [p.id for p in points if (p.payload.get("content_hash") or "") == contents[p.id]]


def of_those_there(index: Index, skipped: Sequence[Skipped]) -> tuple[Skipped, ...]:
    """What could not be used of the images that are still in the index."""
    ids = {p.id for p in each_there(index.store, (image_id(one.uri) for one in skipped))}
    return tuple(one for one in skipped if image_id(one.uri) in ids)
