"""The pictures of an index as the search for duplicates needs them: their features and hashes, read when needed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from imagefinder.duplicates.matching.detail import FINE, fine_picture
from imagefinder.duplicates.matching.edits import Detail, Edit
from imagefinder.duplicates.matching.enlarged import LEAST_SCALE, detail_of
from imagefinder.duplicates.matching.features import SIDE, Features, features_of
from imagefinder.duplicates.matching.hashes import perceptual_hash, pixel_hash
from imagefinder.errors import ImageError
from imagefinder.images.loader import Loader
from imagefinder.images.same_frames import same_frames
from imagefinder.types import ImageRef, Limits, LoadedImage, Record, Skipped

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from imagefinder.duplicates.matching.verify import Verdict

CACHE_BYTES = 700 * 1024**2  # of features; about 12,000 pictures
FINE_BYTES = 200 * 1024**2  # of pictures to look at closely; about 90
PACKED_QUALITY = 95  # of the grey pictures in the cache: a quarter of the size, and no verdict changes


class Pictures:
    """Reads the pictures of ``records``, by number. Safe to use from several threads.

    One that can't be read, or whose content is no longer what the index says, is None and listed in ``skipped``.
    """

    def __init__(self, records: Sequence[Record], limits: Limits) -> None:
        self.records = records
        self.skipped: dict[str, Skipped] = {}
        self._loader, self._full = Loader(limits, SIDE), Loader(limits)
        self._fine: OrderedDict[int, npt.NDArray[np.uint8]] = OrderedDict()
        self._cache: OrderedDict[int, Features] = OrderedDict()
        self._held = 0
        self._lock, self._one_pair = threading.Lock(), threading.Lock()

    def features(self, number: int) -> Features | None:
        """The features of a picture, from the cache if they are there."""
        with self._lock:
            if number in self._cache:
                self._cache.move_to_end(number)
            packed = self._cache.get(number)
        if packed is None:
            loaded = self._load(number, self._loader)
            if loaded is None:
                return None
            packed = _packed(features_of(loaded.image, loaded.width, loaded.height))
            self._remember(number, packed)
        return _unpacked(packed)

    def _remember(self, number: int, packed: Features) -> None:
        with self._lock:
            if number not in self._cache:
                self._cache[number] = packed
                self._held += packed.nbytes
            while self._held > CACHE_BYTES:
                self._held -= self._cache.popitem(last=False)[1].nbytes

    def hash(self, number: int) -> npt.NDArray[np.int8] | None:
        """The perceptual hash of a picture."""
        loaded = self._load(number, self._loader)
        return None if loaded is None else perceptual_hash(loaded.image)

    def fine(self, number: int) -> npt.NDArray[np.uint8] | None:
        """A picture to look at closely, RGB uint8 (h, w, 3), at most ``FINE`` pixels long."""
        with self._lock:
            if number in self._fine:
                self._fine.move_to_end(number)
                return self._fine[number]
        loaded = self._load(number, Loader(self._full.limits, FINE))
        if loaded is None:
            return None
        picture = fine_picture(loaded.image)
        with self._lock:
            self._fine[number] = picture
            while sum(p.nbytes for p in self._fine.values()) > FINE_BYTES:
                self._fine.popitem(last=False)
        return picture

    def unlike_files(self, a: int, b: int) -> str | None:
        """What is in one file and not in the other beside the first picture, in words; None if nothing is: every page
        or frame agrees."""
        data = []
        for number in (a, b):
            try:
                data.append(self._full.read(ImageRef(self.records[number].uri)).data)
            except ImageError as error:
                return error.message
        return same_frames(*data)

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
        record = self.records[number]
        if record.uri in self.skipped:
            return None
        try:
            encoded = loader.read(ImageRef(record.uri))
            if encoded.content_hash != record.content_hash:
                raise ImageError(
                    "It has changed since it was indexed.", code="changed", remedy="Run: imagefinder index"
                )
            return loader.decode(encoded)
        except ImageError as error:
            self.skipped[record.uri] = Skipped(record.uri, error.code, error.message, error.remedy)
            return None

    def close(self) -> None:
        self._loader.close()
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
