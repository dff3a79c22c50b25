"""Changes what people say about images (tags, captions, names). Changes made at the same time by others are not
lost."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Collection as Some
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.index.collection import under
from imagefinder.index.said import FIELDS, changed, note, retire
from imagefinder.store.checks import canonical_id
from imagefinder.store.filters.parse import FilterLike, as_filter
from imagefinder.types import Unset

if TYPE_CHECKING:
    from imagefinder.index.collection import Collection
    from imagefinder.index.folder import Index
    from imagefinder.types import Record

TAG_LENGTH, CAPTION_LENGTH, NAME_LENGTH = 100, 10_000, 255  # characters
TAGS = 100  # of an image
BATCH = 1000


def update_image(
    collection: Collection,
    image: str | os.PathLike[str],
    *,
    tags: Sequence[str] | Unset,
    caption: str | Unset | None,
    name: str | Unset | None,
) -> Record:
    """Replace tags, caption or name of one image; None removes a caption or name. ``name`` is a title for an image
    whose URI has no useful name, such as an uploaded file. Raises InvalidInputError or NotFoundError; then nothing is
    changed."""
    index, id = collection.index, collection.resolve(image)
    changes: dict[str, Any] = {}
    if not isinstance(tags, Unset):
        changes["tags"] = list(checked_tags(tags)) or None
    if not isinstance(caption, Unset):
        changes["caption"] = _checked_text("caption", caption, CAPTION_LENGTH)
    if not isinstance(name, Unset):
        changes["name"] = _checked_text("name", name, NAME_LENGTH)
    with index.writing:
        (facts,) = _facts_of(index, [id]).values()
        if changes:
            note(index, (said.row() for said in changed(facts, changes)))
            index.store.merge_payload([id], changes)
    return collection.get(id)


def tag_images(
    collection: Collection,
    images: Sequence[str | os.PathLike[str]],
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    filter: FilterLike = None,
) -> int:
    """Add and remove tags of these images and of all that match a filter. Returns how many have changed. Raises
    InvalidInputError, InvalidFilterError or NotFoundError; then nothing is changed."""
    if isinstance(images, str):
        raise InvalidInputError(f"Images are a list of ids or paths, not the text {images!r}.")
    condition = as_filter(filter)
    ids = [canonical_id(os.fspath(image)) or collection.resolve(image) for image in images]
    changes = checked_tags(add), set(checked_tags(remove))
    with collection.index.writing:  # what matches is not removed before it is tagged
        if condition is not None:
            ids += collection.index.store.columns(["id"], filter=condition)["id"]
        return _tag(collection.index, [*dict.fromkeys(ids)], *changes)


def remove_images(collection: Collection, images: Sequence[str | os.PathLike[str]], filter: FilterLike = None) -> int:
    """Remove these images, and all that match a filter, from the index. A folder stands for all images in it. Returns
    how many were removed. What was said of them is kept by content, see ``index.said``. Raises InvalidInputError,
    InvalidFilterError or NotFoundError; then nothing is removed."""
    condition, store = as_filter(filter), collection.index.store
    if not images and condition is None:
        raise InvalidInputError("Nothing to remove was named.", remedy="Give ids, paths, URLs or a filter.")
    ids = {id for image in images for id in under(collection, os.fspath(image))}
    if condition is not None:
        ids |= {p.id for points in store.scroll(filter=condition, fields=()) for p in points}
    with collection.index.writing:  # each image is removed once, and not between being looked for and being written
        there = {point.id for point in store.retrieve(sorted(ids))}
        retire(collection.index, sorted(there))
    return len(there)


def _tag(index: Index, ids: Sequence[str], added: Sequence[str], removed: Some[str]) -> int:
    if not added and not removed:
        raise InvalidInputError("No tag was given.", remedy="Name tags to add or to remove.")
    if both := set(removed) & set(added):
        raise InvalidInputError(f"The tag {min(both)!r} is both to be added and removed.")
    wanted: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    found = _facts_of(index, ids)
    for id, facts in found.items():
        before = _tags_in(facts)
        after = tuple(dict.fromkeys([*(t for t in before if t not in removed), *added]))
        if len(after) > TAGS:
            raise InvalidInputError(f"An image has {TAGS} tags at most; {id} would have {len(after)}.")
        if after != before:
            wanted[after].append(id)
    changes = {after: {"tags": list(after) or None} for after in wanted}
    said = (one for after, some in wanted.items() for id in some for one in changed(found[id], changes[after]))
    note(index, (one.row() for one in said))
    for after, some in wanted.items():
        index.store.merge_payload(some, changes[after])
    return sum(map(len, wanted.values()))


def checked_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags without surrounding spaces, each once. Raises InvalidInputError."""
    if isinstance(tags, str):
        raise InvalidInputError(f"Tags are a list of texts, not the text {tags!r}.")
    found = []
    for tag in tags:
        text = tag.strip() if isinstance(tag, str) else ""
        if not 1 <= len(text) <= TAG_LENGTH or not _printable(text):
            raise InvalidInputError(f"A tag is a text of 1 to {TAG_LENGTH} printable characters, not {tag!r:.200}.")
        found.append(text)
    if len(found) > TAGS:
        raise InvalidInputError(f"An image has {TAGS} tags at most, not {len(found)}.")
    return tuple(dict.fromkeys(found))


def _checked_text(what: str, text: str | None, longest: int) -> str | None:
    """The text without surrounding spaces, or None if it is empty."""
    if text is None:
        return None
    if not isinstance(text, str) or len(text) > longest or not _printable(re.sub(r"[\r\n\t]", " ", text)):
        raise InvalidInputError(f"A {what} is a text of at most {longest:,} printable characters, not {text!r:.200}.")
    return text.strip() or None


def _printable(text: str) -> bool:
    """Whether a text has no control characters and nothing that JSON can't hold. Emoji and all scripts are allowed."""
    return all(c.isprintable() or c in "\u200d\u200c" for c in text)


def _tags_in(facts: Mapping[str, Any]) -> tuple[str, ...]:
    tags = facts.get("tags") or ()
    return (tags,) if isinstance(tags, str) else tuple(tags)


def _facts_of(index: Index, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What people said of each image, with what it is known by. Raises NotFoundError."""
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(ids), BATCH):
        part = ids[start : start + BATCH]
        points = {p.id: p for p in index.store.retrieve(part)}
        for id in part:
            if id not in points:
                raise NotFoundError(f"There is no image with the id {id}.")
            payload = points[id].payload
            found[id] = {name: payload[name] for name in ("uri", "content_hash", *FIELDS) if name in payload}
    return found
