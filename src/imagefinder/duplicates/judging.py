"""The verdict on two pictures of an index: what they are to each other, whatever else the index holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from imagefinder._util.threads import one_blas_thread
from imagefinder.duplicates.grouping import Edge
from imagefinder.duplicates.matching.closer import look_closer
from imagefinder.duplicates.matching.shown import Shown
from imagefinder.duplicates.matching.sketch import may_be_copies
from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.duplicates.matching.verify import Verdict, verify

if TYPE_CHECKING:
    from imagefinder.duplicates.pictures import Pictures

SAME_FIDELITY = 0.9995  # below it, pixels can't be the same


class Judge:
    """Compares pictures, by their numbers. Safe to use from several threads."""

    def __init__(self, pictures: Pictures) -> None:
        self.pictures = pictures

    def are_strangers(self, a: int, b: int) -> bool:
        """Whether a first look shows that two pictures are no copies. False if one can't be read."""
        first, second = self.pictures.sketch(a), self.pictures.sketch(b)
        return first is not None and second is not None and not may_be_copies(first, second)

    def verdict(self, a: int, b: int) -> Edge | None:
        """What relates two pictures, None if nothing does or one can't be read. The score of other tiers than copies
        is 0: it is the cosine, which depends on the model."""
        first, second = self.pictures.features(a), self.pictures.features(b)
        if first is None or second is None:
            return None
        verdict = verify(first, second)
        if verdict.tier is Tier.SAME_PICTURE:
            one, other = self.pictures.fine(a), self.pictures.fine(b)
            if one is None or other is None:
                return None
            verdict = look_closer(verdict, first, one, other)
        if verdict.tier is Tier.SAME_PICTURE and verdict.comparison:
            return self._copy(a, b, verdict)
        return None if verdict.tier is None else Edge(verdict.tier, verdict.evidence, 0.0)

    def _copy(self, a: int, b: int, verdict: Verdict) -> Edge:
        if unlike := self.pictures.unlike_files(a, b):
            return Edge(Tier.SAME_SCENE, unlike, 0.0)
        assert verdict.comparison is not None
        framed, shares = verdict.comparison.framed, verdict.comparison.overlaps
        content = (shares[0] if framed[0] else 1.0, shares[1] if framed[1] else 1.0)
        shown = Shown.of(shares, framed, verdict.scale, self.pictures.detail(a, b, verdict))
        edge = Edge(Tier.SAME_PICTURE, verdict.evidence, verdict.score, verdict.edits, content, shown, verdict.onto)
        return self._pixels(a, b, edge) if verdict.comparison.fidelity > SAME_FIDELITY else edge

    def _pixels(self, a: int, b: int, edge: Edge) -> Edge:
        one, other = self.pictures.records[a], self.pictures.records[b]
        if edge.edits != ("re-encoded",) or (one.width, one.height) != (other.width, other.height):
            return edge
        return Edge(Tier.IDENTICAL_PIXELS, "identical pixels", 1.0) if self.pictures.same_pixels(a, b) else edge


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Many pairs are compared at once, one a thread: many threads inside each would only get in each other's way."""
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with one_blas_thread():
            yield
    finally:
        cv2.setNumThreads(threads)
