"""What the run of one shard knows of the images of others: 8 bytes of each, but all of those that are gone.

So it needs memory for its own part of the images only. And yet an image that was moved from another shard is
recognised, and whether too many are gone at once is judged by all that a source has.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imagefinder.images.inside import whole_of
from imagefinder.index.shards import Shard, digest, key_of

if TYPE_CHECKING:
    from imagefinder.ingest.known import Known


class Numbers:
    """A set of numbers of 64 bits, of 8 bytes each. Looked into once all are in it."""

    def __init__(self) -> None:
        self._all, self._sorted = array("Q"), True

    def add(self, number: int) -> None:
        self._all.append(number)
        self._sorted = False

    def __contains__(self, number: int) -> bool:
        if not self._sorted:
            import numpy as np

            np.frombuffer(self._all, np.uint64).sort()  # in its place
            self._sorted = True
        at = bisect_left(self._all, number)
        return at < len(self._all) and self._all[at] == number


@dataclass(slots=True)
class Split:
    """The images of one run, shared out: those of ``shard``, and the others.

    ``strangers`` are images of others that the index has and their source has no more. ``belonging`` counts those that
    the index has of each source, gone or not, pages and frames of one file as one.
    """

    shard: Shard
    strangers: dict[str, Known] = field(default_factory=dict)
    belonging: Counter[str] = field(default_factory=Counter)
    _found: Numbers = field(default_factory=Numbers)
    _outside: Numbers = field(default_factory=Numbers)
    _files: set[tuple[str, int]] = field(default_factory=set)

    def takes(self, uri: str) -> bool:
        """Whether what a source has at ``uri`` is this shard's. If not, that it is there is noted."""
        key = key_of(uri)
        if self.shard.takes(key):
            return True
        self._found.add(key)
        return False

    def note(self, uri: str, known: Known, sources: Sequence[str]) -> None:
        """Note an image of another shard that the index has, and of which of the sources gone over."""
        if not sources:
            self._outside.add(digest(known.content_hash))
        elif key_of(uri) not in self._found:
            self.strangers[uri] = known
        whole = whole_of(uri)
        for source in sources:
            if whole != uri:
                if (file := (source, digest(whole))) in self._files:
                    continue
                self._files.add(file)
            self.belonging[source] += 1

    def may_be_outside(self, content_hash: str) -> bool:
        """Whether another shard has an image of this content that is of none of the sources gone over."""
        return digest(content_hash) in self._outside
