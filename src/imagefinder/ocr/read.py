"""Reads the pictures of an index that have not been read yet, and keeps their text with them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagefinder._util.arguments import options_of
from imagefinder._util.threads import cores, ordered_map
from imagefinder.errors import ImageError, InvalidInputError
from imagefinder.images.loader import Loader
from imagefinder.images.refs import FIELDS, known_ref
from imagefinder.index.there import merge_there, still_there
from imagefinder.ocr.reader import LONG_SIDE, LOOKED_AT, Reader
from imagefinder.ocr.words import Text
from imagefinder.store.filters.parse import Has, parse
from imagefinder.types import ImageRef, OnProgress, Progress, Skipped, ignore

if TYPE_CHECKING:
    from imagefinder.index.collection import Collection
    from imagefinder.index.folder import Index

KEPT_AT_ONCE = 50  # images without text


@dataclass(frozen=True, slots=True)
class ReadReport:
    """The result of a run: how many images were ``read`` in it, how many of them have ``found`` text, how many are read
    by now in ``total`` and have ``text``, and those that could not be read."""

    read: int
    found: int
    total: int
    text: int
    skipped: tuple[Skipped, ...]

    def to_dict(self) -> dict[str, Any]:
        facts = {name: getattr(self, name) for name in ("read", "found", "total", "text")}
        return {**facts, "skipped": [one.to_dict() for one in self.skipped]}


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read: all images ``again``, or those that were not read yet; on how many cores (``workers``), by default
    on half of them. Raises InvalidInputError for fewer than one."""

    again: bool = False
    workers: int | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise InvalidInputError(f"workers must be 1 or more, not {self.workers}.")


def read_pictures(collection: Collection, progress: OnProgress | None = None, **given: Any) -> ReadReport:
    """Read the text in the images that were not read yet, or in all: their records get ``text``, ``text_boxes`` (see
    ``ocr.words.Text``) and ``text_by``, what read them. An image to which a table gives a ``text`` keeps that. Each
    content is read once. What is ``given``: see ``ReadOptions``.

    An exception from ``progress`` stops the run; what is read stays, and the next run goes on from there. Raises
    MissingExtraError, and InvalidInputError for an option there isn't.
    """
    options = options_of(ReadOptions, given)
    reader = Reader()
    run = _Run(collection.index, reader, options.again)
    report, total = progress or ignore, len(run.todo)
    report(Progress("reading", 0, total))
    looker, loader = (Loader(collection.limits, side) for side in (LOOKED_AT, LONG_SIDE))
    workers = options.workers or max(1, cores() // 2)
    try:
        looked = ordered_map(
            lambda content: run.look(content, looker, loader), run.todo, workers=workers, window=4 * workers
        )
        for done, (content, found) in enumerate(zip(run.todo, looked, strict=True), start=1):
            run.keep(content, found)
            report(Progress("reading", done, total))
    finally:
        run.flush()
        looker.close()
        loader.close()
    return run.report()


class _Run:
    """``todo`` are the contents to read, by their hashes, each with its images by their ids."""

    def __init__(self, index: Index, reader: Reader, again: bool) -> None:
        self._index, self._reader = index, reader
        self.todo: defaultdict[str, dict[str, ImageRef]] = defaultdict(dict)
        known: dict[str, Text] = {}
        for points in index.store.scroll(fields=(*FIELDS, "text", "text_boxes", "text_by"), batch=2000):
            for point in points:
                content, by = str(point.payload.get("content_hash") or ""), point.payload.get("text_by")
                if by and not again:
                    known[content] = Text(point.payload.get("text") or "", tuple(point.payload.get("text_boxes") or ()))
                elif by or "text" not in point.payload:  # else a table gives it
                    self.todo[content][point.id] = known_ref(point.payload)
        self._read = self._found = 0
        self._empty: dict[str, str] = {}
        self._failed: dict[str, Skipped] = {}
        for content in [content for content in self.todo if content in known]:
            self.keep(content, known[content])
            del self.todo[content]

    def look(self, content: str, looker: Loader, loader: Loader) -> Text | Skipped:
        """What is written in an image of this content: the first that can be opened. Called by several workers."""
        for ref in self.todo[content].values():
            try:
                encoded = looker.read(ref)
                if not self._reader.has_text(looker.decode(encoded).image):
                    return Text()
                return self._reader.read(loader.decode(encoded).image)
            except ImageError as error:
                failed = Skipped(ref.uri, error.code, error.message, error.remedy)
        return failed

    def keep(self, content: str, found: Text | Skipped) -> None:
        """Store what an image's content says. Images without text, which are many, are stored some at once."""
        contents = dict.fromkeys(self.todo[content], content)
        if isinstance(found, Skipped):
            self._failed |= dict.fromkeys(contents, found)
        elif found.text:
            there = self._store(contents, {"text": found.text, "text_boxes": list(found.boxes)})
            self._found += there
        else:
            self._empty |= contents
            if len(self._empty) >= KEPT_AT_ONCE:
                self.flush()

    def flush(self) -> None:
        """Store that images have no text."""
        empty, self._empty = self._empty, {}
        if empty:
            self._store(empty, {"text": None, "text_boxes": None})

    def _store(self, contents: Mapping[str, str], payload: Mapping[str, Any]) -> int:
        there = len(merge_there(self._index, contents, {**payload, "text_by": self._reader.name}))
        self._read += there
        return there

    def report(self) -> ReadReport:
        contents = {id: content for content, images in self.todo.items() for id in images if id in self._failed}
        skipped = dict.fromkeys(self._failed[id] for id in still_there(self._index, contents))
        count = self._index.store.count
        return ReadReport(
            self._read, self._found, count(Has("text_by")), count(parse("has text_by and has text")), tuple(skipped)
        )
