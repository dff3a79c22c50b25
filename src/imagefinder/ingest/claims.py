"""Who embeds a content: of images with equal bytes one does, and the others take its vectors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple


class Wanted(NamedTuple):
    """An image whose content was read: its ``content_hash`` and ``id``, and the content that the index knows it with,
    if it does."""

    content_hash: str
    id: str
    known: str | None = None


class Claim(NamedTuple):
    """Where the vectors of an image come from: from the point ``copy_of``, from another image of this run that has the
    same content (``waits``), or else from the image itself. ``alone``: nothing else is known of its content, so that
    its record follows from itself and from its former record alone."""

    copy_of: str | None = None
    waits: bool = False
    alone: bool = False


class Claims:
    """The contents of one run, for all its workers. ``stored`` says which points have the vectors of which content, by
    content hash, and ``find`` which of those do that are not in it; ``contents`` are those of the index, ``said`` those
    of which something is kept that people said."""

    def __init__(
        self,
        stored: Mapping[str, str],
        contents: Iterable[str] = (),
        said: Iterable[str] = (),
        find: Callable[[str], str | None] = lambda content_hash: None,
    ) -> None:
        self.stored, self._find = dict(stored), find
        self._contents, self._said = frozenset(contents), frozenset(said)
        self._claimed: dict[str, str] = {}
        self._lock = threading.Lock()

    def take(self, wanted: Sequence[Wanted]) -> list[Claim]:
        """Decide for each of these images. One that asks again, because its worker was lost, gets the same answer."""
        with self._lock:
            return [self._take(one) for one in wanted]

    def _take(self, one: Wanted) -> Claim:
        if found := self.stored.get(one.content_hash) or self._find(one.content_hash):
            return Claim(copy_of=found)
        if self._claimed.setdefault(one.content_hash, one.id) != one.id:
            return Claim(waits=True)
        before = one.known in self._said if one.known else one.content_hash in self._contents
        return Claim(alone=not before and one.content_hash not in self._said)
