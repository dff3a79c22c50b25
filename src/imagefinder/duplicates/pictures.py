"""The pictures of an index as the search for duplicates needs them: their features and hashes, read when needed."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from imagefinder.duplicates.cache import Cache
from imagefinder.duplicates.matching.detail import FINE, fine_picture
from imagefinder.duplicates.matching.edits import Detail, Edit
from imagefinder.duplicates.matching.enlarged import LEAST_SCALE, detail_of
from imagefinder.duplicates.matching.features import SIDE, Features, features_of
from imagefinder.duplicates.matching.hashes import perceptual_hash, pixel_hash
from imagefinder.duplicates.matching.sketch import Sketch, sketch_of
from imagefinder.errors import ImageError
from imagefinder.images.loader import Loader, is_remote
from imagefinder.images.refs import ref_of
from imagefinder.images.same_frames import same_frames
from imagefinder.types import EncodedImage, Limits, LoadedImage, Record, Skipped

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from imagefinder.duplicates.matching.verify import Verdict

CACHE_BYTES = 700 * 1024**2  # of sketches, about 45,000 pictures, or of features, about 12,000
FINE_BYTES = 200 * 1024**2  # of pictures to look at closely; about 90
PACKED_QUALITY = 95  # of the grey pictures in the cache: a quarter of the size, and no verdict changes


class Pictures:
    """Reads the pictures of ``records``, by number. Safe to use from several threads.

    One that can't be read, or whose content is no longer what the index says, is None and listed in ``skipped``.
    ``closely``: every pair will be looked at closely, by the features; otherwise first by the sketches.
    """

    def __init__(self, records: Sequence[Record], limits: Limits, *, closely: bool = True) -> None:
        self.records = records
        self.closely = closely
        self.skipped: dict[str, Skipped] = {}
        self._loader, self._fine_loader, self._full = Loader(limits, SIDE), Loader(limits, FINE), Loader(limits)
        self._cache: Cache[tuple[str, int], Sketch | Features] = Cache(CACHE_BYTES)
        self._fine: Cache[int, npt.NDArray[np.uint8]] = Cache(FINE_BYTES)
        self._there: dict[int, bool] = {}
        self._one_pair = threading.Lock()

    def sketch(self, number: int) -> Sketch | None:
        """The sketch of a picture, from the cache if it is there."""
        found = self._cache.get(("sketch", number))
        if found is None:
            loaded = self._load(number, self._loader)
            if loaded is None:
                return None
            found = sketch_of(loaded.image)
            self._cache.put(("sketch", number), found)
        assert isinstance(found, Sketch)
        return found

    def features(self, number: int) -> Features | None:
        """The features of a picture, from the cache if they are there."""
        packed = self._cache.get(("features", number))
        if packed is None:
            loaded = self._load(number, self._loader)
            if loaded is None:
                return None
            packed = _packed(features_of(loaded.image, loaded.width, loaded.height))
            self._cache.put(("features", number), packed)
        assert isinstance(packed, Features)
        return _unpacked(packed)

    def hash(self, number: int) -> npt.NDArray[np.int8] | None:
        """The perceptual hash of a picture. While there is room, what it is compared by is made of it too, so that it
        need not be decoded again."""
        loaded = self._load(number, self._loader)
        if loaded is None:
            return None
        if not self._cache.full:
            if self.closely:
                features = features_of(loaded.image, loaded.width, loaded.height)
                self._cache.put(("features", number), _packed(features))
            else:
                self._cache.put(("sketch", number), sketch_of(loaded.image))
        return perceptual_hash(loaded.image)

    def fine(self, number: int) -> npt.NDArray[np.uint8] | None:
        """A picture to look at closely, RGB uint8 (h, w, 3), at most ``FINE`` pixels long."""
        found = self._fine.get(number)
        if found is None:
            loaded = self._load(number, self._fine_loader)
            if loaded is None:
                return None
            found = fine_picture(loaded.image)
            self._fine.put(number, found)
        return found

    def is_there(self, number: int) -> bool:
        """Whether a picture still is what the index says. It is read only if its size or time has changed; a URL is
        taken to be as it was."""
        if number not in self._there:
            self._there[number] = self._looks_the_same(number) or self._read(number, self._full) is not None
        return self._there[number]

    def _looks_the_same(self, number: int) -> bool:
        record = self.records[number]
        if is_remote(record.uri):
            return True
        try:
            found = os.stat(record.uri)
        except (OSError, ValueError):
            return False
        return (found.st_size, found.st_mtime_ns) == (record.bytes, record.mtime_ns)

    def unlike_files(self, a: int, b: int) -> str | None:
        """What is in one file and not in the other beside the first picture, in words; None if nothing is: every page
        or frame agrees."""
        try:
            refs = [ref_of(r) for r in (self.records[a], self.records[b])]
            one, other = (self._full.read(ref).data for ref in refs)
        except ImageError as error:
            return error.message
        return same_frames(one, other, self._full.limits)

    def detail(self, a: int, b: int, verdict: Verdict) -> Detail:
        """What the larger of two copies shows that the smaller does not. Reads both in full where one is larger; one
        pair at a time, to bound memory."""
        if 1 / LEAST_SCALE < verdict.scale < LEAST_SCALE:
            return Detail.MORE
        larger, smaller = (a, b) if verdict.scale > 1 else (b, a)
        whole = set(verdict.edits) <= {Edit.RESIZED, Edit.ENCODED, Edit.TONED}
        with self._one_pair:
            fine, coarse = self._load(larger, self._full), self._load(smaller, self._full)
            if fine is None or coarse is None:
                return Detail.MORE
            return detail_of(fine.image, coarse.image, max(verdict.scale, 1 / verdict.scale), aligned=whole)

    def same_pixels(self, a: int, b: int) -> bool:
        """Whether two pictures, decoded in full, are the same to the pixel."""
        first, second = self._load(a, self._full), self._load(b, self._full)
        return first is not None and second is not None and pixel_hash(first.image) == pixel_hash(second.image)

    def _load(self, number: int, loader: Loader) -> LoadedImage | None:
        encoded = self._read(number, loader)
        if encoded is None:
            return None
        try:
            return loader.decode(encoded)
        except ImageError as error:
            self._skip(number, error)
            return None

    def _read(self, number: int, loader: Loader) -> EncodedImage | None:
        record = self.records[number]
        if record.uri in self.skipped:
            return None
        try:
            encoded = loader.read(replace(ref_of(record), content_hash=""))
            if encoded.content_hash != record.content_hash:
                raise ImageError(
                    "It has changed since it was indexed.", code="changed", remedy="Run: imagefinder index"
                )
            return encoded
        except ImageError as error:
            self._skip(number, error)
            return None

    def _skip(self, number: int, error: ImageError) -> None:
        uri = self.records[number].uri
        self.skipped[uri] = Skipped(uri, error.code, error.message, error.remedy)

    def close(self) -> None:
        self._loader.close()
        self._fine_loader.close()
        self._full.close()


def _packed(features: Features) -> Features:
    """With the grey picture as a JPEG, uint8 (bytes,)."""
    import cv2

    _, data = cv2.imencode(".jpg", features.grey, [cv2.IMWRITE_JPEG_QUALITY, PACKED_QUALITY])
    return replace(features, grey=data)


def _unpacked(packed: Features) -> Features:
    import cv2
    import numpy as np

    return replace(packed, grey=np.asarray(cv2.imdecode(packed.grey, cv2.IMREAD_GRAYSCALE), np.uint8))
