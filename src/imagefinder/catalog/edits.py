"""Changes what people say about images (tags, captions, names). Changes made at the same time by others are not
lost."""

from __future__ import annotations

import os
import re
from collections.abc import Collection as Some
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from imagefinder.catalog.changes import Change, apply_changes, as_list, facts_of, keep
from imagefinder.errors import InvalidInputError
from imagefinder.index.collection import under
from imagefinder.index.said import retire
from imagefinder.index.there import each_there
from imagefinder.store.checks import canonical_id
from imagefinder.store.filters.parse import FilterLike, as_filter
from imagefinder.types import Unset

if TYPE_CHECKING:
    from imagefinder.index.collection import Collection
    from imagefinder.index.folder import Index
    from imagefinder.types import Record

TAG_LENGTH, CAPTION_LENGTH, NAME_LENGTH = 100, 10_000, 255  # characters
TAGS = 100  # of an image


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
        found = facts_of(index, [id])
        if "tags" in changes:
            apply_changes(index, found, {id: changes}, "tagged", ", ".join(changes["tags"] or ()))
        else:
            told = changes.get("caption")
            apply_changes(index, found, {id: changes}, "captioned" if "caption" in changes else None, told or "")
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
        return _tag(collection.index, [*dict.fromkeys(ids)], *changes).changed


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
        there = {point.id for point in each_there(store, ids)}
        if there:
            retire(collection.index, sorted(there), change=_keep_removal(collection, sorted(there)))
    return len(there)


def _keep_removal(collection: Collection, ids: Sequence[str]) -> str:
    """Keep which sources give these images again; "" where none does."""
    sources = collection.index.manifest.sources
    payloads = (point.payload for point in each_there(collection.index.store, ids))
    uris = [(str(p.get("uri", "")), str(p.get("source", ""))) for p in payloads]
    named = [s.uri for s in sources if any(s.covers(uri, source) for uri, source in uris)]
    return keep(collection.index, "removed", sources=named) if named else ""


def _tag(index: Index, ids: Sequence[str], added: Sequence[str], removed: Some[str]) -> Change:
    if not added and not removed:
        raise InvalidInputError("No tag was given.", remedy="Name tags to add or to remove.")
    if both := set(removed) & set(added):
        raise InvalidInputError(f"The tag {min(both)!r} is both to be added and removed.")
    wanted: dict[str, dict[str, Any]] = {}
    found = facts_of(index, ids)
    for id, facts in found.items():
        before = as_list(facts.get("tags"))
        after = [*dict.fromkeys([*(t for t in before if t not in removed), *added])]
        if len(after) > TAGS:
            raise InvalidInputError(f"An image has {TAGS} tags at most; {id} would have {len(after)}.")
        if after != before:
            wanted[id] = {"tags": after or None}
    what = ", ".join([*(f"+{tag}" for tag in added), *(f"-{tag}" for tag in sorted(removed))])
    return apply_changes(index, found, wanted, "tagged", what)


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
